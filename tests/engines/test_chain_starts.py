"""Chains begin so that every mode gets a chance, and say where."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.engines.chain_starts import chain_start, optima

TUTORIAL = gmm.example("tutorial")
# Three clumps and two components: the pair that shares a component may be either.
CLUMPS = gmm.Dataset.from_values(np.concatenate([c + np.linspace(-1, 1, 9) for c in (0, 10, 20)]))


def mixture_for(dataset, **changes):
    return gmm.Mixture(priors=gmm.Priors.for_data(dataset), **changes)


def begin(dataset, mixture, chains):
    return [chain_start(dataset, mixture, c, seed=c) for c in range(chains)]


def test_optima_and_prior_take_turns():
    names = [name for _, name in begin(TUTORIAL, gmm.Mixture(), 6)]
    assert names[::2] == ["optimum 1", "optimum 1, labels moved", "optimum 1"]
    assert names[1::2] == ["prior"] * 3


def test_the_best_optimum_is_the_map_of_the_tutorial():
    point, _ = chain_start(TUTORIAL, gmm.Mixture(), 0, seed=0)
    loss = -gmm.log_joint(TUTORIAL, gmm.Mixture(), point)
    assert loss == pytest.approx(17.44325488, abs=1e-6)
    moved, _ = chain_start(TUTORIAL, gmm.Mixture(), 2, seed=0)
    np.testing.assert_array_equal(moved.locs, point.locs[::-1])


def test_every_optimum_is_taken_before_labels_move():
    mixture = mixture_for(CLUMPS, tied=False)
    best, second = optima(CLUMPS, mixture)
    # Mirror images of each other: the lonely clump is the left one, or the right one.
    np.testing.assert_allclose(np.sort(best.locs[:, 0]), np.sort(20 - second.locs[:, 0]), atol=0.02)
    names = [name for _, name in begin(CLUMPS, mixture, 8)][::2]
    assert names == ["optimum 1", "optimum 2", "optimum 1, labels moved", "optimum 2, labels moved"]


def test_draws_visit_both_optima():
    posterior = gmm.sample_posterior(
        CLUMPS, mixture_for(CLUMPS, tied=False), gmm.NutsOptions(draws=50, warmup=100, seed=1)
    )
    assert list(posterior.stats["start"]) == ["optimum 1", "prior", "optimum 2", "prior"]
    left_alone = (posterior.draws["locs"][..., 0].min(axis=-1) < 2).mean(axis=1)
    # The other chains are where the prior led them.
    assert abs(left_alone[0] - left_alone[2]) > 0.5


def test_an_optimum_that_holds_nothing_is_left_out():
    faithful = gmm.example("faithful")
    mixture = mixture_for(faithful, n_components=3, covariance="full")
    losses = [-gmm.log_joint(faithful, mixture, point) for point in optima(faithful, mixture)]
    assert max(losses) < min(losses) + 10


def test_where_every_fit_collapses_chains_begin_on_the_data():
    # One component for each point, under a prior that empties components.
    data = gmm.Dataset.from_values([0.0, 0.1, 0.2])
    mixture = gmm.Mixture(n_components=3, priors=gmm.Priors(concentration=0.01))
    point, name = chain_start(data, mixture, 0, seed=0)
    assert name == "data points"
    assert set(point.locs[:, 0]) == {0.0, 0.1, 0.2}


def test_a_prior_that_empties_components_still_gives_a_place_to_begin():
    mixture = gmm.Mixture(n_components=8, priors=gmm.Priors(concentration=1e-3))
    data = gmm.Dataset.from_values(np.arange(20.0))
    point, name = chain_start(data, mixture, 1, seed=0)
    assert name == "prior"
    assert point.weights.min() >= 1e-10
    posterior = gmm.sample_posterior(data, mixture, gmm.NutsOptions(draws=5, warmup=5, chains=2))
    assert np.all(np.isfinite(posterior.stats["log_joint"]))
