"""Runs on Dask: submit a specification, watch it, cancel it.

The web process keeps only what is needed to watch: which Dask tasks belong to a run, and the
picture that the workers' reports have drawn so far. Everything that has to last (state, result, who
asked for it) is in the store, and the workers write it there. Of a run whose web process died, the
next one knows what became of it.
"""

from gmm_core.jobs.away import DatabaseAwayError
from gmm_core.jobs.orphans import SERVER_STOPPED
from gmm_core.jobs.process_service import close_service, listen, service
from gmm_core.jobs.service import JobService
from gmm_core.jobs.status import RunStatus

__all__ = [
    "SERVER_STOPPED",
    "DatabaseAwayError",
    "JobService",
    "RunStatus",
    "close_service",
    "listen",
    "service",
]
