"""The compiled part of the sampler that weighs modes: densities, and moves between temperatures.

At temperature b a particle has the density reference^(1 - b) posterior^b. It moves by Hamiltonian
Monte Carlo with the masses of the part of the reference that it belongs to, drawn anew before each
move by its responsibilities; that these have to be the same backwards is part of the acceptance.
"""

from __future__ import annotations

import math

import numpy as np

from gmm_core.engines.compiling import njit
from gmm_core.engines.intrinsics import bare
from gmm_core.engines.kernel import log_joint_in
from gmm_core.engines.layout import D_, K_, STICKS, WEIGHTS, scratch
from gmm_core.engines.reference import DEGREES


@njit(cache=True, nogil=True)
def in_one_order(q, layout, direction, pinned):
    """Whether locs of components from `pinned` on ascend along the direction."""
    K, D = layout[K_], layout[D_]
    if math.isnan(direction[0]):
        return True
    at = layout[WEIGHTS] - 1 if layout[STICKS] != 0 else layout[WEIGHTS]
    last = -np.inf
    for k in range(pinned, K):
        along = 0.0
        for d in range(D):
            along += q[at + k * D + d] * direction[d]
        if along < last:
            return False
        last = along
    return True


@njit(cache=True, nogil=True)
def _terms(q, log_prior, locs, inverse, log_heights, terms, z):
    """Log of each part of the reference [J + 1] at a point; the log of their sum is the result."""
    J, P = locs.shape
    top = log_heights[J] + log_prior
    terms[J] = top
    for j in range(J):
        distance = 0.0
        for p in range(P):
            z[p] = q[p] - locs[j, p]
        for p in range(P):
            v = 0.0
            for r in range(p + 1):
                v += inverse[j, p, r] * z[r]
            distance += v * v
        terms[j] = log_heights[j] - 0.5 * (DEGREES + P) * math.log1p(distance / DEGREES)
        top = max(top, terms[j])
    if not math.isfinite(top):
        return top
    total = 0.0
    for j in range(J + 1):
        total += math.exp(terms[j] - top)
    return top + math.log(total)


@njit(cache=True, nogil=True)
def weigh(
    first, last, q, x, numbers, layout, work, gradient, locs, inverse, log_heights, direction,
    pinned, log_joint, log_reference,
):  # fmt: skip
    """Evaluate posterior and reference [n] at the points from `first` to `last`.

    A point in another order, or beyond the range of numbers, has a log joint of -inf.
    """
    J, P = locs.shape
    terms, z = np.empty(J + 1), np.empty(P)
    nothing = np.empty((x.shape[0], 0))
    cut = scratch(work, layout)
    slope, x_, empty_ = bare(gradient), bare(x), bare(nothing)
    numbers_, layout_ = bare(numbers), bare(layout)
    for i in range(first, last):
        log_joint[i], log_reference[i] = -np.inf, 0.0
        if not in_one_order(q[i], layout, direction, pinned):
            continue
        log_prior = log_joint_in(q[i], empty_, numbers_, layout_, slope, *cut)
        value = log_joint_in(q[i], x_, numbers_, layout_, slope, *cut)
        if math.isfinite(value) and math.isfinite(log_prior):
            log_joint[i] = value
            log_reference[i] = _terms(q[i], log_prior, locs, inverse, log_heights, terms, z)


@njit(cache=True, nogil=True)
def _pull(q, part, b, slope, prior_slope, locs, inverse, z, y, pull):
    """Gradient [P] of the log density at temperature b, the reference that of one part alone."""
    J, P = locs.shape
    if part == J:
        for p in range(P):
            pull[p] = b * slope[p] + (1 - b) * prior_slope[p]
        return
    distance = 0.0
    for p in range(P):
        z[p] = q[p] - locs[part, p]
    for p in range(P):
        v = 0.0
        for r in range(p + 1):
            v += inverse[part, p, r] * z[r]
        y[p] = v
        distance += v * v
    share = (1 - b) * (DEGREES + P) / (DEGREES + distance)
    for p in range(P):
        v = 0.0
        for r in range(p, P):
            v += inverse[part, r, p] * y[r]
        pull[p] = b * slope[p] - share * v


