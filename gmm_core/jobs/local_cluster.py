"""A Dask cluster on this machine, which is its service's alone.

Its channels are encrypted and take nobody who does not hold the service's key, and it answers
nothing else. Its workers keep their settings when they are restarted.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from gmm_core.jobs import credentials

if TYPE_CHECKING:
    from distributed import LocalCluster

# Each side of a connection keeps its last thousand messages for whoever debugs Dask: reports, of
# which one may have megabytes.
MESSAGES = 10

# A worker that uses more than its memory is ended. Dask would first write results to the disk, of
# which we have none there, then pause the worker, which with one thread ends nothing; and it would
# try a run that kills its worker four times. No route leads to Dask's HTTP servers.
CONFIGURATION = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.worker.http.routes": [],
    "distributed.scheduler.http.routes": [],
    "distributed.scheduler.allowed-failures": 1,
    "distributed.admin.low-level-log-length": MESSAGES,
}


def start(n_workers: int, memory: str) -> LocalCluster:
    """Start a scheduler in this process, and one-threaded workers in processes of their own.

    Parameters
    ----------
    memory : of each worker, such as "2 GiB"; "" for an equal share of the machine's.
    """
    import dask
    from distributed import LocalCluster

    # A process that takes the place of another one is configured with what holds then, unless it
    # has a configuration of its own: a whole one, since Dask puts it in the place of its own.
    settings = copy.deepcopy(dask.config.config)
    dask.config.set(CONFIGURATION, config=settings)
    with dask.config.set(CONFIGURATION):
        cluster = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory or "auto",
            host="127.0.0.1",
            # No dashboard; what would serve it starts all the same, and is stopped below.
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            security=credentials.fresh(),
            config=settings,
        )
    cluster.sync(_stop_listening, cluster.scheduler)
    return cluster


async def _stop_listening(node: Any) -> None:
    from gmm_core.worker.dask_internals import stop_http_server

    stop_http_server(node)
