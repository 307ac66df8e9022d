"""Where each point lies among what the others foretell: the leave-one-out PIT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters, log_density
from gmm_core.posterior.draws import Posterior

Array = NDArray[np.float64]

_CHUNK = 2_000_000  # draws × points at once, 16 MB
_SURE = 0.95


@dataclass(frozen=True, eq=False)
class Pit:
    """Probability integral transform of each point along a column, given all other points.

    Where the model foretells well the values are uniform between 0 and 1, up to chance.

    Attributes
    ----------
    values : [N], P(a new value < x_n | the other points).
    gap : largest distance between the values' distribution function and the uniform one.
    limit : what 95 % of samples of so many uniform numbers stay below.
    """

    values: Array
    gap: float
    limit: float


def pit(dataset: Dataset, posterior: Posterior, column: int = 0) -> Pit:
    """Return the leave-one-out probability integral transform along a column.

    Values are weighed draws' distribution functions, by Pareto-smoothed importance sampling of
    arviz-stats; a missing value has none, and is NaN.

    Raises
    ------
    ValueError
        When the mixture has noise, whose place in the column is not its own.

    Notes
    -----
    Gelfand, Dey and Chang (1992), Model determination using predictive distributions; Vehtari et
    al. (2024), Pareto smoothed importance sampling. The limit is Kolmogorov's.
    """
    from arviz_stats.base import array_stats
    from scipy.stats import kstest, kstwo

    points = posterior.parameters
    if points.noise is not None:
        raise ValueError(
            "With noise there is no distribution function along a column. Use noise=False."
        )
    x = dataset.values
    present = np.flatnonzero(~np.isnan(x[:, column]))
    transform = np.full(len(x), np.nan)
    step = max(1, _CHUNK // len(points))
    for first in range(0, len(present), step):
        rows = present[first : first + step]
        log_likelihood = log_density(points, x[rows])  # [M, n]
        below = distribution(points, x[rows, column], column)
        for i, row in enumerate(rows):
            log_w, _ = array_stats.psislw(log_likelihood[:, i])
            weights = np.exp(log_w - log_w.max())
            transform[row] = (weights @ below[:, i]) / weights.sum()
    levels = np.clip(transform[present], 0.0, 1.0)
    transform[present] = levels
    return Pit(
        transform, float(kstest(levels, "uniform").statistic), float(kstwo.ppf(_SURE, len(levels)))
    )


def distribution(points: Parameters, values: Array, column: int) -> Array:
    """Distribution function of mixtures [M] along a column, at values [N]: [M, N]."""
    from scipy.special import ndtr

    cdf = np.zeros((len(points), len(values)))
    for k in range(points.weights.shape[1]):
        loc, scale = points.locs[:, k, column, None], points.scales[:, k, column, None]
        cdf += points.weights[:, k, None] * ndtr((values - loc) / scale)
    return cdf