@njit(cache=True, nogil=True)
def move(
    first, last, b, steps, sizes, normals, uniforms, q, log_joint, log_reference,
    x, numbers, layout, work, locs, factors, inverse, log_heights, direction, pinned, accepted,
    tried,
):  # fmt: skip
    """Move the particles from `first` to `last` once, in place.

    Parameters
    ----------
    b : temperature, 0 for the reference and 1 for the posterior.
    steps : [n], leapfrog steps of each.
    sizes : [J + 1], length of a step in each part of the reference.
    normals, uniforms : [n, P] and [n, 2], the momenta, and what parts and acceptance are drawn by.
    accepted, tried : [J + 1], summed up: acceptance probabilities, and moves.
    """
    J, P = locs.shape
    terms, z, y = np.empty(J + 1), np.empty(P), np.empty(P)
    point, momentum, pull = np.empty(P), np.empty(P), np.empty(P)
    slope, prior_slope = np.zeros(P), np.zeros(P)
    nothing = np.empty((x.shape[0], 0))
    cut = scratch(work, layout)
    point_, slope_, prior_slope_ = bare(point), bare(slope), bare(prior_slope)
    x_, empty_, numbers_, layout_ = bare(x), bare(nothing), bare(numbers), bare(layout)
    for i in range(first, last):
        for p in range(P):
            point[p] = q[i, p]
            momentum[p] = normals[i, p]
        log_prior = log_joint_in(point_, empty_, numbers_, layout_, prior_slope_, *cut)
        total = _terms(point, log_prior, locs, inverse, log_heights, terms, z)
        part, left = J, uniforms[i, 0]
        for j in range(J):
            left -= math.exp(terms[j] - total)
            if left < 0:
                part = j
                break
        before = b * log_joint[i] + (1 - b) * total + terms[part] - total
        for p in range(P):
            before -= 0.5 * momentum[p] * momentum[p]
        value = log_joint_in(point_, x_, numbers_, layout_, slope_, *cut)
        _pull(point, part, b, slope, prior_slope, locs, inverse, z, y, pull)
        size = sizes[part]
        for _ in range(steps[i]):
            for p in range(P):
                v = 0.0
                for r in range(p, P):
                    v += factors[part, r, p] * pull[r]
                momentum[p] += 0.5 * size * v
            for p in range(P):
                v = 0.0
                for r in range(p + 1):
                    v += factors[part, p, r] * momentum[r]
                point[p] += size * v
            value = log_joint_in(point_, x_, numbers_, layout_, slope_, *cut)
            if not math.isfinite(value):
                break
            if part == J:
                log_joint_in(point_, empty_, numbers_, layout_, prior_slope_, *cut)
            _pull(point, part, b, slope, prior_slope, locs, inverse, z, y, pull)
            for p in range(P):
                v = 0.0
                for r in range(p, P):
                    v += factors[part, r, p] * pull[r]
                momentum[p] += 0.5 * size * v
        tried[part] += 1
        if not math.isfinite(value) or not in_one_order(point, layout, direction, pinned):
            continue
        log_prior = log_joint_in(point_, empty_, numbers_, layout_, prior_slope_, *cut)
        total = _terms(point, log_prior, locs, inverse, log_heights, terms, z)
        after = b * value + (1 - b) * total + terms[part] - total
        for p in range(P):
            after -= 0.5 * momentum[p] * momentum[p]
        if not math.isfinite(after):
            continue
        chance = math.exp(min(0.0, after - before))
        accepted[part] += chance
        if uniforms[i, 1] < chance:
            for p in range(P):
                q[i, p] = point[p]
            log_joint[i], log_reference[i] = value, total
