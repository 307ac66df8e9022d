"""Adam on the compiled kernel: many steps of many restarts in one call, step by step as torch's."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gmm_core.engines.compiling import njit
from gmm_core.engines.intrinsics import bare
from gmm_core.engines.kernel import log_joint_in
from gmm_core.engines.layout import D_, FACTORS, K_, NO_FACTORS, ONE_FACTOR, scratch
from gmm_core.engines.problem import Problem

Array = NDArray[np.float64]

# torch.optim.Adam's own.
_EPSILON = 1e-8
# A weight of exp(-650) is about to leave the range of numbers, and a thinnest axis of a billionth
# of the data's spread has left every doubt: the restart has collapsed and goes no further.
_LOWEST_LOG_WEIGHT = -650.0
_LOWEST_SPREAD = 1e-9
# Looking for that costs a little, so it is done every so many steps.
_LOOK_EVERY = 8


def rates(steps: int, learning_rate: float, betas: tuple[float, float]) -> Array:
    """Step size and root of the second bias correction of each step, [2, T]."""
    t = range(1, steps + 1)
    return np.array(
        [
            [learning_rate / (1 - betas[0] ** i) for i in t],
            [(1 - betas[1] ** i) ** 0.5 for i in t],
        ]
    )


def limits(problem: Problem) -> Array:
    """Log of the thinnest spread along each column [D] at which a restart is stopped."""
    return np.log(problem.spread * _LOWEST_SPREAD)


@njit(cache=True, nogil=True)
def evaluate(first, last, q, x, numbers, layout, work, value, gradient):
    """Log joint [R] and its gradient [R, P] of the restarts from `first` to `last`."""
    cut = scratch(work, layout)
    points, slopes, x_ = bare(q), bare(gradient), bare(x)
    numbers_, layout_ = bare(numbers), bare(layout)
    for r in range(first, last):
        value[r] = log_joint_in(points[r], x_, numbers_, layout_, slopes[r], *cut)


@njit(cache=True, nogil=True)
def _has_collapsed(layout, limit, log_w, log_scales, factors):
    """Whether a weight or an axis is so small that there is no way back.

    All is read from the scratch that the last evaluation has filled.
    """
    K, D = layout[K_], layout[D_]
    top = log_w[0]
    for k in range(1, K):
        top = max(top, log_w[k])
    for k in range(K):
        if log_w[k] - top < _LOWEST_LOG_WEIGHT:
            return True
        for d in range(D):
            height = log_scales[k, d]
            if layout[FACTORS] != NO_FACTORS:
                height += math.log(factors[0 if layout[FACTORS] == ONE_FACTOR else k, d, d])
            if height < limit[d]:
                return True
    return False


@njit(cache=True, nogil=True)
def train(
    first,
    last,
    begin,
    end,
    rate,
    beta1,
    beta2,
    limit,
    x,
    numbers,
    layout,
    bounds,
    frame_of,
    q,
    before,
    mean,
    square,
    ended,
    broken,
    loss,
    norms,
    frames,
    work,
    gradient,
):
    """Make the steps from `begin` to `end` of the restarts from `first` to `last`, in place.

    Parameters
    ----------
    rate : [2, T], see `rates`.
    limit : [D], see `limits`.
    bounds : [S + 1], where the coordinates of each site begin and end.
    frame_of : [T], the frame that keeps the point before a step, or -1.
    q, before : [R, P], the point, and the one before it.
    mean, square : [R, P], Adam's running moments.
    ended : [R], the step where a restart ended early, else -1; `broken` [R] when that was because
        its loss was not finite, in which case `q` is taken back to the last sound point.
    loss, norms : [R, T] and [S, R, T], the record.
    frames : [R, M, P], or with M = 0 to keep none.
    work, gradient : scratch.
    """
    P = q.shape[1]
    cut = scratch(work, layout)
    log_w, log_scales, factors = cut[0], cut[3], cut[10]
    points, slope, x_ = bare(q), bare(gradient), bare(x)
    numbers_, layout_ = bare(numbers), bare(layout)
    for r in range(first, last):
        if ended[r] >= 0:
            continue
        point = points[r]
        for t in range(begin, end):
            if frames.shape[1] > 0 and frame_of[t] >= 0:
                for p in range(P):
                    frames[r, frame_of[t], p] = point[p]
            value = -log_joint_in(point, x_, numbers_, layout_, slope, *cut)
            loss[r, t] = value
            if not math.isfinite(value):
                ended[r] = max(t - 1, 0)
                broken[r] = True
                for p in range(P):
                    point[p] = before[r, p]
                break
            for s in range(len(bounds) - 1):
                total = 0.0
                for p in range(bounds[s], bounds[s + 1]):
                    total += gradient[p] * gradient[p]
                norms[s, r, t] = math.sqrt(total)
            if t % _LOOK_EVERY == 0 and _has_collapsed(layout_, limit, log_w, log_scales, factors):
                ended[r] = t
                break
            size, root = rate[0, t], rate[1, t]
            for p in range(P):
                g = -gradient[p]
                # torch.lerp takes the nearer end.
                w = 1 - beta1
                m = mean[r, p]
                m = m + w * (g - m) if w < 0.5 else g - (g - m) * (1 - w)
                v = square[r, p] * beta2 + (1 - beta2) * g * g
                mean[r, p], square[r, p] = m, v
                before[r, p] = point[p]
                point[p] -= size * (m / (math.sqrt(v) / root + _EPSILON))
