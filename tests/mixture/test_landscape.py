"""The objective at many points at once is the objective at each of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from points import COVARIANCES, random_dataset, random_point

import gmm_core as gmm
from gmm_core.mixture import log_density, log_joint_terms
from gmm_core.mixture.landscape import Coordinate, coordinates, course, cut, log_likelihoods, moved


def case(covariance, tied, D=3, K=3):
    data = random_dataset(40, D)
    mixture = gmm.Mixture(
        n_components=K, covariance=covariance, tied=tied, priors=gmm.Priors.for_data(data)
    )
    return data, mixture, random_point(mixture, D)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_log_likelihoods_are_those_of_each_point(covariance, tied):
    data, mixture, _ = case(covariance, tied)
    points = [random_point(mixture, 3, seed) for seed in range(5)]
    stacked = gmm.Parameters(
        *(np.stack([getattr(p, n) for p in points]) for n in ("weights", "locs", "scale_tril"))
    )
    expected = [log_density(p, data.values).sum() for p in points]
    assert log_likelihoods(data.values, stacked) == pytest.approx(expected, rel=1e-12)


def test_log_likelihood_of_a_point_far_out_stays_finite():
    point = gmm.Parameters([0.5, 0.5], [[0.0], [1.0]], [[[1.0]], [[1.0]]])
    sequence = moved(point, {Coordinate("locs", 0, 0): np.array([0.0, 1e8])})
    computed = log_likelihoods(np.array([[1e6]]), sequence)
    assert np.isfinite(computed).all()
    assert computed[0] == pytest.approx(log_density(point, [[1e6]])[0], rel=1e-12)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_slice_is_the_log_joint_point_by_point(covariance, tied):
    data, mixture, point = case(covariance, tied)
    listed = coordinates(mixture, 3)
    one_of_each = {c.site: c for c in listed}
    pairs = [*itertools.combinations(one_of_each.values(), 2), (listed[0], listed[4])]
    for across, up in pairs:
        surface = cut(data, mixture, point, across, up, side=4)
        for i, j in itertools.product(range(4), range(4)):
            places = {across: surface.x[[j]], up: surface.y[[i]]}
            moved_point = moved(point, places)[0]
            assert across.spaced(across.read(moved_point)) == pytest.approx(surface.x[j], rel=1e-9)
            assert up.spaced(up.read(moved_point)) == pytest.approx(surface.y[i], rel=1e-9)
            assert surface.loss[i, j] == pytest.approx(
                -gmm.log_joint(data, mixture, moved_point), rel=1e-11
            )


def test_moving_a_weight_leaves_the_others_their_shares():
    point = gmm.Parameters([0.5, 0.3, 0.2], [[0.0], [1.0], [2.0]], np.ones((3, 1, 1)))
    c = Coordinate("weights", 0)
    moved_point = moved(point, {c: c.spaced([0.9])})[0]
    assert moved_point.weights == pytest.approx([0.9, 0.06, 0.04])


@pytest.mark.parametrize("tied", [True, False])
def test_a_correlation_is_the_partial_one_and_leaves_the_scales(tied):
    _, mixture, point = case("full", tied, D=4)
    c = Coordinate("correlation", None if tied else 1, 3, 1)
    assert c in coordinates(mixture, 4)
    moved_point = moved(point, {c: np.array([-0.6])})[0]
    for k in range(3):
        before, after = (np.linalg.inv(p.covariances[k]) for p in (point, moved_point))
        # A partial correlation by its other definition: from the inverse of the covariance.
        partial = -after / np.sqrt(np.outer(np.diag(after), np.diag(after)))
        if tied or k == 1:
            assert partial[3, 1] == pytest.approx(-0.6, rel=1e-9)
            assert c.read(moved_point) == pytest.approx(-0.6, rel=1e-9)
        else:
            np.testing.assert_allclose(after, before, rtol=1e-12)
    np.testing.assert_allclose(moved_point.scales, point.scales, rtol=1e-12)
    assert np.all(np.diagonal(moved_point.scale_tril, axis1=-2, axis2=-1) > 0)
    # What has nothing to do with either of the two columns stays.
    np.testing.assert_allclose(
        moved_point.covariances[:, [0, 2]][:, :, [0, 2]], point.covariances[:, [0, 2]][:, :, [0, 2]]
    )
    back = moved(moved_point, {c: np.atleast_1d(c.read(point))})[0]
    np.testing.assert_allclose(back.scale_tril, point.scale_tril, atol=1e-12)


def test_least_loss_of_the_tutorials_slice_is_at_the_map():
    data, mixture = gmm.example("tutorial"), gmm.Mixture()
    # The exact MAP, from an independent solution to ten digits.
    point = gmm.Parameters(
        [0.625, 0.375], [[10.98446190], [0.49894133]], np.full((2, 1, 1), 0.65143370)
    )
    surface = cut(
        data, mixture, point, Coordinate("locs", 0, 0), Coordinate("locs", 1, 0), side=161
    )
    i, j = np.unravel_index(surface.loss.argmin(), surface.loss.shape)
    assert surface.x[j] == pytest.approx(10.98446190, abs=surface.x[1] - surface.x[0])
    assert surface.y[i] == pytest.approx(0.49894133, abs=surface.y[1] - surface.y[0])
    assert surface.loss.min() == pytest.approx(17.44325488, abs=0.05)
    assert surface.loss.min() >= 17.44325488


def test_slice_covers_the_path():
    data, mixture = gmm.example("tutorial"), gmm.Mixture()
    fit = gmm.fit_map(data, mixture, gmm.MapOptions(restarts=2))
    _, path = fit.trajectory
    for across, up in (
        (Coordinate("locs", 0, 0), Coordinate("scale")),
        (Coordinate("scale"), Coordinate("weights", 1)),
    ):
        surface = cut(data, mixture, fit.parameters, across, up, path, side=5)
        for c, places in ((across, surface.x), (up, surface.y)):
            way = c.spaced(c.read(path))
            assert places[0] < way.min()
            assert way.max() < places[-1]


def test_slice_of_much_data_is_of_a_sample_and_scaled_up():
    rng = np.random.default_rng(0)
    data = gmm.Dataset.from_values(rng.normal(size=40_000))
    mixture = gmm.Mixture(n_components=1, priors=gmm.Priors.flat())
    point = gmm.Parameters([1.0], [[0.0]], [[[1.0]]])
    surface = cut(data, mixture, point, Coordinate("locs", 0, 0), Coordinate("scale"), side=40)
    assert surface.n_used < 40_000
    whole = -gmm.log_joint(data, mixture, point)
    # The sample's mean of x²/2 misses by 0.7 / sqrt(n), its standard error.
    assert surface.loss.min() == pytest.approx(whole, abs=4 * 40_000 * 0.71 / surface.n_used**0.5)


def test_slice_along_two_numbers_that_hang_together_is_refused():
    data, mixture, point = case("full", True)
    weights = Coordinate("weights", 0), Coordinate("weights", 1)
    with pytest.raises(ValueError, match="two weights"):
        cut(data, mixture, point, *weights)
    correlations = Coordinate("correlation", None, 1, 0), Coordinate("correlation", None, 2, 0)
    with pytest.raises(ValueError, match="two correlations of one component"):
        cut(data, mixture, point, *correlations)
    with pytest.raises(ValueError, match="same one twice"):
        cut(data, mixture, point, Coordinate("locs", 0, 0), Coordinate("locs", 0, 0))


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_course_is_the_split_objective_at_every_frame(covariance, tied):
    data, mixture, _ = case(covariance, tied, D=2, K=2)
    points = [random_point(mixture, 2, seed) for seed in range(4)]
    stacked = gmm.Parameters(
        *(np.stack([getattr(p, n) for p in points]) for n in ("weights", "locs", "scale_tril"))
    )
    loss = [-gmm.log_joint(data, mixture, p) for p in points]
    terms_by_name = course(mixture, stacked, loss)
    for m, point in enumerate(points):
        expected = log_joint_terms(data, mixture, point)
        assert list(terms_by_name) == list(expected)
        for name, value in expected.items():
            assert terms_by_name[name][m] == pytest.approx(value, rel=1e-10), name


def test_dirichlet_term_grows_without_end_in_a_collapsed_start():
    data, mixture = gmm.example("tutorial"), gmm.Mixture()
    fit = gmm.fit_map(data, mixture, gmm.MapOptions(restarts=30, choose="final"))
    r = int(np.flatnonzero(fit.verdict == "collapsed")[0])
    alone = gmm.fit_map(data, mixture, gmm.MapOptions(restarts=1, first_seed=r))
    steps, points = alone.trajectory
    terms = course(mixture, points, np.append(alone.loss[0], alone.final_loss[0])[steps])
    assert terms["weights"][-1] - terms["weights"][0] > 10
    assert abs(terms["likelihood"][-1] - terms["likelihood"][-10]) < 0.5
