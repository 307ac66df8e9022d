"""Components that share one factor, compiled: points are whitened once for all of them.

Seen from the factor L every component is a ball of size one, at L^-1 (loc - centre), and points go
there once instead of once for each component. Their products, too, are summed once: since shares
of a point sum to its weight, those about the locs differ from those about the centre by what the
locs alone say (the law of total covariance).
"""

from __future__ import annotations

from gmm_core.engines.compiling import njit

# Squared distance of a loc from the centre up to which products about the centre are those about
# the locs to ten digits and more; farther, too many are lost between the two.
_FARTHEST = 1e5


@njit(cache=True, nogil=True)
def look_from_centre(weights, locs, factor, centre, apart):
    """Fill in the locs' centre [D] and the locs as seen from there [K, D]; tell if all are near.

    Parameters
    ----------
    weights, locs, factor : [K], [K, D] and [D, D].
    """
    K, D = locs.shape
    for d in range(D):
        centre[d] = 0.0
        for k in range(K):
            centre[d] += weights[k] * locs[k, d]
    near = True
    for k in range(K):
        square = 0.0
        for i in range(D):
            s = locs[k, i] - centre[i]
            for j in range(i):
                s -= factor[i, j] * apart[k, j]
            apart[k, i] = s / factor[i, i]
            square += apart[k, i] * apart[k, i]
        near = near and square <= _FARTHEST
    return near


@njit(cache=True, nogil=True)
def products_about_locs(apart, points, sums, squares, products):
    """Make of the products about the centre [D, D] the sum of those about each loc, in place.

    Parameters
    ----------
    apart : [K, D], the locs seen from the centre.
    points, sums, squares : [K], [K, D] and [K, D], sums of responsibilities, and of what is
        responsible about each loc and its squares. The products' diagonal is the sum of squares.
    """
    K, D = apart.shape
    for i in range(D):
        for j in range(i):
            for k in range(K):
                products[i, j] -= (
                    apart[k, i] * sums[k, j]
                    + sums[k, i] * apart[k, j]
                    + points[k] * apart[k, i] * apart[k, j]
                )
        products[i, i] = 0.0
        for k in range(K):
            products[i, i] += squares[k, i]
