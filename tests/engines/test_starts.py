"""Starts are the tutorial's, or one of two alternatives, and fit every covariance."""

import numpy as np
import pytest
import torch
from points import COVARIANCES, random_dataset

import gmm_core as gmm
from gmm_core.engines.starts import start_locs, start_sites
from gmm_core.mixture import from_sites

DATA = gmm.example("tutorial")


def test_the_tutorials_start():
    start = start_sites(DATA, gmm.Mixture(), np.array([[1.0], [10.0]]))
    assert start["weights"].tolist() == [0.5, 0.5]
    assert start["scale"] == pytest.approx(4.104875, abs=1e-6)
    assert "correlation" not in start


def test_seeds_draw_as_the_tutorials_global_seed_does():
    starts = start_locs(DATA, 2, gmm.MapOptions(restarts=100))[:, :, 0]
    x = torch.tensor(DATA.values[:, 0])
    with torch.random.fork_rng(devices=[]):
        for seed in range(100):
            torch.manual_seed(seed)
            expected = x[torch.multinomial(torch.ones(5) / 5, 2)]
            assert starts[seed].tolist() == expected.tolist()
    # Ten pairs of five points, and 35 seeds put both locs on one side.
    pairs = [tuple(sorted(row)) for row in starts.tolist()]
    assert len(set(pairs)) == 10
    assert sum(max(p) < 5 or min(p) > 5 for p in pairs) == 35


@pytest.mark.parametrize("start", ["subsample", "kmeans++", "quantile"])
def test_starts_are_distinct_rows_of_the_data_and_hang_on_the_seed_only(start):
    dataset = random_dataset(40, 2)
    options = gmm.MapOptions(restarts=5, first_seed=3, start=start)
    starts = start_locs(dataset, 4, options)
    rows = {tuple(row) for row in dataset.values}
    for locs in starts:
        assert len({tuple(row) for row in locs} & rows) == 4
    later = start_locs(dataset, 4, options.model_copy(update={"first_seed": 4, "restarts": 4}))
    np.testing.assert_array_equal(starts[1:], later)


@pytest.mark.parametrize("start", ["kmeans++", "quantile"])
def test_far_apart_clusters_get_a_start_each(start):
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [100, 100], [200, 200]])
    dataset = gmm.Dataset.from_values(
        (centres[:, None] + rng.normal(size=(3, 20, 2))).reshape(-1, 2)
    )
    for locs in start_locs(dataset, 3, gmm.MapOptions(restarts=20, start=start)):
        assert sorted(np.round(locs[:, 0], -2).tolist()) == [0, 100, 200]


@pytest.mark.parametrize("start", ["subsample", "kmeans++", "quantile"])
def test_few_distinct_points_still_give_a_start(start):
    dataset = gmm.Dataset.from_values([1.0, 1.0, 1.0, 2.0])
    assert start_locs(dataset, 4, gmm.MapOptions(restarts=3, start=start)).shape == (3, 4, 1)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_every_covariance_starts_at_half_the_datas_variance(covariance, tied):
    dataset = random_dataset(30, 3)
    mixture = gmm.Mixture(n_components=2, covariance=covariance, tied=tied)
    point = from_sites(mixture, start_sites(dataset, mixture, dataset.values[:2], start_scale=3))
    variance = 9 * dataset.values.var(axis=0, ddof=1) / 2
    if covariance == "spherical":
        variance = np.full(3, variance.mean())
    np.testing.assert_allclose(point.covariances, np.stack([np.diag(variance)] * 2))


@pytest.mark.parametrize("start", ["subsample", "kmeans++", "quantile"])
def test_components_never_begin_on_equal_values_where_there_are_enough(start):
    counts = np.random.default_rng(0).poisson(1.5, 100).astype(float)
    assert len(np.unique(counts)) >= 5
    dataset = gmm.Dataset.from_values(counts)
    for locs in start_locs(dataset, 5, gmm.MapOptions(restarts=30, start=start)):
        assert len(np.unique(locs)) == 5


def test_a_start_on_different_values_is_drawn_as_ever_from_data_with_repeats():
    dataset = gmm.Dataset.from_values([0.0, 0.0, 1.0, 5.0, 9.0, 9.0])
    starts = start_locs(dataset, 2, gmm.MapOptions(restarts=60))[:, :, 0]
    unchanged = 0
    for seed, locs in enumerate(starts):
        generator = torch.Generator().manual_seed(seed)
        expected = dataset.values[torch.multinomial(torch.ones(6) / 6, 2, generator=generator), 0]
        if expected[0] != expected[1]:
            np.testing.assert_array_equal(locs, expected)
            unchanged += 1
    assert 40 < unchanged < 60


def test_far_apart_points_are_drawn_as_numpys_choice_draws_them():
    x = random_dataset(50, 3).values
    z = x / x.std(axis=0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = [int(rng.integers(50))]
        while len(rows) < 5:
            nearest = ((z[:, None] - z[rows]) ** 2).sum(axis=2).min(axis=1)
            rows.append(int(rng.choice(50, p=nearest / nearest.sum())))
        options = gmm.MapOptions(restarts=1, first_seed=seed, start="kmeans++")
        locs = start_locs(gmm.Dataset.from_values(x), 5, options)[0]
        np.testing.assert_array_equal(locs, x[rows])
