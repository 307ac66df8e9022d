"""The compiled pass over a block of points: densities, responsibilities and their moments.

A block stays in the processor's first caches, points along the innermost loop, so that the
compiler turns the loops, the exponential included, into vector instructions.
"""

from __future__ import annotations

import math

import numpy as np

from gmm_core.engines.compiling import njit
from gmm_core.engines.intrinsics import bits_of, number_of

# The product of this many sums, each at most 64 (MAX_COMPONENTS), is at most 2**768.
_FACTORS = 128

LOG_2PI = math.log(2 * math.pi)
# An exponent below this is zero in effect. Not -708, where numbers end: what is computed from the
# result would be subnormal, which is a hundred times slower.
_LOWEST = -650.0
_LOG2_E = 1 / math.log(2)
# ln 2 in two pieces (Cody and Waite): the first has zeros at its end, so n * _LN2_HIGH is exact.
_LN2_HIGH = 6.93145751953125e-1
_LN2_LOW = 1.42860682030941723212e-6
# Adding 1.5 * 2**52 rounds to an integer and leaves that integer in the lowest bits.
_SHIFT = 6755399441055744.0

# Sums may be reordered and products fused, which is what makes loops vectors; NaN and infinity
# keep their meaning.
_SUMS = {"reassoc", "contract", "nsz", "arcp"}


@njit(cache=True, nogil=True, fastmath={"contract"})
def _exp(x: float) -> float:
    """Exponential of x <= 0 to 2e-16 relative, free of branches and tables so that it vectorises.

    exp(x) = 2**n exp(r) with |r| <= ln(2) / 2; the Taylor series of degree 13 leaves 4e-18 there.
    """
    y = x if x > _LOWEST else _LOWEST
    shifted = y * _LOG2_E + _SHIFT
    n = shifted - _SHIFT
    r = y - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    # Estrin's scheme: short chains of multiplications keep the units busy.
    r2 = r * r
    r4 = r2 * r2
    r8 = r4 * r4
    p01 = 1.0 + r
    p23 = 1 / 2 + r * (1 / 6)
    p45 = 1 / 24 + r * (1 / 120)
    p67 = 1 / 720 + r * (1 / 5040)
    p89 = 1 / 40320 + r * (1 / 362880)
    p1011 = 1 / 3628800 + r * (1 / 39916800)
    p1213 = 1 / 479001600 + r * (1 / 6227020800)
    low = (p01 + r2 * p23) + r4 * (p45 + r2 * p67)
    high = (p89 + r2 * p1011) + r4 * p1213
    power = number_of((bits_of(shifted) << 52) + 0x3FF0000000000000)
    return (low + r8 * high) * power


@njit(cache=True, nogil=True, fastmath=_SUMS)
def densities_diagonal(x, first, B, k, q, loc0, inverse, height, lp, top):
    """Log of weight times density of component k at a block of points, without correlations.

    `top` [B] keeps the largest of all components so far; locs begin at q[loc0].
    """
    D = x.shape[0]
    loc, inv = q[loc0 + k * D], inverse[k, 0]
    xd = x[0, first : first + B]
    if D == 1 and k > 0:
        for n in range(B):
            z = (xd[n] - loc) * inv
            h = height - 0.5 * (z * z)
            lp[k, n] = h
            top[n] = h if h > top[n] else top[n]
        return
    for n in range(B):
        z = (xd[n] - loc) * inv
        lp[k, n] = height - 0.5 * (z * z)
    for d in range(1, D):
        loc, inv = q[loc0 + k * D + d], inverse[k, d]
        xd = x[d, first : first + B]
        for n in range(B):
            z = (xd[n] - loc) * inv
            lp[k, n] -= 0.5 * (z * z)
    _raise(B, k, lp, top)


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _raise(B, k, lp, top):
    """Keep in `top` the larger of it and the row of component k."""
    if k == 0:
        for n in range(B):
            top[n] = lp[0, n]
    else:
        for n in range(B):
            top[n] = lp[k, n] if lp[k, n] > top[n] else top[n]


