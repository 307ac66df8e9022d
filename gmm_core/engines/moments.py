"""One pass over the data for EM: what a point says of it, and where it sends the components.

The pass is the kernel's own, block by block, without the way back to coordinates: of many points
at once it gives the log likelihood, and for each component the sum of its responsibilities, how
far the mean of its responsible points lies from its loc, and their scatter about that mean.

A weight multiplies a point's log likelihood and its responsibilities; a known component leaves its
row of `lp` alone before the rows are normalised. Points with values missing are taken by the
columns that they have, and what is missing is expected (`missing.expect_moments`). Noise is a row
of `lp` behind those of the components.
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
from gmm_core.engines.intrinsics import bare
from gmm_core.engines.layout import (
    BLOCK,
    COMPONENT_ROW,
    FACTORS,
    HEAD,
    NO_FACTORS,
    OWN_FACTORS,
    PATTERN_ROW,
    WEIGHT_ROW,
)
from gmm_core.engines.missing import columns_of, expect_moments, marginal_factor, pull_moments
from gmm_core.engines.one_factor import look_from_centre, products_about_locs


@njit(cache=True, nogil=True)
def moments(
    first, last, rows, weights, locs, factors, x, numbers, layout, value, counts, means, scatter
):  # fmt: skip
    """Sum the moments at the points `rows[first:last]`, into the same rows of the results.

    Parameters
    ----------
    rows : which of the R points.
    weights, locs, factors : [R, K], with noise [R, K + 1], [R, K, D] and [R, K, D, D], the points.
    x, numbers, layout : of the `Problem`.
    value : [R], the log likelihood.
    counts : [R, K], with noise [R, K + 1], sums of responsibilities.
    means : [R, K, D], the mean of the responsible points.
    scatter : [R, K, D, D], their scatter about it; where components share one factor the sum over
        all of them, as the first one's, with zeros after it.
    """
    K, D, W = locs.shape[1], locs.shape[2], weights.shape[1]
    N, B = x.shape[1], layout[BLOCK]
    noisy, box = W > K, HEAD + 2 * D
    correlated, shared = layout[FACTORS] != NO_FACTORS, layout[FACTORS] != OWN_FACTORS
    G = 0 if not correlated else (1 if shared else K)
    inverse, heights = np.ones((K, D)), np.empty(K)
    top, total, lp = np.empty(B), np.empty(B), np.empty((W, B))
    z = np.empty((K if correlated else 0, D, B))
    points, sums, squares = np.empty(W), np.empty((K, D)), np.empty((K, D))
    products, half = np.empty((G, D, D)), np.empty((D, D))
    data = bare(x)
    patterned = layout[PATTERN_ROW] != 0
    P = K if patterned else 0
    some, counted, columns = np.empty(P), np.empty(P), np.empty(D)
    some_locs, some_sums, by_loc = np.empty(P * D), np.empty((P, D)), np.empty((P, D))
    ones, no_scales = np.ones((P, D)), np.zeros((P, D))
    some_factors, some_products = np.empty((P, D, D)), np.empty((P, D, D))
    by_covariance = np.empty((P, D, D))
    shift_, apart, about = np.empty(D), np.empty(D), np.empty(D)
    spread, covariance = np.empty((D, D)), np.empty((D, D))
    block, some_z = np.empty((D if P else 0, B)), np.empty((P, D, B))
    some_, some_locs_, some_sums_, ones_ = bare(some), bare(some_locs), bare(some_sums), bare(ones)
    some_factors_, some_products_ = bare(some_factors), bare(some_products)
    block_, some_z_ = bare(block), bare(some_z)
    x_, inverse_, lp_, top_, total_ = data[:D], bare(inverse), bare(lp), bare(top), bare(total)
    component, weight = layout[COMPONENT_ROW], layout[WEIGHT_ROW]
    z_, points_, sums_, squares_ = bare(z), bare(points), bare(sums), bare(squares)
    products_ = bare(products)
    # Where all shares of a point are components', those that share a factor see it in one way.
    whitening = correlated and shared and not patterned and not noisy
    centre, apart_locs = np.empty(D), np.empty((K, D))
    all_shares, once = np.empty((1, B)), np.ones(B)
    centre_, apart_locs_ = bare(centre), bare(apart_locs.reshape(K * D))
    all_points, all_sums = np.zeros(1), np.zeros((1, D))
    all_shares_, once_ = bare(all_shares), bare(once)
    all_points_, all_sums_ = bare(all_points), bare(all_sums)
    for place in range(first, last):
        r = rows[place]
        own = bare(locs[r].reshape(K * D))
        factor = bare(factors[r])
        at_once = whitening and look_from_centre(weights[r], locs[r], factor[0], centre, apart_locs)
        for k in range(K):
            h = math.log(weights[r, k]) - 0.5 * D * LOG_2PI
            points[k] = 0.0
            for d in range(D):
                h -= math.log(factor[k, d, d])
                if not correlated:
                    inverse[k, d] = 1 / factor[k, d, d]
                sums[k, d] = 0.0
                squares[k, d] = 0.0
            heights[k] = h
        if noisy:
            points[K] = 0.0
        products[:] = 0.0
        by_loc[:] = 0.0
        by_covariance[:] = 0.0
        counted[:] = 0.0
        log_likelihood = 0.0
        start = 0
        while start < N:
            n, count = min(B, N - start), D
            if patterned:
                n = min(n, int(data[layout[PATTERN_ROW], start]))
                count = columns_of(x_, start, D, columns)
            if at_once:
                densities_correlated(
                    x_, start, n, 0, 0, centre_, 0, inverse_, factor, 0.0, lp_, top_, z_
                )
            for k in range(K):
                if at_once:
                    densities_diagonal(
                        z_[0], 0, n, k, apart_locs_, 0, inverse_, heights[k], lp_, top_
                    )
                elif count < D:
                    for a in range(count):
                        if k == 0:
                            for m in range(n):
                                block[a, m] = x_[int(columns[a]), start + m]
                        some_locs[k * count + a] = locs[r, k, int(columns[a])]
                    h = math.log(weights[r, k]) - 0.5 * count * LOG_2PI
                    h -= marginal_factor(
                        no_scales, factor, True, k, k, columns, count, some_factors
                    )
                    if math.isnan(h):
                        log_likelihood = math.nan
                    densities_correlated(
                        block_[:count], 0, n, k, k, some_locs_, 0, ones_, some_factors_, h, lp_,
                        top_, some_z_,
                    )  # fmt: skip
                elif correlated:
                    g = 0 if shared else k
                    densities_correlated(
                        x_, start, n, k, g, own, 0, inverse_, factor, heights[k], lp_, top_, z_
                    )
                else:
                    densities_diagonal(x_, start, n, k, own, 0, inverse_, heights[k], lp_, top_)
            if noisy:
                height = math.log(weights[r, K])
                for a in range(count):
                    height -= numbers[box + (int(columns[a]) if count < D else a)]
                add_noise(K, n, height, lp_, top_)
            if component != 0:
                keep_known(W, n, data[component, start : start + n], lp_, top_)
            log_likelihood += normalise(W, n, lp_, top_, total_)
            if weight != 0:
                log_likelihood += weigh(n, data[weight, start : start + n], top_, total_)
            if at_once:
                all_shares[0, :n] = 1.0
                if weight != 0:
                    once[:n] = data[weight, start : start + n]
                moments_correlated(
                    D, n, 0, 0, all_shares_, once_, z_, top_, all_points_, all_sums_, products_
                )
            for k in range(K):
                if at_once:
                    moments_diagonal(
                        z_[0], 0, n, k, apart_locs_, 0, inverse_, lp_, total_, points_, sums_,
                        squares_,
                    )  # fmt: skip
                elif count < D:
                    some[k] = 0.0
                    for a in range(count):
                        some_sums[k, a] = 0.0
                        for b in range(count):
                            some_products[k, a, b] = 0.0
                    moments_correlated(
                        count, n, k, k, lp_, total_, some_z_, top_, some_, some_sums_,
                        some_products_,
                    )  # fmt: skip
                    pull_moments(
                        k, D, columns, count, some_factors, some, some_sums, some_products, by_loc,
                        by_covariance,
                    )  # fmt: skip
                    counted[k] += some[k]
                elif correlated:
                    g = 0 if shared else k
                    moments_correlated(D, n, k, g, lp_, total_, z_, top_, points_, sums_, products_)
                else:
                    moments_diagonal(
                        x_, start, n, k, own, 0, inverse_, lp_, total_, points_, sums_, squares_
                    )
            if noisy:
                count_noise(K, n, lp_, total_, points_)
            start += n
        value[r] = log_likelihood
        if at_once:
            products_about_locs(apart_locs, points, sums, squares, products[0])
        if noisy:
            counts[r, K] = points[K]
        # From whitened moments about the loc to the data's own about the mean.
        for k in range(K):
            counts[r, k] = points[k]
            if patterned and points[k] == 0.0:
                points[k] = 1.0  # of sums of nothing
            for i in range(D):
                shift = 0.0
                if correlated:
                    for j in range(i + 1):
                        shift += factor[k, i, j] * sums[k, j]
                else:
                    shift = factor[k, i, i] * sums[k, i]
                means[r, k, i] = locs[r, k, i] + shift / points[k]
                for j in range(D):
                    scatter[r, k, i, j] = 0.0
            if not correlated:
                for d in range(D):
                    left = squares[k, d] - sums[k, d] * sums[k, d] / points[k]
                    scatter[r, k, d, d] = max(left, 0.0) * factor[k, d, d] * factor[k, d, d]
            else:
                g = 0 if shared else k
                for i in range(D):
                    for j in range(i + 1):
                        products[g, i, j] -= sums[k, i] * sums[k, j] / points[k]
        for g in range(G):
            # L (P L'), with P symmetric and given by its lower triangle.
            for i in range(D):
                for j in range(D):
                    w = 0.0
                    for m in range(j + 1):
                        w += factor[g, j, m] * (products[g, i, m] if m <= i else products[g, m, i])
                    half[i, j] = w
            for i in range(D):
                for j in range(i + 1):
                    w = 0.0
                    for m in range(i + 1):
                        w += factor[g, i, m] * half[m, j]
                    scatter[r, g, i, j] = w
                    scatter[r, g, j, i] = w
        if patterned:
            for k in range(K):
                expect_moments(
                    k, D, factor, counted, by_loc, by_covariance, covariance, half, shift_, spread
                )  # fmt: skip
                whole = counts[r, k] + counted[k]
                at = 0 if correlated and shared else k
                for i in range(D):
                    apart[i] = means[r, k, i] - locs[r, k, i]
                    about[i] = (counts[r, k] * apart[i] + shift_[i]) / whole
                for i in range(D):
                    means[r, k, i] = locs[r, k, i] + about[i]
                    for j in range(D):
                        if correlated or i == j:
                            scatter[r, at, i, j] += (
                                spread[i, j]
                                + counts[r, k] * apart[i] * apart[j]
                                - whole * about[i] * about[j]
                            )
                counts[r, k] = whole
    # A bare array holds no memory: what is used as one only would be freed at its last mention.
    if first > last:
        value[0] = top[0] + total[0] + lp[0, 0] + z[0, 0, 0] + ones[0, 0] + some_z[0, 0, 0]
        value[0] += (
            centre[0]
            + apart_locs[0, 0]
            + all_shares[0, 0]
            + once[0]
            + all_points[0]
            + all_sums[0, 0]
        )
