"""SQUAREM, compiled: many restarts of EM in step, each extrapolated and never going down.

A cycle of a restart is two steps of EM, from a point over a second to a third, then a leap along
the parabola through the three, and a step of EM from where it lands (Varadhan and Roland 2008,
scheme S3). What the leap has gained is known when the data has been passed over there: if it has
lost, the restart goes back to the third point, which plain EM would have reached, and leaps
shorter the next time. So the objective never goes down.

Changes are measured, and leaps made, in units of each component itself: locs and factors seen
from the factor at the cycle's first point, weights in their logarithm, all in proportion to the
component's weight. This is the metric in which the objective is round near its top, and no change
of the data's units touches it.

A restart's phase says where its current point stands in the cycle: FIRST, SECOND, or LANDED after
a leap.
"""

from __future__ import annotations

import math

import numpy as np

from gmm_core.engines.compiling import njit
from gmm_core.engines.joining import NEAR, joined

FIRST, SECOND, LANDED = range(3)

# The leap at first at most so many times EM's own stretch, and as often longer when it is reached
# and shorter when it has lost: Varadhan and Roland's constants.
STRETCH = 4.0
# What passes for rounding of the objective, relative to it.
ROUNDING = 1e-10
# And what a step has to gain, relative to it: where components are narrow, whitened data has lost
# digits, and the last of a step are noise.
_FLAT = 1e-11
# A weight of exp(-650) is about to leave the range of numbers; see `adam`.
_LOWEST_LOG_WEIGHT = -650.0
# A component without weight is lost. Noise without any is not: data has no need of it, and its
# weight ends here.
NOISE_FLOOR = 1e-250


@njit(cache=True, nogil=True)
def factorise(covariances, factors):
    """Fill in the Cholesky factors [K, D, D] of covariances; return whether all have one."""
    K, D = covariances.shape[0], covariances.shape[1]
    for k in range(K):
        for i in range(D):
            for j in range(i + 1):
                s = covariances[k, i, j]
                for m in range(j):
                    s -= factors[k, i, m] * factors[k, j, m]
                if i > j:
                    factors[k, i, j] = s / factors[k, j, j]
                elif s > 0.0 and math.isfinite(s):
                    factors[k, i, i] = math.sqrt(s)
                else:
                    return False
            for j in range(i + 1, D):
                factors[k, i, j] = 0.0
    return True


@njit(cache=True, nogil=True)
def _relative(base, weights, locs, factors, base_locs, out):
    """Write a point as seen from `base`'s factors [K, D, D]: log weights, whitened locs, factors.

    The factor F of a component becomes base^-1 F, with the logarithm of its diagonal. The log
    weight of the noise comes last.
    """
    K, D = locs.shape
    at = 0
    for k in range(K):
        out[at] = math.log(weights[k])
        at += 1
        for i in range(D):
            s = locs[k, i] - base_locs[k, i]
            for m in range(i):
                s -= base[k, i, m] * out[at + m]
            out[at + i] = s / base[k, i, i]
        at += D
        for j in range(D):
            # Column j of base^-1 F, by forward substitution.
            for i in range(j, D):
                s = factors[k, i, j]
                for m in range(j, i):
                    s -= base[k, i, m] * out[at + m - j]
                out[at + i - j] = s / base[k, i, i]
            at += D - j
    for k in range(K, len(weights)):
        out[at] = math.log(weights[k])
    # The diagonals' logarithms, after the columns have been solved with the numbers themselves.
    at = 0
    for _ in range(K):
        at += 1 + D
        for j in range(D):
            out[at] = math.log(out[at])
            at += D - j


@njit(cache=True, nogil=True)
def _back(base, base_locs, seen, weights, locs, factors):
    """Turn what `_relative` wrote into a point again; return whether it is one."""
    K, D = base_locs.shape
    at = 0
    top = -math.inf
    total = 0.0
    width = 1 + D + D * (D + 1) // 2
    for k in range(len(weights)):
        top = max(top, seen[k * width])
    for k in range(len(weights)):
        weights[k] = math.exp(max(seen[k * width] - top, _LOWEST_LOG_WEIGHT))
        total += weights[k]
    for k in range(K, len(weights)):
        weights[k] = max(weights[k], NOISE_FLOOR)
    for k in range(len(weights)):
        weights[k] /= total
    for k in range(K):
        at += 1
        for i in range(D):
            s = base_locs[k, i]
            for m in range(i + 1):
                s += base[k, i, m] * seen[at + m]
            locs[k, i] = s
            if not math.isfinite(s):
                return False
        at += D
        for j in range(D):
            diagonal = math.exp(seen[at])
            for i in range(j):
                factors[k, i, j] = 0.0
            for i in range(j, D):
                s = base[k, i, j] * diagonal
                for m in range(j + 1, i + 1):
                    s += base[k, i, m] * seen[at + m - j]
                factors[k, i, j] = s
                if not math.isfinite(s):
                    return False
            if not factors[k, j, j] > 0.0:
                return False
            at += D - j
    return True


