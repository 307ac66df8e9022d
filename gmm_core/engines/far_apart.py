"""Rows far from each other, compiled: the draws of k-means++ (Arthur and Vassilvitskii 2007)."""

from __future__ import annotations

import math

from gmm_core.engines.compiling import njit


@njit(cache=True, nogil=True)
def far_apart(z, counts, uniform, nearest, rows):
    """Draw rows of `z` [N, D], each by its squared distance to the nearest row drawn before.

    Parameters
    ----------
    counts : [N] or [0], how often each row counts; once where there is none.
    uniform : [K - 1], numbers from 0 to 1, one for each row but the first.
    nearest : [N], scratch.
    rows : [K], filled; the first is given.

    Returns
    -------
    Whether all could be drawn; not where fewer than K rows are apart.
    """
    N, D = z.shape
    for n in range(N):
        nearest[n] = math.inf
    for k in range(1, len(rows)):
        last, total = rows[k - 1], 0.0
        for n in range(N):
            apart = 0.0
            for d in range(D):
                step = z[n, d] - z[last, d]
                apart += step * step
            nearest[n] = min(nearest[n], apart)
            total += nearest[n] * (counts[n] if len(counts) else 1.0)
        if not total > 0:
            return False
        aim, reached = uniform[k - 1] * total, 0.0
        for n in range(N):
            share = nearest[n] * (counts[n] if len(counts) else 1.0)
            reached += share
            if share > 0.0:
                rows[k] = n
                if reached > aim:
                    break
    return True
