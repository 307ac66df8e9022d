"""Rotations as products of rotations in two axes at a time, and their uniform distribution.

A rotation of D axes is the product of D (D - 1) / 2 rotations by an angle, one for each two axes
i < j in the order of `pairs`. Any real angles make a rotation, so that a search meets no border.

Notes
-----
Hurwitz (1897) on the uniform distribution: with the angles of neighbouring axes in (-pi, pi] and
the others in [-pi/2, pi/2] each rotation is met once, and its density by the angles is the product
of cos(angle)^(j - i - 1), normalised.
"""

from __future__ import annotations

from math import lgamma, log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pairs(D: int) -> list[tuple[int, int]]:
    """List the pairs of axes, in the order of the angles."""
    return [(i, j) for i in range(D) for j in range(i + 1, D)]


def n_axes(n_angles: int) -> int:
    """Return D of D (D - 1) / 2 angles."""
    return round((1 + (1 + 8 * n_angles) ** 0.5) / 2)


def rotation(xp: Any, angles: Any) -> Any:
    """Rotations [..., D, D], with the axes as columns, of angles [..., D (D - 1) / 2].

    `xp` is NumPy or torch.
    """
    D = n_axes(angles.shape[-1])
    zero = xp.zeros_like(angles[..., 0])
    columns = [xp.stack([zero + float(i == d) for i in range(D)], -1) for d in range(D)]
    cos, sin = xp.cos(angles)[..., None], xp.sin(angles)[..., None]
    for p, (i, j) in enumerate(pairs(D)):
        c, s = cos[..., p, :], sin[..., p, :]
        columns[i], columns[j] = (
            c * columns[i] + s * columns[j],
            c * columns[j] - s * columns[i],
        )
    return xp.stack(columns, -1)


def angles(axes: Array) -> Array:
    """Angles [..., D (D - 1) / 2] of rotations [..., D, D]; the inverse of `rotation`."""
    rest = np.array(axes, dtype=np.float64)
    D = rest.shape[-1]
    by_pair = np.empty((*rest.shape[:-2], D * (D - 1) // 2))
    for p, (i, j) in enumerate(pairs(D)):
        angle = np.arctan2(rest[..., j, i], rest[..., i, i])
        by_pair[..., p] = angle
        c, s = np.cos(angle)[..., None], np.sin(angle)[..., None]
        one, other = rest[..., i, :].copy(), rest[..., j, :].copy()
        rest[..., i, :], rest[..., j, :] = c * one + s * other, c * other - s * one
    return by_pair


def powers(D: int) -> Array:
    """Powers [D (D - 1) / 2] of the cosines in the uniform distribution's density."""
    return np.array([j - i - 1.0 for i, j in pairs(D)])


def log_volume(D: int) -> float:
    """Log of the integral of the product of cosines over all angles."""
    total = 0.0
    for m in powers(D).tolist():
        half = 0.5 * log(pi) + lgamma((m + 1) / 2) - lgamma(m / 2 + 1)
        total += half if m else log(2 * pi)
    return total


def uniform(rng: np.random.Generator, D: int, lead: tuple[int, ...]) -> Array:
    """Draw rotations [..., D, D] evenly: axes of normal numbers (Stewart 1980)."""
    q, r = np.linalg.qr(rng.normal(size=(*lead, D, D)))
    q = q * np.sign(np.einsum("...ii->...i", r))[..., None, :]
    return proper(q)


def proper(axes: Array) -> Array:
    """Return orthonormal axes [..., D, D] with the last one turned round where they mirror."""
    mirrored = np.linalg.det(axes) < 0
    rotation = axes.copy()
    rotation[..., -1] *= np.where(mirrored, -1.0, 1.0)[..., None]
    return rotation
