"""The log joint and its gradient, compiled: the same mathematics as the Pyro model, for speed.

One function, `log_joint`, works on one flat vector of unconstrained coordinates: weights (K
logits of a softmax, or K - 1 stick-breaking numbers), locs [K, D], log scales, and where there
are any the D (D - 1) / 2 numbers of each correlation factor, row by row. `problem` packs data
and priors for it.

The data is taken in blocks that stay in the processor's first caches, points along the innermost
loop, so that the compiler turns the loops, the exponential included, into vector instructions.
Memory is the data and a few blocks, whatever N and K.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic as numba_intrinsic
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Positions in `layout`.
K_, D_, CORRELATED, TIED, PER_COLUMN, STICKS, BLOCK = range(7)
# Positions in `numbers`, in front of the per-column ones.
CONSTANT, DIRICHLET, LOG_SCALE, STICK_JACOBIAN, HEAD = range(5)

# The product of this many sums, each at most 64 (MAX_COMPONENTS), is at most 2**768.
_FACTORS = 128

_LOG_2PI = math.log(2 * math.pi)
_LOG_2 = math.log(2)
# An exponent below this is zero in effect. Not -708, where numbers end: what is computed from the
# result would be subnormal, which is a hundred times slower.
_LOWEST = -650.0
# A scale beyond exp(700) or below exp(-700) is about to leave the range of numbers.
_LARGEST_LOG_SCALE = 700.0
_LOG2_E = 1 / math.log(2)
# ln 2 in two pieces (Cody and Waite): the first has zeros at its end, so n * _LN2_HIGH is exact.
_LN2_HIGH = 6.93145751953125e-1
_LN2_LOW = 1.42860682030941723212e-6
# Adding 1.5 * 2**52 rounds to an integer and leaves that integer in the lowest bits.
_SHIFT = 6755399441055744.0

# Sums may be reordered and products fused, which is what makes loops vectors; NaN and infinity
# keep their meaning.
_SUMS = {"reassoc", "contract", "nsz", "arcp"}


# A type checker takes an intrinsic for the function that generates it, with one argument more.
_intrinsic: Any = numba_intrinsic


@_intrinsic
def _bits(typingctx: Any, number: Any) -> Any:
    """Bits of a float64 as int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), generate


@_intrinsic
def _number(typingctx: Any, bits: Any) -> Any:
    """Float64 of the bits in an int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@_intrinsic
def bare(typingctx: Any, array: Any) -> Any:
    """Return the same array without a count of its users.

    numba counts an array's users at every call and slice, which takes longer than a small
    problem's arithmetic. Whoever calls this has to hold the array itself.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        view.meminfo = ir.Constant(view.meminfo.type, None)
        view.parent = ir.Constant(view.parent.type, None)
        return view._getvalue()

    return array(array), generate


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
    power = _number((_bits(shifted) << 52) + 0x3FF0000000000000)
    return (low + r8 * high) * power


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _densities_diagonal(x, first, B, k, q, loc0, inverse, height, lp, top):
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
def _densities_correlated(x, first, B, k, g, q, loc0, inverse, factors, height, lp, top, z):
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
def _normalise(K, B, lp, top, total):
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
def _moments_diagonal(x, first, B, k, q, loc0, inverse, lp, total, points, sums, squares):
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
def _moments_correlated(D, B, k, g, lp, total, z, weighted, points, sums, products):
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


@njit(cache=True, nogil=True)
def _log_weights(q, K, sticks, log_w):
    """Log weights [K] of their coordinates; stick-breaking leaves log |Jacobian| as the result."""
    if not sticks:
        top = q[0]
        for k in range(1, K):
            top = max(top, q[k])
        total = 0.0
        for k in range(K):
            total += math.exp(q[k] - top)
        shift = top + math.log(total)
        for k in range(K):
            log_w[k] = q[k] - shift
        return 0.0
    rest, jacobian = 0.0, 0.0
    for k in range(K - 1):
        a = q[k] - math.log(K - 1 - k)
        # log z and log (1 - z) of z = sigmoid(a), exact in both tails.
        tail = math.log1p(math.exp(-abs(a)))
        log_z = min(a, 0.0) - tail
        log_rest = min(-a, 0.0) - tail
        log_w[k] = rest + log_z
        jacobian += log_rest + log_w[k]
        rest += log_rest
    log_w[K - 1] = rest
    return jacobian


@njit(cache=True, nogil=True)
def _weights_gradient(q, K, sticks, jacobian, log_w, by_log_w, grad):
    """Carry a gradient by log weights back to their coordinates."""
    if not sticks:
        total = 0.0
        for k in range(K):
            total += by_log_w[k]
        for k in range(K):
            grad[k] = by_log_w[k] - math.exp(log_w[k]) * total
        return
    after = by_log_w[K - 1]
    for k in range(K - 2, -1, -1):
        a = q[k] - math.log(K - 1 - k)
        z = 1 / (1 + math.exp(-a)) if a > 0 else math.exp(a) / (1 + math.exp(a))
        own = by_log_w[k] + jacobian
        grad[k] = own * (1 - z) - z * (after + jacobian)
        after += own


