"""A point of a mixture is checked, immutable, and splits into the model's sites and back."""

import numpy as np
import pytest
from points import COVARIANCES, random_point

import gmm_core as gmm
from gmm_core.mixture import from_sites, sites

W, M, L = np.array([0.3, 0.7]), np.array([[1.0], [2.0]]), np.ones((2, 1, 1))


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
@pytest.mark.parametrize("D", [1, 3])
@pytest.mark.parametrize("K", [1, 4])
def test_sites_and_back_is_the_same_point(covariance, tied, D, K):
    mixture = gmm.Mixture(n_components=K, covariance=covariance, tied=tied)
    point = random_point(mixture, D)
    values = sites(mixture, point)
    assert values["scale"].shape == mixture.scale_shape(D)
    assert ("correlation" in values) == (covariance == "full" and D > 1)
    again = from_sites(mixture, values)
    for name in ("weights", "locs", "scale_tril"):
        np.testing.assert_allclose(getattr(again, name), getattr(point, name), rtol=1e-12)


def test_draws_keep_their_leading_axes():
    mixture = gmm.Mixture(n_components=2, covariance="full", tied=True)
    one = sites(mixture, random_point(mixture, 3))
    stacked = {name: np.broadcast_to(v, (4, 5, *v.shape)) for name, v in one.items()}
    assert from_sites(mixture, stacked).scale_tril.shape == (4, 5, 2, 3, 3)


def test_arrays_are_copied_and_read_only():
    weights = W.copy()
    point = gmm.Parameters(weights, M, L)
    weights[0] = 9
    assert point.weights[0] == 0.3
    with pytest.raises(ValueError, match="read-only"):
        point.weights[0] = 9


@pytest.mark.parametrize(
    ("weights", "locs", "scale_tril", "words"),
    [
        (W, M[:1], L, r"Expected \[K\], \[K, D\] and \[K, D, D\]"),
        (W, M, L[:, 0], "Expected"),
        (np.array(1.0), M, L, "Expected"),
        (np.array([]), np.zeros((0, 1)), np.zeros((0, 1, 1)), "Expected"),
        (np.array([0.3, 0.6]), M, L, "sum to one"),
        (np.array([-0.3, 1.3]), M, L, "sum to one"),
        (np.array([np.nan, 1]), M, L, "sum to one"),
        (W, M * np.inf, L, "finite"),
        (W, M, -L, "positive diagonal"),
        (W, M, L * np.nan, "positive diagonal"),
        (W, np.zeros((2, 2)), np.ones((2, 2, 2)), "lower triangular"),
    ],
)
def test_what_is_no_point_is_refused(weights, locs, scale_tril, words):
    with pytest.raises(ValueError, match=words):
        gmm.Parameters(weights, locs, scale_tril)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (
            gmm.Mixture(n_components=3),
            gmm.Mixture(),
            "have 3 components, but the mixture has K = 2",
        ),
        (gmm.Mixture(tied=False), gmm.Mixture(), "Use tied=False"),
        (gmm.Mixture(covariance="full"), gmm.Mixture(covariance="diag"), 'covariance="full"'),
        (gmm.Mixture(covariance="diag"), gmm.Mixture(), 'covariance="diag"'),
    ],
)
def test_a_point_of_another_mixture_is_refused(source, target, words):
    with pytest.raises(ValueError, match=words):
        sites(target, random_point(source, 2))


def test_covariances_and_scales_come_from_the_factors():
    point = random_point(gmm.Mixture(covariance="full", tied=False), 3)
    for k in range(2):
        np.testing.assert_allclose(np.linalg.cholesky(point.covariances[k]), point.scale_tril[k])
    variances = np.diagonal(point.covariances, axis1=1, axis2=2)
    np.testing.assert_allclose(point.scales**2, variances)


def test_components_are_ordered_by_weight():
    point = gmm.Parameters(W, M, L)
    assert point.order.tolist() == [1, 0]
    assert point.permuted(point.order).locs[:, 0].tolist() == [2, 1]
    even = gmm.Parameters(np.array([0.5, 0.5]), M[::-1], L)
    assert even.permuted(even.order).locs[:, 0].tolist() == [1, 2]


def test_a_sequence_of_points_is_walked_point_by_point():
    path = gmm.Parameters(np.stack([W, W]), np.stack([M, M + 1]), np.stack([L, L]))
    assert len(path) == 2
    assert [p.locs[0, 0] for p in path] == [1, 2]
    with pytest.raises(TypeError, match="no length"):
        len(path[0])
    with pytest.raises(TypeError, match="not a sequence"):
        path[0][0]
    with pytest.raises(ValueError, match="no single order"):
        _ = path.order


def test_correlations_are_those_of_the_covariances():
    point = random_point(gmm.Mixture(n_components=3, covariance="full", tied=False), 4)
    for k in range(3):
        scales = np.sqrt(np.diag(point.covariances[k]))
        expected = point.covariances[k] / np.outer(scales, scales)
        np.testing.assert_allclose(point.correlations[k], expected, rtol=1e-12)


def table_of_points(*lead: int, K=3, D=2) -> gmm.Parameters:
    """Points that all differ, with these leading axes."""
    rng = np.random.default_rng(0)
    return gmm.Parameters(
        rng.dirichlet(np.ones(K), size=lead),
        rng.normal(size=(*lead, K, D)),
        np.tril(rng.uniform(0.5, 2, size=(*lead, K, D, D))),
    )


def assert_same(one: gmm.Parameters, arrays: dict) -> None:
    assert one.arrays().keys() == arrays.keys()
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, arrays[name])


def test_a_point_is_put_together_from_its_own_arrays():
    point = gmm.Parameters(W, M, L)
    arrays = point.arrays()
    assert list(arrays) == ["weights", "locs", "scale_tril"]
    assert_same(gmm.Parameters.of(arrays | {"loss": 1.0}), arrays)
    assert_same(gmm.Parameters.of({name: a.tolist() for name, a in arrays.items()}), arrays)
    with pytest.raises(ValueError, match="without locs and scale_tril. Give weights, locs,"):
        gmm.Parameters.of({"weights": W})


MASK = np.array([True, False, True, True])


@pytest.mark.parametrize(
    "index",
    [1, -1, slice(1, 3), [2, 0], MASK, (1, 2), (slice(None), 3), MASK[:, None] & np.ones(5, bool)],
)
def test_an_index_chooses_points(index):
    points = table_of_points(4, 5)
    assert_same(points[index], {name: a[index] for name, a in points.arrays().items()})


def test_an_index_never_reaches_the_components():
    points = table_of_points(4)
    with pytest.raises(IndexError):
        _ = points[0, 1]
    with pytest.raises(IndexError):
        _ = points[4]
    with pytest.raises(TypeError, match="one point"):
        _ = points[0][:1]


def test_leading_axes_are_reshaped():
    points = table_of_points(4, 5)
    flat = points.reshape(-1)
    assert (flat.lead, len(flat)) == ((20,), 20)
    assert_same(flat[7], points[1, 2].arrays())
    assert_same(flat.reshape(4, 5), points.arrays())
    assert points[1, 2].reshape(1, 1).lead == (1, 1)


@pytest.mark.parametrize("columns", [[0], [2], [0, 2], [2, 1], [0, 1, 2]])
def test_a_marginal_has_the_means_and_covariances_of_its_columns(columns):
    points = table_of_points(4, D=3)
    marginal = points.marginal(columns)
    np.testing.assert_array_equal(marginal.locs, points.locs[..., columns])
    expected = points.covariances[..., columns, :][..., columns]
    np.testing.assert_allclose(marginal.covariances, expected, rtol=1e-13)