@njit(cache=True, nogil=True)
def _thin(weights, factors, limit):
    """Whether a component has lost its weight, or an axis its width."""
    K, D = factors.shape[0], factors.shape[1]
    for k in range(K):
        if not weights[k] > 1e-280:
            return True
        for d in range(D):
            if not factors[k, d, d] > limit[d]:
                return True
    return len(weights) > K and not weights[K] > 0.0


@njit(cache=True, nogil=True)
def advance(
    first, last, rows, limit, tolerance, flat_tolerance, value,
    next_weights, next_locs, covariances, weights, locs, factors, zero, plain,
    stretch, phase, can_return, best, made, steps, settled, collapsed, stuck, loss,
    frame_of, frames, heads, total, fixed, head_of, order,
):  # fmt: skip
    """Take restarts `rows[first:last]` on, from the M-step at their current points.

    Parameters
    ----------
    limit : [D], the thinnest width of an axis.
    tolerance : the size of a step of EM, per point of the data, at which a restart has settled;
        `flat_tolerance` where the objective no longer rises but for rounding.
    value : [R], the objective at the current points.
    next_weights, next_locs, covariances : [R, W], [R, K, D], [R, K, D, D], where the M-step leads;
        W is K, or with noise K + 1.
    weights, locs, factors : the current points, moved in place.
    zero, plain : [R, width], a point by its weights, locs and factors side by side:
        the first of the cycle, and what to go back to after a leap that has lost.
    stretch : [R], the longest leap.
    phase, can_return : [R], where in the cycle, and whether `plain` stands.
    best : [R], the largest objective of a restart so far.
    made, steps : [R] how many points each has recorded, and the most that it may.
    settled, collapsed, stuck : [R], how a restart has ended; stuck when no step goes up.
    loss : [R, T], minus the objective at each recorded point.
    frame_of, frames : [T + 1] and [R, M, width]: which points are kept, and these.
    heads : [H], restarts that have settled: who comes close to one of them ends there.
    total, fixed : how many points the data counts as, and whether components keep their numbers.
    head_of, order : [R] and [R, K], the head that a restart has joined or -1, and which component
        of it each one is.
    """
    K, D = locs.shape[1], locs.shape[2]
    W, width = weights.shape[1], 1 + D + D * (D + 1) // 2
    one, two = np.empty(K * width + W - K), np.empty(K * width + W - K)
    new, work = np.empty((K, D, D)), np.empty(D)
    # What an optimum is above a point that is close to it, at the very most.
    reach = total * NEAR * NEAR * K * width
    for place in range(first, last):
        r = rows[place]
        now_w, now_l, now_f = weights[r], locs[r], factors[r]
        objective, gain = value[r], math.inf
        if phase[r] != LANDED:
            fell = not objective >= best[r] - ROUNDING * abs(best[r])
            if fell and can_return[r]:
                _take(plain[r], now_w, now_l, now_f)
                can_return[r], phase[r] = False, FIRST
                stretch[r] = max(1.0, stretch[r] / STRETCH)
                continue
            if fell:
                # A step that is no exact maximum went down: what it came from is where it ends, or
                # after two that went down together the first of their cycle.
                stuck[r] = True
                if phase[r] == FIRST and made[r] > 1:
                    made[r] -= 1
                    loss[r, made[r]] = math.nan
                    _take(zero[r], now_w, now_l, now_f)
                else:
                    _take(plain[r], now_w, now_l, now_f)
                continue
            gain = objective - best[r]
            best[r] = max(best[r], objective)
            loss[r, made[r]] = -objective
            if frames.shape[1] > 0 and frame_of[made[r]] >= 0:
                _keep(now_w, now_l, now_f, frames[r, frame_of[made[r]]])
            made[r] += 1
        sound = math.isfinite(objective) and factorise(covariances[r], new)
        if sound:
            sound = not _thin(next_weights[r], new, limit)
            for k in range(K):
                for d in range(D):
                    sound = sound and math.isfinite(next_locs[r, k, d])
        if not sound:
            if phase[r] == LANDED:
                _take(plain[r], now_w, now_l, now_f)
                can_return[r], phase[r] = False, FIRST
                stretch[r] = max(1.0, stretch[r] / STRETCH)
            else:
                collapsed[r] = True
            continue
        if phase[r] == LANDED:
            now_w[:], now_l[:], now_f[:] = next_weights[r], next_locs[r], new
            phase[r] = FIRST
            continue
        if made[r] < steps:
            for h in heads:
                top = -loss[h, made[h] - 1]
                if not -ROUNDING * abs(top) <= top - objective <= reach:
                    continue
                if joined(
                    now_w, now_l, now_f, weights[h], locs[h], factors[h], fixed, order[r], work
                ):
                    now_w[K:] = weights[h, K:]
                    for k in range(K):
                        j = order[r, k]
                        now_w[k], now_l[k], now_f[k] = weights[h, j], locs[h, j], factors[h, j]
                    loss[r, made[r]] = loss[h, made[h] - 1]
                    made[r] += 1
                    head_of[r], settled[r] = h, True
                    break
            if settled[r]:
                continue
        if phase[r] == FIRST:
            _keep(now_w, now_l, now_f, zero[r])
        from_w, from_l, from_f = _parts(zero[r], W, K, D)
        # Only after the second step is the first measured again, beside it.
        _relative(now_f, next_weights[r], next_locs[r], new, now_l, one)
        size = _size(one, now_w, K, D, width)
        if size <= tolerance or (size <= flat_tolerance and gain <= _FLAT * abs(objective)):
            settled[r] = True
        if settled[r] or made[r] >= steps:
            continue
        if phase[r] == FIRST:
            # What to come back to when even this plain step goes down: this very point.
            _keep(now_w, now_l, now_f, plain[r])
            can_return[r] = False
            now_w[:], now_l[:], now_f[:] = next_weights[r], next_locs[r], new
            phase[r] = SECOND
            continue
        _relative(from_f, now_w, now_l, now_f, from_l, one)
        _relative(from_f, next_weights[r], next_locs[r], new, from_l, two)
        r2, v2 = 0.0, 0.0
        for k in range(W):
            for p in range(width if k < K else 1):
                i = k * width + p
                start = math.log(from_w[k]) if p == 0 else 0.0
                step = one[i] - start
                bend = two[i] - one[i] - step
                r2 += from_w[k] * step * step
                v2 += from_w[k] * bend * bend
        length = math.sqrt(r2 / v2) if v2 > 0.0 else 1.0
        longest = stretch[r]
        if not length < longest:
            length = longest
            stretch[r] *= STRETCH
        length = max(length, 1.0)
        _keep(next_weights[r], next_locs[r], new, plain[r])
        can_return[r] = True
        if length > 1.0:
            for k in range(W):
                for p in range(width if k < K else 1):
                    i = k * width + p
                    start = math.log(from_w[k]) if p == 0 else 0.0
                    step = one[i] - start
                    bend = two[i] - one[i] - step
                    two[i] = start + 2 * length * step + length * length * bend
            if _back(from_f, from_l, two, now_w, now_l, now_f) and not _thin(now_w, now_f, limit):
                phase[r] = LANDED
                continue
            stretch[r] = max(1.0, longest / STRETCH)
        now_w[:], now_l[:], now_f[:] = next_weights[r], next_locs[r], new
        phase[r] = FIRST


