"""The closed forms of a point hold against integration, enumeration and a fine grid."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from points import COVARIANCES, random_dataset, random_point
from scipy.integrate import quad, simpson
from scipy.stats import chisquare, multivariate_normal

import gmm_core as gmm
from gmm_core.mixture import component_log_densities, density, e_step, log_components
from gmm_core.mixture.density import log_sum_exp

MAP = gmm.Parameters(
    np.array([0.625, 0.375]),
    np.array([[10.98446190], [0.49894133]]),
    np.full((2, 1, 1), 0.65143370),
)


def test_density_of_one_column_integrates_to_one():
    point = random_point(gmm.Mixture(n_components=3, tied=False), 1)
    area, error = quad(
        lambda x: np.exp(gmm.log_density(point, [x])[0]), -60, 60, points=point.locs[:, 0]
    )
    assert area == pytest.approx(1, abs=max(1e-8, error))


def test_density_of_the_tutorials_fit_integrates_to_one():
    # The tutorial's own figure leaves 1 / scale out and draws an area of 0.651.
    grid = np.linspace(-3, 15, 2001)
    assert simpson(np.exp(gmm.log_density(MAP, grid)), x=grid) == pytest.approx(1, abs=1e-6)


def test_density_of_two_columns_integrates_to_one():
    point = random_point(gmm.Mixture(n_components=3, covariance="full", tied=False), 2)
    side = np.linspace(-40, 45, 1201)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1)
    density = np.exp(gmm.log_density(point, grid.reshape(-1, 2))).reshape(len(side), -1)
    assert simpson(simpson(density, x=side), x=side) == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_component_densities_are_those_of_scipy(covariance, tied):
    point = random_point(gmm.Mixture(n_components=3, covariance=covariance, tied=tied), 3)
    x = random_dataset(7, 3).values
    expected = [
        np.log(w) + multivariate_normal(m, c).logpdf(x)
        for w, m, c in zip(point.weights, point.locs, point.covariances, strict=True)
    ]
    np.testing.assert_allclose(component_log_densities(point, x).T, expected, rtol=1e-10)


def test_responsibilities_are_the_marginals_of_all_assignments():
    K, N = 3, 4
    point = random_point(gmm.Mixture(n_components=K, covariance="full", tied=False), 2)
    x = random_dataset(N, 2).values
    normals = [
        multivariate_normal(m, c) for m, c in zip(point.locs, point.covariances, strict=True)
    ]
    marginal = np.zeros((N, K))
    for z in product(range(K), repeat=N):
        p = np.prod([point.weights[k] * normals[k].pdf(x[n]) for n, k in enumerate(z)])
        for n, k in enumerate(z):
            marginal[n, k] += p
    marginal /= marginal.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gmm.responsibilities(point, x), marginal, atol=1e-12)


def test_responsibilities_on_both_sides_of_the_tutorials_boundary():
    probabilities = gmm.responsibilities(MAP, [5.5, 5.7, 5.75, 6.0])[:, 0]
    np.testing.assert_allclose(probabilities, [0.0042, 0.373, 0.672, 0.9990], atol=5e-4)
    np.testing.assert_allclose(gmm.boundaries(MAP), [5.7210], atol=5e-5)


@pytest.mark.parametrize("far", [1e5, 1e20, 1e200, -1e308])
def test_far_away_points_belong_to_somebody(far):
    wide = gmm.Parameters(np.array([0.5, 0.5]), np.zeros((2, 1)), np.array([[[1.0]], [[2.0]]]))
    np.testing.assert_array_equal(gmm.responsibilities(wide, [far]), [[0, 1]])
    assert gmm.assign(wide, [far]).tolist() == [1]
    assert gmm.assign(wide, [far], temperature=1).tolist() == [1]


def test_an_empty_component_gets_no_point():
    point = gmm.Parameters(np.array([0.0, 1.0]), np.array([[0.0], [9.0]]), np.ones((2, 1, 1)))
    assert gmm.responsibilities(point, [0.0]).tolist() == [[0, 1]]
    assert gmm.assign(point, np.zeros(50), temperature=1).tolist() == [1] * 50
    assert gmm.boundaries(point).size == 0


def test_temperature_zero_takes_the_most_probable():
    point = random_point(gmm.Mixture(n_components=4, tied=False), 2)
    x = random_dataset(50, 2).values
    assignments = gmm.assign(point, x)
    np.testing.assert_array_equal(assignments, gmm.responsibilities(point, x).argmax(axis=1))


@pytest.mark.parametrize("temperature", [0.5, 1, 3])
def test_drawn_assignments_follow_the_tempered_responsibilities(temperature):
    draws = 4000
    assignments = gmm.assign(MAP, np.full(draws, 5.7), temperature=temperature, seed=3)
    p = gmm.responsibilities(MAP, [5.7])[0] ** (1 / temperature)
    counts = np.bincount(assignments, minlength=2)
    assert chisquare(counts, draws * p / p.sum()).pvalue > 0.001


def test_the_same_seed_draws_the_same_assignment():
    x = np.full(100, 5.7)
    first = gmm.assign(MAP, x, temperature=1, seed=1)
    np.testing.assert_array_equal(first, gmm.assign(MAP, x, temperature=1, seed=1))
    assert np.any(first != gmm.assign(MAP, x, temperature=1, seed=2))


@pytest.mark.parametrize("temperature", [-1, np.nan, np.inf])
def test_temperature_out_of_range_says_what_to_give(temperature):
    with pytest.raises(ValueError, match="Give 0 for the most probable"):
        gmm.assign(MAP, [1.0], temperature=temperature)


def test_values_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"parameters have 1 columns.*Give an array \[N, 1\]"):
        gmm.log_density(MAP, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="no value at all"):
        gmm.responsibilities(MAP, [np.nan])
    with pytest.raises(ValueError, match="infinite"):
        gmm.responsibilities(MAP, [np.inf])


@given(
    K=st.integers(2, 5),
    tied=st.booleans(),
    seed=st.integers(0, 10_000),
    offset=st.sampled_from([0.0, 1e8, -1e8]),
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_boundaries_are_where_a_fine_grid_changes(K, tied, seed, offset):
    mixture = gmm.Mixture(n_components=K, tied=tied)
    centred = random_point(mixture, 1, seed)
    point = gmm.Parameters(centred.weights, centred.locs + offset, centred.scale_tril)
    edges = gmm.boundaries(point)
    assert np.all(np.diff(edges) > 0)

    # At each boundary the two largest are equal.
    if edges.size:
        top = np.sort(component_log_densities(point, edges), axis=1)
        np.testing.assert_allclose(top[:, -1], top[:, -2], atol=1e-8 if offset == 0 else 1e-4)

    grid = np.linspace(-30, 30, 4001) + offset
    joint = component_log_densities(point, grid)
    winner = joint.argmax(axis=1)
    for i in np.flatnonzero(winner[:-1] != winner[1:]):
        slack = 1e-9 * max(1.0, abs(offset))
        assert np.any((edges > grid[i] - slack) & (edges < grid[i + 1] + slack))
    # And one boundary, not two, where a component takes over once.
    inside = (edges > grid[0]) & (edges < grid[-1])
    changes = (winner[:-1] != winner[1:]).sum()
    apart = np.diff(edges[inside], prepend=-np.inf) > 2 * (grid[1] - grid[0])
    assert changes >= apart.sum() - (~apart).sum()


def test_a_narrow_component_inside_a_wide_one_has_two_boundaries():
    point = gmm.Parameters(np.array([0.5, 0.5]), np.zeros((2, 1)), np.array([[[1.0]], [[3.0]]]))
    # Equal where x^2 (1/2 - 1/18) = log 3.
    edge = np.sqrt(np.log(3) / (1 / 2 - 1 / 18))
    np.testing.assert_allclose(gmm.boundaries(point), [-edge, edge], rtol=1e-12)


def test_boundaries_of_two_columns_are_refused():
    with pytest.raises(ValueError, match="only for D = 1"):
        gmm.boundaries(random_point(gmm.Mixture(), 2))


@pytest.mark.parametrize("bad", [0, -1, 65, 2.0, "two", True])
def test_a_wrong_number_of_components_is_refused(bad):
    with pytest.raises(
        ValueError, match=r"^n_components is .*, but a (whole )?number .*was expected"
    ):
        gmm.Mixture(n_components=bad)


def test_whole_numbers_of_numpy_are_whole_numbers():
    assert gmm.Mixture(n_components=np.int64(3)) == gmm.Mixture(n_components=3)


def test_more_components_than_points_says_what_to_do():
    with pytest.raises(ValueError, match=r"K = 6 .* N = 5. Lower K, or add data"):
        gmm.Mixture(n_components=6).check(gmm.example("tutorial"))


def test_a_constant_column_is_named():
    dataset = gmm.Dataset.from_values([[1, 7], [2, 7]], columns=("a", "b"))
    with pytest.raises(ValueError, match=r'column "b" are equal \(7\).*Leave that column out'):
        gmm.Mixture(n_components=1).check(dataset)


def test_one_point_is_too_few():
    with pytest.raises(ValueError, match="at least two"):
        gmm.Mixture(n_components=1).check(gmm.Dataset.from_values([1.0]))


@pytest.mark.parametrize("name", ["loc_mean", "loc_scale", "scale_log_mean", "scale_log_sd"])
def test_priors_of_another_length_are_refused(name):
    mixture = gmm.Mixture(priors=gmm.Priors(**{name: (1.0, 2.0, 3.0)}))
    with pytest.raises(ValueError, match=f"{name} has 3 numbers, but the data has 1 columns. Give"):
        mixture.check(gmm.example("tutorial"))


@pytest.mark.parametrize(
    "bad", [{"concentration": 0}, {"loc_scale": -1}, {"loc_mean": np.nan}, {"scale_log_sd": "wide"}]
)
def test_priors_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        gmm.Priors(**bad)


def test_the_free_numbers_are_counted_as_bic_does():
    counts = {
        (form, tied): gmm.Mixture(n_components=3, covariance=form, tied=tied).n_parameters(2)
        for form, tied in COVARIANCES
    }
    assert counts == {
        ("spherical", True): 9,
        ("spherical", False): 11,
        ("diag", True): 10,
        ("diag", False): 14,
        ("full", True): 11,
        ("full", False): 17,
    }


def test_priors_for_data_scale_with_the_data():
    dataset = random_dataset(50, 2)
    blown = gmm.Dataset.from_values(1000 * dataset.values)
    small, large = gmm.Priors.for_data(dataset), gmm.Priors.for_data(blown)
    np.testing.assert_allclose(large.loc_mean, 1000 * np.array(small.loc_mean))
    np.testing.assert_allclose(large.loc_scale, 1000 * np.array(small.loc_scale))
    np.testing.assert_allclose(
        np.exp(large.scale_log_mean), 1000 * np.exp(np.array(small.scale_log_mean))
    )
    assert small.proper
    assert not gmm.Priors.flat().proper


@pytest.mark.parametrize("block", [1, 40, 500_000])
@pytest.mark.parametrize("D", [1, 2, 6])
def test_a_sequence_in_blocks_has_the_densities_of_scipy(D, block, monkeypatch):
    monkeypatch.setattr(density, "_BLOCK", block)
    mixture = gmm.Mixture(n_components=3, covariance="full", tied=False)
    points = [random_point(mixture, D, seed) for seed in range(4)]
    arrays = [point.arrays() for point in points]
    sequence = gmm.Parameters.of({n: np.stack([a[n] for a in arrays]) for n in arrays[0]})
    x = random_dataset(7, D).values
    expected = np.array(
        [
            [
                np.log(w) + multivariate_normal(m, c).logpdf(x)
                for w, m, c in zip(point.weights, point.locs, point.covariances, strict=True)
            ]
            for point in points
        ]
    )
    np.testing.assert_allclose(log_components(sequence, x), expected, rtol=1e-10)
    np.testing.assert_allclose(log_components(points[2], x), expected[2], rtol=1e-10)
    total = np.log(np.exp(expected).sum(axis=1))
    np.testing.assert_allclose(gmm.log_density(sequence, x), total, rtol=1e-10)
    log_density, shares = e_step(sequence, x)
    np.testing.assert_allclose(log_density, total, rtol=1e-10)
    np.testing.assert_allclose(shares, np.exp(expected - total[:, None]), atol=1e-12)


def test_rows_sum_to_one_a_hundred_million_scales_from_components_on_one_loc():
    point = gmm.Parameters(np.array([0.6, 0.4]), np.zeros((2, 1)), np.ones((2, 1, 1)))
    probabilities = gmm.responsibilities(point, [1e8, -3e8, 0.0])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-15)
    # Equal but for their weights, as near as log 0.6 can be told beside -5e15.
    np.testing.assert_allclose(probabilities[2], [0.6, 0.4], rtol=1e-12)


def test_log_of_a_sum_neither_overflows_nor_underflows():
    rows = np.array([[1000.0, 1000.0], [-1000.0, -np.inf], [-np.inf, -np.inf]])
    np.testing.assert_array_equal(log_sum_exp(rows), [1000 + np.log(2), -1000, -np.inf])
