"""The box of the noise of data in partitions: two sums over them, and no row leaves a worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture.observation import shrunk
from gmm_core.partitions.held import Held
from gmm_core.partitions.partition import Partition

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scatter:
    """Of rows that lack no value: what they count as, their mean, and how they scatter about it.

    Attributes
    ----------
    total, mean, products : (), [D], [D, D].
    some : [m, D], different rows, D + 1 at most: as many as it takes to span more than a plane.
    """

    total: float
    mean: Array
    products: Array
    some: Array

    def __add__(self, other: Scatter) -> Scatter:
        """Add up two parts of the data (Chan, Golub and LeVeque 1979)."""
        total = self.total + other.total
        share = other.total / total if total else 0.0
        step = other.mean - self.mean
        return Scatter(
            total,
            self.mean + share * step,
            self.products + other.products + self.total * share * np.outer(step, step),
            _different(np.concatenate([self.some, other.some])),
        )


@dataclass(frozen=True, eq=False)
class Reach:
    """How far rows reach along some axes: `low` and `high` [D]."""

    low: Array
    high: Array

    def __add__(self, other: Reach) -> Reach:
        """Take two parts of the data together."""
        return Reach(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def box(rows: Held) -> Array:
    """Widths [D] of the box in which noise is uniform; as `mixture.observation.box_of`."""
    widths = rows.whole.high - rows.whole.low
    D = len(widths)
    if D == 1:
        return widths
    whole: Scatter = rows.total(scatter).result()
    if len(whole.some) <= D:
        return widths
    axes = np.linalg.eigh(whole.products / whole.total)[1]
    ends: Reach = rows.total(reach, whole.mean, axes).result()
    return shrunk(widths, ends.high - ends.low)


def scatter(partition: Partition) -> Scatter:
    """Sum up the rows of a partition that lack no value."""
    x, w = _complete(partition)
    total = float(w.sum())
    if not total:
        D = len(x)
        return Scatter(0.0, np.zeros(D), np.zeros((D, D)), np.empty((0, D)))
    mean = x @ w / total
    away = x - mean[:, None]
    return Scatter(total, mean, (away * w) @ away.T, _different(x.T))


def reach(partition: Partition, mean: Array, axes: Array) -> Reach:
    """Say how far the rows of a partition that lack no value reach along axes about a mean."""
    scores = axes.T @ (_complete(partition)[0] - mean[:, None])
    return Reach(scores.min(axis=1, initial=np.inf), scores.max(axis=1, initial=-np.inf))


def _complete(partition: Partition) -> tuple[Array, Array]:
    """Return the rows that lack no value as columns [D, m], and what each counts as [m]."""
    x, present = partition.columns, ~np.isnan(partition.columns).any(axis=0)
    return (x, partition.weights) if present.all() else (x[:, present], partition.weights[present])


def _different(rows: Array) -> Array:
    """Return different rows among some [n, D], D + 1 at most."""
    n, D = rows.shape
    # Of many rows the first few hundreds mostly have them: all are sorted only where these do not.
    first = np.unique(rows[: 100 * D], axis=0)
    distinct = first if len(first) > D or n <= 100 * D else np.unique(rows, axis=0)
    return distinct[: D + 1]
