"""Partitions on the workers of a cluster: read, held, passed over, sampled.

Moments are summed in a tree that the content of the partitions alone fixes, so that the bits are
the same whatever workers there are. Dask reads the partitions of a lost worker again, elsewhere.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.data.observed import MOST_CLASSES
from gmm_core.data.partitioned import PartitionedDataset, fingerprint
from gmm_core.mixture import Parameters
from gmm_core.partitions import partition
from gmm_core.partitions.doubt import Doubt, doubt
from gmm_core.partitions.partition import Moments, Summary
from gmm_core.partitions.tree import in_blocks, summed
from gmm_core.runs.progress import OnProgress, Progress

if TYPE_CHECKING:
    from distributed import Client, Future

_SHARE = 0.6
"""Of the workers' memory that partitions may take; the rest is for the pass and for reading."""

_READING = 3
"""Times its own size that a partition takes while it is read: the file's columns, the numbers that
are made of them, and these laid out for the pass."""

_LOOK = 0.1  # seconds between two looks at whether the run is to be stopped


@dataclass(frozen=True, eq=False)
class Held:
    """Partitions that workers hold, in the order of their content.

    Attributes
    ----------
    partitions : where they are.
    whole : rows, total weight, mean and scatter of all.
    fingerprint : of the content.
    """

    client: Client
    partitions: tuple[Future, ...]
    whole: Summary
    fingerprint: str

    @property
    def class_names(self) -> tuple[str, ...]:
        """The known classes, in the order of the alphabet: class j is component j where fixed."""
        return tuple(self.whole.classes)

    def moments(
        self, points: Parameters, fixed: bool, progress: Progress, tell: OnProgress | None
    ) -> Moments:
        """Pass over all partitions once, from each of R points; see `partition.moments`.

        `tell` hears now and then how far the run is, and may stop it by `Cancelled`.
        """
        total = self.total(partition.moments, points, fixed)
        return _waited(self.client, total, progress, tell)

    def doubt(self, point: Parameters, fixed: bool) -> Doubt:
        """Sum up over all rows how unsure it is where they belong; see `doubt.doubt`."""
        whole: Doubt = self.total(doubt, point, fixed).result()
        return whole

    def total(self, of_one: Callable[..., Any], *arguments: Any) -> Future:
        """Add up over all partitions, on the workers, what a function says of each."""
        # Not pure: what a lost worker had is computed again, and nothing is kept after the pass.
        submit = self.client.submit
        parts = [submit(of_one, part, *arguments, pure=False) for part in self.partitions]
        return in_blocks(parts, lambda block: submit(summed, block, operator.add, pure=False))

    def coreset(self, columns: Sequence[str], name: str, size: int, seed: int) -> Dataset:
        """Draw a weighted sample of about `size` rows, or all where there are no more."""
        samples = self.client.gather(
            [
                self.client.submit(partition.coreset, item, self.whole, size, seed, pure=False)
                for item in self.partitions
            ]
        )
        values, weights = (np.concatenate([item[i] for item in samples]) for i in (0, 1))
        if len(values) < self.whole.rows:
            weights = weights * (self.whole.total / weights.sum())
        names, classes = self.class_names, None
        if names:
            codes = np.concatenate([item[2] for item in samples])
            # A dataset numbers its classes as they come: here the first of each in their order.
            first = [np.flatnonzero(codes == k)[:1] for k in range(len(names))]
            order = list(dict.fromkeys(np.concatenate([*first, np.arange(len(codes))]).tolist()))
            values, weights = values[order], weights[order]
            classes = [None if k < 0 else names[k] for k in codes[order].tolist()]
        plain = bool(np.all(weights == 1))
        return Dataset.from_values(
            values,
            columns,
            name,
            weights=None if plain else weights,
            classes=classes,
            missing="keep" if np.isnan(values).any() else "refuse",
        )


@contextmanager
def held(
    data: PartitionedDataset, client: Client | None = None, tell: OnProgress | None = None
) -> Iterator[Held]:
    """Have workers read the partitions, and hold them for as long as this lasts.

    Parameters
    ----------
    client : of a Dask cluster; None for the one in use here, or else workers of this machine.
    tell : hears how many partitions are read, and may stop it by `Cancelled`.

    Raises
    ------
    ValueError
        When a file cannot be read, the partitions do not fit into the workers, or the data cannot
        be fitted: fewer than two rows, or a column without spread.
    """
    with connected(client) as workers:
        _check_memory(data, workers)
        loaded = [workers.submit(partition.load, piece, pure=False) for piece in data.pieces]
        summaries = gathered(
            workers, [workers.submit(partition.summary, part, pure=False) for part in loaded], tell
        )
        order = sorted(range(len(summaries)), key=lambda i: summaries[i][0])
        whole = summed([summaries[i][1] for i in order], operator.add)
        _check_spread(data, whole)
        mark = fingerprint(data, (digest for digest, _ in summaries))
        names = _class_names(data, whole)
        parts = [loaded[i] for i in order]
        if names:
            parts = [
                workers.submit(partition.Partition.named, part, names, pure=False) for part in parts
            ]
        del loaded  # what has other names for its classes need not be kept twice
        yield Held(workers, tuple(parts), whole, mark)


