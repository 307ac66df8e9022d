"""Moments of partitions add up to those of the whole, also far from zero and in many columns."""

import operator

import numpy as np
import pytest
from dask.sizeof import sizeof

import gmm_core as gmm
from gmm_core.data.pieces import Content
from gmm_core.mixture import e_step
from gmm_core.mixture.likelihood import log_likelihood
from gmm_core.partitions.partition import Partition, coreset, moments, summary
from gmm_core.partitions.tree import summed

RNG = np.random.default_rng(7)


def partition(values, weights=None, classes=None):
    names = () if classes is None else tuple("abc")
    return Partition.of(Content(values, np.arange(len(values)), weights, classes, names))


def point(K, D, offset=0.0):
    factors = np.tril(RNG.normal(size=(K, D, D)) * 0.2) + np.eye(D)
    factors = np.tril(factors)
    factors[:, range(D), range(D)] = np.abs(factors[:, range(D), range(D)])
    locs = offset + RNG.normal(size=(K, D)) * 2
    return gmm.Parameters(np.full(K, 1 / K), locs, factors)


def exact(values, parameters, weights=None):
    """The same sums by `density.e_step`, about the exact means."""
    density, shares = e_step(parameters.reshape(1), values)
    w = np.ones(len(values)) if weights is None else weights
    r = shares[0] * w
    counts = r.sum(axis=1)
    shift = values.mean(axis=0)
    means = (r @ (values - shift)) / counts[:, None]
    away = (values - shift)[None] - means[:, None]
    scatter = np.einsum("kn,kni,knj->kij", r, away, away)
    return (w * density[0]).sum(), counts, means + shift, scatter


@pytest.mark.parametrize("cuts", [[], [500], [1, 2, 300, 301, 900, 999], [0, 0, 1000]])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("D", [1, 3])
def test_chunked_equals_whole(cuts, weighted, D):
    values = RNG.normal(size=(1000, D)) + RNG.integers(0, 3, size=(1000, 1)) * 3.0
    counted = RNG.uniform(0.5, 2, 1000)
    weights = counted if weighted else None
    parameters = point(3, D)
    pairs = zip(np.split(values, cuts), np.split(counted, cuts), strict=True)
    parts = [partition(v, w if weighted else None) for v, w in pairs]
    total = summed([moments(part, parameters.reshape(1)) for part in parts], operator.add)
    value, counts, means, scatter = exact(values, parameters, weights)
    np.testing.assert_allclose(total.value[0], value, rtol=1e-12)
    np.testing.assert_allclose(total.counts[0], counts, rtol=1e-12)
    np.testing.assert_allclose(total.means[0], means, rtol=1e-12, atol=1e-12)
    scale = np.abs(scatter).max()
    np.testing.assert_allclose(total.scatter[0], scatter, rtol=1e-11, atol=1e-12 * scale)


@pytest.mark.parametrize("cuts", [[500], [1, 2, 300, 301, 900, 999], [0, 0, 1000]])
def test_holes_and_known_classes_add_up_too(cuts):
    D, classes = 3, RNG.integers(-1, 3, 1000)
    values = RNG.normal(size=(1000, D)) + 3.0 * classes[:, None]
    holes = RNG.random((1000, D)) < 0.2
    holes[holes.all(axis=1), 0] = False
    values[holes] = np.nan
    weights, parameters = RNG.uniform(0.5, 2, 1000), point(3, D)
    whole = moments(partition(values, weights, classes), parameters.reshape(1), fixed=True)
    pairs = zip(*(np.split(array, cuts) for array in (values, weights, classes)), strict=True)
    parts = [moments(partition(*pair), parameters.reshape(1), fixed=True) for pair in pairs]
    total = summed(parts, operator.add)
    names = ["abc"[k] if k >= 0 else None for k in classes]
    order = np.argsort([0 if k == "a" else 1 if k == "b" else 2 for k in names], kind="stable")
    data = gmm.Dataset.from_values(
        values[order],
        weights=weights[order],
        classes=[names[i] for i in order],
        missing="keep",
    )
    mixture = gmm.Mixture(n_components=3, covariance="full", tied=False, labels="fix")
    np.testing.assert_allclose(
        total.value[0], log_likelihood(data, mixture, parameters), rtol=1e-12
    )
    np.testing.assert_allclose(total.counts, whole.counts, rtol=1e-12)
    np.testing.assert_allclose(total.means, whole.means, rtol=1e-12, atol=1e-12)
    scale = np.abs(whole.scatter).max()
    np.testing.assert_allclose(total.scatter, whole.scatter, rtol=1e-11, atol=1e-12 * scale)


def test_dask_knows_how_large_a_partition_is():
    part = partition(RNG.normal(size=(1000, 3)))
    assert part.x.nbytes <= sizeof(part) < part.x.nbytes + 1000


def test_forty_columns_tell_two_clusters_apart():
    """Four standard deviations in each column: nothing is in doubt, whatever underflows."""
    D, n = 40, 200
    values = np.concatenate([RNG.normal(size=(n, D)), RNG.normal(size=(n, D)) + 4])
    parameters = gmm.Parameters([0.5, 0.5], [np.zeros(D), np.full(D, 4.0)], [np.eye(D)] * 2)
    halves = [partition(values[:150]), partition(values[150:])]
    total = summed([moments(half, parameters.reshape(1)) for half in halves], operator.add)
    np.testing.assert_allclose(total.counts[0], [n, n], rtol=1e-12)
    np.testing.assert_allclose(total.means[0, 0], values[:n].mean(axis=0), atol=1e-12)


def test_a_variance_at_ten_to_the_eight_is_kept():
    values = 1e8 + RNG.normal(size=(3000, 1))
    parameters = gmm.Parameters([1.0], [[1e8]], [[[1.0]]])
    parts = np.split(values, [700, 701, 2500])
    total = summed([moments(partition(p), parameters.reshape(1)) for p in parts], operator.add)
    np.testing.assert_allclose(total.scatter[0, 0, 0, 0] / 3000, (values - 1e8).var(), rtol=1e-7)
    whole = summed([summary(partition(p))[1] for p in parts], operator.add)
    np.testing.assert_allclose(whole.squares / 3000, values.var(axis=0), rtol=1e-7)


def test_a_coreset_is_unbiased_and_all_of_small_data():
    values = RNG.normal(size=(4000, 2)) * [1.0, 50.0]
    parts = [partition(v) for v in np.split(values, 4)]
    whole = summed([summary(part)[1] for part in parts], operator.add)
    everything = [coreset(part, whole, 10**6, 0)[:2] for part in parts]
    assert all(np.all(weights == 1) for _, weights in everything)
    np.testing.assert_array_equal(np.concatenate([rows for rows, _ in everything]), values)
    sizes, totals, squares = [], [], []
    for seed in range(200):
        samples = [coreset(part, whole, 400, seed) for part in parts]
        rows, weights = (np.concatenate([sample[i] for sample in samples]) for i in (0, 1))
        sizes.append(len(rows))
        totals.append(weights.sum())
        squares.append(weights @ rows[:, 1] ** 2)
    for estimates, true in (
        (sizes, 400),
        (totals, 4000),
        (squares, (values[:, 1] ** 2).sum()),
    ):
        error = np.std(estimates) / np.sqrt(len(estimates))
        assert abs(np.mean(estimates) - true) < 4.5 * error
