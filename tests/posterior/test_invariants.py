"""What does not depend on labels: equal to its definition, and the same under any permutation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.mixture import Parameters, log_density, responsibilities
from gmm_core.posterior.invariants import (
    boundary_draws,
    coclustering,
    density_band,
    groups,
    matrix_rows,
    occupied,
)
from tests.draws import separated, shuffled, with_noise


def test_coclustering_is_the_mean_product_of_responsibilities():
    draws = separated(C=1, S=20, K=3, D=2).parameters
    x = np.random.default_rng(3).uniform(-5, 25, size=(7, 2))
    brute = np.zeros((7, 7))
    for point in draws:
        r = responsibilities(point, x)
        for i in range(7):
            for j in range(7):
                brute[i, j] += 1.0 if i == j else sum(r[i, k] * r[j, k] for k in range(3))
    assert np.allclose(coclustering(draws, x), brute / len(draws), atol=1e-12)


def test_coclustering_and_density_do_not_depend_on_labels():
    draws = separated(K=3, D=2)
    mixed, _ = shuffled(draws)
    x = np.random.default_rng(3).uniform(-5, 25, size=(9, 2))
    grid = np.linspace(-5, 25, 50)
    together = [coclustering(p.parameters, x) for p in (draws, mixed)]
    bands = [density_band(p.parameters, grid, 1) for p in (draws, mixed)]
    assert np.allclose(*together, atol=1e-12)
    assert np.allclose(*bands, atol=1e-12)


def test_density_band_of_equal_draws_is_their_density():
    one = Parameters([0.3, 0.7], [[0.0], [4.0]], [[[1.0]], [[0.5]]])
    same = Parameters(*(np.repeat(a[None], 5, axis=0) for a in one.arrays().values()))
    grid = np.linspace(-3, 6, 40)
    for line in density_band(same, grid):
        assert np.allclose(line, np.exp(log_density(one, grid)), rtol=1e-12)


def test_density_band_integrates_out_the_other_columns():
    L = np.array([[2.0, 0.0], [1.5, 1.0]])
    draws = Parameters(np.ones((1, 1)), np.array([[[0.0, 3.0]]]), L[None, None])
    line = density_band(draws, [3.0], column=1)[2, 0]
    assert line == pytest.approx(1 / np.sqrt(2 * np.pi * (1.5**2 + 1)))


def test_large_data_is_shown_by_a_few_points_along_it():
    values = np.random.default_rng(0).standard_normal((1000, 1))
    rows = matrix_rows(values)
    assert len(rows) == 500
    assert np.all(np.diff(values[rows, 0]) >= 0)


def test_occupied_components_are_counted_over_every_assignment():
    draws = separated(C=1, S=6, K=3, D=1).parameters
    x = np.array([[0.0], [4.8], [5.2], [15.1]])
    brute = np.zeros(4)
    for point in draws:
        r = responsibilities(point, x)
        for z in product(range(3), repeat=4):
            brute[len(set(z))] += np.prod([r[n, k] for n, k in enumerate(z)])
    assert occupied(draws, x) == pytest.approx(brute[1:] / len(draws), abs=1e-12)


@pytest.mark.parametrize("K", [2, 3])
def test_noise_is_no_component_that_points_share_or_occupy(K):
    draws = with_noise(separated(C=1, S=6, K=K, D=1)).parameters
    x = np.array([[0.0], [4.8], [5.2], [25.0]])
    counts, together = np.zeros(K + 1), np.zeros((4, 4))
    for point in draws:
        r = responsibilities(point, x)
        assert r.shape[1] == K + 1
        for z in product(range(K + 1), repeat=4):
            share = np.prod([r[n, k] for n, k in enumerate(z)])
            counts[len(set(z) - {K})] += share
            together += share * np.array([[a == b < K for a in z] for b in z])
    np.fill_diagonal(together, len(draws))
    assert occupied(draws, x) == pytest.approx(counts[1:] / len(draws), abs=1e-12)
    assert coclustering(draws, x) == pytest.approx(together / len(draws), abs=1e-12)


def test_occupied_components_of_many_are_counted_from_drawn_assignments():
    # Twelve distant components, three of them with a point.
    draws = separated(C=1, S=20, K=12, D=1).parameters
    x = np.array([[0.0], [10.0], [50.0], [50.2]])
    assert occupied(draws, x) == pytest.approx(np.eye(12)[2])
    noisy = with_noise(separated(C=1, S=20, K=12, D=1), widths=200.0).parameters
    shares = occupied(noisy, np.concatenate([x, [[-60.0], [190.0]]]))  # far from all twelve
    assert shares[2] == pytest.approx(1, abs=0.3)
    assert shares[3:].sum() == 0


def test_occupied_components_of_the_sampler_are_those_of_the_exact_posterior():
    data, mixture = gmm.example("tutorial"), gmm.Mixture(n_components=3)
    posterior = gmm.sample_posterior(data, mixture, gmm.NutsOptions(draws=2000, seed=3))
    shares = occupied(posterior.parameters, data.values)
    # 8,000 draws worth some 1,000 independent ones: four standard errors of a share.
    expected = gmm.exact_posterior(data, mixture).occupied
    assert np.all(np.abs(shares - expected) < 4 * np.sqrt(expected * (1 - expected) / 1000))


def test_boundaries_are_counted_inside_and_their_absence_told():
    one = Parameters([0.5, 0.5], [[0.0], [4.0]], np.ones((2, 1, 1)))
    two = Parameters([0.5, 0.5], [[0.0], [90.0]], np.ones((2, 1, 1)))
    draws = Parameters(*(np.stack([one.arrays()[n], two.arrays()[n]]) for n in one.arrays()))
    boundaries = boundary_draws(draws, -1, 10)
    assert boundaries.places == pytest.approx([2.0])
    assert (boundaries.none, boundaries.draws) == (0.5, 2)


@pytest.mark.parametrize("seed", range(3))
def test_no_permutation_of_any_draw_changes_an_invariant(seed):
    draws = separated(C=2, S=40, K=3, D=1, tied=False)
    mixed, _ = shuffled(draws, seed)
    x = np.linspace(-5, 25, 8)[:, None]
    one, two = draws.parameters, mixed.parameters
    assert np.allclose(occupied(one, x), occupied(two, x), atol=1e-12)
    assert np.allclose(log_density(one, x), log_density(two, x), atol=1e-12)
    a, b = boundary_draws(one, -5, 25), boundary_draws(two, -5, 25)
    assert np.allclose(a.places, b.places)
    assert a.none == b.none


def test_a_chain_of_neighbours_does_not_join_two_groups():
    # Two blocks of four, together for sure, and one likely pair across.
    together = np.kron(np.eye(2), np.full((4, 4), 0.9)) + 0.05
    together[3, 4] = together[4, 3] = 0.6
    np.fill_diagonal(together, 1.0)
    order = [5, 0, 4, 1, 7, 2, 3, 6]
    blocks = groups(together[np.ix_(order, order)])
    assert [{order[i] for i in group} for group in blocks] == [{4, 5, 6, 7}, {0, 1, 2, 3}]
    assert groups(np.ones((1, 1))) == [[0]]
    half = np.full((2, 2), 0.5)
    np.fill_diagonal(half, 1.0)
    assert groups(half) == [[0], [1]]
