"""What draws say whatever their components are called: it can be averaged over them as it is.

Permuting the components of a draw changes none of these: who shares a component with whom, how
many components have a point, the density, and where the most probable component changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.mixture import Parameters, boundaries

Array = NDArray[np.float64]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the density: the median inside a 50 % and a 90 % band."""

MATRIX = 500  # points of a matrix of pairs: a pixel each; larger data is shown by a sample

_CHUNK = 4_000_000  # numbers at once, 32 MB
_LOG_2PI = float(np.log(2 * np.pi))
_SUBSETS = 10  # components up to which all 2^K subsets are summed exactly


class Boundaries(NamedTuple):
    """Where the most probable component changes, over draws.

    `places` are all boundaries inside the range; `none` is the share of draws without one there,
    `draws` how many draws were looked at.
    """

    places: Array
    none: float
    draws: int


def log_components(draws: Parameters, values: ArrayLike) -> Array:
    """Log of weight times density of each component, for many draws at once [M, K, N].

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    values : [N, D].
    """
    x = np.asarray(values, dtype=np.float64)
    L, loc = draws.scale_tril, draws.locs
    M, K, D = loc.shape
    # Forward substitution row by row: for few columns LAPACK's call costs more.
    squares = np.zeros((M, K, len(x)))
    z: list[Array] = []
    for i in range(D):
        row = x[:, i] - loc[..., i, None]
        for j in range(i):
            if L[..., i, j].any():
                row = row - L[..., i, j, None] * z[j]
        row = row / L[..., i, i, None]
        z.append(row)
        with np.errstate(over="ignore"):
            squares += row**2
    with np.errstate(divide="ignore"):
        log_weights = np.log(draws.weights)
    constant = log_weights - np.log(np.diagonal(L, axis1=-2, axis2=-1)).sum(-1)
    return constant[..., None] - 0.5 * D * _LOG_2PI - 0.5 * squares


def draw_responsibilities(draws: Parameters, values: ArrayLike) -> Array:
    """Responsibilities of every draw at once [M, K, N]; see `mixture.responsibilities`."""
    log_p = log_components(draws, values)
    top = log_p.max(axis=1, keepdims=True)
    # Where every squared distance overflows the components cannot be told apart.
    p = np.exp(log_p - np.where(np.isfinite(top), top, 0.0))
    total = p.sum(axis=1, keepdims=True)
    return np.divide(p, total, out=np.full_like(p, 1 / p.shape[1]), where=total > 0)


def log_densities(draws: Parameters, values: ArrayLike) -> Array:
    """Log density of every draw's mixture at each point [M, N]."""
    log_p = log_components(draws, values)
    top = log_p.max(axis=1)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return safe + np.log(np.exp(log_p - safe[:, None]).sum(axis=1))


def coclustering(draws: Parameters, values: ArrayLike) -> Array:
    """Probability that two points share a component [N, N], averaged over draws.

    The assignments of a draw are independent given its parameters, so the probability is the
    product of responsibilities summed over components: no assignment has to be drawn, and labels
    do not matter. A point is with itself for certain.

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    values : [N, D].
    """
    x = np.asarray(values, dtype=np.float64)
    N = len(x)
    total = np.zeros((N, N))
    for part in _parts(draws, N):
        p = draw_responsibilities(part, x).reshape(-1, N)
        total += p.T @ p
    together = total / len(draws)
    np.fill_diagonal(together, 1.0)
    return together


def occupied(draws: Parameters, values: ArrayLike, seed: int = 0) -> Array:
    """Posterior of the number of occupied components: probability of 1, ..., K of them [K].

    A component is occupied when at least one data point is assigned to it. Given a draw the
    points are assigned independently, so that all of them lie in a set B of components with
    probability prod_n sum_{k in B} r_nk, and the number of occupied ones follows by inclusion and
    exclusion over all sets. Beyond ten components one assignment of each draw is drawn instead.

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    values : [N, D].
    seed : of the assignments, for K > 10.
    """
    x = np.asarray(values, dtype=np.float64)
    K = draws.weights.shape[-1]
    total = np.zeros(K + 1)
    rng = np.random.default_rng(seed)
    for part in _parts(draws, len(x)):
        r = draw_responsibilities(part, x)
        total += _counted(r) if K <= _SUBSETS else _drawn(r, rng)
    return np.clip(total[1:] / len(draws), 0.0, 1.0)


