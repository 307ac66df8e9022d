"""The log joint and its gradient, compiled: the same mathematics as the Pyro model, for speed.

One function, `log_joint`, works on one flat vector of unconstrained coordinates: weights (K
logits of a softmax, or K - 1 stick-breaking numbers), locs [K, D], and those of the covariances,
which only their family knows (`families`): before the pass over the data it expands them to
factors, and after it pulls the gradient by factors back to them. `problem` packs data and priors.

Weights, known components, noise and missing values enter in the pass over the data and nowhere
else: a point's weight multiplies its log density and its responsibilities; where its component is
known, the densities of all others are zero; noise is one more density, the same everywhere; and
points with values missing are taken by the columns that they have (`missing`).

The data is taken in blocks that stay in the processor's first caches, points along the innermost
loop, so that the compiler turns the loops, the exponential included, into vector instructions.
Memory is the data and a few blocks, whatever N and K.
"""

from __future__ import annotations

import math

import numpy as np

from gmm_core.engines.block import (
    LOG_2PI,
    add_noise,
    count_noise,
    densities_correlated,
    densities_diagonal,
    keep_known,
    moments_correlated,
    moments_diagonal,
    normalise,
    weigh,
)
from gmm_core.engines.compiling import njit
from gmm_core.engines.conjugate import add_believed
from gmm_core.engines.intrinsics import bare, call_pair
from gmm_core.engines.layout import (
    BELIEVED,
    BLOCK,
    COMPONENT_ROW,
    CONSTANT,
    D_,
    DIRICHLET,
    EXPAND,
    FACTORS,
    HEAD,
    K_,
    NO_FACTORS,
    OWN_FACTORS,
    PATTERN_ROW,
    PULL,
    STICK_JACOBIAN,
    STICKS,
    WEIGHT_ROW,
    WEIGHTS,
    scratch,
)
from gmm_core.engines.missing import columns_of, marginal_factor, pull_covariance, pull_moments
from gmm_core.engines.weights import log_weights, weights_gradient


