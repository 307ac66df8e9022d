"""The M-step of each covariance family: the covariances that fit the components' scatter best.

A function takes `scatter` [..., K, D, D], the sum over points of responsibility times the outer
product of the point's distance from the loc, and `counts` [..., K], the sums of responsibilities;
it returns covariances [..., K, D, D]. Any leading axes are worked on together, as restarts are.
Families without a closed form go on from `before`, the covariances so far, so that no step ever
lowers the likelihood; without it they begin at the pooled scatter.

Notes
-----
Celeux and Govaert (1995), Gaussian parsimonious clustering models, Pattern Recognition 28,
sections 4.1 to 4.3; EVE and VVE by rotations of two axes at a time (Flury and Gautschi 1986;
Browne and McNicholas 2014 do the same by majorisation). A component without points, or with too
few to span its covariance, gets one that is singular or not finite: whoever calls has to look.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture.common_axes import best_axes, eigh, rotated_to, shared_axes

Array = NDArray[np.float64]
MStep = Callable[[Array, Array, "Array | None"], Array]

# Inner iterations end when no volume moves by more than this share, or after so many: EM goes on
# from there, so what is missing is made up by its next step.
_TOLERANCE = 1e-12
_MOST = 100


def eii(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give all columns and components one variance: lambda I."""
    D = scatter.shape[-1]
    variance = _trace(scatter).sum(-1) / (counts.sum(-1) * D)
    return _everywhere(variance[..., None, None] * np.eye(D), scatter)


