"""Data that the model would make: from the posterior to check the fit, from priors to check them.

A fitted model that cannot reproduce the data it was fitted to is wrong in a way that the
comparison shows; priors that put the data where it cannot be are wrong before any fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table
from gmm_core.mixture import Mixture, Parameters
from gmm_core.mixture import prior_draws as _from_priors
from gmm_core.posterior.invariants import LEVELS

Array = NDArray[np.float64]

REPLICATES = 400
"""Replicated data sets: a tail share of 0.025 then has a standard error below 0.01."""

EXTREME = 0.025
"""A test quantity with a smaller share of replicates beyond it is called out."""

CURVES = 40  # replicated densities drawn one by one

_NUMBERS = 4_000_000  # replicated values at once, 32 MB
_MOST = 1_000_000  # values that stand for weighted ones
_GRID = 240


class Quantity(NamedTuple):
    """One test quantity: its value in the data, and over replicated data sets.

    `tail` is the share of replicates at least as large as the data's value.
    """

    name: str
    observed: float
    q5: float
    median: float
    q95: float
    tail: float

    @property
    def extreme(self) -> bool:
        """Whether hardly any replicate lies beyond the data's value, on either side."""
        return not EXTREME <= self.tail <= 1 - EXTREME


@dataclass(frozen=True, eq=False)
class PredictiveCheck:
    """The data beside data sets that the posterior would make, along one column.

    Attributes
    ----------
    grid : [G], in units of the column as it was fitted, where no replicate is out of its range.
    density, densities : [G] and [R, G], kernel estimates of the data and of R replicates, all
        with one bandwidth.
    ecdf, band : [G] and [Q, G], the share of values up to each place: of the data, and its
        quantiles over replicates.
    quantities : smallest and largest value, standard deviation, skewness, in the units of the
        person's table.
    n_replicates, n_points : how many data sets of how many points; fewer points than the data
        where it is large, and then the data is thinned alike.
    """

    grid: Array
    density: Array
    densities: Array
    ecdf: Array
    band: Array
    quantities: tuple[Quantity, ...]
    n_replicates: int
    n_points: int


def prior_draws(dataset: Dataset, mixture: Mixture, n: int, seed: int = 0) -> Parameters:
    """Draw `n` mixtures from the priors, in the columns of the data.

    Parameters
    ----------
    n : how many.
    seed : the same seed gives the same draws.

    Returns
    -------
    A sequence of points with a leading [n].

    Raises
    ------
    ValueError
        When a prior is flat: there is nothing to draw from.
    """
    return _from_priors(mixture, dataset.values.shape[1], n, seed)


def replicated(
    draws: Parameters, n_points: int, seed: int = 0, around: Array | None = None
) -> Array:
    """Draw a data set of `n_points` from every draw's mixture [M, n_points, D].

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    seed : the same seed gives the same data sets.
    around : [2, D], between which the noise, which has a density but no place, is drawn evenly;
        without it no point is noise.
    """
    rng = np.random.default_rng(seed)
    M, K, D = draws.locs.shape
    shares = draws.weights
    if draws.noise is not None:
        shares = draws.every_weight if around is not None else shares / (1 - draws.noise[:, None])
    upper = shares.cumsum(axis=-1)[:, None, :]
    z = (upper < rng.random((M, n_points, 1))).sum(axis=-1).clip(max=shares.shape[-1] - 1)
    normal = rng.standard_normal((M, n_points, D))
    row, k = np.arange(M)[:, None], z.clip(max=K - 1)
    x = draws.locs[row, k] + np.einsum("mnij,mnj->mni", draws.scale_tril[row, k], normal)
    if around is None or draws.noise is None:
        return x
    anywhere = around[0] + rng.random((M, n_points, D)) * (around[1] - around[0])
    return np.where((z == K)[..., None], anywhere, x)


