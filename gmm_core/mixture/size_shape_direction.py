"""Families of covariances in terms of size, shape and direction: lambda Q A Q'."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture.common_axes import shared_axes
from gmm_core.mixture.family import Family, Site, Values
from gmm_core.mixture.rotations import proper

Array = NDArray[np.float64]

# In the order of the code's letters; the value of each has as many axes as those before it.
_PARTS = ("scale", "shape", "direction")


@dataclass(frozen=True)
class SizeShapeDirection(Family):
    """A family in which each of size, shape and direction is shared by all, or own.

    Sites: "scale", the geometric mean of the standard deviations along a covariance's own axes;
    where D > 1 "shape", D - 1 contrasts (`contrasts`) of the logarithms of these; and where the
    code has a direction "direction", the axes.

    Priors: the scale has that of scales, for the columns' average; contrasts have the normal
    distribution that they would have if each axis had that prior by itself, with the means of the
    columns where the axes are the data's; directions are evenly distributed.
    """

    def sites(self, K: int, D: int) -> tuple[Site, ...]:
        """List scale, shape and direction."""
        size, shape, direction = ((K,) if letter == "V" else () for letter in self.code)
        sites = [Site("scale", size, size, bool(size))]
        if D > 1:
            contrasts = (*shape, D - 1)
            sites.append(Site("shape", contrasts, contrasts, bool(shape)))
        if not self.diagonal(D):
            free = (*direction, D * (D - 1) // 2)
            sites.append(Site("direction", (*direction, D, D), free, bool(direction)))
        return tuple(sites)

    def spread(self, xp: Any, values: Values, D: int) -> Any:
        """Multiply scales with shapes along the axes, and make the factor triangular."""
        parts = dict(values)
        for name, letter, axes in zip(_PARTS, self.code, range(3), strict=True):
            if letter == "E" and self.own(D) and name in parts:
                # What is shared has no axis of components yet.
                parts[name] = parts[name][(..., None, *[slice(None)] * axes)]
        scale = parts["scale"][..., None]
        if D == 1:
            return scale
        lengths = scale * xp.exp(parts["shape"] @ xp.asarray(contrasts(D).T.copy()))
        if self.diagonal(D):
            return lengths
        root = xp.swapaxes(parts["direction"] * lengths[..., None, :], -1, -2)
        lower = xp.swapaxes(xp.linalg.qr(root)[1], -1, -2)
        return lower * xp.sign(xp.einsum("...ii->...i", lower))[..., None, :]

    def split(self, scale_tril: Array) -> dict[str, Array]:
        """Take the axes, the lengths along them and their means; where shared, the average."""
        K, D = scale_tril.shape[-3:-1]
        size, shape, direction = tuple(self.code)
        axes = np.broadcast_to(np.eye(D), scale_tril.shape)
        if direction == "E":
            axes = shared_axes(scale_tril @ np.swapaxes(scale_tril, -1, -2))[..., None, :, :]
        elif direction == "V":
            axes = np.linalg.svd(scale_tril)[0]
        lengths = np.linalg.norm(np.swapaxes(axes, -1, -2) @ scale_tril, axis=-1)
        logs = np.log(lengths)
        if size == "E":
            logs = _of_one_size(logs)
        log_size = logs.mean(-1)
        free = (logs - log_size[..., None]) @ contrasts(D)
        values = {"scale": np.exp(log_size.mean(-1) if size == "E" else log_size)}
        if D > 1:
            values["shape"] = free.mean(-2) if shape == "E" else free
        if not self.diagonal(D):
            signs = np.where(np.einsum("...ii->...i", axes) < 0, -1.0, 1.0)
            axes = proper(axes * signs[..., None, :])
            values["direction"] = axes[..., 0, :, :] if direction == "E" else axes
        rebuilt = self.factor(np, values, K, D)
        sizes = np.linalg.norm(scale_tril, axis=-1)
        gap = rebuilt @ np.swapaxes(rebuilt, -1, -2) - scale_tril @ np.swapaxes(scale_tril, -1, -2)
        # The shortest length is known to rounding in the longest, and where a size or a shape is
        # shared its logarithm has a share in all of them. Covariances are squares of lengths.
        condition = np.exp(np.ptp(logs, axis=-1).max(-1))[..., None, None, None]
        rounding = 2 * np.finfo(np.float64).eps * condition
        tolerance = np.maximum(1e-7, rounding * (2 + rounding))
        if not np.all(np.abs(gap) <= tolerance * sizes[..., None] * sizes[..., None, :]):
            raise ValueError(
                f"The mixture's covariance is {self.code}, {self.words}, but the parameters have "
                'covariances of another form. Use covariance="VVV", which takes any.'
            )
        return values

    def start(self, variance: Array, K: int, correlation: Array | None = None) -> dict[str, Array]:
        """Begin at the data's own axes, where the family has any, with its lengths along them."""
        D = len(variance)
        scale = np.sqrt(variance)
        axes, lengths = np.eye(D), scale
        if not self.diagonal(D) and correlation is not None:
            variances, axes = np.linalg.eigh(scale[:, None] * correlation * scale)
            # Columns that follow from each other leave an axis of no length.
            lengths = np.sqrt(np.maximum(variances, 1e-8 * variances.max()))
        logs = np.log(lengths)
        values = {
            "scale": np.exp(logs.mean()),
            "shape": (logs - logs.mean()) @ contrasts(D),
            "direction": proper(axes * np.where(np.diagonal(axes) < 0, -1.0, 1.0)),
        }
        return {
            site.name: np.broadcast_to(values[site.name], site.shape).copy()
            for site in self.sites(K, D)
        }


def _of_one_size(logs: Array) -> Array:
    """Log lengths [..., K, D] where the shortest is what the size that all share makes it.

    Of a covariance whose lengths have the ratio r, double precision keeps the shortest to a part of
    r^2 times its rounding. A component that nearly collapsed would spoil the size of the others by
    it; what is further off than that is no rounding, and stays.
    """
    D = logs.shape[-1]
    sums = logs.sum(-1)
    doubt = 4 * np.finfo(np.float64).eps * np.exp(2 * np.ptp(logs, axis=-1))
    shared = (sums / doubt**2).sum(-1, keepdims=True) / (1 / doubt**2).sum(-1, keepdims=True)
    lack = shared - sums
    shortest = np.arange(D) == logs.argmin(-1)[..., None]
    # Where all are of one size as they are, they keep their bits.
    rounded = (np.abs(lack) > 1e-9) & (np.abs(lack) <= doubt)
    return np.where(rounded[..., None] & shortest, logs + lack[..., None], logs)


@cache
def contrasts(D: int) -> Array:
    """Orthonormal contrasts [D, D - 1] of D numbers: each with the mean of those before it.

    Helmert's. D - 1 independent normal numbers of one scale, times these, are D numbers that sum to
    zero and whose distribution is the same in any order.
    """
    columns = np.zeros((D, D - 1))
    for d in range(1, D):
        columns[:d, d - 1], columns[d, d - 1] = 1.0, -d
        columns[:, d - 1] /= np.sqrt(d * (d + 1))
    columns.flags.writeable = False
    return columns
