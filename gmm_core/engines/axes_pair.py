"""The compiled pair of families in terms of size, shape and direction: lambda Q A Q'.

The factor of a component is its scale times the triangular factor of Q A Q', whose determinant is
one. Where the axes are the data's there are scales only.
"""

from __future__ import annotations

import math
from math import log, pi

import numpy as np
from numba import carray
from numpy.typing import NDArray

from gmm_core.engines.compiling import njit
from gmm_core.engines.layout import D_, FACTORS, K_, NO_FACTORS, OWN_LAYOUT
from gmm_core.engines.pair import LARGEST_LOG_SCALE, Packed, Pair, first_site, own_numbers
from gmm_core.mixture import Mixture, rotations
from gmm_core.mixture.size_shape_direction import contrasts

Array = NDArray[np.float64]

# The layout has how many sizes, shapes and directions there are: one, or one for each component.
# The numbers have the power of a scale (the prior's, the Jacobian's), mean and precision of its
# logarithm, precision and means [D - 1] of contrasts, the contrasts [D, D - 1], and the powers of
# the cosines of angles.
_SIZES, _SHAPES, _DIRECTIONS = OWN_LAYOUT, OWN_LAYOUT + 1, OWN_LAYOUT + 2


def pack(mixture: Mixture, D: int, jacobian: bool) -> Packed:
    """Pack the priors of scale and shape, and the Jacobian of angles."""
    counts = [mixture.n_components if letter == "V" else 1 for letter in mixture.family.code]
    one = float(jacobian)
    constants, power, scale, shape = [], one, (0.0, 0.0), (np.zeros(D - 1), 0.0)
    scale_prior, shape_prior = mixture.scale_prior(D), mixture.shape_prior(D)
    if scale_prior is not None and shape_prior is not None:
        mean, sd = (float(each) for each in scale_prior)
        power -= 1
        scale = mean, 1 / sd
        constants.append(-counts[0] * (log(sd) + 0.5 * log(2 * pi)))
        spread = float(shape_prior[1])
        shape = np.asarray(shape_prior[0]), 1 / spread
        constants.append(-counts[1] * (D - 1) * (log(spread) + 0.5 * log(2 * pi)))
    if jacobian and mixture.priors.freedom is not None:
        # A prior of covariances is per unit of their size, which is the square of a scale.
        power += 1
        constants.append(counts[0] * log(2))
    angles = np.zeros(0)
    if not mixture.family.diagonal(D):
        angles = one * rotations.powers(D)
        constants.append(-one * counts[2] * rotations.log_volume(D))
    head = np.array([power, *scale, shape[1]])
    numbers = [head, shape[0], contrasts(D).ravel(), angles]
    return Packed(tuple(constants), tuple(counts), np.concatenate(numbers))


def expand(
    value, q, layout, numbers, grad, log_scales, inverse, factors, slopes, products
):  # fmt: skip
    """Expand log scales, and shapes and angles to factors where there are any."""
    K, D = layout[K_], layout[D_]
    G, S, R = layout[_SIZES], layout[_SHAPES], layout[_DIRECTIONS]
    first, at = first_site(layout), own_numbers(layout)
    means, helmert = at + 4, at + 4 + D - 1
    powers = helmert + D * (D - 1)
    shapes = first + G
    angles = shapes + S * (D - 1)
    C = D * (D - 1) // 2
    sound = True
    for g in range(G):
        v = q[first + g]
        u = (v - numbers[at + 1]) * numbers[at + 2]
        value += numbers[at] * v - 0.5 * u * u
        grad[first + g] = numbers[at] - u * numbers[at + 2]
    for p in range(S * (D - 1)):
        u = (q[shapes + p] - numbers[means + p % (D - 1)]) * numbers[at + 3]
        value -= 0.5 * u * u
        grad[shapes + p] = -u * numbers[at + 3]
    correlated = layout[FACTORS] != NO_FACTORS
    for k in range(K):
        size = q[first + (k if G > 1 else 0)]
        shape = shapes + (k if S > 1 else 0) * (D - 1)
        if abs(size) > LARGEST_LOG_SCALE:
            sound = False
        for d in range(D):
            v = 0.0
            for c in range(D - 1):
                v += numbers[helmert + d * (D - 1) + c] * q[shape + c]
            if abs(v) > LARGEST_LOG_SCALE or abs(size + v) > LARGEST_LOG_SCALE:
                sound = False
            if correlated:
                # Kept for a moment where the factor of this component comes.
                factors[k * D * D + d] = v
                v = size
            else:
                v += size
            log_scales[k * D + d] = v
            inverse[k * D + d] = math.exp(-v)
    if not sound:
        return math.nan
    if correlated:
        for p in range(R * C):
            power = numbers[powers + p % C]
            angle = q[angles + p]
            grad[angles + p] = 0.0
            if power != 0.0:
                value += power * math.log(abs(math.cos(angle)))
                grad[angles + p] = -power * math.tan(angle)
        every, free = carray(factors, (K, D, D)), carray(q, (angles + R * C,))
        for k in range(K):
            start = angles + (k if R > 1 else 0) * C
            _factor(free[start : start + C], D, every[k])
            for i in range(D):
                diagonal = every[k, i, i]
                v = log_scales[k * D + i]
                if not diagonal > 0.0 or v + math.log(diagonal) < -LARGEST_LOG_SCALE:
                    sound = False
    return value if sound else math.nan