def check_predictive(
    dataset: Dataset, draws: Parameters, column: int = 0, seed: int = 0
) -> PredictiveCheck:
    """Compare the data with data sets that the posterior would make, along one column.

    Parameters
    ----------
    draws : a sequence of points; of more than `REPLICATES` those evenly along it are taken.
    seed : of the replicated data sets.

    Notes
    -----
    Gelman, Meng and Stern (1996), Posterior predictive assessment of model fitness via realized
    discrepancies, Statistica Sinica 6.
    """
    x = _as_counted(dataset, column)
    N = len(x)
    R = min(REPLICATES, len(draws))
    n = min(N, max(2, _NUMBERS // (R * dataset.values.shape[1])))
    if n < N:
        # Thinned evenly along the sorted values, which keeps their distribution.
        x = np.sort(x)[np.linspace(0, N - 1, n).astype(int)]
    index = np.linspace(0, len(draws) - 1, R).astype(int)
    around = np.array([np.nanmin(dataset.values, axis=0), np.nanmax(dataset.values, axis=0)])
    y = replicated(draws[index], n, seed, around)[..., column]
    margin = 0.25 * (np.ptp(x) or 1.0)
    grid = np.linspace(x.min() - margin, x.max() + margin, _GRID)
    sorted_y = np.sort(y, axis=1)
    shares = np.array([np.searchsorted(row, grid, side="right") for row in sorted_y]) / n
    width = bandwidth(x)
    shown = y[np.linspace(0, R - 1, min(R, CURVES)).astype(int)]
    return PredictiveCheck(
        grid,
        kernel_density(x[None], grid, width)[0],
        kernel_density(shown, grid, width),
        np.searchsorted(np.sort(x), grid, side="right") / n,
        np.quantile(shares, LEVELS, axis=0),
        tuple(_quantities(in_table(dataset, column, x), in_table(dataset, column, y))),
        R,
        n,
    )


def _as_counted(dataset: Dataset, column: int) -> Array:
    """Return the values of a column that are there, each as often as it counts, at most `_MOST`.

    Where weights are no counts, or count far more, as many values stand evenly for them.
    """
    x = dataset.values[:, column]
    present = ~np.isnan(x)
    if dataset.weights is None:
        return x[present]
    order = np.argsort(x[present], kind="stable")
    upper = np.cumsum(dataset.weights[present][order])
    n = min(max(round(float(upper[-1])), 2), _MOST)
    at = (np.arange(n) + 0.5) / n * upper[-1]
    return x[present][order][np.searchsorted(upper, at).clip(max=len(order) - 1)]


def central_values(draws: Parameters, share: float = 0.9, seed: int = 0) -> Array:
    """Range of the central `share` of single values that the draws would make [2, D]."""
    values = replicated(draws, 50, seed).reshape(-1, draws.locs.shape[-1])
    return np.quantile(values, ((1 - share) / 2, (1 + share) / 2), axis=0)


def bandwidth(x: ArrayLike) -> float:
    """Silverman's rule (1986, eq. 3.31): 0.9 min(sd, IQR / 1.34) N^(-1/5), in units of x."""
    values = np.asarray(x, dtype=np.float64)
    quarter = float(np.subtract(*np.quantile(values, (0.75, 0.25)))) / 1.34
    sd = float(values.std())
    spread = min(sd, quarter) if quarter > 0 else sd
    return 0.9 * (spread or 1.0) * len(values) ** -0.2


def kernel_density(values: Array, grid: Array, width: float) -> Array:
    """Gaussian kernel estimates of rows of values [R, n] on a grid, in 1 / units [R, G].

    Counted into fine bins first and smoothed from there, so that large data costs no more.
    """
    low, high = grid[0] - 4 * width, grid[-1] + 4 * width
    # A tenth of the bandwidth moves no density visibly.
    bins = int(min(4000, max(len(grid), np.ceil(10 * (high - low) / width))))
    edges = np.linspace(low, high, bins + 1)
    centre = (edges[1:] + edges[:-1]) / 2
    counts = np.array([np.histogram(row, edges)[0] for row in values])
    z = (grid - centre[:, None]) / width
    kernel = np.exp(-0.5 * z**2) / (width * np.sqrt(2 * np.pi))
    return counts @ kernel / values.shape[1]


def skewness(values: ArrayLike) -> Array:
    """Third standardised moment along the last axis; 0 where nothing varies."""
    x = np.asarray(values, dtype=np.float64)
    apart = x - x.mean(axis=-1, keepdims=True)
    variance = (apart**2).mean(axis=-1)
    safe = np.where(variance > 0, variance, 1.0)
    return np.where(variance > 0, (apart**3).mean(axis=-1) / safe**1.5, 0.0)


def _quantities(x: Array, y: Array) -> list[Quantity]:
    of = {
        "smallest value": lambda v: v.min(axis=-1),
        "largest value": lambda v: v.max(axis=-1),
        "standard deviation": lambda v: v.std(axis=-1, ddof=1),
        "skewness": skewness,
    }
    quantities = []
    for name, measure in of.items():
        seen, made = float(measure(x)), measure(y)
        q5, median, q95 = (float(q) for q in np.quantile(made, (0.05, 0.5, 0.95)))
        quantities.append(Quantity(name, seen, q5, median, q95, float(np.mean(made >= seen))))
    return quantities
