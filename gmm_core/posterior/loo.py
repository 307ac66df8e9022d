"""How well the posterior foretells a point that it has not seen: leave-one-out by its own draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import log_slopes
from gmm_core.mixture import log_density
from gmm_core.posterior.draws import Posterior

Array = NDArray[np.float64]

TRUSTED_K = 0.7
"""Pareto's k up to which a point's estimate can be trusted (Vehtari et al. 2024)."""

_CHUNK = 2_000_000  # draws × points at once, 16 MB


@dataclass(frozen=True, eq=False)
class Loo:
    """Expected log predictive density of points left out one at a time.

    Attributes
    ----------
    pointwise : [N], log p(x_n | the other points), in nats.
    pareto_k : [N], how far the posterior without a point lies from that with it.
    """

    pointwise: Array
    pareto_k: Array

    @property
    def elpd(self) -> float:
        """Sum over all points."""
        return float(self.pointwise.sum())

    @property
    def standard_error(self) -> float:
        """Of the sum, from how much the points differ; NaN with one point."""
        N = len(self.pointwise)
        return float(np.sqrt(N) * self.pointwise.std(ddof=1)) if N > 1 else float("nan")

    @property
    def doubtful(self) -> NDArray[np.intp]:
        """Row numbers of the points whose k is too large to trust, the largest first."""
        rows = np.flatnonzero(self.pareto_k > TRUSTED_K)
        return rows[np.argsort(-self.pareto_k[rows], kind="stable")]


def loo(dataset: Dataset, posterior: Posterior) -> Loo:
    """Estimate leave-one-out predictive densities by Pareto-smoothed importance sampling.

    Notes
    -----
    Vehtari, Gelman and Gabry (2017), Practical Bayesian model evaluation using leave-one-out
    cross-validation and WAIC, by arviz-stats.
    """
    from arviz_stats.base import array_stats

    points, values = posterior.parameters, dataset.values
    C, S, N = posterior.n_chains, posterior.n_draws, len(values)
    pointwise, pareto_k = np.empty(N), np.empty(N)
    step = max(1, _CHUNK // (C * S))
    for first in range(0, N, step):
        rows = slice(first, first + step)
        log_likelihood = log_density(points, values[rows]).T.reshape(-1, C, S)
        pointwise[rows], pareto_k[rows], _ = array_stats.loo(
            log_likelihood, chain_axis=-2, draw_axis=-1
        )
    return Loo(pointwise + log_slopes(dataset), pareto_k)
