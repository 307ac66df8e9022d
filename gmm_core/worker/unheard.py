"""Ends what a Dask worker would tell to anybody who asks."""

from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

from gmm_core.worker.dask_internals import stop_http_server


class Unheard(WorkerPlugin):
    """Stops each worker's HTTP server as it starts, also after a restart."""

    name = "gmm-unheard"

    def setup(self, worker: Any) -> None:
        """Stop it (called by Dask)."""
        stop_http_server(worker)