def vii(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give one variance for all columns, each component its own: lambda_k I."""
    D = scatter.shape[-1]
    return (_trace(scatter) / (counts * D))[..., None, None] * np.eye(D)


def eei(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give each column one variance, the same in all components: lambda A."""
    variances = _diagonal(scatter).sum(-2) / counts.sum(-1)[..., None]
    return _everywhere(_diagonal_matrix(variances), scatter)


def vvi(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give each column and component its variance: lambda_k A_k."""
    return _diagonal_matrix(_diagonal(scatter) / counts[..., None])


def eee(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give one covariance for all components: lambda Q A Q'."""
    return _everywhere(scatter.sum(-3) / counts.sum(-1)[..., None, None], scatter)


def vei(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give ellipses along the axes one shape, each component its size: lambda_k A."""
    return _diagonal_matrix(_of_one_shape(_diagonal(scatter), counts, before))


def evi(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give ellipses along the axes one size, each component its shape: lambda A_k."""
    return _diagonal_matrix(_of_one_size(_diagonal(scatter), counts))


def vee(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give all one shape and direction, each component its size: lambda_k Q A Q'."""
    D = scatter.shape[-1]

    def one(sizes: Array) -> Array:
        pooled = (scatter / sizes[..., None, None]).sum(-3, keepdims=True)
        return pooled / _geometric(pooled)[..., None, None]

    def renewed(sizes: Array) -> Array:
        return _trace(_inverse(one(sizes)) @ scatter) / (D * counts)

    sizes = _settled(renewed, _sizes(counts, before))
    return sizes[..., None, None] * one(sizes)


def evv(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give all one size, each component its shape and direction: lambda Q_k A_k Q_k'."""
    roots = _geometric(scatter)
    size = roots.sum(-1) / counts.sum(-1)
    return scatter * (size[..., None] / roots)[..., None, None]


def eev(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give all one size and shape, each component its direction: lambda Q_k A Q_k'."""
    lengths, axes = eigh(scatter)
    variances = lengths.sum(-2) / counts.sum(-1)[..., None]
    return _along(axes, np.broadcast_to(variances[..., None, :], lengths.shape))


def vev(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give all one shape, each component its size and direction: lambda_k Q_k A Q_k'."""
    lengths, axes = eigh(scatter)
    return _along(axes, _of_one_shape(lengths, counts, before))


def eve(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give all one size and direction, each component its shape: lambda Q A_k Q'."""
    axes, lengths = _in_one_direction(scatter, before)
    return _along(axes[..., None, :, :], _of_one_size(lengths, counts))


def vve(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give all one direction, each component its size and shape: lambda_k Q A_k Q'."""
    axes, lengths = _in_one_direction(scatter, before, counts)
    return _along(axes[..., None, :, :], lengths / counts[..., None])


def vvv(scatter: Array, counts: Array, before: Array | None = None) -> Array:
    """Give each component a covariance of its own: lambda_k Q_k A_k Q_k'."""
    return scatter / counts[..., None, None]


M_STEPS: dict[str, MStep] = {
    "EII": eii,
    "VII": vii,
    "EEI": eei,
    "VEI": vei,
    "EVI": evi,
    "VVI": vvi,
    "EEE": eee,
    "VEE": vee,
    "EVE": eve,
    "VVE": vve,
    "EEV": eev,
    "VEV": vev,
    "EVV": evv,
    "VVV": vvv,
}
"""By mclust's code: volume, shape and direction, each equal (E), varying (V) or of axes (I)."""


def _of_one_shape(lengths: Array, counts: Array, before: Array | None) -> Array:
    """Variances [..., K, D] of one shape for all, each its size, of lengths along axes."""
    D = lengths.shape[-1]

    def shape(sizes: Array) -> Array:
        pooled = (lengths / sizes[..., None]).sum(-2, keepdims=True)
        return pooled / np.exp(np.log(pooled).mean(-1, keepdims=True))

    def renewed(sizes: Array) -> Array:
        return (lengths / shape(sizes)).sum(-1) / (D * counts)

    sizes = _settled(renewed, _sizes(counts, before))
    return sizes[..., None] * shape(sizes)


def _sizes(counts: Array, before: Array | None) -> Array:
    """Sizes [..., K] to begin with: those so far, or equal ones, which pool the scatter."""
    return np.ones(counts.shape) if before is None else _geometric(before)


def _settled(renewed: Callable[[Array], Array], sizes: Array) -> Array:
    """Renew sizes [..., K] until none moves; each of the leading axes ends for itself."""
    moving = np.ones((*sizes.shape[:-1], 1), dtype=bool)
    for _ in range(_MOST):
        new = np.where(moving, renewed(sizes), sizes)
        moving = np.any(np.abs(new - sizes) > _TOLERANCE * sizes, axis=-1, keepdims=True)
        sizes = new
        if not moving.any():
            break
    return sizes


def _of_one_size(lengths: Array, counts: Array) -> Array:
    """Variances [..., K, D] of one size for all, each its shape, of lengths along axes."""
    roots = np.exp(np.log(lengths).mean(-1))
    size = roots.sum(-1) / counts.sum(-1)
    return lengths * (size[..., None] / roots)[..., None]


def _in_one_direction(
    scatter: Array, before: Array | None, counts: Array | None = None
) -> tuple[Array, Array]:
    """Axes [..., D, D] that all share, and the scatter's lengths [..., K, D] along them.

    There can be several places that fit well: without axes so far it begins at those of the pooled
    scatter and at each component's own, and keeps the best. `counts` as in `best_axes`.
    """
    if before is None:
        begin = eigh(np.concatenate([scatter.sum(-3, keepdims=True), scatter], axis=-3))[1]
    else:
        begin = shared_axes(before)[..., None, :, :]
    every = scatter[..., None, :, :, :]
    axes = best_axes(every, begin, None if counts is None else counts[..., None, :])
    lengths = _diagonal(rotated_to(axes, every))
    logs = np.log(lengths).sum(-1)
    size = lengths.shape[-1]
    cost = np.exp(logs / size) if counts is None else counts[..., None, :] * logs
    cost = np.where(np.isnan(cost), np.inf, cost).sum(-1)
    best = cost.argmin(-1)[..., None, None, None]
    axes, lengths = (np.take_along_axis(array, best, axis=-3) for array in (axes, lengths))
    return axes[..., 0, :, :], lengths[..., 0, :, :]


def _along(axes: Array, variances: Array) -> Array:
    """Return covariances [..., K, D, D] of axes, as columns, and variances along them."""
    return (axes * variances[..., None, :]) @ np.swapaxes(axes, -1, -2)


def _geometric(matrix: Array) -> Array:
    """Geometric mean of the eigenvalues, |M|^(1 / D); NaN where the determinant is not above 0."""
    sign, log_det = np.linalg.slogdet(matrix)
    return np.where(sign > 0, np.exp(log_det / matrix.shape[-1]), np.nan)


def _inverse(matrix: Array) -> Array:
    """Inverse of matrices, NaN where one is not finite."""
    finite = np.isfinite(matrix).all((-2, -1), keepdims=True)
    return np.where(
        finite, np.linalg.inv(np.where(finite, matrix, np.eye(matrix.shape[-1]))), np.nan
    )


def _diagonal(matrix: Array) -> Array:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _trace(matrix: Array) -> Array:
    return _diagonal(matrix).sum(-1)


def _diagonal_matrix(values: Array) -> Array:
    return values[..., None] * np.eye(values.shape[-1])


def _everywhere(matrix: Array, scatter: Array) -> Array:
    """Return one matrix [..., D, D] for all components."""
    return np.broadcast_to(matrix[..., None, :, :], scatter.shape).copy()
