"""The Dask workers: a cluster on this machine, or a scheduler elsewhere that may go and come back.

All that is asked of Dask is asked here. A connection that was lost is replaced by a new one, since
Dask forgets the subscriptions and futures of the old one.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gmm_core.jobs import greet, local_cluster
from gmm_core.jobs.live import End
from gmm_core.jobs.local_cluster import MESSAGES

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

    from gmm_core.data.dataset import Dataset
    from gmm_core.data.partitioned import PartitionedDataset

logger = logging.getLogger(__name__)

_CONNECT = 5.0  # seconds to wait for a scheduler; whoever watches tries again


class Workers:
    """The workers of a service.

    Parameters
    ----------
    scheduler : address of a Dask scheduler, or "" for a cluster on this machine.
    n_workers : processes of the local cluster; 0 for one per core.
    memory : of each local worker, such as "2 GiB"; "" for an equal share of the machine's.
    """

    def __init__(self, scheduler: str = "", n_workers: int = 0, memory: str = "") -> None:
        self.scheduler = scheduler
        self.memory = memory
        self._n_workers = n_workers or len(os.sched_getaffinity(0))
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._lock = threading.Lock()
        self.slots = 0  # threads that can compute at the same time
        # A local process more, for short runs alone: started when long ones first fill the others.
        self.spare = 0
        self.spare_asked = False
        self.present = 0  # those that there were when somebody last asked
        # Dask keeps what it once called for a topic, also after the end of the subscription: what
        # takes the reports, and with it all that a run has drawn, is kept here and let go.
        self._takers: dict[str, Callable[[bytes], None]] = {}

    @property
    def where(self) -> str:
        """Say where they are."""
        return self.scheduler or "this machine"

    @property
    def connected(self) -> bool:
        """Whether tasks can be given now."""
        client = self._client
        return client is not None and client.status == "running"

    @property
    def address(self) -> str:
        """Address of the scheduler; "" while it cannot be reached."""
        client = self._client
        return "" if client is None else str(client.scheduler_info(n_workers=0)["address"])

    def connect(self) -> None:
        """Start the cluster, or connect to the scheduler, anew if need be.

        Raises
        ------
        OSError
            When the scheduler cannot be reached.
        """
        from distributed import Client

        from gmm_core import worker
        from gmm_core.worker import dask_internals

        with self._lock:
            old, self._client = self._client, None
        if old is not None:
            old.close(timeout=1)
        if not self.scheduler and self._cluster is None:
            self._cluster = local_cluster.start(self._n_workers, self.memory)
        if self._cluster is None:
            greet.ask(self.scheduler, _CONNECT)
        target = self._cluster if self._cluster is not None else self.scheduler
        client = Client(target, set_as_default=False, timeout=_CONNECT)
        client.run_on_scheduler(
            dask_internals.keep_few_messages, listener=client.id, n_messages=MESSAGES
        )
        if self._cluster is not None:
            client.register_plugin(worker.Unheard())
        client.register_plugin(worker.WarmUp())
        self._client = client
        self.count()

    @property
    def room(self) -> int:
        """Parts of long runs that may compute at the same time: short ones find a worker free."""
        return self.slots if not self.scheduler else max(1, self.slots - 1)

    def add_spare(self) -> None:
        """Start one more process on this machine, once; elsewhere one of those there is kept."""
        with self._lock:
            cluster, already, self.spare_asked = self._cluster, self.spare_asked, True
        if cluster is not None and not already:
            cluster.scale(self._n_workers + 1)

    def spare_came(self) -> bool:
        """Whether the further process has just begun to take tasks."""
        client = self._client
        if self.spare or not self.spare_asked or client is None or self._cluster is None:
            return False
        self.spare = int(len(client.nthreads()) > self._n_workers)
        return bool(self.spare)

    def count(self) -> None:
        """Look how many threads there are; local ones that restart are counted all the same."""
        client = self._client
        if client is None:
            return
        try:
            self.slots = self._n_workers if not self.scheduler else sum(client.nthreads().values())
        except OSError as error:
            logger.info("The scheduler does not answer: %s", error)

    def ask(self) -> None:
        """Look how many threads answer now.

        Raises
        ------
        OSError
            When the scheduler does not answer.
        """
        self.present = 0
        client = self._client
        if client is None:
            raise ConnectionError(f"no connection to {self.where}")
        self.present = sum(client.nthreads().values())

    def give(self, function: Callable[..., Any], key: str, arguments: tuple[Any, ...]) -> Future:
        """Give a task to Dask; one that it knows by its key is only watched.

        Raises
        ------
        ConnectionError
            When there is no connection.
        """
        from distributed import fire_and_forget

        client = self._client
        if client is None:
            raise ConnectionError(f"no connection to {self.where}")
        future = client.submit(function, *arguments, key=key, pure=False)
        if self.scheduler:
            fire_and_forget(future)  # it goes on when this web process dies
        return future

    def sample(self, data: PartitionedDataset, **more: Any) -> Dataset:
        """Have the workers read data in partitions and draw a sample; see `sample_rows`.

        Raises
        ------
        ValueError
            When there is no connection, or as `sample_rows` says.
        """
        from gmm_core.partitions.opened import sample_rows

        return sample_rows(data, client=self._connection, **more)

    def count_pair(self, sample: Dataset, places: tuple[int, int], **more: Any) -> Dataset:
        """Have the workers count all rows of a sample by two columns more; see `opened.count_pair`.

        Raises
        ------
        ValueError
            When there is no connection, or as `count_pair` says.
        """
        from gmm_core.partitions.opened import count_pair

        return count_pair(sample, places, client=self._connection, **more)

    @property
    def _connection(self) -> Client:
        if self._client is None:
            raise ValueError(f"The workers of {self.where} cannot be reached now. Try again.")
        return self._client

    def listen(self, topic: str, take: Callable[[bytes], None], past: bool = False) -> bool:
        """Hear what workers say about a topic from now on, with `past` also what they have said."""
        client = self._client
        if client is None:
            return False

        self._takers[topic] = take

        def heard(event: tuple[float, Any]) -> None:
            taker = self._takers.get(topic)
            if taker is not None:
                taker(event[1])

        client.subscribe_topic(topic, heard)
        if past:
            for event in client.get_events(topic) or ():
                heard(event)
        return True

    def unlisten(self, topic: str) -> None:
        """Hear no more of a topic, and let the scheduler forget it: it would keep every report."""
        from gmm_core.worker import dask_internals

        self._takers.pop(topic, None)
        client = self._client
        if client is not None and dask_internals.has_subscribed(client, topic):
            client.unsubscribe_topic(topic)
            client.run_on_scheduler(dask_internals.forget_events, topic=topic, listener=client.id)

    def stop(self, attempt: str, end: End) -> None:
        """Tell every worker process, also those that are busy, to stop an attempt, and why."""
        from gmm_core import worker

        client = self._client
        if client is not None and client.status == "running":
            client.run(worker.stop, attempt, *end, on_error="ignore")

    def cancel(self, futures: list[Future], force: bool = True) -> None:
        """Take tasks back that have not started."""
        client = self._client
        if client is not None and futures and client.status == "running":
            client.cancel(futures, force=force)

    def restart(self, addresses: list[str]) -> None:
        """End worker processes that do not answer; others take their place."""
        client = self._client
        if client is not None and addresses and client.status == "running":
            client.restart_workers(addresses, raise_for_error=False)

    def close(self) -> None:
        """Leave the scheduler, or stop the local cluster."""
        if self._client is not None:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def death(future: Future, memory: str) -> str:
    """Say why a task ended with an error."""
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        limit = f"more than {memory} (GMM_WORKER_MEMORY)" if memory else "more than there is"
        return (
            "The worker process died each time it was tried, most likely because the run needs "
            f"more memory than a worker has: {limit}. Use fewer points, components, starts or "
            "draws."
        )
    if type(error).__name__ in ("StoreAwayError", "OtherProgramError"):
        return str(error)
    return f"The run failed: {type(error).__name__}: {error}"
