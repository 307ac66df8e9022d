"""What runs inside a Dask worker: one part of one run, its reports, its result into the store.

A part takes ids instead of data: it reads the specification and the dataset from the store and
writes the result and the state there before anybody is told. So a run outlives the web process that
asked for it. The web process imports this too, to name the functions; torch and Pyro are loaded
only when a part runs.
"""

from gmm_core.worker.limits import RunLimits, stop
from gmm_core.worker.part import PartOutcome, StoreAwayError, finish, run_part, task_key
from gmm_core.worker.reports import topic
from gmm_core.worker.unheard import Unheard
from gmm_core.worker.warming import WarmUp, is_warm

__all__ = [
    "PartOutcome",
    "RunLimits",
    "StoreAwayError",
    "Unheard",
    "WarmUp",
    "finish",
    "is_warm",
    "run_part",
    "stop",
    "task_key",
    "topic",
]