@njit(cache=True, nogil=True)
def _correlation(q, D, factor):
    """Cholesky factor [D, D] of its coordinates, as torch's CorrCholeskyTransform makes it."""
    p = 0
    for i in range(D):
        rest = 0.0
        for j in range(i):
            factor[i, j] = math.tanh(q[p]) * math.exp(rest)
            rest -= _log_cosh(q[p])
            p += 1
        factor[i, i] = math.exp(rest)


@njit(cache=True, nogil=True)
def _log_cosh(x):
    return abs(x) + math.log1p(math.exp(-2 * abs(x))) - _LOG_2


@njit(cache=True, nogil=True)
def _correlation_gradient(q, D, factor, by_factor, power, grad):
    """Carry a gradient by the factor back to its coordinates; return the prior's log density.

    Prior and Jacobian together are a sum of `power` times log cosh, one for each coordinate.
    """
    value = 0.0
    p = D * (D - 1) // 2
    for i in range(D - 1, 0, -1):
        # What an entry takes of the row's length is missing in all entries after it.
        after = by_factor[i, i] * factor[i, i]
        for j in range(i - 1, -1, -1):
            p -= 1
            t = math.tanh(q[p])
            before = factor[i, j] / t if t != 0.0 else _before(q, p, j)
            log_cosh = _log_cosh(q[p])
            value -= power[p] * log_cosh
            sech2 = math.exp(-2 * log_cosh)
            grad[p] = by_factor[i, j] * sech2 * before - t * (after + power[p])
            after += by_factor[i, j] * factor[i, j]
    return value


@njit(cache=True, nogil=True)
def _before(q, p, j):
    """Length of a row that its first j entries leave, where entry j itself is zero."""
    rest = 0.0
    for m in range(p - j, p):
        rest -= _log_cosh(q[m])
    return math.exp(rest)


@njit(cache=True, nogil=True)
def scratch(memory, layout):
    """Cut scratch memory into the arrays that `log_joint_in` works in."""
    work = bare(memory)
    K, D, B = layout[K_], layout[D_], layout[BLOCK]
    G = 0 if layout[CORRELATED] == 0 else (1 if layout[TIED] != 0 else K)
    Z = 0 if layout[CORRELATED] == 0 else K
    at = 0
    log_w = work[at : at + K]
    at += K
    points = work[at : at + K]
    at += K
    heights = work[at : at + K]
    at += K
    inverse = work[at : at + K * D].reshape((K, D))
    at += K * D
    sums = work[at : at + K * D].reshape((K, D))
    at += K * D
    squares = work[at : at + K * D].reshape((K, D))
    at += K * D
    top = work[at : at + B]
    at += B
    total = work[at : at + B]
    at += B
    lp = work[at : at + K * B].reshape((K, B))
    at += K * B
    factors = work[at : at + G * D * D].reshape((G, D, D))
    at += G * D * D
    products = work[at : at + G * D * D].reshape((G, D, D))
    at += G * D * D
    z = work[at : at + Z * D * B].reshape((Z, D, B))
    return log_w, points, heights, inverse, sums, squares, top, total, lp, factors, products, z


@njit(cache=True, nogil=True)
def log_joint(q, x, numbers, layout, work, grad):
    """Log joint and its gradient at one point, in unconstrained coordinates.

    Parameters
    ----------
    q : [P], the point.
    x : [D, N], the data, one column after the other.
    numbers, layout : priors, Jacobian and form, as `Problem` packs them.
    work : scratch of `Problem.work_size` numbers, one for each thread.
    grad : [P], filled with the gradient.

    Returns
    -------
    The log joint; NaN, as the gradient, where a coordinate is not finite or a scale would leave
    the range of numbers.
    """
    return log_joint_in(
        bare(q), bare(x), bare(numbers), bare(layout), bare(grad), *scratch(work, layout)
    )


