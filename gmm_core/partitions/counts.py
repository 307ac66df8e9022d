"""How data in partitions is distributed: counted by the workers, so that no row leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.formatting import listing
from gmm_core.partitions.held import Held, held
from gmm_core.partitions.partition import Partition

if TYPE_CHECKING:
    from distributed import Client

Array = NDArray[np.float64]

BINS = 60
"""Bins of a column: a bar of a figure is ten pixels wide then."""


@dataclass(frozen=True, eq=False)
class Counts:
    """How many rows lie where, by one column or by two.

    Attributes
    ----------
    columns : names of one or two.
    places : where these stand among all columns, from 0.
    edges : [B + 1] of the bins of each, alike in width, from the smallest value to the largest.
    counts : [B] or [B, B], rows by their weights; without those that lack one of the values.
    total : what all rows count as.
    """

    columns: tuple[str, ...]
    places: tuple[int, ...]
    edges: tuple[Array, ...]
    counts: Array
    total: float


def count(
    dataset: PartitionedDataset,
    views: Sequence[str | Sequence[str]],
    *,
    bins: int = BINS,
    client: Client | None = None,
) -> list[Counts]:
    """Count the rows of data in partitions, for each of some columns or pairs of columns.

    Parameters
    ----------
    views : each the name of a column, or the names of two; `figures.counts` draws them.
    bins : of a column, evenly between its smallest and its largest value.
    client : of a Dask cluster; None for the one in use here, or else workers of this machine.

    Raises
    ------
    ValueError
        When a column is unknown, a view has more than two, or as `held` says.
    """
    if not 1 <= bins <= 1000:
        raise ValueError(f"bins = {bins}, but 1 to 1,000 can be counted. Give such a number.")
    chosen = [_places(dataset, (view,) if isinstance(view, str) else tuple(view)) for view in views]
    with held(dataset, client) as rows:
        return [_count(rows, dataset, places, bins) for places in chosen]


def _places(dataset: PartitionedDataset, names: tuple[str, ...]) -> tuple[int, ...]:
    unknown = [name for name in names if name not in dataset.columns]
    if unknown or len(names) not in (1, 2):
        what_came = (
            f"there is no column {listing(unknown)}" if unknown else f"{len(names)} columns came"
        )
        raise ValueError(
            f"One or two columns are counted at a time, but {what_came}. "
            f"Choose from {listing(dataset.columns)}."
        )
    return tuple(dataset.columns.index(name) for name in names)


def _count(rows: Held, dataset: PartitionedDataset, places: tuple[int, ...], bins: int) -> Counts:
    edges = tuple(np.linspace(rows.whole.low[d], rows.whole.high[d], bins + 1) for d in places)
    counts: Array = rows.total(count_here, places, edges).result()
    columns = tuple(dataset.columns[d] for d in places)
    return Counts(columns, places, edges, counts, rows.whole.total)


def count_here(partition: Partition, places: tuple[int, ...], edges: tuple[Array, ...]) -> Array:
    """Count the rows of a partition between edges; a row that lacks a value is in no bin."""
    columns = [partition.columns[d] for d in places]
    complete = ~np.isnan(np.stack(columns)).any(axis=0)
    weights = partition.weights[complete]
    counts, _ = np.histogramdd([x[complete] for x in columns], bins=edges, weights=weights)
    return counts
