"""Points that lie far from all others: mistakes in a table, or what no mixture explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FAR = 3.0
"""How far the nearest others are from a point that lies alone, in the middle half's width."""

_CANDIDATES = 100
_MOST_NEIGHBOURS = 20


def isolated(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Find the points that lie far from all but a few others.

    A point lies alone when fewer than 2 (D + 1) points, too few to hold a component, are within
    `FAR` of it. The distance is the root mean square over the columns, each in units of its
    interquartile range, which a few such points do not widen.

    Parameters
    ----------
    values : [N, D], finite.

    Returns
    -------
    [M] rows, ascending. Of many, the hundred farthest out are looked at.
    """
    from scipy.spatial import KDTree

    N, D = values.shape
    neighbours = min(2 * (D + 1) - 1, _MOST_NEIGHBOURS, N // 10)
    if neighbours < 1:
        return np.array([], dtype=np.intp)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    # A column whose middle half is one value has no unit, and takes no part.
    units = np.where(high > low, high - low, np.inf)
    z = (values - middle) / units
    size = np.abs(z).max(axis=1)
    outside = np.flatnonzero(size > FAR - 1)
    candidates = np.sort(outside[np.argsort(-size[outside], kind="stable")[:_CANDIDATES]])
    if not len(candidates):
        return candidates
    # The point itself is the nearest of all.
    distances, _ = KDTree(z).query(z[candidates], k=neighbours + 1)
    return candidates[distances[:, -1] > FAR * np.sqrt(D)]
