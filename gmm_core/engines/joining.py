"""A restart that has come close to an optimum that another one has found ends there.

Close is within a hundredth of every component's own size, in all that it has: weight, loc and
factor. Two ends ten times as far from each other are the same optimum to `matching.basins`, and EM
would lead from the one to the other in what is half of a restart's passes, the second half.
"""

from __future__ import annotations

import math

from gmm_core.engines.compiling import njit

NEAR = 0.01
"""How close, as a share of a component's own size."""


@njit(cache=True, nogil=True)
def joined(weights, locs, factors, head_weights, head_locs, head_factors, fixed, order, work):
    """Tell whether a point is close to an optimum.

    Parameters
    ----------
    weights, locs, factors : [K], [K, D] and [K, D, D], the point; `head_*` the optimum. With noise
        its weight comes last.
    fixed : whether component k is the optimum's component k, as with known classes.
    order : [K], filled with the component of the optimum that each component is.
    work : [D], scratch.
    """
    K = len(locs)
    for k in range(K, len(weights)):
        # Of noise that holds nothing the weight is no matter.
        nothing = max(weights[k], head_weights[k]) < 1e-12
        if not nothing and not abs(math.log(weights[k] / head_weights[k])) <= NEAR:
            return False
    for k in range(K):
        neighbour = -1
        for j in range(K):
            if fixed and j != k:
                continue
            taken = False
            for before in range(k):
                taken = taken or order[before] == j
            if not taken and _alike(
                weights[k], locs[k], factors[k],
                head_weights[j], head_locs[j], head_factors[j], work,
            ):  # fmt: skip
                neighbour = j
                break
        if neighbour < 0:
            return False
        order[k] = neighbour
    return True


@njit(cache=True, nogil=True)
def _alike(weight, loc, factor, head_weight, head_loc, head_factor, work):
    """Compare two components in units of the second: with its factor H, H^-1 F is near one."""
    D = len(loc)
    if not abs(math.log(weight / head_weight)) <= NEAR:
        return False
    # Columns of H^-1 (loc - head loc, F - H), each from above: none may be large.
    for j in range(-1, D):
        for i in range(max(j, 0), D):
            s = loc[i] - head_loc[i] if j < 0 else factor[i, j] - head_factor[i, j]
            for m in range(max(j, 0), i):
                s -= head_factor[i, m] * work[m]
            work[i] = s / head_factor[i, i]
            if not abs(work[i]) <= NEAR:
                return False
    return True