def pull(
    value, q, layout, numbers, grad, log_scales, inverse, factors, slopes, products
):  # fmt: skip
    """Pull the gradient back to log scales, contrasts of shapes and angles."""
    K, D = layout[K_], layout[D_]
    G, S, R = layout[_SIZES], layout[_SHAPES], layout[_DIRECTIONS]
    first, helmert = first_site(layout), own_numbers(layout) + 4 + D - 1
    shapes = first + G
    angles = shapes + S * (D - 1)
    C = D * (D - 1) // 2
    correlated = layout[FACTORS] != NO_FACTORS
    n_factors = K if correlated else 0
    every = carray(factors, (n_factors, D, D))
    by_factor = carray(products, (n_factors, D, D))
    free, grad_free = carray(q, (angles + R * C,)), carray(grad, (angles + R * C,))
    for k in range(K):
        shape = shapes + (k if S > 1 else 0) * (D - 1)
        if correlated:
            start = angles + (k if R > 1 else 0) * C
            _factor_gradient(
                free[start : start + C], D, every[k], by_factor[k], grad_free[start : start + C]
            )
        for d in range(D):
            slope = slopes[k * D + d]
            grad[first + (k if G > 1 else 0)] += slope
            along = by_factor[k, d, d] if correlated else slope
            for c in range(D - 1):
                grad[shape + c] += numbers[helmert + d * (D - 1) + c] * along
    return value


@njit(cache=True)
def _factor(angles, D, factor):
    """Make of log lengths [D] in the first row the lower triangular factor of Q A Q'."""
    for d in range(D):
        length = math.exp(factor[0, d])
        for i in range(D):
            factor[i, d] = 0.0
        factor[d, d] = length
    # Rotations from the left, the last one first, make Q times the lengths.
    p = D * (D - 1) // 2
    for i in range(D - 2, -1, -1):
        for j in range(D - 1, i, -1):
            p -= 1
            c, s = math.cos(angles[p]), math.sin(angles[p])
            for d in range(D):
                one, other = factor[i, d], factor[j, d]
                factor[i, d] = c * one - s * other
                factor[j, d] = s * one + c * other
    # Rotations from the right make it lower triangular.
    for i in range(D - 1):
        for j in range(i + 1, D):
            length = math.hypot(factor[i, i], factor[i, j])
            if length > 0.0:
                c, s = factor[i, i] / length, factor[i, j] / length
                for d in range(D):
                    one, other = factor[d, i], factor[d, j]
                    factor[d, i] = c * one + s * other
                    factor[d, j] = c * other - s * one
                factor[i, j] = 0.0


@njit(cache=True)
def _factor_gradient(angles, D, factor, by_factor, grad):
    """Carry a gradient by the factor L back: to angles, and on the diagonal to log lengths.

    With S the symmetric matrix whose lower triangle is that of L' times the gradient, the
    derivative by an angle is the antisymmetric part, in its two axes, of L'^-1 S L' turned by the
    rotations before it (Seeger et al. 2017, Auto-differentiating linear algebra, on LQ).
    """
    for j in range(D):
        for i in range(j, D):
            w = 0.0
            for m in range(i, D):
                w += factor[m, i] * by_factor[m, j]
            by_factor[i, j] = w
    for j in range(D):
        for i in range(j):
            by_factor[i, j] = by_factor[j, i]
    for i in range(D):
        for j in range(D - 1, -1, -1):
            w = 0.0
            for m in range(j + 1):
                w += by_factor[i, m] * factor[j, m]
            by_factor[i, j] = w
    for j in range(D):
        for i in range(D - 1, -1, -1):
            w = by_factor[i, j]
            for m in range(i + 1, D):
                w -= factor[m, i] * by_factor[m, j]
            by_factor[i, j] = w / factor[i, i]
    p = 0
    for i in range(D):
        for j in range(i + 1, D):
            grad[p] += by_factor[j, i] - by_factor[i, j]
            c, s = math.cos(angles[p]), math.sin(angles[p])
            for d in range(D):
                one, other = by_factor[i, d], by_factor[j, d]
                by_factor[i, d] = c * one + s * other
                by_factor[j, d] = c * other - s * one
            for d in range(D):
                one, other = by_factor[d, i], by_factor[d, j]
                by_factor[d, i] = c * one + s * other
                by_factor[d, j] = c * other - s * one
            p += 1


PAIR = Pair(pack, expand, pull)
"""The pair of every family in these terms."""
