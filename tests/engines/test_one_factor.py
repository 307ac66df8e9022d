"""Points whitened once for all components have the moments that each component's own would have."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.engines.moments import moments
from gmm_core.engines.one_factor import look_from_centre
from gmm_core.engines.problem import Problem

N, D, K = 700, 3, 3


def near(point):
    return look_from_centre(
        point.weights, point.locs, point.scale_tril[0], np.empty(D), np.empty((K, D))
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("apart", [1.0, 30.0, 1e4])
def test_moments_are_sums_of_responsibilities(apart, weighted):
    rng = np.random.default_rng(0)
    factor = np.linalg.cholesky(np.cov(rng.normal(size=(D, 8))))
    locs = apart * rng.normal(size=(K, D)) + 5.0
    values = rng.normal(size=(N, D)) @ factor.T + locs[rng.integers(K, size=N)]
    weights = rng.uniform(0.5, 2, N) if weighted else None
    data = gmm.Dataset.from_values(values, weights=weights)
    mixture = gmm.Mixture(n_components=K, covariance="full", tied=True, priors=gmm.Priors.flat())
    point = gmm.Parameters(
        np.array([0.2, 0.3, 0.5]),
        locs + 0.3 * rng.normal(size=(K, D)),
        np.broadcast_to(1.2 * factor, (K, D, D)).copy(),
    )
    # Only of locs that are far from one another the products would lose digits on this way.
    assert near(point) == (apart < 1e3)

    problem = Problem.of(data, mixture)
    value, counts = np.empty(1), np.empty((1, K))
    means, scatter = np.empty((1, K, D)), np.empty((1, K, D, D))
    moments(
        0, 1, np.array([0]), point.weights[None], point.locs[None], point.scale_tril[None],
        problem.x, problem.numbers, problem.layout, value, counts, means, scatter,
    )  # fmt: skip

    count = np.ones(N) if weights is None else weights
    r = gmm.responsibilities(point, values) * count[:, None]
    expected = (r.T @ values) / r.sum(axis=0)[:, None]
    away = values[:, None] - expected
    total = np.einsum("nk,nki,nkj->ij", r, away, away)
    assert value[0] == pytest.approx(count @ gmm.log_density(point, values), rel=1e-12)
    np.testing.assert_allclose(counts[0], r.sum(axis=0), rtol=1e-11)
    np.testing.assert_allclose(means[0], expected, rtol=1e-11)
    np.testing.assert_allclose(scatter[0].sum(axis=0), total, rtol=1e-9, atol=1e-10 * total.max())
