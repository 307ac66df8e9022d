"""Data in partitions as a dataset: a weighted sample, and counts of all the rows behind it.

What needs few numbers of the data looks at the sample; what is asked of all rows goes to where they
are, by the dataset's `whole`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.data.whole import MAPPED, Whole, pairs
from gmm_core.formatting import listing
from gmm_core.partitions.counts import BINS, Counts, count_here
from gmm_core.partitions.held import Held, changed, held
from gmm_core.partitions.partition import Partition
from gmm_core.runs.progress import OnProgress

if TYPE_CHECKING:
    from distributed import Client

Array = NDArray[np.float64]

SAMPLE = 20_000
"""Rows of a sample: the optima of K = 64 components have hundreds each in it."""


def sample_rows(
    dataset: PartitionedDataset,
    size: int = SAMPLE,
    seed: int = 0,
    *,
    source: str = "",
    shared: bool = False,
    in_pairs: Sequence[str] | None = None,
    client: Client | None = None,
    on_progress: OnProgress | None = None,
) -> Dataset:
    """Draw a weighted sample of data in partitions, and count all its rows, on the workers.

    Parameters
    ----------
    size : about how many rows are drawn; all where there are no more.
    seed : of the draw; the same rows come from equal data on any workers.
    source, shared : where the rows are, as `Whole` says, for runs that go back to them; the
        address that they were listed at where none is given.
    in_pairs : names of the columns by whose pairs all rows are counted, which figures of two
        columns draw; eight at most, the first ones when None.
    client : of a Dask cluster; None for the one in use here, or else workers of this machine.
    on_progress : told how many partitions are read; raising `Cancelled` in it stops the reading.

    Returns
    -------
    A dataset of rows that are drawn half alike and half by their distance from the mean; its
    `whole` says of how many rows it is, and how these are distributed. Its weights stand for what
    was not drawn, and sum to its effective size, so that what goes by it is as unsure as so many
    rows leave it (Kish 1965, Survey Sampling).

    Raises
    ------
    ValueError
        When `size` is below 2, `in_pairs` are not eight of the columns at most, or as `held` says.
    """
    if size < 2:
        raise ValueError(f"size = {size}, but a sample needs two rows at least. Give more.")
    chosen = None if in_pairs is None else _in_pairs(dataset.columns, in_pairs)
    with held(dataset, client, on_progress) as rows:
        sample = rows.coreset(dataset.columns, dataset.name, size, seed)
        low, high = rows.whole.low, rows.whole.high
        edges = np.stack([np.linspace(a, b, BINS + 1) for a, b in zip(low, high, strict=True)])
        D = len(edges)
        views = pairs(range(min(D, MAPPED))) if chosen is None else chosen
        counted: Array = rows.total(count_all, edges, views).result()
        whole = Whole(
            source=source or dataset.source,
            shared=shared,
            weights=dataset.weights,
            classes=dataset.classes,
            missing=dataset.missing,
            rows=rows.whole.rows,
            total=rows.whole.total,
            fingerprint=rows.fingerprint,
            seed=seed,
            edges=edges,
            bars=counted[: D * BINS].reshape(D, BINS),
            maps=counted[D * BINS :].reshape(-1, BINS, BINS),
            counted=None if chosen is None else tuple(chosen),
        )
        w = sample.weights
        if w is not None and len(w) < whole.rows:
            w = w * (w.sum() / (w @ w))
        return replace(sample, weights=w, whole=whole)


def count_pair(
    sample: Dataset,
    places: tuple[int, int],
    *,
    client: Client | None = None,
    on_progress: OnProgress | None = None,
) -> Dataset:
    """Return a sample that knows how all rows lie by two columns more; they alone are counted.

    Parameters
    ----------
    places : of the columns, from 0.
    client, on_progress : as of `sample_rows`.

    Raises
    ------
    ValueError
        When the rows are no longer those that the sample was drawn from, or as `held` says.
    """
    whole, pair = sample.whole, (min(places), max(places))
    assert whole is not None
    if pair in whole.pairs:
        return sample
    with all_rows(sample, client, on_progress) as rows:
        edges = tuple(whole.edges[d] for d in pair)
        counts: Array = rows.total(count_here, pair, edges).result()
    return replace(sample, whole=whole.with_maps([pair], counts[None]))


def _in_pairs(columns: Sequence[str], names: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of the named columns, by their places."""
    unknown = [name for name in names if name not in columns]
    if unknown or len(set(names)) > MAPPED:
        what_came = f"there is no {listing(unknown)}" if unknown else f"{len(set(names))} came"
        raise ValueError(
            f"Rows are counted by the pairs of up to {MAPPED} columns, but {what_came}. Name some "
            f"of {listing(columns, 20)}."
        )
    return pairs([columns.index(name) for name in dict.fromkeys(names)])


def count_all(partition: Partition, edges: Array, in_pairs: list[tuple[int, int]]) -> Array:
    """Count the rows of a partition by each column and by some pairs, one after the other."""
    views = [*((d,) for d in range(len(edges))), *in_pairs]
    of_views = [count_here(partition, view, tuple(edges[d] for d in view)) for view in views]
    return np.concatenate([counts.ravel() for counts in of_views])


@contextmanager
def all_rows(
    sample: Dataset, client: Client | None = None, tell: OnProgress | None = None
) -> Iterator[Held]:
    """Have workers hold all the rows that a sample was drawn from.

    Raises
    ------
    ValueError
        When they are no longer what they were, or as `held` says.
    """
    assert sample.whole is not None
    with held(referred(sample), client, tell) as rows:
        if rows.fingerprint != sample.whole.fingerprint:
            raise changed(sample.name)
        yield rows


def referred(sample: Dataset) -> PartitionedDataset:
    """Return the data in partitions that a sample was drawn from.

    Raises
    ------
    ValueError
        When it is not there, or as `read_dataset` says.
    """
    from gmm_core import settings
    from gmm_core.data.folder import Folder

    whole = sample.whole
    assert whole is not None
    reading = (whole.weights, whole.classes, whole.missing)
    if not whole.shared:
        return PartitionedDataset.of(whole.source, sample.columns, sample.name, *reading)
    folder = settings.read().data
    if not folder:
        raise ValueError(
            "The folder of shared data is not named here (GMM_DATA). Ask whoever runs this server."
        )
    return Folder(folder).partitioned(whole.source, sample.columns, *reading)


def counts_of(sample: Dataset, places: tuple[int, ...]) -> Counts | None:
    """Return how all rows lie by one column or two; None where these two are not counted."""
    whole = sample.whole
    assert whole is not None
    if len(places) == 1:
        counts: Array = whole.bars[places[0]]
    else:
        pair = (min(places), max(places))
        if pair not in whole.pairs:
            return None
        counts = whole.maps[whole.pairs.index(pair)]
        counts = counts if pair == places else counts.T
    columns = tuple(sample.columns[d] for d in places)
    return Counts(columns, places, tuple(whole.edges[d] for d in places), counts, whole.total)