@njit(cache=True, nogil=True)
def _size(seen, weights, K, D, width):
    """Largest change of a component, or the noise, as seen from itself, times its weight."""
    largest = 0.0
    for k in range(len(weights)):
        largest = max(largest, weights[k] * abs(seen[k * width] - math.log(weights[k])))
    for k in range(K):
        for p in range(1, width):
            largest = max(largest, weights[k] * abs(seen[k * width + p]))
    return largest


@njit(cache=True, nogil=True)
def _keep(weights, locs, factors, into):
    (K, D), W = locs.shape, len(weights)
    into[:W] = weights
    for k in range(K):
        for i in range(D):
            into[W + k * D + i] = locs[k, i]
            at = W + K * D + (k * D + i) * D
            for j in range(D):
                into[at + j] = factors[k, i, j]


@njit(cache=True, nogil=True)
def _parts(packed, W, K, D):
    return (
        packed[:W],
        packed[W : W + K * D].reshape((K, D)),
        packed[W + K * D :].reshape((K, D, D)),
    )


@njit(cache=True, nogil=True)
def _take(packed, weights, locs, factors):
    (K, D), W = locs.shape, len(weights)
    weights[:] = packed[:W]
    for k in range(K):
        for i in range(D):
            locs[k, i] = packed[W + k * D + i]
            at = W + K * D + (k * D + i) * D
            for j in range(D):
                factors[k, i, j] = packed[at + j]
