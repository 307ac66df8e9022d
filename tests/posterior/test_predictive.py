"""Replicated data: distributed as its model says, and apart from data that the model misses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gaussian_kde, kstest, norm, skew

import gmm_core as gmm
from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters
from gmm_core.posterior.predictive import (
    REPLICATES,
    central_values,
    check_predictive,
    kernel_density,
    prior_draws,
    replicated,
    skewness,
)

POINT = Parameters([0.3, 0.7], [[0.0], [4.0]], [[[1.0]], [[0.5]]])


def repeated(point, M):
    return Parameters(*(np.repeat(array[None], M, axis=0) for array in point.arrays().values()))


def test_replicated_values_have_the_mixtures_distribution():
    y = replicated(repeated(POINT, 50), 100, seed=1).ravel()

    def cdf(v):
        return 0.3 * norm.cdf(v) + 0.7 * norm.cdf((v - 4) / 0.5)

    assert kstest(y, cdf).pvalue > 0.001
    assert kstest(y, norm(2.8, 2).cdf).pvalue < 1e-6
    assert np.array_equal(y, replicated(repeated(POINT, 50), 100, seed=1).ravel())


def test_replicated_noise_lies_evenly_over_the_data():
    noisy = Parameters(
        [0.24, 0.56], [[0.0], [4.0]], [[[1.0]], [[0.5]]], np.array(0.2), np.array([40.0])
    )
    draws = Parameters.of({n: np.repeat(a[None], 50, axis=0) for n, a in noisy.arrays().items()})
    y = replicated(draws, 100, seed=1, around=np.array([[-10.0], [30.0]])).ravel()

    def components(v):
        return 0.3 * norm.cdf(v) + 0.7 * norm.cdf((v - 4) / 0.5)

    def cdf(v):
        return 0.8 * components(v) + 0.2 * np.clip((v + 10) / 40, 0, 1)

    assert kstest(y, cdf).pvalue > 0.001
    # Where nothing says where it lies, what is drawn are the components.
    assert kstest(replicated(draws, 100, seed=1).ravel(), components).pvalue > 0.001


def test_the_check_of_weighted_values_is_that_of_the_values_repeated():
    draws = repeated(POINT, 40)
    x, w = np.random.default_rng(0).normal(3, 2, 50), np.arange(50) % 3
    one = check_predictive(Dataset.from_values(x, weights=w), draws)
    other = check_predictive(Dataset.from_values(np.sort(np.repeat(x, w))), draws)
    assert one.n_points == other.n_points == w.sum()
    np.testing.assert_allclose(one.ecdf, other.ecdf)
    np.testing.assert_allclose(one.density, other.density)
    seen = [[q.observed for q in check.quantities] for check in (one, other)]
    assert seen[0] == pytest.approx(seen[1])


def test_replicated_columns_have_the_components_covariance():
    L = np.array([[2.0, 0.0], [1.5, 1.0]])
    draws = repeated(Parameters([1.0], [[1.0, -1.0]], L[None]), 200)
    y = replicated(draws, 100, seed=0).reshape(-1, 2)
    # 20,000 values: four standard errors of the largest entry.
    assert np.cov(y.T) == pytest.approx(L @ L.T, abs=4 * 4 * np.sqrt(2 / 20_000))
    assert y.mean(axis=0) == pytest.approx([1, -1], abs=0.06)


def test_data_from_the_model_is_inside_and_other_data_is_not():
    draws = repeated(POINT, 500)
    inside = Dataset.from_values(replicated(repeated(POINT, 1), 200, seed=7)[0])
    check = check_predictive(inside, draws)
    assert (check.n_replicates, check.n_points) == (REPLICATES, 200)
    assert not any(q.extreme for q in check.quantities)
    covered = (check.ecdf >= check.band[0] - 0.01) & (check.ecdf <= check.band[-1] + 0.01)
    assert covered.mean() > 0.8
    outside = Dataset.from_values(np.r_[inside.values[:, 0], 40.0])
    seen = {q.name: q for q in check_predictive(outside, draws).quantities}
    assert seen["largest value"].tail == 0
    assert seen["largest value"].extreme
    assert seen["smallest value"].extreme is False


def test_large_data_is_thinned_and_keeps_its_distribution():
    values = np.random.default_rng(0).standard_normal(60_000)
    check = check_predictive(Dataset.from_values(values), repeated(POINT, 500))
    assert check.n_points == 10_000
    assert check.ecdf == pytest.approx(norm.cdf(check.grid), abs=0.01)


def test_kernel_density_is_that_of_scipy():
    x = np.random.default_rng(0).standard_normal(300)
    grid = np.linspace(-4, 4, 60)
    expected = gaussian_kde(x, bw_method=0.3 / x.std(ddof=1))(grid)
    # Half a percent of its peak: counting into bins of a tenth of the bandwidth costs that.
    assert kernel_density(x[None], grid, 0.3)[0] == pytest.approx(expected, abs=2e-3)


def test_skewness_is_that_of_scipy_and_zero_where_nothing_varies():
    x = np.random.default_rng(0).exponential(size=(3, 50))
    assert skewness(x) == pytest.approx(skew(x, axis=-1), rel=1e-12)
    assert skewness(np.ones(5)) == 0


def test_prior_draws_follow_the_priors():
    data = gmm.example("tutorial")
    draws = prior_draws(data, gmm.Mixture(n_components=3), 2000, seed=1)
    assert draws.locs.shape == (2000, 3, 1)
    assert kstest(draws.locs.ravel(), norm(0, 10).cdf).pvalue > 0.001
    low, high = central_values(draws)[:, 0]
    assert low < -15
    assert high > 15
