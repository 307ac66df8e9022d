"""The way between the model's sites and the flat numbers that engines work on.

The coordinates are Pyro's own: for the MAP those of its parameter store (a softmax over K logits
for weights), for sampling those of `biject_to` (stick-breaking, K - 1 numbers); in both the
logarithm for scales, torch's CorrCholeskyTransform for correlations, the contrasts of a shape as
they are, and angles for directions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture.rotations import angles, rotation

Array = NDArray[np.float64]

_NEAREST = float(np.nextafter(1.0, 0.0))


def softmax(u: Array) -> Array:
    """Weights [..., K] of K logits."""
    e = np.exp(u - u.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _offsets(n: int) -> Array:
    return np.log(np.arange(n, 0, -1.0))


def sticks(u: Array) -> Array:
    """Weights [..., K] of K - 1 numbers, as torch's StickBreakingTransform makes them."""
    a = u - _offsets(u.shape[-1])
    tail = np.log1p(np.exp(-np.abs(a)))
    log_z, log_rest = np.minimum(a, 0) - tail, np.minimum(-a, 0) - tail
    before = np.concatenate([np.zeros_like(a[..., :1]), np.cumsum(log_rest, -1)], axis=-1)[
        ..., : a.shape[-1]
    ]
    last = log_rest.sum(axis=-1, keepdims=True)
    w = np.exp(np.concatenate([before + log_z, last], axis=-1))
    return w / w.sum(axis=-1, keepdims=True)


def unsticks(w: Array) -> Array:
    """Return the K - 1 numbers of weights; the inverse of `sticks`."""
    # What is left after each: summed from the end, where it is small.
    rest = np.cumsum(w[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    return np.log(w[..., :-1]) - np.log(rest) + _offsets(w.shape[-1] - 1)


def _factor(u: Array) -> Array:
    C = u.shape[-1]
    D = round((1 + np.sqrt(1 + 8 * C)) / 2)
    rows, columns = np.tril_indices(D, -1)
    free = np.zeros((*u.shape[:-1], D, D))
    free[..., rows, columns] = u
    log_cosh = np.abs(free) + np.log1p(np.exp(-2 * np.abs(free))) - np.log(2)
    rest = np.exp(log_cosh - np.cumsum(log_cosh, axis=-1))
    return np.tril((np.tanh(free) + np.eye(D)) * rest)


def _unfactor(factor: Array) -> Array:
    D = factor.shape[-1]
    rows, columns = np.tril_indices(D, -1)
    # What the entries to the right leave of each row's length of one.
    squares = factor**2
    rest = np.sqrt(np.cumsum(squares[..., ::-1], axis=-1)[..., ::-1])
    entries, left = factor[..., rows, columns], rest[..., rows, columns]
    share = np.divide(entries, left, out=np.zeros_like(entries), where=left > 0)
    # A singular correlation is at infinity; the nearest that is a number is as singular.
    return np.arctanh(np.clip(share, -_NEAREST, _NEAREST))


def _same(u: Array) -> Array:
    return u


def _axes(u: Array) -> Array:
    return rotation(np, u)


TO_SITE: dict[str, Callable[[Array], Array]] = {
    "scale": np.exp,
    "correlation": _factor,
    "shape": _same,
    "direction": _axes,
}
"""From coordinates to the values of each site of covariances, whatever axes lead."""

FROM_SITE: dict[str, Callable[[Array], Array]] = {
    "scale": np.log,
    "correlation": _unfactor,
    "shape": _same,
    "direction": angles,
}
"""The inverse of `TO_SITE`."""
