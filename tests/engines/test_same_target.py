"""The same data told in another way is the same target, of every family, prior and engine.

The target is what NUTS climbs over, its Jacobian included; at equal points it has equal values and
slopes, so that chains differ by rounding alone.
"""

from dataclasses import replace

import numpy as np
import pytest
from points import FOURTEEN

import gmm_core as gmm
from gmm_core.engines import pyro_model
from gmm_core.engines.problem import Problem
from gmm_core.mixture.observation import observed

N, D, K = 24, 2, 2
ROWS = np.arange(N)


@pytest.fixture(scope="module")
def data():
    """Rows that count up to three times, some of a known class, some with a value missing."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(N, D)) * [1, 3]
    x[::5, 0] = x[2::5, 1] = np.nan
    classes = ["a", "b", *(["a", None, None] * N)[: N - 2]]
    return gmm.Dataset.from_values(x, weights=1 + ROWS % 3, classes=classes, missing="keep")


def mixtures(form, dataset):
    """Return a mixture of the form with each prior, with and without noise and known classes."""
    for priors in (gmm.Priors.flat(), gmm.Priors.tutorial(), gmm.Priors.for_data(dataset),
                   gmm.Priors.conjugate(dataset)):  # fmt: skip
        for fields in ({}, {"noise": True, "labels": "fix"}):
            yield gmm.Mixture(
                n_components=K, covariance=form[0], tied=form[1], priors=priors, **fields
            )


def targets(dataset, mixture):
    """Values, slopes and both definitions of the log joint at three points."""
    problem = Problem.of(dataset, mixture, "bijection", jacobian=True)
    for seed in range(3):
        q = np.random.default_rng(seed).normal(size=problem.size) * 0.5
        value, slope = problem.value_and_gradient(q)
        point = problem.points(q)
        defined = (
            gmm.log_joint(dataset, mixture, point),
            pyro_model.log_joint(dataset, mixture, point),
        )
        yield np.array([value, *slope, *defined])


def assert_same(form, one, other):
    for mixture in mixtures(form, other):
        for mine, theirs in zip(targets(one, mixture), targets(other, mixture), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9 * abs(theirs[0]))


@pytest.mark.parametrize("form", FOURTEEN)
def test_weights_are_the_rows_repeated(form, data):
    repeated = replace(data.take(np.repeat(ROWS, data.weights.astype(int))), weights=None)
    assert len(repeated.values) == data.total
    assert_same(form, data, repeated)


@pytest.mark.parametrize("form", FOURTEEN)
def test_the_order_of_rows_does_not_matter(form, data):
    # The first two stay in front, since classes are numbered as they first appear.
    moved = data.take([0, 1, *2 + np.random.default_rng(0).permutation(N - 2)])
    assert_same(form, moved, data)


@pytest.mark.parametrize("form", FOURTEEN)
def test_a_pattern_that_covers_nothing_that_counts_is_none(form, data):
    """A row with holes that counts zero times sends all others through the pass over patterns."""
    whole = data.take(np.flatnonzero(~np.isnan(data.values).any(axis=1)))
    holes = gmm.Dataset.from_values(
        np.vstack([whole.values, [[np.nan, 1.0], [2.0, np.nan]]]),
        weights=[*whole.weights, 0, 0],
        classes=[*whole.classes, None, None],
        missing="keep",
    )
    assert observed(holes, gmm.Mixture()).incomplete
    assert not observed(whole, gmm.Mixture()).incomplete
    assert_same(form, holes, whole)