def gathered(client: Client, futures: list[Future], tell: OnProgress | None) -> Any:
    """Gather results; whoever listens hears how many there are, and may end it."""
    done = 0
    while tell is not None and done < len(futures):
        if any(future.status == "error" for future in futures):
            break  # which is raised as they are gathered
        done = sum(future.done() for future in futures)
        tell(Progress(done, len(futures)))
        time.sleep(_LOOK)
    return client.gather(futures)


def changed(name: str) -> ValueError:
    """Return what is raised where the rows of data are no longer what they were."""
    return ValueError(
        f'The rows of "{name}" are no longer those that it was drawn from: the files have changed. '
        "Open the data again."
    )


def _waited(client: Client, future: Future, progress: Progress, tell: OnProgress | None) -> Any:
    """Wait for a result; whoever listens may end it."""
    ended = Event()
    future.add_done_callback(lambda _: ended.set())
    try:
        while tell is not None and not ended.is_set():
            tell(progress)
            ended.wait(_LOOK)
        return future.result()
    except BaseException:
        future.cancel()
        raise


@contextmanager
def connected(client: Client | None) -> Iterator[Client]:
    """Return the client to use; workers of this machine end with it.

    Raises
    ------
    ValueError
        When workers end again and again over the same partition.
    """
    from distributed import Client as Connect
    from distributed import KilledWorker, LocalCluster, default_client

    with ExitStack() as stack:
        try:
            workers = client or default_client()
        except ValueError:  # there is none
            cluster = LocalCluster(threads_per_worker=1, dashboard_address="127.0.0.1:0")
            stack.enter_context(cluster)
            workers = stack.enter_context(Connect(cluster, set_as_default=False))
        try:
            yield workers
        except KilledWorker as error:
            raise ValueError(
                "Workers ended again and again while they worked on the same part of the data. "
                "They may have too little memory: give them more, or write the files with smaller "
                "row groups."
            ) from error


def _check_memory(data: PartitionedDataset, client: Client) -> None:
    """Refuse what does not fit into the workers together."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    limits = [int(worker["memory_limit"]) for worker in workers.values()]
    limit = sum(limits)
    if workers and 0 < limit * _SHARE < data.bytes:
        raise ValueError(
            f"The data takes {data.bytes / 1e9:,.1f} GB in {len(data.pieces):,} partitions, and "
            f"{len(workers)} workers with {limit / 1e9:,.1f} GB hold {limit * _SHARE / 1e9:,.1f} "
            "GB of it. Add workers or memory, or read fewer columns."
        )
    if workers and 0 < min(limits) < _READING * data.largest:
        raise ValueError(
            f"The largest row group takes {data.largest / 1e9:,.1f} GB, and {_READING} times that "
            f"while it is read, but a worker has {min(limits) / 1e9:,.1f} GB. Write the files with "
            "smaller row groups, or give workers more memory."
        )


def _class_names(data: PartitionedDataset, whole: Summary) -> tuple[str, ...]:
    """Return the known classes of all partitions, once there are some and not too many."""
    names = tuple(whole.classes)
    if data.classes is not None and not 0 < len(names) <= MOST_CLASSES:
        count = f"{len(names):,} different classes are" if names else "No class at all is"
        raise ValueError(
            f'{count} in the column "{data.classes}", but 1 to {MOST_CLASSES} are accepted. Choose '
            "a column that says which kind each row is."
        )
    return names


def _check_spread(data: PartitionedDataset, whole: Summary) -> None:
    if whole.rows < 2:
        raise ValueError(
            f"{whole.rows} rows have their numbers, and a fit needs two. Read other columns."
        )
    for name, low, high in zip(data.columns, whole.low, whole.high, strict=True):
        if low > high:
            raise ValueError(f'The column "{name}" has no value at all. Leave that column out.')
        if low == high:
            raise ValueError(
                f'All {whole.rows:,} values of the column "{name}" are equal ({low:g}), so it has '
                "no spread to fit. Leave that column out."
            )
