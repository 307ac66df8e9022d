"""Simulation-based calibration: whether a sampler draws from the posterior that it is asked for.

Points are drawn from the prior and data from each. The posterior of that very mixture then holds
the point as it holds any draw, so the rank of a true quantity among independent draws is uniform
(Talts, Betancourt, Simpson, Vehtari and Gelman 2018, arXiv:1804.06788). Only quantities that do
not depend on labels are ranked. Those that look at the data too (likelihood, log joint) see errors
to which the others are blind (Modrák et al. 2023, doi:10.1214/23-BA1404).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Parameters, log_density

Array = NDArray[np.float64]

KEPT = 49
"""Draws that a true quantity is ranked among: fifty ranks fall into ten bins or five."""

QUANTITIES = (
    "log likelihood",
    "density at the prior's middle",
    "lowest loc",
    "highest loc",
    "largest weight",
    "mean",
    "total spread",
    "scale",
    "log joint",
)
"""What is ranked, in the order of `Calibration.ranks`."""

# Expected in a bin: what the chi-square distribution is good for.
_EACH = 10
_BINS = (10, 5)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Ranks of true quantities among the draws of a sampler.

    Attributes
    ----------
    ranks : [Q, B], from 0 to `KEPT`, of each of `QUANTITIES` in each simulated data set; NaN where
        the sampler gave up.
    """

    ranks: Array

    @property
    def known(self) -> Array:
        """Ranks [Q, n] of the data sets that were sampled."""
        return self.ranks[:, np.isfinite(self.ranks).all(axis=0)]

    @property
    def n_bins(self) -> int:
        """How many bins so many ranks fill; 0 where they are too few to say anything."""
        n = self.known.shape[1]
        return next((bins for bins in _BINS if n >= _EACH * bins), 0)

    @property
    def p_values(self) -> dict[str, float]:
        """Chi-square p-value of each quantity's ranks being uniform; empty with too few."""
        return p_values(dict(zip(QUANTITIES, self.known, strict=True)), KEPT, self.n_bins)

    @property
    def worst(self) -> str:
        """The quantity of the smallest p-value; the first of all with too few."""
        p_values = self.p_values
        return min(p_values, key=p_values.__getitem__) if p_values else QUANTITIES[0]

    @property
    def p_value(self) -> float:
        """The smallest p-value times the number of quantities (Bonferroni); NaN with too few."""
        p_values = self.p_values.values()
        return min(1.0, len(p_values) * min(p_values)) if p_values else float("nan")


def p_values(ranks: dict[str, Array], n_draws: int, n_bins: int) -> dict[str, float]:
    """Chi-square p-value of each quantity's ranks being uniform over 0..`n_draws`.

    Raises
    ------
    ValueError
        When the bins are not of the same number of ranks.
    """
    from scipy.stats import chisquare

    if not n_bins:
        return {}
    return {name: float(chisquare(binned(r, n_draws, n_bins)).pvalue) for name, r in ranks.items()}


def binned(ranks: Array, n_draws: int, n_bins: int) -> NDArray[np.int64]:
    """Count ranks from 0 to `n_draws` in bins of the same number of them [n_bins].

    Raises
    ------
    ValueError
        When there are no such bins.
    """
    if (n_draws + 1) % n_bins:
        raise ValueError(
            f"{n_draws + 1} ranks do not fall into {n_bins} bins of the same size. "
            f"Give a number of bins that divides {n_draws + 1}."
        )
    width = (n_draws + 1) // n_bins
    return np.bincount(ranks.astype(np.int64) // width, minlength=n_bins)


def quantities(points: Parameters, x: Array, middle: Array) -> Array:
    """Return all of `QUANTITIES` but the log joint [Q - 1, M], which do not depend on labels.

    Of several columns the sum stands for all where one number is needed.

    Parameters
    ----------
    points : a sequence of M points.
    x : [N, D], the data.
    middle : [D], a fixed value in the middle of the prior.
    """
    w, m, L = points.weights, points.locs, points.scale_tril
    log_p = log_density(points, np.vstack([x, middle]))
    mean = np.einsum("mk,mkd->md", w, m)
    within = np.einsum("mk,mkij,mkij->m", w, L, L)
    between = np.einsum("mk,mkd->m", w, (m - mean[:, None]) ** 2)
    log_det = np.log(np.diagonal(L, axis1=-2, axis2=-1)).sum(axis=(1, 2))
    first = m[..., 0]
    return np.stack(
        [
            log_p[:, :-1].sum(axis=1),
            log_p[:, -1],
            first.min(axis=1),
            first.max(axis=1),
            w.max(axis=1),
            mean.sum(axis=1),
            within + between,
            log_det,
        ]
    )
