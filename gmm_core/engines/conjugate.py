"""The conjugate prior in the compiled pass: moments of points that were believed beforehand.

Locs that are normal about a mean with the covariance over a number are as likely as that mean is,
seen so many times, from each component; and a scale matrix is scatter. So the prior adds to a
component's whitened moments, once the data's are summed, and the way from moments to the gradient
is the data's own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gmm_core.engines.compiling import njit
from gmm_core.mixture import Mixture
from gmm_core.mixture.conjugate import conjugate_prior

Array = NDArray[np.float64]


def pack(mixture: Mixture, D: int) -> tuple[float, Array]:
    """Return the prior's constant, and the numbers that `add_believed` reads: none without it."""
    prior = conjugate_prior(mixture, D)
    if prior is None:
        return 0.0, np.zeros(0)
    constant, seen = 0.0, 0.0
    if prior.shrinkage is not None:
        seen = prior.shrinkage
        constant += 0.5 * mixture.n_components * D * math.log(seen / (2 * math.pi))
    if prior.freedom is not None:
        family = mixture.family
        constant += prior.n_covariances * prior.constant(family.balls, family.diagonal(D))
    root = prior.root if prior.freedom is not None else np.zeros((D, D))
    head = [seen, prior.power, float(prior.n_covariances)]
    return constant, np.concatenate([head, prior.mean, root.ravel()])


@njit(cache=True, nogil=True)
def add_believed(
    K, D, correlated, shared, q, first_loc, log_scales, inverse, factors, believed, sums, squares,
    products,
):  # fmt: skip
    """Add the prior to the moments of whitened data, and return its log density.

    Parameters
    ----------
    q : [P], the point, with locs from `first_loc` on.
    log_scales, inverse, factors, sums, squares, products : as `kernel.log_joint_in` has them.
    believed : the numbers of `pack`.
    """
    seen, power, n_covariances = believed[0], believed[1], int(believed[2])
    mean, root = believed[3 : 3 + D], believed[3 + D : 3 + D + D * D].reshape((D, D))
    v = np.empty(D)
    value = 0.0
    for k in range(K):
        g = 0 if shared else k
        own = power > 0.0 and k < n_covariances
        # How many scales of each axis there are beforehand, in the density's denominator.
        count = (1.0 if seen > 0.0 else 0.0) + (power if own else 0.0)
        for i in range(D):
            log_length = log_scales[k, i]
            if correlated:
                log_length += math.log(factors[g, i, i])
                products[g, i, i] -= count
            else:
                squares[k, i] -= count
            value -= count * log_length
        # The mean first, then each column of the scale matrix's factor.
        for column in range(-1, D if own else 0):
            for i in range(D):
                if column < 0:
                    w = (mean[i] - q[first_loc + k * D + i]) * inverse[k, i]
                else:
                    w = root[i, column] * inverse[k, i]
                if correlated:
                    for j in range(i):
                        w -= factors[g, i, j] * v[j]
                    w /= factors[g, i, i]
                v[i] = w
            times = seen if column < 0 else 1.0
            for i in range(D):
                value -= 0.5 * times * v[i] * v[i]
                if column < 0:
                    sums[k, i] += times * v[i]
                if correlated:
                    for j in range(i + 1):
                        products[g, i, j] += times * v[i] * v[j]
                else:
                    squares[k, i] += times * v[i] * v[i]
    return value
