"""The compiled pair of each family of covariances: what the kernel knows of them.

Here stands that of scales and correlations, in `axes_pair` that of size, shape and direction.
What a pair is, is in `pair`.
"""

from __future__ import annotations

import math
from math import lgamma, log, pi

import numpy as np
from numba import carray
from numpy.typing import NDArray

from gmm_core.engines import axes_pair
from gmm_core.engines.compiling import njit
from gmm_core.engines.layout import D_, FACTORS, K_, NO_FACTORS, OWN_LAYOUT
from gmm_core.engines.pair import LARGEST_LOG_SCALE, Packed, Pair, first_site, own_numbers
from gmm_core.mixture import Mixture

Array = NDArray[np.float64]

_LOG_2 = math.log(2)

# Scales, and correlations: the layout has whether they are shared and how many scales a component
# has; the numbers have the power of a scale (the prior's, the Jacobian's), [2, S] means and
# precisions of log scales, and the power of 1 / cosh of each coordinate of a correlation.
_SHARED, _SCALES = OWN_LAYOUT, OWN_LAYOUT + 1


def pack_scales(mixture: Mixture, D: int, jacobian: bool) -> Packed:
    """Pack scales' prior, and that of correlations where the family has them."""
    family, priors, K = mixture.family, mixture.priors, mixture.n_components
    G = 1 if family.tied else K
    S = D if family.per_column else 1
    C = 0 if family.diagonal(D) else D * (D - 1) // 2
    one = float(jacobian)
    constants = []
    scales = np.zeros((2, S))
    scale_power = one
    scale_prior = mixture.scale_prior(D)
    if scale_prior is not None:
        log_mean, log_sd = scale_prior
        scales[0], scales[1] = log_mean, 1 / log_sd
        scale_power -= 1
        every = np.broadcast_to(np.log(log_sd) + 0.5 * log(2 * pi), (S,))
        constants.append(-G * float(every.sum()))
    # A prior of covariances is per unit of these, which are squares of scales.
    of_covariances = jacobian and priors.freedom is not None
    if of_covariances:
        scale_power += D if C else 1
        constants.append(G * S * _LOG_2)
    rows, columns = np.tril_indices(D, -1)
    power = np.zeros(C)
    if C:
        # Each is the power of 1 / cosh of its coordinate: the LKJ density's, the Jacobian's.
        eta = priors.correlation
        if eta is not None:
            power += 2 * (eta - 1) + D - 1 - rows
            constants.append(-G * _log_lkj_volume(eta, D))
        power += one * (rows + 1 - columns)
        if of_covariances:
            power += D - 1 - rows
    numbers = np.concatenate([[scale_power], *scales, power])
    return Packed(tuple(constants), (int(bool(family.tied)), S), numbers)


def _log_lkj_volume(eta: float, D: int) -> float:
    """Log of the LKJ density's normalisation (Lewandowski, Kurowicka and Joe 2009, p. 1999)."""
    n, alpha = D - 1, eta + 0.5 * (D - 1)
    multi = n * (n - 1) / 4 * log(pi) + sum(lgamma(alpha - 0.5 - 0.5 * i) for i in range(n))
    return 0.5 * n * log(pi) + multi - n * lgamma(alpha)


def expand_scales(
    value, q, layout, numbers, grad, log_scales, inverse, factors, slopes, products
):  # fmt: skip
    """Expand log scales, and the coordinates of correlations where there are factors."""
    K, D, S = layout[K_], layout[D_], layout[_SCALES]
    G = 1 if layout[_SHARED] != 0 else K
    first, at = first_site(layout), own_numbers(layout)
    sound = True
    for g in range(G):
        for s in range(S):
            v = q[first + g * S + s]
            if abs(v) > LARGEST_LOG_SCALE:
                sound = False
            inv = math.exp(-v)
            for d in range(s, D if S == 1 else s + 1):
                inverse[g * D + d] = inv
                log_scales[g * D + d] = v
            precision = numbers[at + 1 + S + s]
            u = (v - numbers[at + 1 + s]) * precision
            value += numbers[at] * v - 0.5 * u * u
            grad[first + g * S + s] = numbers[at] - u * precision
    for k in range(G, K):
        for d in range(D):
            inverse[k * D + d] = inverse[d]
            log_scales[k * D + d] = log_scales[d]
    if layout[FACTORS] != NO_FACTORS:
        C = D * (D - 1) // 2
        free = carray(q, (first + G * S + G * C,))
        every = carray(factors, (G, D, D))
        for g in range(G):
            start = first + G * S + g * C
            _correlation(free[start : start + C], D, every[g])
            for i in range(D):
                v = log_scales[g * D + i]
                diagonal = every[g, i, i]
                if diagonal == 0.0 or v + math.log(diagonal) < -LARGEST_LOG_SCALE:
                    sound = False
    return value if sound else math.nan


def pull_scales(
    value, q, layout, numbers, grad, log_scales, inverse, factors, slopes, products
):  # fmt: skip
    """Pull the gradient back to log scales, and to the coordinates of correlations."""
    K, D, S = layout[K_], layout[D_], layout[_SCALES]
    G = 1 if layout[_SHARED] != 0 else K
    first = first_site(layout)
    if layout[FACTORS] == NO_FACTORS:
        for k in range(K):
            g = 0 if layout[_SHARED] != 0 else k
            for d in range(D):
                grad[first + g * S + (d if S > 1 else 0)] += slopes[k * D + d]
        return value
    C = D * (D - 1) // 2
    P = first + G * S + G * C
    free, grad_free = carray(q, (P,)), carray(grad, (P,))
    every, by_factor = carray(factors, (G, D, D)), carray(products, (G, D, D))
    power = carray(numbers, (own_numbers(layout) + 1 + 2 * S + C,))[-C:]
    for g in range(G):
        for i in range(D):
            grad[first + g * S + i] += slopes[g * D + i]
        start = first + G * S + g * C
        value += _correlation_gradient(
            free[start : start + C], D, every[g], by_factor[g], power, grad_free[start : start + C]
        )
    return value


@njit(cache=True)
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


@njit(cache=True)
def _log_cosh(x):
    return abs(x) + math.log1p(math.exp(-2 * abs(x))) - _LOG_2


@njit(cache=True)
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


@njit(cache=True)
def _before(q, p, j):
    """Length of a row that its first j entries leave, where entry j itself is zero."""
    rest = 0.0
    for m in range(p - j, p):
        rest -= _log_cosh(q[m])
    return math.exp(rest)


_SCALES_PAIR = Pair(pack_scales, expand_scales, pull_scales)

PAIRS: dict[str, Pair] = {
    **dict.fromkeys(("EII", "VII", "EEI", "VVI", "EEE", "VVV"), _SCALES_PAIR),
    **dict.fromkeys(("VEI", "EVI", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV"), axes_pair.PAIR),
}
"""The pair of each family, by its code."""
