"""New points held to a mixture: where they belong, how likely they are, which ones are outliers.

At one point (a MAP) the answers are closed forms. Averaged over the posterior they are means over
its draws, and every number has a spread: it says how much of the doubt is about the mixture
itself, which more data would remove, and not about the point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import log_slopes
from gmm_core.mixture import Parameters, e_step, log_density, responsibilities
from gmm_core.mixture.density import log_sum_exp
from gmm_core.posterior.draws import Posterior

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
    n_components : K.
    component : [N], the most probable component by the mean; K is the noise.
    probs, probs_low, probs_high : [N, K], with noise [N, K + 1], mean and 5 % and 95 % quantile of
        the probability of each component over the draws.
    log_density, log_density_low, log_density_high : [N], log of the mean density (the posterior
        predictive density), and the quantiles of the log density over the draws, in nats per
        unit of the table. Of a row with missing values it is that of what is there.
    threshold : [N], log density below which the `OUTLIER` share of the model's own points lies,
        seen in the columns that the row has.
    outlier : [N], whether each point is less likely than almost all that the model generates.
    """

    n_draws: int
    n_components: int
    component: NDArray[np.int64]
    probs: Array
    probs_low: Array
    probs_high: Array
    log_density: Array
    log_density_low: Array
    log_density_high: Array
    threshold: Array
    outlier: NDArray[np.bool_]


def score(source: Parameters | Posterior, dataset: Dataset, *, seed: int = 0) -> Score:
    """Score points at one point, or averaged over the draws of a posterior.

    Parameters
    ----------
    source : K components in D columns. Draws of a posterior have to be relabelled, or the
        probability of a component means nothing (`Posterior.relabelled`).
    dataset : the new points, [N, D]; NaN where a value is missing.
    seed : of the simulation behind `Score.threshold`.

    Raises
    ------
    ValueError
        When the points have another number of columns.
    """
    x = dataset.values
    points = _thinned(source, len(x))
    M, W = points.every_weight.shape
    N = len(x)
    probs, low, high = (np.empty((N, W)) for _ in range(3))
    mean, log_low, log_high = (np.empty(N) for _ in range(3))
    size = max(1, _CHUNK // (M * W))
    for begin in range(0, N, size):
        rows = slice(begin, begin + size)
        density, shares = e_step(points, x[rows])
        shares = np.swapaxes(shares, 1, 2)
        probs[rows] = shares.mean(axis=0)
        low[rows], high[rows] = np.quantile(shares, BAND, axis=0)
        mean[rows] = log_sum_exp(density, axis=0) - np.log(M)
        # Between two points whose densities underflow there is nothing to interpolate.
        log_low[rows], log_high[rows] = np.quantile(density, BAND, axis=0, method="nearest")
    patterns, which = np.unique(np.isnan(x), axis=0, return_inverse=True)
    threshold = np.array([_threshold(points, seed, hidden) for hidden in patterns])[which.ravel()]
    slopes = log_slopes(dataset)
    return Score(
        n_draws=M,
        n_components=points.weights.shape[1],
        component=probs.argmax(axis=1),
        probs=probs,
        probs_low=low,
        probs_high=high,
        log_density=mean + slopes,
        log_density_low=log_low + slopes,
        log_density_high=log_high + slopes,
        threshold=threshold + slopes,
        outlier=mean < threshold,  # of the numbers that were fitted: a slope may be infinite
    )


def aligned(posterior: Posterior, parameters: Parameters, dataset: Dataset) -> Posterior:
    """Give relabelled draws the labels of a point: component k here is component k there.

    The order of the labels is the one in which the points of `dataset`, of up to 500 of them,
    are most likely to be in the same component.
    """
    from scipy.optimize import linear_sum_assignment

    rows = np.linspace(0, len(dataset.values) - 1, min(500, len(dataset.values))).astype(int)
    x = dataset.values[rows]
    probabilities = responsibilities(parameters, x)
    draws = _thinned(posterior, len(x))
    draw_responsibilities = e_step(draws, x)[1].mean(axis=0).T
    together = probabilities.T @ draw_responsibilities
    K = len(parameters.weights)  # the noise is what it is
    order = linear_sum_assignment(-together[:K, :K])[1]
    return Posterior(Parameters.of(posterior.draws).permuted(order).arrays(), posterior.stats)


def _thinned(source: Parameters | Posterior, N: int) -> Parameters:
    """At most `DRAWS` draws, fewer for very many points, as a sequence of points [M]."""
    if isinstance(source, Parameters):
        return source.reshape(1)
    points = source.parameters
    K = points.weights.shape[-1]
    limit = int(np.clip(_WORK // (N * K), 20, DRAWS))
    M = len(points)
    return points[np.linspace(0, M - 1, min(limit, M)).astype(int)]


def _threshold(points: Parameters, seed: int, hidden: NDArray[np.bool_]) -> float:
    """Log density that all but the `OUTLIER` share of the model's own points exceed.

    Where columns [D] are hidden, it is the density of the others. Points of the noise lie where no
    component is: no point is less likely than those, and where they are more than that share none
    is an outlier.
    """
    if points.noise is not None and points.box is None:
        raise ValueError(
            "The noise of these parameters has no box, so how usual a density is cannot be said. "
            "Give the parameters a box: the data's width in each column."
        )
    rng = np.random.default_rng(seed)
    M, K, D = points.locs.shape
    m = np.arange(SIMULATED) % M
    # The component of each point by the inverse of its draw's distribution function.
    steps = points.every_weight.cumsum(axis=1)[m]
    k = (rng.random(SIMULATED)[:, None] > steps / steps[:, -1:]).sum(axis=1)
    from_noise, k = k == K, np.minimum(k, K - 1)
    normal = rng.normal(size=(SIMULATED, D))
    x = points.locs[m, k] + np.einsum("nij,nj->ni", points.scale_tril[m, k], normal)
    x[:, hidden] = np.nan
    # A running log of the sum: all M by SIMULATED densities at once would be 32 MB.
    total = np.full(SIMULATED, -np.inf)
    step = max(1, _CHUNK // (10 * SIMULATED))
    for first in range(0, M, step):
        density = log_density(points[first : first + step], x)
        total = np.logaddexp(total, log_sum_exp(density, axis=0))
    if points.noise is not None and points.box is not None:
        volume = points.box[:, ~hidden].prod(axis=1)
        total[from_noise] = np.log((points.noise / volume).sum())
    return float(np.quantile(total - np.log(M), OUTLIER))
