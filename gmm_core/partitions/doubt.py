"""How unsure it is where the rows of a partition belong, for the criteria that count it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Parameters, e_step
from gmm_core.partitions.partition import Partition

Array = NDArray[np.float64]

_NUMBERS = 2_000_000  # responsibilities that are held at a time, 16 MB


@dataclass(frozen=True, eq=False)
class Doubt:
    """How unsure it is which component the rows belong to, summed over them.

    Attributes
    ----------
    entropy : -sum_nk r_nk log r_nk of the responsibilities.
    doubt : -sum_n log max_k r_nk.
    own, counts : [K], responsibilities of the rows that are most probably a component's own, and
        how many these are.
    """

    entropy: float
    doubt: float
    own: Array
    counts: Array

    def __add__(self, other: Doubt) -> Doubt:
        """Add up two parts of the data."""
        names = [field.name for field in fields(self)]
        return Doubt(*(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def class_probability(self) -> tuple[float, ...]:
        """As `comparison.criteria.class_probability`."""
        with np.errstate(invalid="ignore"):
            return tuple((self.own / self.counts).tolist())


def doubt(partition: Partition, point: Parameters, fixed: bool = False) -> Doubt:
    """Sum up a partition's doubt at one point; with `fixed` class j is known to be component j."""
    K = len(point.weights)
    total = Doubt(0.0, 0.0, np.zeros(K), np.zeros(K))
    x, every_weight, classes = partition.columns, partition.weights, partition.classes
    for rows in chunks(x.shape[1], K):
        r, w = e_step(point, x[:, rows].T)[1], every_weight[rows]
        best = r.argmax(axis=0)
        counts: Array = np.bincount(best, w, len(r)).astype(np.float64)
        own: Array = np.bincount(best, w * r.max(axis=0), len(r)).astype(np.float64)
        if fixed and classes is not None:
            classified = np.flatnonzero(classes[rows] >= 0)
            r[:, classified] = np.arange(len(r))[:, None] == classes[rows][classified]
        unsure = -(r * np.log(np.where(r > 0, r, 1.0))).sum(axis=0)
        total += Doubt(float(unsure @ w), float(-np.log(r.max(axis=0)) @ w), own[:K], counts[:K])
    return total


def chunks(n: int, K: int) -> Iterator[slice]:
    """Go through n rows, some at a time."""
    step = max(1, _NUMBERS // K)
    yield from (slice(first, first + step) for first in range(0, n, step))
