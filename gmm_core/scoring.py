"""New points held to a mixture: where they belong, how likely they are, which ones are outliers.

At one point (a MAP) the answers are closed forms. Averaged over the posterior they are means over
its draws, and every number has a spread: it says how much of the doubt is about the mixture
itself, which more data would remove, and not about the point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.mixture import Parameters, component_log_densities, responsibilities
from gmm_core.results import Posterior

Array = NDArray[np.float64]

DRAWS = 400
"""Draws that are averaged over: the error of a mean is a twentieth of its spread."""

SIMULATED = 10_000
"""Points that the model generates to know which densities are usual for it."""

OUTLIER = 0.01
"""A point is an outlier when its density is below that of all but this share of the points that
the model generates itself. Among `SIMULATED` of them the share is known to 0.001."""

BAND = (0.05, 0.95)

_CHUNK = 4_000_000  # numbers at once, 32 MB
_WORK = 40_000_000  # densities in all: some seconds


@dataclass(frozen=True, eq=False)
class Score:
    """What a mixture says of N points, averaged over M draws; one point is one draw.

    Attributes
    ----------
    n_draws : M.
    component : [N], the most probable component by the mean.
    probs, probs_low, probs_high : [N, K], mean and 5 % and 95 % quantile of the probability of
        each component over the draws.
    log_density, log_density_low, log_density_high : [N], log of the mean density (the posterior
        predictive density), and the quantiles of the log density over the draws, in nats per
        unit of the data.
    threshold : log density below which the `OUTLIER` share of the model's own points lies.
    """

    n_draws: int
    component: NDArray[np.int64]
    probs: Array
    probs_low: Array
    probs_high: Array
    log_density: Array
    log_density_low: Array
    log_density_high: Array
    threshold: float

    @property
    def outlier(self) -> NDArray[np.bool_]:
        """Whether each point is less likely than almost all that the model generates [N]."""
        return self.log_density < self.threshold


def score(source: Parameters | Posterior, dataset: Dataset, *, seed: int = 0) -> Score:
    """Score points at one point, or averaged over the draws of a posterior.

    Parameters
    ----------
    source : K components in D columns. Draws of a posterior have to be relabelled, or the
        probability of a component means nothing (`Posterior.relabelled`).
    dataset : the new points, [N, D].
    seed : of the simulation behind `Score.threshold`.

    Raises
    ------
    ValueError
        When the points have another number of columns.
    """
    x = dataset.values
    points = _thinned(source, len(x))
    M, K = points.weights.shape
    N = len(x)
    probs, low, high = (np.empty((N, K)) for _ in range(3))
    log_density, log_low, log_high = (np.empty(N) for _ in range(3))
    size = max(1, _CHUNK // (M * K))
    for begin in range(0, N, size):
        rows = slice(begin, begin + size)
        shares = np.empty((M, len(x[rows]), K))
        density = np.empty(shares.shape[:2])
        for m, point in enumerate(points):
            density[m], shares[m] = _one(point, x[rows])
        probs[rows] = shares.mean(axis=0)
        low[rows], high[rows] = np.quantile(shares, BAND, axis=0)
        log_density[rows] = _log_mean(density)
        # Between two points whose densities underflow there is nothing to interpolate.
        log_low[rows], log_high[rows] = np.quantile(density, BAND, axis=0, method="nearest")
    return Score(
        n_draws=M,
        component=probs.argmax(axis=1),
        probs=probs,
        probs_low=low,
        probs_high=high,
        log_density=log_density,
        log_density_low=log_low,
        log_density_high=log_high,
        threshold=_threshold(points, seed),
    )


def aligned(posterior: Posterior, parameters: Parameters, dataset: Dataset) -> Posterior:
    """Give relabelled draws the labels of a point: component k here is component k there.

    The order of the labels is the one in which the points of `dataset`, of up to 500 of them,
    are most likely to be in the same component.
    """
    from scipy.optimize import linear_sum_assignment

    rows = np.linspace(0, len(dataset.values) - 1, min(500, len(dataset.values))).astype(int)
    x = dataset.values[rows]
    here = responsibilities(parameters, x)
    draws = _thinned(posterior, len(x))
    there = np.mean([responsibilities(point, x) for point in draws], axis=0)
    order = linear_sum_assignment(-here.T @ there)[1]
    found = {name: array[:, :, order] for name, array in posterior.draws.items()}
    return Posterior(found, posterior.stats)


def _thinned(source: Parameters | Posterior, N: int) -> Parameters:
    """At most `DRAWS` draws, fewer for very many points, as a sequence of points [M]."""
    if isinstance(source, Parameters):
        return Parameters(source.weights[None], source.locs[None], source.scale_tril[None])
    points = source.parameters
    K = points.weights.shape[-1]
    limit = int(np.clip(_WORK // (N * K), 20, DRAWS))
    M = len(points)
    index = np.linspace(0, M - 1, min(limit, M)).astype(int)
    return Parameters(points.weights[index], points.locs[index], points.scale_tril[index])


def _one(point: Parameters, x: Array) -> tuple[Array, Array]:
    """Log density [n] and responsibilities [n, K] at one point."""
    joint = component_log_densities(point, x)
    top = joint.max(axis=1)
    if not np.isfinite(top).all():  # so far out that every density underflows
        return np.logaddexp.reduce(joint, axis=1), responsibilities(point, x)
    shares = np.exp(joint - top[:, None])
    total = shares.sum(axis=1)
    return top + np.log(total), shares / total[:, None]


def _log_mean(log_values: Array) -> Array:
    """Log of the mean of exponentials over the first axis [n]."""
    return np.logaddexp.reduce(log_values, axis=0) - np.log(len(log_values))


def _threshold(points: Parameters, seed: int) -> float:
    """Log density that all but the `OUTLIER` share of the model's own points exceed."""
    rng = np.random.default_rng(seed)
    M, _, D = points.locs.shape
    m = np.arange(SIMULATED) % M
    # The component of each point by the inverse of its draw's distribution function.
    steps = points.weights.cumsum(axis=1)[m]
    k = (rng.random(SIMULATED)[:, None] > steps / steps[:, -1:]).sum(axis=1)
    noise = rng.normal(size=(SIMULATED, D))
    x = points.locs[m, k] + np.einsum("nij,nj->ni", points.scale_tril[m, k], noise)
    # A running log of the sum: M by SIMULATED densities would be 32 MB.
    total = np.full(SIMULATED, -np.inf)
    for point in points:
        total = np.logaddexp(total, np.logaddexp.reduce(component_log_densities(point, x), axis=1))
    return float(np.quantile(total - np.log(M), OUTLIER))
