"""The overlap of components, against the integral that it is."""

import numpy as np
import pytest
from scipy import integrate

import gmm_core as gmm
from gmm_core.mixture.overlap import overlap


def test_overlap_is_the_integral_over_pairs_of_components():
    weights, locs, scales = np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.5, 0.0]), [1.0, 0.4, 3.0]
    point = gmm.Parameters(weights, locs[:, None], np.array(scales)[:, None, None])

    def density(x, k):
        return weights[k] * np.exp(-(((x - locs[k]) / scales[k]) ** 2) / 2) / scales[k]

    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = sum(
        integrate.quad(lambda x, i=i, j=j: np.sqrt(density(x, i) * density(x, j)), -40, 40)[0]
        for i, j in pairs
    ) / np.sqrt(2 * np.pi)
    assert overlap(point) == pytest.approx(expected, rel=1e-8)


def test_overlap_does_not_depend_on_the_axes():
    rng = np.random.default_rng(3)
    weights, locs = np.array([0.4, 0.6]), rng.normal(size=(2, 3))
    factors = np.linalg.cholesky(np.array([np.eye(3), [[2, 0.3, 0], [0.3, 1, 0], [0, 0, 4]]]))
    axes = rng.normal(size=(3, 3))
    covariances = axes @ factors @ factors.swapaxes(-1, -2) @ axes.T
    moved = gmm.Parameters(weights, locs @ axes.T + 7, np.linalg.cholesky(covariances))
    assert overlap(moved) == pytest.approx(overlap(gmm.Parameters(weights, locs, factors)))


def test_one_component_overlaps_with_none():
    assert overlap(gmm.Parameters(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])) == 0