@njit(cache=True, nogil=True, fastmath=_SUMS)
def densities_correlated(x, first, B, k, g, q, loc0, inverse, factors, height, lp, top, z):
    """Return the same with correlations; `z[k]` [D, B] becomes the whitened block."""
    D = x.shape[0]
    row = lp[k]
    for n in range(B):
        row[n] = height
    for i in range(D):
        loc, inv = q[loc0 + k * D + i], inverse[k, i]
        xi = x[i, first : first + B]
        zi = z[k, i]
        for n in range(B):
            zi[n] = (xi[n] - loc) * inv
        for j in range(i):
            c = factors[g, i, j]
            zj = z[k, j]
            for n in range(B):
                zi[n] -= c * zj[n]
        c = 1 / factors[g, i, i]
        for n in range(B):
            v = zi[n] * c
            zi[n] = v
            row[n] -= 0.5 * (v * v)
    _raise(B, k, lp, top)


@njit(cache=True, nogil=True, fastmath=_SUMS)
def normalise(K, B, lp, top, total):
    """Make of log densities of a block their share of `top`; return the block's log likelihood.

    `total` becomes what turns shares into responsibilities. The logarithms of sums are taken
    together, as one of their product.
    """
    for n in range(B):
        e = _exp(lp[0, n] - top[n])
        lp[0, n] = e
        total[n] = e
    for k in range(1, K):
        for n in range(B):
            e = _exp(lp[k, n] - top[n])
            lp[k, n] = e
            total[n] += e
    value = 0.0
    for first in range(0, B, _FACTORS):
        product = 1.0
        for n in range(first, min(B, first + _FACTORS)):
            product *= total[n]
            value += top[n]
        value += math.log(product)
    for n in range(B):
        total[n] = 1 / total[n]
    return value


@njit(cache=True, nogil=True, fastmath=_SUMS)
def add_noise(K, B, height, lp, top):
    """Add the noise as the row behind those of the components."""
    for n in range(B):
        lp[K, n] = height
        top[n] = height if height > top[n] else top[n]


@njit(cache=True, nogil=True)
def keep_known(W, B, component, lp, top):
    """Let points of known component have the density of no other; `component` [B], -1 unknown."""
    for n in range(B):
        k_certain = int(component[n])
        if k_certain >= 0:
            for k in range(W):
                if k != k_certain:
                    lp[k, n] = -np.inf
            top[n] = lp[k_certain, n]


@njit(cache=True, nogil=True, fastmath=_SUMS)
def weigh(B, weight, top, total):
    """Multiply what turns shares into responsibilities by the weight of each point.

    Returns what the weights add to the block's log likelihood of points that count once.
    """
    more = 0.0
    for n in range(B):
        more += (weight[n] - 1) * (top[n] - math.log(total[n]))
        total[n] *= weight[n]
    return more


@njit(cache=True, nogil=True, fastmath=_SUMS)
def count_noise(K, B, lp, total, points):
    """Add the block's responsibilities of the noise."""
    count = 0.0
    for n in range(B):
        count += lp[K, n] * total[n]
    points[K] += count


@njit(cache=True, nogil=True, fastmath=_SUMS)
def moments_diagonal(x, first, B, k, q, loc0, inverse, lp, total, points, sums, squares):
    """Add the block's responsibilities and their moments of the scaled data."""
    D = x.shape[0]
    loc, inv = q[loc0 + k * D], inverse[k, 0]
    xd = x[0, first : first + B]
    count, one, two = 0.0, 0.0, 0.0
    for n in range(B):
        z = (xd[n] - loc) * inv
        share = lp[k, n] * total[n]
        lp[k, n] = share
        v = share * z
        count += share
        one += v
        two += v * z
    points[k] += count
    sums[k, 0] += one
    squares[k, 0] += two
    for d in range(1, D):
        loc, inv = q[loc0 + k * D + d], inverse[k, d]
        xd = x[d, first : first + B]
        one, two = 0.0, 0.0
        for n in range(B):
            z = (xd[n] - loc) * inv
            v = lp[k, n] * z
            one += v
            two += v * z
        sums[k, d] += one
        squares[k, d] += two


@njit(cache=True, nogil=True, fastmath=_SUMS)
def moments_correlated(D, B, k, g, lp, total, z, weighted, points, sums, products):
    """Add the block's responsibilities and their first and second moments of the whitened data."""
    count = 0.0
    r = lp[k]
    for n in range(B):
        share = r[n] * total[n]
        r[n] = share
        count += share
    points[k] += count
    for i in range(D):
        one, two = 0.0, 0.0
        zi = z[k, i]
        for n in range(B):
            v = r[n] * zi[n]
            weighted[n] = v
            one += v
            two += v * zi[n]
        sums[k, i] += one
        products[g, i, i] += two
        for j in range(i):
            two = 0.0
            zj = z[k, j]
            for n in range(B):
                two += weighted[n] * zj[n]
            products[g, i, j] += two
