"""Collapsed fits are told from sound ones, and equal optima are found under permutation."""

import numpy as np
import pytest
from points import random_point

import gmm_core as gmm
from gmm_core.mixture.matching import basins
from gmm_core.runs.verdicts import gradient_size, is_collapsed

DATA = gmm.example("tutorial")


def point(weights, locs, scales):
    return gmm.Parameters(
        np.array(weights), np.array(locs, float)[:, None], np.array(scales, float)[:, None, None]
    )


OPTIMUM = point([0.625, 0.375], [10.984, 0.499], [0.651, 0.651])


@pytest.mark.parametrize("concentration", [0.5, 1.0, 2.0, None])
def test_the_tutorials_optimum_is_sound(concentration):
    mixture = gmm.Mixture(priors=gmm.Priors(concentration=concentration))
    assert not is_collapsed(DATA, mixture, OPTIMUM)


@pytest.mark.parametrize("concentration", [0.5, 1.0, None])
def test_an_emptied_component_is_collapsed(concentration):
    mixture = gmm.Mixture(priors=gmm.Priors(concentration=concentration))
    assert is_collapsed(DATA, mixture, point([1 - 1e-18, 1e-18], [6.8, 0], [5, 5]))


def test_half_a_point_is_too_little_only_where_the_prior_rewards_emptiness():
    # With Dirichlet(0.5) a component of half a point or less has no stationary weight.
    weak = point([0.95, 0.05], [6.8, 6.8], [5, 5])
    assert is_collapsed(DATA, gmm.Mixture(), weak)
    assert not is_collapsed(DATA, gmm.Mixture(priors=gmm.Priors(concentration=1.0)), weak)


def test_a_component_on_a_single_point_is_collapsed():
    spike = point([0.2, 0.8], [0, 8.5], [1e-5, 4])
    assert is_collapsed(DATA, gmm.Mixture(tied=False, priors=gmm.Priors.flat()), spike)


def test_a_plane_that_holds_D_points_is_collapsed():
    values = np.random.default_rng(0).normal(size=(30, 2))
    flat = values[1] - values[0]
    across = np.array([-flat[1], flat[0]]) / np.linalg.norm(flat)
    covariance = np.outer(flat, flat) + 1e-12 * np.outer(across, across)
    tril = np.stack([np.linalg.cholesky(covariance), np.eye(2)])
    thin = gmm.Parameters(
        np.array([1 / 15, 14 / 15]), np.stack([values[:2].mean(0), np.zeros(2)]), tril
    )
    mixture = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.flat())
    assert is_collapsed(gmm.Dataset.from_values(values), mixture, thin)


def test_one_component_cannot_lose_its_points():
    assert not is_collapsed(DATA, gmm.Mixture(n_components=1), point([1.0], [6.8], [5.0]))


def test_gradient_size_does_not_depend_on_the_units():
    mixture = gmm.Mixture(covariance="diag", tied=False)
    point = random_point(mixture, 2)
    rescaled = gmm.Parameters(point.weights, 1000 * point.locs, 1000 * point.scale_tril)
    g = {"weights": np.ones(2), "locs": np.ones((2, 2)), "scale": np.ones((2, 2))}
    h = g | {"locs": g["locs"] / 1000}
    assert gradient_size(point, g, 10) == pytest.approx(gradient_size(rescaled, h, 10))


def stack(*points):
    return gmm.Parameters(
        *(np.stack([getattr(p, n) for p in points]) for n in ("weights", "locs", "scale_tril"))
    )


def test_restarts_in_the_same_optimum_share_a_basin_whatever_their_labels():
    nudged = point([0.6251, 0.3749], [10.9845, 0.4993], [0.6514, 0.6514])
    other = point([0.8, 0.2], [8.5, 0.0], [4.0, 4.0])
    points = stack(other, OPTIMUM, OPTIMUM.permuted([1, 0]), nudged, other)
    loss = np.array([21.0, 17.4433, 17.4433, 17.44335, 5.0])
    sound = np.array([True, True, True, True, False])
    assert basins(loss, points, sound).tolist() == [1, 0, 0, 0, -1]


def test_equal_losses_at_different_places_are_different_optima():
    mirrored = point([0.375, 0.625], [10.984, 0.499], [0.651, 0.651])
    basin = basins(np.array([17.0, 17.0]), stack(OPTIMUM, mirrored), np.array([True, True]))
    assert basin.tolist() == [0, 1]


def test_losses_that_are_not_numbers_have_no_basin():
    basin = basins(np.array([np.nan, 17.0]), stack(OPTIMUM, OPTIMUM), np.array([False, True]))
    assert basin.tolist() == [-1, 0]


@pytest.mark.parametrize("row", [0, 12_345])
def test_a_spike_is_found_among_many_points(row):
    values = np.random.default_rng(0).normal(size=40_000)
    data = gmm.Dataset.from_values(values)
    mixture = gmm.Mixture(tied=False, priors=gmm.Priors.flat())
    spike = point([1 / 40_000, 1 - 1 / 40_000], [values[row], 0], [1e-6, 1])
    assert is_collapsed(data, mixture, spike)
    assert not is_collapsed(data, mixture, point([0.5, 0.5], [-1, 1], [1, 1]))
    # A component of three points that no sample may have seen is small, and no spike.
    few = point([3 / 40_000, 1 - 3 / 40_000], [9, 0], [1, 1])
    more = gmm.Dataset.from_values(np.append(values, [8.0, 9.0, 10.0]))
    assert not is_collapsed(more, mixture, few)
