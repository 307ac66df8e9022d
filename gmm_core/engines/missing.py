"""Points with values missing, in the compiled pass: each is taken by the columns that it has.

A block has points of one pattern. Its densities are those of the components' marginals: with the
covariances L L', the factor of the rows O that are there is the Cholesky factor C of (L L')_OO.
With whitened points z and responsibilities r, the gradient by these covariances is
C'^-1 (sum r z z' - sum r I) C^-1 / 2; it is gathered over all patterns as that by the whole
covariance, and turned into one by factors once, at the end.
"""

from __future__ import annotations

import math

from gmm_core.engines.compiling import njit


@njit(cache=True, nogil=True)
def columns_of(x, first, D, columns):
    """List the columns that the point `first` has, into `columns` [D]; return how many."""
    count = 0
    for d in range(D):
        if not math.isnan(x[d, first]):
            columns[count] = d
            count += 1
    return count


@njit(cache=True, nogil=True)
def marginal_factor(log_scales, factors, correlated, k, g, columns, count, C):
    """Fill in the factor `C[k]` of component k in some columns, and return the log of its det.

    Both are NaN where the covariance is singular there.
    """
    log_det = 0.0
    for a in range(count):
        i = int(columns[a])
        si = math.exp(log_scales[k, i])
        for b in range(a + 1):
            j = int(columns[b])
            s = 0.0
            if correlated:
                for m in range(min(i, j) + 1):
                    s += factors[g, i, m] * factors[g, j, m]
            elif a == b:
                s = 1.0
            s *= si * math.exp(log_scales[k, j])
            for m in range(b):
                s -= C[k, a, m] * C[k, b, m]
            if a > b:
                C[k, a, b] = s / C[k, b, b]
            else:
                C[k, a, a] = math.sqrt(s) if s > 0.0 else math.nan
                log_det += math.log(C[k, a, a])
    return log_det


@njit(cache=True, nogil=True)
def pull_moments(k, D, columns, count, C, points, sums, products, by_loc, by_covariance):
    """Add the gradient by loc and covariance of component k that moments of a block make.

    `points` [K], `sums` [K, D] and `products` [K, D, D] are those of the whitened block in its own
    columns; `by_loc` [K, D] and the lower triangle of `by_covariance` [K, D, D] are added to. The
    arrays of moments are used up.
    """
    # Solve C' w = sums.
    for i in range(count - 1, -1, -1):
        w = sums[k, i]
        for m in range(i + 1, count):
            w -= C[k, m, i] * sums[k, m]
        sums[k, i] = w / C[k, i, i]
        by_loc[k, int(columns[i])] += sums[k, i]
    A = products[k]
    for i in range(count):
        A[i, i] -= points[k]
        for j in range(i):
            A[j, i] = A[i, j]
    # C'^-1 A, then (C'^-1 A) C^-1: the same solve by columns, and by rows.
    for j in range(count):
        for i in range(count - 1, -1, -1):
            w = A[i, j]
            for m in range(i + 1, count):
                w -= C[k, m, i] * A[m, j]
            A[i, j] = w / C[k, i, i]
    for i in range(count):
        for j in range(count - 1, -1, -1):
            w = A[i, j]
            for m in range(j + 1, count):
                w -= C[k, m, j] * A[i, m]
            A[i, j] = w / C[k, j, j]
            by_covariance[k, int(columns[i]), int(columns[j])] += 0.5 * A[i, j]


@njit(cache=True, nogil=True)
def expect_moments(
    k, D, factor, counted, by_loc, by_covariance, covariance, half, shift, spread
):  # fmt: skip
    """Fill in the moments that component k expects of points with values missing.

    By Fisher's identity the gradient of what is seen is that of what is expected of the whole. With
    the covariance C, the sum of distances x - loc is C times the gradient by loc; the sum of their
    products is n C + 2 C G C with the gradient G by the covariance. These are the moments of
    Ghahramani and Jordan (1994), the covariances of what is missing included.

    Parameters
    ----------
    factor : [K, D, D], of the whole covariances.
    counted : [K], responsibilities of the points.
    by_loc, by_covariance : as `pull_moments` leaves them.
    covariance, half : [D, D], to work in.
    shift, spread : [D] and [D, D], filled: the sums of distances, and of their products.
    """
    for i in range(D):
        for j in range(D):
            s = 0.0
            for m in range(min(i, j) + 1):
                s += factor[k, i, m] * factor[k, j, m]
            covariance[i, j] = s
    for i in range(D):
        shift[i] = 0.0
        for j in range(D):
            shift[i] += covariance[i, j] * by_loc[k, j]
            s = 0.0
            for m in range(D):
                s += covariance[i, m] * by_covariance[k, max(m, j), min(m, j)]
            half[i, j] = 2 * s
    for i in range(D):
        for j in range(D):
            s = counted[k] * covariance[i, j]
            for m in range(D):
                s += half[i, m] * covariance[m, j]
            spread[i, j] = s


@njit(cache=True, nogil=True)
def pull_covariance(K, D, shared, correlated, log_scales, factors, by_covariance, slopes, products):
    """Turn the gradient by covariances into one by log scales, and by factors where there are any.

    With a factor L = diag(s) F of a covariance, the gradient by L is 2 G L for the symmetric
    gradient G by the covariance. `products` [G, D, D] is added to; where there are no factors
    `slopes` [K, D] is, which else follows from `products`.
    """
    for k in range(K):
        g = 0 if shared else k
        for i in range(D):
            si = math.exp(log_scales[k, i])
            if not correlated:
                slopes[k, i] += 2 * by_covariance[k, i, i] * si * si
                continue
            for j in range(i + 1):
                w = 0.0
                for m in range(j, D):
                    w += by_covariance[k, i, m] * math.exp(log_scales[k, m]) * factors[g, m, j]
                products[g, i, j] += 2 * w * si
