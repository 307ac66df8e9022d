"""Axes that several symmetric matrices share, found by rotations of two axes at a time.

Any leading axes are worked on together, and each problem ends for itself.

Notes
-----
Flury and Gautschi (1986), SIAM Journal on Scientific and Statistical Computing 7; for matrices
that are diagonal in the same axes Cardoso and Souloumiac (1996), SIAM Journal on Matrix Analysis
and Applications 17.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# By how much to turn axes i and j of matrices [..., K, D, D], and the share that is won by it.
_Turn = Callable[[Array, int, int], tuple[Array, Array]]

# A sweep over all pairs that wins less than this share is the last, or so many.
_TOLERANCE = 1e-14
_MOST = 50


def shared_axes(matrices: Array) -> Array:
    """Return the axes [..., D, D], as columns, in which matrices [..., K, D, D] are diagonal.

    Where there are none, those in which the matrices are most nearly so.
    """
    size = np.sqrt((matrices**2).sum((-2, -1), keepdims=True))
    matrices = matrices / np.where(size > 0, size, 1.0)

    def turn(rotated: Array, i: int, j: int) -> tuple[Array, Array]:
        # The squares off the diagonal are p cos 4t + r sin 4t and a constant.
        difference = rotated[..., i, i] - rotated[..., j, j]
        twice = 2 * rotated[..., i, j]
        p, r = 0.5 * (twice**2 - difference**2).sum(-1), -(difference * twice).sum(-1)
        return _lowest(p, r) / 4, np.hypot(p, r) + p

    # Unequal shares: a plain mean of matrices may be a multiple of the identity.
    shares = 1 / (1 + 0.618 * np.arange(matrices.shape[-3]))
    axes = eigh((matrices * shares[:, None, None]).sum(-3))[1]
    return _swept(matrices, axes, turn)


def best_axes(scatter: Array, axes: Array, counts: Array | None = None) -> Array:
    """Return the axes [..., D, D] along which diagonal covariances fit scatter [..., K, D, D] best.

    Parameters
    ----------
    axes : [..., D, D], where to begin.
    counts : [..., K], where each component has a size of its own; None where all have one.

    Notes
    -----
    With the product v_k of the diagonal of Q' W_k Q, the likelihood at the best variances falls
    with the sum of n_k log v_k, or of v_k^(1 / D) where components have one size. An angle is
    Newton's step, or the best of the criterion at fixed variances (which always wins something)
    where that is better.
    """
    D = axes.shape[-1]
    power = 0.0 if counts is not None else 1 / D

    def weights(log_lengths: Array) -> Array:
        return np.exp(log_lengths.mean(-1)) if counts is None else counts

    def turn(rotated: Array, i: int, j: int) -> tuple[Array, Array]:
        a, b, c = rotated[..., i, i], rotated[..., j, j], rotated[..., i, j]
        w = weights(np.log(np.diagonal(rotated, axis1=-2, axis2=-1)))
        slope = c * (1 / a - 1 / b)
        p, r = -0.5 * (w * (a - b) ** 2 / (a * b)).sum(-1), (w * slope).sum(-1)
        fixed = _lowest(p, r) / 2
        bend = -p + (w * (power * slope**2 - c**2 * (1 / a**2 + 1 / b**2))).sum(-1)
        newton = np.where(bend > 0, -r / (2 * bend), fixed)

        def cost(angle: Array) -> Array:
            cos, sin = np.cos(2 * angle)[..., None], np.sin(2 * angle)[..., None]
            middle, apart = (a + b) / 2, cos * (a - b) / 2 + sin * c
            change = np.log((middle - apart) / a * ((middle + apart) / b))
            return (w * (np.expm1(power * change) / power if power else change)).sum(-1)

        angle = np.where(cost(newton) <= cost(fixed), newton, fixed)
        return angle, np.abs(r * angle) / w.sum(-1)

    return _swept(scatter, axes, turn)


def eigh(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues, ascending, and axes of symmetric matrices; NaN where a matrix is not finite."""
    finite: Any = np.isfinite(matrix).all((-2, -1), keepdims=True)
    values, axes = np.linalg.eigh(np.where(finite, matrix, np.eye(matrix.shape[-1])))
    return np.where(finite[..., 0], values, np.nan), np.where(finite, axes, np.nan)


def rotated_to(axes: Array, matrices: Array) -> Array:
    """Return matrices [..., K, D, D] in axes [..., D, D]: Q' M Q."""
    axes = axes[..., None, :, :]
    return np.swapaxes(axes, -1, -2) @ matrices @ axes


def _lowest(p: Array, r: Array) -> Array:
    """Where p cos x + r sin x is least; 0 where it is the same everywhere."""
    return np.where((p == 0) & (r == 0), 0.0, np.arctan2(-r, -p))


def _swept(matrices: Array, axes: Array, turn: _Turn) -> Array:
    """Turn pairs of axes, in sweeps over all of them, until nothing is won."""
    D = axes.shape[-1]
    settled = np.zeros(axes.shape[:-2], dtype=bool)
    for _ in range(_MOST):
        new, rotated = axes.copy(), rotated_to(axes, matrices)
        won = np.zeros(settled.shape)
        for i in range(D):
            for j in range(i + 1, D):
                angle, more = turn(rotated, i, j)
                won += more
                c, s = np.cos(angle)[..., None], np.sin(angle)[..., None]
                _mix(np.moveaxis(rotated, -2, 0), i, j, c[..., None], s[..., None])
                _mix(np.moveaxis(rotated, -1, 0), i, j, c[..., None], s[..., None])
                _mix(np.moveaxis(new, -1, 0), i, j, c, s)
        axes = np.where(settled[..., None, None], axes, new)
        settled |= ~(won > _TOLERANCE)
        if settled.all():
            break
    return axes


def _mix(vectors: Array, i: int, j: int, c: Array, s: Array) -> None:
    """Turn two vectors of [D, ..., D] into each other, in place, by an angle's cosine and sine."""
    one, other = vectors[i].copy(), vectors[j].copy()
    vectors[i], vectors[j] = c * one + s * other, c * other - s * one
