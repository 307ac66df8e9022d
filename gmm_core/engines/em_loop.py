"""EM from end to end, compiled, where the M-step is a sum: no Python between two passes.

That is without priors, in the families whose components share all or nothing (`Family.plain`). On
small data a pass takes a few microseconds, and what is called between two passes more than that.
"""

from __future__ import annotations

from gmm_core.engines.compiling import njit
from gmm_core.engines.moments import moments
from gmm_core.engines.squarem import NOISE_FLOOR, advance
from gmm_core.mixture.family import Family

# What of its scatter a covariance keeps.
BALL, DIAGONAL, FULL = range(3)


def form(family: Family) -> int:
    """Return what of its scatter a covariance of a family keeps."""
    return BALL if family.balls else (DIAGONAL if family.diagonal(2) else FULL)


@njit(cache=True, nogil=True)
def plain_m_step(structure, shared, counts, scatter, weights, covariances):
    """Fill in the weights [W] and covariances [K, D, D] of greatest likelihood.

    Parameters
    ----------
    structure : BALL, DIAGONAL or FULL.
    shared : whether there is one covariance for all.
    counts, scatter : [W] and [K, D, D], as `moments` leaves them.
    """
    K, D, W = scatter.shape[0], scatter.shape[1], len(counts)
    total = 0.0
    for k in range(K):
        total += counts[k]
    whole = total
    for k in range(K, W):
        whole += counts[k]
    for k in range(W):
        weights[k] = counts[k] / whole
        if k >= K:
            weights[k] = max(weights[k], NOISE_FLOOR)
        else:
            covariances[k] = scatter[k]
    if shared:
        for k in range(1, K):
            covariances[0] += scatter[k]
        covariances[0] /= total
    for k in range(K):
        if shared and k > 0:
            covariances[k] = covariances[0]
            continue
        if not shared:
            covariances[k] /= counts[k]
        if structure != FULL:
            trace = 0.0
            for i in range(D):
                trace += covariances[k, i, i]
                for j in range(D):
                    if i != j:
                        covariances[k, i, j] = 0.0
            if structure == BALL:
                for i in range(D):
                    covariances[k, i, i] = trace / D


@njit(cache=True, nogil=True)
def climb(
    first, last, rows, passes, structure, shared, x, numbers, layout, counts, means, scatter,
    limit, tolerance, flat_tolerance, value,
    next_weights, next_locs, covariances, weights, locs, factors, zero, plain,
    stretch, phase, can_return, best, made, steps, settled, collapsed, stuck, loss,
    frame_of, frames, heads, total, fixed, head_of, order,
):  # fmt: skip
    """Take restarts `rows[first:last]` on by so many passes, or until they have ended.

    For the parameters see `moments.moments`, `squarem.advance` and `plain_m_step`.
    """
    for place in range(first, last):
        r = rows[place]
        for _ in range(passes):
            moments(
                place, place + 1, rows, weights, locs, factors, x, numbers, layout,
                value, counts, means, scatter,
            )  # fmt: skip
            plain_m_step(structure, shared, counts[r], scatter[r], next_weights[r], covariances[r])
            next_locs[r] = means[r]
            advance(
                place, place + 1, rows, limit, tolerance, flat_tolerance, value,
                next_weights, next_locs, covariances, weights, locs, factors, zero, plain,
                stretch, phase, can_return, best, made, steps,
                settled, collapsed, stuck, loss, frame_of, frames,
                heads, total, fixed, head_of, order,
            )  # fmt: skip
            if settled[r] or collapsed[r] or stuck[r] or made[r] >= steps:
                break
