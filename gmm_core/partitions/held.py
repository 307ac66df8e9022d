"""Partitions on the workers of a cluster: read, held, passed over, sampled.

Moments are summed in a tree that the content of the partitions alone fixes, so that the bits are
the same whatever workers there are. Dask reads the partitions of a lost worker again, elsewhere.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.data.partitioned import PartitionedDataset, fingerprint
from gmm_core.mixture import Parameters
from gmm_core.partitions import partition
from gmm_core.partitions.partition import Moments, Summary
from gmm_core.runs.progress import OnProgress, Progress

if TYPE_CHECKING:
    from distributed import Client, Future

_SHARE = 0.6
"""Of the workers' memory that partitions may take; the rest is for the pass and for reading."""

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

    def moments(self, points: Parameters, progress: Progress, tell: OnProgress | None) -> Moments:
        """Pass over all partitions once, from each of R points.

        `tell` hears now and then how far the run is, and may stop it by `Cancelled`.
        """
        # Not pure: what a lost worker had is computed again, and nothing is kept after the pass.
        submit = self.client.submit
        parts = [submit(partition.moments, each, points, pure=False) for each in self.partitions]
        (total,) = _paired(parts, lambda a, b: submit(operator.add, a, b, pure=False))
        return _waited(self.client, total, progress, tell)

    def coreset(self, columns: Sequence[str], name: str, size: int, seed: int) -> Dataset:
        """Draw a weighted sample of about `size` rows, or all where there are no more."""
        drawn = self.client.gather(
            [
                self.client.submit(partition.coreset, each, self.whole, size, seed, pure=False)
                for each in self.partitions
            ]
        )
        values = np.concatenate([values for values, _ in drawn])
        weights = np.concatenate([weights for _, weights in drawn])
        plain = bool(np.all(weights == 1))
        return Dataset.from_values(values, columns, name, weights=None if plain else weights)


@contextmanager
def held(data: PartitionedDataset, client: Client | None = None) -> Iterator[Held]:
    """Have workers read the partitions, and hold them for as long as this lasts.

    Parameters
    ----------
    client : of a Dask cluster; None for the one in use here, or else workers of this machine.

    Raises
    ------
    ValueError
        When a file cannot be read, the partitions do not fit into the workers, or the data cannot
        be fitted: fewer than two rows, or a column without spread.
    """
    with _at(client) as found:
        _check_memory(data, found)
        loaded = [found.submit(partition.load, piece, pure=False) for piece in data.pieces]
        told = found.gather([found.submit(partition.summary, each, pure=False) for each in loaded])
        order = sorted(range(len(told)), key=lambda i: told[i][0])
        (whole,) = _paired([told[i][1] for i in order], operator.add)
        _check_spread(data, whole)
        mark = fingerprint(data, (digest for digest, _ in told))
        yield Held(found, tuple(loaded[i] for i in order), whole, mark)


def _paired(parts: Sequence[Any], add: Any) -> list[Any]:
    """Add neighbours until one is left: a tree that only their number and order fix."""
    level = list(parts)
    while len(level) > 1:
        pairs = [add(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) - len(level) % 2 :]
    return level


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
def _at(client: Client | None) -> Iterator[Client]:
    """Return the client to use; workers of this machine end with it."""
    from distributed import Client as Connect
    from distributed import LocalCluster, default_client

    try:
        yield client or default_client()
        return
    except ValueError as error:
        if client is not None or "client" not in str(error).lower():
            raise
    with (
        LocalCluster(threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Connect(cluster, set_as_default=False) as own,
    ):
        yield own


def _check_memory(data: PartitionedDataset, client: Client) -> None:
    """Refuse what does not fit into the workers together."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    limit = sum(int(each["memory_limit"]) for each in workers.values())
    if workers and 0 < limit * _SHARE < data.bytes:
        raise ValueError(
            f"The data takes {data.bytes / 1e9:,.1f} GB in {len(data.pieces):,} partitions, and "
            f"{len(workers)} workers with {limit / 1e9:,.1f} GB hold {limit * _SHARE / 1e9:,.1f} "
            "GB of it. Add workers or memory, or read fewer columns."
        )


def _check_spread(data: PartitionedDataset, whole: Summary) -> None:
    if whole.rows < 2:
        raise ValueError(
            f"{whole.rows} rows have all their numbers, and a fit needs two. Read other columns."
        )
    for name, low, high in zip(data.columns, whole.low, whole.high, strict=True):
        if low == high:
            raise ValueError(
                f"All {whole.rows:,} values of the column {name!r} are equal ({low:g}), so it has "
                "no spread to fit. Leave that column out."
            )