@njit(cache=True, nogil=True)
def log_joint_in(
    q,
    x,
    numbers,
    layout,
    grad,
    log_w,
    points,
    heights,
    inverse,
    sums,
    squares,
    top,
    total,
    lp,
    factors,
    products,
    z,
):
    """Return the same in scratch that was cut before, as loops over many points want it."""
    K, D, B = layout[K_], layout[D_], layout[BLOCK]
    correlated, tied, sticks = layout[CORRELATED] != 0, layout[TIED] != 0, layout[STICKS] != 0
    S = D if layout[PER_COLUMN] != 0 else 1
    G = 1 if tied else K
    C = D * (D - 1) // 2 if correlated else 0
    N = x.shape[1]

    first_loc = K - 1 if sticks else K
    first_scale = first_loc + K * D
    first_corr = first_scale + G * S
    # Where the priors of each column begin.
    loc_mean, loc_precision = HEAD, HEAD + D
    log_mean, log_precision = HEAD + 2 * D, HEAD + 2 * D + S
    power = HEAD + 2 * D + 2 * S

    check = 0.0
    for p in range(len(q)):
        check += q[p]
        grad[p] = 0.0
    value = numbers[CONSTANT]
    value += numbers[STICK_JACOBIAN] * _log_weights(q, K, sticks, log_w)

    for g in range(G):
        for s in range(S):
            v = q[first_scale + g * S + s]
            if abs(v) > _LARGEST_LOG_SCALE:
                check = np.inf
            inv = math.exp(-v)
            for d in range(s, D if S == 1 else s + 1):
                inverse[g, d] = inv
            u = (v - numbers[log_mean + s]) * numbers[log_precision + s]
            value += numbers[LOG_SCALE] * v - 0.5 * u * u
            grad[first_scale + g * S + s] = numbers[LOG_SCALE] - u * numbers[log_precision + s]
    for k in range(1, K):
        if tied:
            for d in range(D):
                inverse[k, d] = inverse[0, d]
    for k in range(K):
        value += numbers[DIRICHLET] * log_w[k]
        points[k] = 0.0
        for d in range(D):
            p = first_loc + k * D + d
            u = (q[p] - numbers[loc_mean + d]) * numbers[loc_precision + d]
            value -= 0.5 * u * u
            grad[p] = -u * numbers[loc_precision + d]
            sums[k, d] = 0.0
            squares[k, d] = 0.0
    if not math.isfinite(check):
        for p in range(len(q)):
            grad[p] = np.nan
        return np.nan

    if correlated:
        for g in range(G):
            first = first_corr + g * C
            _correlation(q[first : first + C], D, factors[g])
            for i in range(D):
                v = q[first_scale + g * S + i]
                if factors[g, i, i] == 0.0 or v + math.log(factors[g, i, i]) < -_LARGEST_LOG_SCALE:
                    for p in range(len(q)):
                        grad[p] = np.nan
                    return np.nan
                for j in range(D):
                    products[g, i, j] = 0.0

    # log w - sum of log scales - log det of the factor - D / 2 log 2 pi.
    for k in range(K):
        g = 0 if tied else k
        h = log_w[k] - 0.5 * D * _LOG_2PI
        for d in range(D):
            h -= q[first_scale + g * S + (d if S > 1 else 0)]
            if correlated:
                h -= math.log(factors[g, d, d])
        heights[k] = h

    for start in range(0, N, B):
        n = min(B, N - start)
        for k in range(K):
            if correlated:
                g = 0 if tied else k
                _densities_correlated(
                    x, start, n, k, g, q, first_loc, inverse, factors, heights[k], lp, top, z
                )
            else:
                _densities_diagonal(x, start, n, k, q, first_loc, inverse, heights[k], lp, top)
        value += _normalise(K, n, lp, top, total)
        for k in range(K):
            if correlated:
                g = 0 if tied else k
                _moments_correlated(D, n, k, g, lp, total, z, top, points, sums, products)
            else:
                _moments_diagonal(
                    x, start, n, k, q, first_loc, inverse, lp, total, points, sums, squares
                )

    # From moments to the gradient.
    for k in range(K):
        g = 0 if tied else k
        if correlated:
            # Solve factor^T w = sums, in place.
            for i in range(D - 1, -1, -1):
                w = sums[k, i]
                for m in range(i + 1, D):
                    w -= factors[g, m, i] * sums[k, m]
                sums[k, i] = w / factors[g, i, i]
        for d in range(D):
            grad[first_loc + k * D + d] += sums[k, d] * inverse[k, d]
            if not correlated:
                s = d if S > 1 else 0
                grad[first_scale + g * S + s] += squares[k, d] - points[k]
    if correlated:
        for g in range(G):
            count = points[g]
            if tied:
                count = float(N)
            A, F = products[g], factors[g]
            for j in range(D):
                for i in range(D - 1, j - 1, -1):
                    w = A[i, j]
                    for m in range(i + 1, D):
                        w -= F[m, i] * A[m, j]
                    A[i, j] = w / F[i, i]
            for i in range(D):
                A[i, i] -= count / F[i, i]
                slope = 0.0
                for j in range(i + 1):
                    slope += A[i, j] * F[i, j]
                grad[first_scale + g * S + (i if S > 1 else 0)] += slope
            first = first_corr + g * C
            value += _correlation_gradient(
                q[first : first + C], D, F, A, numbers[power:], grad[first : first + C]
            )
    for k in range(K):
        points[k] += numbers[DIRICHLET]
    _weights_gradient(q, K, sticks, numbers[STICK_JACOBIAN], log_w, points, grad)
    return value
