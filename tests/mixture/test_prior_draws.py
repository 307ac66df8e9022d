"""Draws from the priors have the distributions that the priors name."""

import numpy as np
import pytest
from scipy import stats

import gmm_core as gmm
from gmm_core.mixture import prior_draws

PRIORS = gmm.Priors(
    concentration=0.7,
    loc_mean=(1.0, -2.0, 0.0),
    loc_scale=(3.0, 0.1, 1.0),
    scale_log_mean=(0.0, 1.0, 2.0),
    scale_log_sd=(0.5, 0.2, 1.0),
    correlation=1.5,
)
MIXTURE = gmm.Mixture(n_components=3, covariance="full", tied=False, priors=PRIORS)


def p_value(draws, distribution):
    return stats.kstest(draws, distribution.cdf).pvalue


def test_each_site_has_its_distribution():
    point = prior_draws(MIXTURE, 3, 4000, seed=1)
    k, d = 2, 1
    assert p_value(point.weights[:, k], stats.beta(0.7, 1.4)) > 1e-3
    assert p_value(point.locs[:, k, d], stats.norm(-2, 0.1)) > 1e-3
    assert p_value(np.log(point.scales[:, k, d]), stats.norm(1, 0.2)) > 1e-3
    correlation = point.covariances[:, k] / (
        point.scales[:, k, :, None] * point.scales[:, k, None, :]
    )
    # Each correlation of LKJ(eta) in D columns is Beta(b, b) on (-1, 1) with b = eta - 1 + D / 2.
    for i, j in ((1, 0), (2, 0), (2, 1)):
        assert p_value((correlation[:, i, j] + 1) / 2, stats.beta(2, 2)) > 1e-3
        assert p_value((correlation[:, i, j] + 1) / 2, stats.beta(1, 1)) < 1e-3


@pytest.mark.parametrize("covariance", ["spherical", "diag", "full"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_points_are_of_the_mixture(covariance, tied):
    mixture = gmm.Mixture(n_components=2, covariance=covariance, tied=tied, priors=gmm.Priors())
    point = prior_draws(mixture, 2, 5, seed=0)
    data = gmm.Dataset.from_values(np.random.default_rng(0).normal(size=(4, 2)))
    assert all(np.isfinite(gmm.log_joint(data, mixture, p)) for p in point)


def test_the_smallest_concentration_still_gives_distributions():
    mixture = gmm.Mixture(n_components=4, priors=gmm.Priors(concentration=1e-3))
    weights = prior_draws(mixture, 1, 200, seed=0).weights
    np.testing.assert_allclose(weights.sum(axis=-1), 1)
    assert np.mean(weights.max(axis=-1) > 0.999) > 0.9


def test_the_same_seed_gives_the_same_points():
    one, two = (prior_draws(MIXTURE, 3, 3, seed=7) for _ in range(2))
    assert np.array_equal(one.scale_tril, two.scale_tril)
    assert not np.array_equal(one.locs, prior_draws(MIXTURE, 3, 3, seed=8).locs)


def test_a_flat_prior_is_refused():
    with pytest.raises(ValueError, match="no distribution to draw from"):
        prior_draws(gmm.Mixture(priors=gmm.Priors.flat()), 1, 1)