@njit(cache=True, nogil=True)
def log_joint(q, x, numbers, layout, work, grad):
    """Log joint and its gradient at one point, in unconstrained coordinates.

    Parameters
    ----------
    q : [P], the point.
    x : [D + E, N], the data, one column after the other, and behind them the rows that the layout
        names: weights, known components, and how many points from each on have the same columns.
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
    log_scales,
    inverse,
    sums,
    squares,
    top,
    total,
    lp,
    factors,
    products,
    z,
    some,
    counted,
    some_locs,
    some_sums,
    by_loc,
    ones,
    some_factors,
    some_products,
    by_covariance,
    block,
    some_z,
    columns,
):
    """Return the same in scratch that was cut before, as loops over many points want it.

    The factor of component k is diag(exp(log_scales[k])) times the unit or given lower triangular
    `factors[g]`; `inverse` is 1 / exp(log_scales).
    """
    K, D, B = layout[K_], layout[D_], layout[BLOCK]
    correlated, shared = layout[FACTORS] != NO_FACTORS, layout[FACTORS] != OWN_FACTORS
    sticks = layout[STICKS] != 0
    W, N = layout[WEIGHTS], x.shape[1]
    values = x[:D]
    noisy, patterned = W > K, layout[PATTERN_ROW] != 0

    first_loc = W - 1 if sticks else W
    # Where the priors of each column begin.
    loc_mean, loc_precision = HEAD, HEAD + D

    check = 0.0
    for p in range(len(q)):
        check += q[p]
        grad[p] = 0.0
    value = numbers[CONSTANT]
    value += numbers[STICK_JACOBIAN] * log_weights(q, W, sticks, log_w)
    value = call_pair(
        layout[EXPAND], value, q, layout, numbers, grad,
        log_scales, inverse, factors, squares, products,
    )  # fmt: skip
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
    if noisy:
        value += numbers[DIRICHLET] * log_w[K]
        points[K] = 0.0
    if patterned:
        for k in range(K):
            counted[k] = 0.0
            for i in range(D):
                by_loc[k, i], ones[k, i] = 0.0, 1.0
                for j in range(D):
                    by_covariance[k, i, j] = 0.0
    if not math.isfinite(check) or math.isnan(value):
        for p in range(len(q)):
            grad[p] = np.nan
        return np.nan

    # log w - sum of log scales - log det of the factor - D / 2 log 2 pi.
    for k in range(K):
        g = 0 if shared else k
        h = log_w[k] - 0.5 * D * LOG_2PI
        for d in range(D):
            h -= log_scales[k, d]
            if correlated:
                h -= math.log(factors[g, d, d])
                for j in range(D):
                    products[g, d, j] = 0.0
        heights[k] = h

    box = HEAD + 2 * D
    start = 0
    while start < N:
        n = min(B, N - start)
        count = D
        if patterned:
            n = min(n, int(x[layout[PATTERN_ROW], start]))
            count = columns_of(values, start, D, columns)
        if count < D:
            # The block by the columns that it has, as one of its own.
            for a in range(count):
                for m in range(n):
                    block[a, m] = values[int(columns[a]), start + m]
            for k in range(K):
                g = 0 if shared else k
                h = log_w[k] - 0.5 * count * LOG_2PI
                h -= marginal_factor(
                    log_scales, factors, correlated, k, g, columns, count, some_factors
                )
                if math.isnan(h):
                    for p in range(len(q)):
                        grad[p] = np.nan
                    return np.nan
                for a in range(count):
                    some_locs[k * count + a] = q[first_loc + k * D + int(columns[a])]
                densities_correlated(
                    block[:count], 0, n, k, k, some_locs, 0, ones, some_factors, h, lp, top, some_z
                )
        else:
            for k in range(K):
                if correlated:
                    g = 0 if shared else k
                    densities_correlated(
                        values, start, n, k, g, q, first_loc, inverse, factors, heights[k], lp,
                        top, z,
                    )  # fmt: skip
                else:
                    densities_diagonal(
                        values, start, n, k, q, first_loc, inverse, heights[k], lp, top
                    )
        if noisy:
            height = log_w[K]
            for a in range(count):
                height -= numbers[box + (int(columns[a]) if count < D else a)]
            add_noise(K, n, height, lp, top)
        if layout[COMPONENT_ROW] != 0:
            keep_known(W, n, x[layout[COMPONENT_ROW], start : start + n], lp, top)
        value += normalise(W, n, lp, top, total)
        if layout[WEIGHT_ROW] != 0:
            value += weigh(n, x[layout[WEIGHT_ROW], start : start + n], top, total)
        if count < D:
            for k in range(K):
                some[k] = 0.0
                for a in range(count):
                    some_sums[k, a] = 0.0
                    for b in range(count):
                        some_products[k, a, b] = 0.0
                moments_correlated(
                    count, n, k, k, lp, total, some_z, top, some, some_sums, some_products
                )
                pull_moments(
                    k, D, columns, count, some_factors, some, some_sums, some_products, by_loc,
                    by_covariance,
                )  # fmt: skip
                counted[k] += some[k]
        else:
            for k in range(K):
                if correlated:
                    g = 0 if shared else k
                    moments_correlated(D, n, k, g, lp, total, z, top, points, sums, products)
                else:
                    moments_diagonal(
                        values, start, n, k, q, first_loc, inverse, lp, total, points, sums, squares
                    )
        if noisy:
            count_noise(K, n, lp, total, points)
        start += n

    if layout[BELIEVED] != 0:
        value += add_believed(
            K, D, correlated, shared, q, first_loc, log_scales, inverse, factors,
            numbers[layout[BELIEVED] :], sums, squares, products,
        )  # fmt: skip

    # From moments to the gradient by locs, by log scales (left in `squares`) and by factors (left
    # in `products`).
    for k in range(K):
        g = 0 if shared else k
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
                squares[k, d] -= points[k]
    if correlated:
        # What has all columns, which without weights, noise and missing values is everything.
        all_points = float(N)
        if patterned or noisy or layout[WEIGHT_ROW] != 0:
            all_points = 0.0
            for k in range(K):
                all_points += points[k]
        for g in range(len(factors)):
            share = all_points if shared else points[g]
            A, F = products[g], factors[g]
            for j in range(D):
                for i in range(D - 1, j - 1, -1):
                    w = A[i, j]
                    for m in range(i + 1, D):
                        w -= F[m, i] * A[m, j]
                    A[i, j] = w / F[i, i]
            for i in range(D):
                A[i, i] -= share / F[i, i]
    if patterned:
        pull_covariance(
            K, D, shared, correlated, log_scales, factors, by_covariance, squares, products
        )
        for k in range(K):
            points[k] += counted[k]
            for d in range(D):
                grad[first_loc + k * D + d] += by_loc[k, d]
    if correlated:
        for g in range(len(factors)):
            A, F = products[g], factors[g]
            for i in range(D):
                slope = 0.0
                for j in range(i + 1):
                    slope += A[i, j] * F[i, j]
                squares[g, i] = slope
    value = call_pair(
        layout[PULL], value, q, layout, numbers, grad,
        log_scales, inverse, factors, squares, products,
    )  # fmt: skip
    for k in range(W):
        points[k] += numbers[DIRICHLET]
    weights_gradient(q, W, sticks, numbers[STICK_JACOBIAN], log_w, points, grad)
    return value