def _counted(r: Array) -> Array:
    """Sum over draws of the probability of j occupied components [K + 1]; r is [M, K, N]."""
    K = r.shape[1]
    inside = np.zeros((K + 1, len(r)))
    for size in range(1, K + 1):
        for subset in combinations(range(K), size):
            with np.errstate(divide="ignore"):
                share = np.log(np.minimum(r[:, subset].sum(axis=1), 1.0)).sum(axis=1)
            inside[size] += np.exp(share)
    found = np.zeros((K + 1, len(r)))
    for j in range(1, K + 1):
        for size in range(1, j + 1):
            sign = (-1) ** (j - size)
            found[j] += sign * math.comb(K - size, j - size) * inside[size]
    return found.sum(axis=1)


def _drawn(r: Array, rng: np.random.Generator) -> Array:
    """Count the occupied components of one assignment of each draw [K + 1]."""
    M, K, N = r.shape
    z = (r.cumsum(axis=1) < rng.random((M, 1, N))).sum(axis=1).clip(max=K - 1)
    used = np.zeros((M, K), dtype=bool)
    used[np.repeat(np.arange(M), N), z.ravel()] = True
    return np.bincount(used.sum(axis=1), minlength=K + 1).astype(np.float64)


def boundary_draws(draws: Parameters, low: float, high: float) -> Boundaries:
    """Where the most probable component changes between `low` and `high`, over draws.

    Raises
    ------
    ValueError
        When the draws have several columns: the boundary is a surface then.
    """
    found = [boundaries(point) for point in draws]
    inside = [b[(b >= low) & (b <= high)] for b in found]
    none = sum(not b.size for b in inside) / len(inside)
    return Boundaries(np.concatenate(inside), none, len(inside))


def densities(draws: Parameters, grid: ArrayLike, column: int = 0) -> Array:
    """Density of every draw along one column, the others integrated out [M, G].

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    grid : [G], in the units of the column.
    """
    x = np.asarray(grid, dtype=np.float64)
    loc, scale = draws.locs[..., column], draws.scales[..., column]
    M, K = loc.shape
    density = np.zeros((M, len(x)))
    for k in range(K):
        z = (x - loc[:, k, None]) / scale[:, k, None]
        height = draws.weights[:, k, None] / scale[:, k, None]
        density += height * np.exp(-0.5 * z**2 - 0.5 * _LOG_2PI)
    return density


def density_band(
    draws: Parameters, grid: ArrayLike, column: int = 0, levels: Sequence[float] = LEVELS
) -> Array:
    """Pointwise quantiles of the density along one column, the others integrated out.

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    grid : [G], in the units of the column.
    levels : [Q] probabilities.

    Returns
    -------
    [Q, G], in 1 / units of the column.
    """
    return np.quantile(densities(draws, grid, column), levels, axis=0)


def matrix_rows(values: Array, limit: int = MATRIX) -> NDArray[np.int64]:
    """Rows for a matrix of pairs: all when they are few, else evenly along the data."""
    N, D = values.shape
    order = np.argsort(values[:, 0], kind="stable") if D == 1 else np.arange(N)
    return order[np.linspace(0, N - 1, min(N, limit)).astype(int)]


def leaves(together: Array) -> NDArray[np.int64]:
    """Order points so that those which share a component are neighbours [P]."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    apart = 1 - (together + together.T) / 2
    np.fill_diagonal(apart, 0.0)
    return leaves_list(linkage(squareform(np.maximum(apart, 0), checks=False), "average"))


def _parts(draws: Parameters, N: int) -> Iterator[Parameters]:
    """Cut a sequence of points so that an array [M, K, N] of each part fits into memory."""
    M, K, _ = draws.locs.shape
    step = max(1, _CHUNK // max(1, K * N))
    for first in range(0, M, step):
        part = slice(first, first + step)
        yield Parameters(draws.weights[part], draws.locs[part], draws.scale_tril[part])
