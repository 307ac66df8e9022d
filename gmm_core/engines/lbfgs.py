"""The last stretch of every restart, compiled: L-BFGS on the kernel until the gradient vanishes.

The same as `polish` does for one restart at a time with SciPy, where Python's share of each
iteration is many times the kernel's. Covariances with correlations are taken as seen from the
components themselves (`relative`), where nearly collinear columns are like any other.
"""

from __future__ import annotations

import math

import numpy as np

from gmm_core.engines.adam import _has_collapsed
from gmm_core.engines.compiling import njit
from gmm_core.engines.intrinsics import bare
from gmm_core.engines.kernel import log_joint_in
from gmm_core.engines.layout import D_, FACTORS, K_, ONE_FACTOR, WEIGHTS, scratch
from gmm_core.engines.relative import inward, look_from, outward

# Nocedal and Wright (2006), section 7.2: 20 pairs, Wolfe constants 1e-4 and 0.9.
_PAIRS = 20
_DECREASE, _CURVATURE = 1e-4, 0.9
ITERATIONS = 1000
_LINE_STEPS = 40
# Near an optimum the loss is flat to rounding long before the gradient is zero, so a loss that is
# equal within this share passes when the slope does (Hager and Zhang 2005).
_ROUNDING = 1e-14
# Seen from a base, a factor of one that has changed by as much as its own size is about to be seen
# askew: the point is then the next base.
_FAR = 1.0
# Largest entry of the gradient per point, free of units, at which the search ends.
_SETTLED = 1e-11


@njit(cache=True, nogil=True)
def polish(first, last, live, unit, limit, seen, x, numbers, layout, work, most, q):
    """Move the `live` restarts [R] from `first` to `last` to where the gradient vanishes, in place.

    Parameters
    ----------
    unit : [P], the size of each coordinate: the data's spread for locs, else one.
    limit : [D], see `adam.limits`: a restart that collapses on the way is left where it is.
    seen : whether the coordinates are those of scales and correlations, and the search goes on in
        what is seen from its own components; `unit` is then of no matter.
    most : iterations, `ITERATIONS` where there is no reason for fewer.
    q : [R, P], the points.
    """
    P, K, D, W = q.shape[1], layout[K_], layout[D_], layout[WEIGHTS]
    G = 0 if not seen else (1 if layout[FACTORS] == ONE_FACTOR else K)
    base, factors, centre = np.zeros((G, D, D)), np.zeros((G, D, D)), np.empty((K, D))
    left, by_factor = np.empty(D), np.empty((D, D))
    steps, turns = np.empty((_PAIRS, P)), np.empty((_PAIRS, P))
    weight, share = np.empty(_PAIRS), np.empty(_PAIRS)
    point, slope, trial, trial_slope = np.empty(P), np.empty(P), np.empty(P), np.empty(P)
    way, at, size_of = np.empty(P), np.empty(P), unit.copy()
    cut = scratch(work, layout)
    log_w, log_scales, whole = cut[0], cut[3], cut[10]
    x_, numbers_, layout_ = bare(x), bare(numbers), bare(layout)
    at_, slope_, trial_slope_ = bare(at), bare(slope), bare(trial_slope)
    tolerance = _SETTLED * x.shape[1]
    for r in range(first, last):
        if not live[r]:
            continue
        at[:] = q[r]
        point[:] = at
        far, pairs, loss = True, 0, 0.0
        for _ in range(most):
            if far:
                if seen and not look_from(at, W, base, centre, point, size_of):
                    break
                loss = -log_joint_in(at_, x_, numbers_, layout_, slope_, *cut)
                if seen:
                    outward(point, W, base, centre, factors, at)
                    inward(point, W, base, centre, factors, slope, left, by_factor)
                for p in range(P):
                    slope[p] *= -size_of[p]
                far, pairs = False, 0
            largest = 0.0
            for p in range(P):
                largest = max(largest, abs(slope[p]))
            if not largest > tolerance or _has_collapsed(layout_, limit, log_w, log_scales, whole):
                break
            # The direction by the two loops over the pairs kept.
            way[:] = slope
            for i in range(pairs - 1, max(pairs - _PAIRS, 0) - 1, -1):
                s = i % _PAIRS
                share[s] = weight[s] * np.dot(steps[s], way)
                way -= share[s] * turns[s]
            if pairs > 0:
                s = (pairs - 1) % _PAIRS
                way /= weight[s] * np.dot(turns[s], turns[s])
            elif seen:
                # A step of EM, about.
                way /= x.shape[1]
            for i in range(max(pairs - _PAIRS, 0), pairs):
                s = i % _PAIRS
                way += (share[s] - weight[s] * np.dot(turns[s], way)) * steps[s]
            down = -np.dot(way, slope)
            if not down < 0:
                break
            # A step that satisfies Wolfe's conditions, by doubling and halving.
            size = 1.0
            if seen:
                # No width grows or shrinks by more than e at once: from far off a component that is
                # too narrow would become so wide that it has no slope to come back by.
                for p in range(W + K * D, W + K * D + G * D):
                    size = min(size, 1 / max(abs(way[p] * size_of[p]), 1.0))
            elif pairs == 0:
                size = min(1.0, 1 / math.sqrt(np.dot(slope, slope)))
            short, long = 0.0, np.inf
            accepted = False
            for _ in range(_LINE_STEPS):
                for p in range(P):
                    trial[p] = point[p] - size * way[p] * size_of[p]
                if seen:
                    outward(trial, W, base, centre, factors, at)
                else:
                    at[:] = trial
                value = -log_joint_in(at_, x_, numbers_, layout_, trial_slope_, *cut)
                if seen:
                    inward(trial, W, base, centre, factors, trial_slope, left, by_factor)
                along = 0.0
                for p in range(P):
                    trial_slope[p] *= -size_of[p]
                    along -= trial_slope[p] * way[p]
                flat = value <= loss + _ROUNDING * abs(loss) and along <= -_DECREASE * down
                if not (value <= loss + _DECREASE * size * down or flat):
                    long = size
                elif along < _CURVATURE * down:
                    short = size
                else:
                    accepted = True
                    break
                size = 0.5 * (short + long) if long < np.inf else 2 * short
            if not accepted:
                break
            s = pairs % _PAIRS
            for p in range(P):
                steps[s, p] = -size * way[p]
                turns[s, p] = trial_slope[p] - slope[p]
                point[p] = trial[p]
                slope[p] = trial_slope[p]
                far = far or (seen and p >= W + K * D and abs(point[p]) > _FAR)
            loss = value
            weight[s] = 1 / np.dot(steps[s], turns[s])
            pairs += 1
            q[r] = at
