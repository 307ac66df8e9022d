"""A point of a mixture as seen from another one, compiled: in units of that one's components.

Seen from a base with the factor B of a component, its loc b + B a is a, and its factor B T is T,
lower triangular, by the logarithm of its diagonal and what is under it; weights have their logits.
Near the base the objective is about as steep along each of these numbers, times the component's
weight, and no linear change of the data's units touches them. In the coordinates of correlations it
is steeper across a narrow component than along it by as much as its columns are nearly collinear:
a search that knows only gradients creeps there.

This is the metric of `squarem`, here as coordinates to differentiate by. The way back leads
through `problem`'s own, so that the objective is the same function, whatever is in it.
"""

from __future__ import annotations

import math

from gmm_core.engines.compiling import njit

# A component that holds hardly anything moves as if it held this share: what it does is of no
# matter to the objective, and a large step would have no ground.
_LIGHTEST = 1e-3


@njit(cache=True, nogil=True)
def look_from(q, W, base, centre, point, unit):
    """Make a point the base; return whether it is one.

    Parameters
    ----------
    q : [P], coordinates of the point: logits, locs, log scales, and those of correlations.
    W : how many weights there are.
    base, centre : [G, D, D] and [K, D], filled with factors and locs; G is K, or 1 where components
        share one.
    point : [P], filled with the base as seen from itself.
    unit : [P], filled with one over the root of how steep the objective is, per point of the data.
    """
    (K, D), G = centre.shape, len(base)
    top, total = q[0], 0.0
    for k in range(W):
        top = max(top, q[k])
    for k in range(W):
        total += math.exp(q[k] - top)
    for k in range(W):
        point[k] = q[k]
        unit[k] = 1 / math.sqrt(max(math.exp(q[k] - top) / total, _LIGHTEST))
    for k in range(K):
        for i in range(D):
            p = W + k * D + i
            centre[k, i], point[p], unit[p] = q[p], 0.0, unit[k]
    C = D * (D - 1) // 2
    sound = True
    for g in range(G):
        scale, correlation = W + K * D + g * D, W + K * D + G * D + g * C
        steep = unit[g] if G > 1 else 1.0
        for i in range(D):
            left = math.exp(q[scale + i])
            for j in range(i):
                p = correlation + i * (i - 1) // 2 + j
                base[g, i, j] = math.tanh(q[p]) * left
                left /= math.cosh(q[p])
                point[p], unit[p] = 0.0, steep
            base[g, i, i] = left
            sound = sound and left > 0.0 and math.isfinite(left)
            # A change of the logarithm of a width counts twice.
            point[scale + i], unit[scale + i] = 0.0, steep / math.sqrt(2.0)
    return sound


@njit(cache=True, nogil=True)
def outward(point, W, base, centre, factors, q):
    """Fill in coordinates `q` [P] of what is seen as `point` [P], and factors [G, D, D].

    What has left the range of numbers is NaN.
    """
    (K, D), G = centre.shape, len(base)
    C = D * (D - 1) // 2
    for k in range(W):
        q[k] = point[k]
    for k in range(K):
        g, p = (k if G > 1 else 0), W + k * D
        for i in range(D):
            s = centre[k, i]
            for j in range(i + 1):
                s += base[g, i, j] * point[p + j]
            q[p + i] = s
    for g in range(G):
        scale, correlation = W + K * D + g * D, W + K * D + G * D + g * C
        for i in range(D):
            for j in range(i + 1):
                s = base[g, i, j] * math.exp(point[scale + j])
                for m in range(j + 1, i + 1):
                    s += base[g, i, m] * point[correlation + m * (m - 1) // 2 + j]
                factors[g, i, j] = s
            # Of the row's length what the entries to the right make: sinh of a coordinate of a
            # correlation is its entry over that, which loses no digits where columns are collinear.
            left = factors[g, i, i]
            if not left > 0.0:
                left = math.nan
            for j in range(i - 1, -1, -1):
                q[correlation + i * (i - 1) // 2 + j] = math.asinh(factors[g, i, j] / left)
                left = math.hypot(left, factors[g, i, j])
            q[scale + i] = math.log(left)


@njit(cache=True, nogil=True)
def inward(point, W, base, centre, factors, gradient, left, by_factor):
    """Turn a gradient [P] by coordinates into that by what is seen, in place.

    Parameters
    ----------
    point, factors : as `outward` had and left them.
    left, by_factor : [D] and [D, D], scratch.
    """
    (K, D), G = centre.shape, len(base)
    C = D * (D - 1) // 2
    for k in range(K):
        g, p = (k if G > 1 else 0), W + k * D
        for j in range(D):
            s = 0.0
            for i in range(j, D):
                s += base[g, i, j] * gradient[p + i]
            gradient[p + j] = s
    for g in range(G):
        scale, correlation = W + K * D + g * D, W + K * D + G * D + g * C
        F = factors[g]
        for i in range(D):
            first = correlation + i * (i - 1) // 2
            left[i] = F[i, i]
            for j in range(i - 1, -1, -1):
                left[j] = math.hypot(left[j + 1], F[i, j])
            # The gradient by what the entries from j on make of the row's length.
            by_left = gradient[scale + i] / left[0]
            for j in range(i):
                own = gradient[first + j]
                by_factor[i, j] = (own + by_left * F[i, j]) / left[j]
                by_left = (by_left * left[j + 1] - own * F[i, j] / left[j + 1]) / left[j]
            by_factor[i, i] = by_left
        for j in range(D):
            for m in range(j, D):
                s = 0.0
                for i in range(m, D):
                    s += base[g, i, m] * by_factor[i, j]
                if m > j:
                    gradient[correlation + m * (m - 1) // 2 + j] = s
                else:
                    gradient[scale + j] = s * math.exp(point[scale + j])
