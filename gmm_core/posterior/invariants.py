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

from gmm_core.mixture import Parameters, boundaries, e_step, log_density

Array = NDArray[np.float64]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the density: the median inside a 50 % and a 90 % band."""

MATRIX = 500  # points of a matrix of pairs: a pixel each; larger data is shown by a sample

_CHUNK = 4_000_000  # numbers at once, 32 MB
_SUBSETS = 10  # components up to which all 2^K subsets are summed exactly


class Boundaries(NamedTuple):
    """Where the most probable component changes, over draws.

    `places` are all boundaries inside the range; `none` is the share of draws without one there,
    `draws` how many draws were looked at.
    """

    places: Array
    none: float
    draws: int


def coclustering(draws: Parameters, values: ArrayLike) -> Array:
    """Probability that two points share a component [N, N], averaged over draws.

    The assignments of a draw are independent given its parameters, so the probability is the
    product of responsibilities summed over components: no assignment has to be drawn, and labels
    do not matter. A point is with itself for certain, and the noise is no component to share.

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    values : [N, D].
    """
    x = np.asarray(values, dtype=np.float64)
    N, K = len(x), draws.weights.shape[-1]
    total = np.zeros((N, N))
    for part in _parts(draws, N):
        p = e_step(part, x)[1][:, :K].reshape(-1, N)
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
    Noise is in every set, and no component.

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
        r = e_step(part, x)[1]
        total += _summed(r, K) if K <= _SUBSETS else _sampled(r, K, rng)
    return np.clip(total[1:] / len(draws), 0.0, 1.0)


def _summed(r: Array, K: int) -> Array:
    """Sum over draws of the probability of j occupied components [K + 1]; r is [M, W, N]."""
    noise = range(K, r.shape[1])
    inside = np.zeros((K + 1, len(r)))
    for size in range(K + 1):
        for subset in combinations(range(K), size):
            with np.errstate(divide="ignore"):
                share = np.log(np.minimum(r[:, [*subset, *noise]].sum(axis=1), 1.0)).sum(axis=1)
            inside[size] += np.exp(share)
    counts = np.zeros((K + 1, len(r)))
    for j in range(K + 1):
        for size in range(j + 1):
            sign = (-1) ** (j - size)
            counts[j] += sign * math.comb(K - size, j - size) * inside[size]
    return counts.sum(axis=1)


def _sampled(r: Array, K: int, rng: np.random.Generator) -> Array:
    """Count the occupied components of one assignment of each draw [K + 1]; r is [M, W, N]."""
    M, W, N = r.shape
    z = (r.cumsum(axis=1) < rng.random((M, 1, N))).sum(axis=1).clip(max=W - 1)
    used = np.zeros((M, W), dtype=bool)
    used[np.repeat(np.arange(M), N), z.ravel()] = True
    return np.bincount(used[:, :K].sum(axis=1), minlength=K + 1).astype(np.float64)


def boundary_draws(draws: Parameters, low: float, high: float) -> Boundaries:
    """Where the most probable component changes between `low` and `high`, over draws.

    Raises
    ------
    ValueError
        When the draws have several columns: the boundary is a surface then.
    """
    by_draw = [boundaries(point) for point in draws]
    inside = [b[(b >= low) & (b <= high)] for b in by_draw]
    none = sum(not b.size for b in inside) / len(inside)
    return Boundaries(np.concatenate(inside), none, len(inside))


def densities(draws: Parameters, grid: ArrayLike, column: int = 0) -> Array:
    """Density of every draw along one column, the others integrated out [M, G].

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    grid : [G], in the units of the column.
    """
    return np.exp(log_density(draws.marginal([column]), grid))


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
    from scipy.cluster.hierarchy import leaves_list

    return leaves_list(_tree(together))


def groups(together: Array) -> list[list[int]]:
    """Points that belong together: on average likelier with their group than apart from it.

    Average linkage of 1 - together, cut at 1/2. A chain of neighbours does not join two groups, as
    it does where one likely pair is enough.
    """
    from scipy.cluster.hierarchy import fcluster

    P = len(together)
    # A pair that is as likely together as apart is apart.
    label = fcluster(_tree(together), 0.5 - 1e-12, "distance") if P > 1 else np.ones(P)
    members: dict[int, list[int]] = {}
    for i in range(P):
        members.setdefault(int(label[i]), []).append(i)
    return list(members.values())


def _tree(together: Array) -> Array:
    """Average linkage of the probabilities that points are apart."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    apart = 1 - (together + together.T) / 2
    np.fill_diagonal(apart, 0.0)
    return linkage(squareform(np.maximum(apart, 0), checks=False), "average")


def _parts(draws: Parameters, N: int) -> Iterator[Parameters]:
    """Cut a sequence of points so that an array [M, K, N] of each part fits into memory."""
    M, K = draws.weights.shape
    step = max(1, _CHUNK // max(1, K * N))
    return (draws[first : first + step] for first in range(0, M, step))
