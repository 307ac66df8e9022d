"""What is kept: datasets, runs and their results in a SQL database.

A run is a pure function of its specification, and its id is the specification's hash. So equal runs
of two people are one row, linked to both, and saving anything twice is the same as saving it once.
Web processes and workers open the same database by its URL; whoever dies leaves a state that the
others can read.
"""

import threading

from gmm_core.store.checks import Check, Checks
from gmm_core.store.database import (
    LONGEST,
    PATIENCE,
    SILENCE,
    WORKER_LONGEST,
    WORKER_PATIENCE,
    default_url,
    is_away,
    reason,
)
from gmm_core.store.datasets import DatasetRow
from gmm_core.store.events import Event
from gmm_core.store.fair_queue import Entry, FairQueue, Length, Taker
from gmm_core.store.ids import ENDED, LIVE, check_run_id, now
from gmm_core.store.listing import MOST_NOTE, MOST_TITLE, Listing, RunRow
from gmm_core.store.queue import Picture, Queue
from gmm_core.store.results import Results
from gmm_core.store.runs import RunState
from gmm_core.store.submissions import Claim, Waiting
from gmm_core.store.usage import Usage

__all__ = [
    "ENDED",
    "LIVE",
    "MOST_NOTE",
    "MOST_TITLE",
    "Check",
    "Claim",
    "DatasetRow",
    "Entry",
    "Event",
    "FairQueue",
    "Length",
    "Picture",
    "RunRow",
    "RunState",
    "Store",
    "Taker",
    "Waiting",
    "check_run_id",
    "default_url",
    "is_away",
    "now",
    "opened",
    "reason",
]


class Store(Listing, Results, Checks, Queue, Usage):
    """Datasets, runs and results in one database. Safe to share between threads.

    Parameters
    ----------
    url : an SQLAlchemy URL: a SQLite file, or PostgreSQL; by default `default_url()`.
    patience : seconds for which a statement is tried again while the database is locked or away.
    silence : seconds that PostgreSQL may say nothing, to others neither, before it is taken to be
        away.
    longest : seconds that it may take for a statement.
    keep_days : days after which `expire` removes runs that nobody pinned or asked for; 0 keeps
        them for ever.

    Raises
    ------
    ValueError
        When the URL cannot be used, a newer version of this program has used the database, or
        the days are negative.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        patience: float = PATIENCE,
        silence: float = SILENCE,
        longest: float = LONGEST,
        keep_days: float = 0.0,
    ) -> None:
        if not keep_days >= 0:
            raise ValueError(
                f"Runs are to be kept for {keep_days} days, but 0 (for ever) or more was expected. "
                "Set GMM_KEEP_DAYS accordingly."
            )
        super().__init__(url, patience=patience, silence=silence, longest=longest)
        self.keep_days = float(keep_days)


_opened: dict[str, Store] = {}
_opened_lock = threading.Lock()


def opened(url: str) -> Store:
    """Return this process's store for a URL: workers run many tasks on one set of connections."""
    with _opened_lock:
        if url not in _opened:
            _opened[url] = Store(url, patience=WORKER_PATIENCE, longest=WORKER_LONGEST)
        return _opened[url]
