"""What a dataset is a sample of, when all its rows stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gmm_core.data.dataset import Missing

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Whole:
    """All the rows that a dataset is a weighted sample of: where they are, and how they lie.

    Attributes
    ----------
    source : an address of Parquet files as `read_dataset` takes it, or where `shared` a path in the
        folder of shared data (GMM_DATA).
    weights, classes, missing : as the rows are read; see `read_dataset`.
    rows, total : how many rows have their numbers, and what they count as.
    fingerprint : of their content; other content is other data.
    seed : by which the sample was drawn.
    edges : [D, B + 1] of bins alike in width, from each column's smallest value to its largest.
    bars : [D, B], what the rows in each bin count as.
    maps : [P, B, B], the same of two columns, of the pairs `pairs`.
    counted : these pairs; None for those of the first columns.
    """

    source: str
    shared: bool
    weights: str | None
    classes: str | None
    missing: Missing
    rows: int
    total: float
    fingerprint: str
    seed: int
    edges: Array
    bars: Array
    maps: Array
    counted: tuple[tuple[int, int], ...] | None = None

    def sampled(self, n: int, total: float) -> str:
        """Name a sample of n rows that count as `total`."""
        if n == self.rows:
            return f"all {n:,} rows"
        return (
            f"a weighted sample of {n:,} of {self.rows:,} rows (seed {self.seed}), which counts as "
            f"{total:,.0f}"
        )

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of columns that `maps` has, in its order."""
        return (
            pairs(range(min(len(self.edges), MAPPED))) if self.counted is None else [*self.counted]
        )

    def joined(self, other: Whole) -> Whole:
        """Return it with the pairs, beside its own, that another reading of these rows counted."""
        return self.with_maps(other.pairs, other.maps)

    def with_maps(self, of_pairs: Sequence[tuple[int, int]], maps: Array) -> Whole:
        """Return it with maps [P, B, B] of those of some pairs that it has not counted yet."""
        new = [i for i, pair in enumerate(of_pairs) if pair not in self.pairs]
        if not new:
            return self
        counted = (*self.pairs, *(of_pairs[i] for i in new))
        return replace(self, counted=counted, maps=np.concatenate([self.maps, maps[new]]))


MAPPED = 8
"""Columns whose pairs a reading counts: 28 maps of 60 by 60 cells are 0.8 MB."""


def pairs(columns: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs of some columns, which are given by their places."""
    some = sorted(columns)
    return [(i, j) for n, j in enumerate(some) for i in some[:n]]
