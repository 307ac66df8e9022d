"""What a part says while it runs, and what it hears: whether it is still wanted."""

import time
import uuid

from distributed import get_worker
from sqlalchemy.exc import SQLAlchemyError

from gmm_core.jobs.limits import too_long
from gmm_core.runs import serialize
from gmm_core.runs.progress import Cancelled, Progress
from gmm_core.store import Store
from gmm_core.worker.batching import Batch
from gmm_core.worker.limits import RunLimits, stop, stopped
from gmm_core.worker.priority import give_way

# Five reports a second look continuous, and a report costs about a millisecond.
_INTERVAL = 0.2
# Reporting may take this share of the time: large snapshots are sent less often.
_SHARE = 0.05
# How often a part asks the store whether it is still wanted: it may have been cancelled or deleted
# by a web process that cannot reach this worker.
_STORE_INTERVAL = 1.0
_LOOKS_PER_BEAT = 10
# A part that computes for longer lets what is short go first: pages, and runs that somebody who
# moves a slider waits for. Alone on its processor it is as fast as before.
_LONG = 2.0  # seconds


def topic(attempt: str) -> str:
    """Return the name of the Dask topic under which an attempt of a run reports."""
    return f"gmm-{attempt}"


class Reporter:
    """The `on_progress` of a part: gathers patches, sends them now and then, stops the part."""

    def __init__(
        self, store: Store, run_id: str, attempt: str, part: int, limits: RunLimits
    ) -> None:
        self.store = store
        self.limits = limits
        self.run_id = run_id
        self.attempt = attempt
        self.part = part
        self.worker = get_worker()
        # A part that a dying worker took along starts again with a new token.
        self.execution = uuid.uuid4().hex
        self.began = time.monotonic()
        self.computes: float | None = None  # since when: loading the engine counts for no limit
        self.note = ""
        self.number = 0
        self.done = self.total = 0
        self.pending: dict[str, list[Batch]] = {}
        self.next_report = 0.0
        self.looks = 0
        self.next_look = time.monotonic() + _STORE_INTERVAL
        self.gives_way = False

    def __call__(self, progress: Progress) -> None:
        """Take one report of the engine.

        Raises
        ------
        Cancelled
            When the run is to stop.
        """
        self.done, self.total = progress.done, progress.total
        for name, patch in progress.snapshot.items():
            batches = self.pending.setdefault(name, [])
            if not (batches and batches[-1].extend(patch)):
                batches.append(Batch(patch))
        moment = time.monotonic()
        since = self.computes
        if self.limits.seconds and since is not None and moment - since > self.limits.seconds:
            kind = self.store.state(self.run_id).kind
            stop(self.attempt, "failed", too_long(self.limits.limit, kind))
        if stopped(self.attempt):
            raise Cancelled()
        if since is not None and moment - since > _LONG and not self.gives_way:
            self.gives_way = True
            give_way()
        if moment >= self.next_report:
            # Its own time: on a busy machine a report waits more than it works.
            began = time.thread_time()
            self.send()
            cost = time.thread_time() - began
            self.next_report = moment + max(_INTERVAL, cost / _SHARE)
        if moment >= self.next_look:
            self.next_look = moment + _STORE_INTERVAL
            if not self._wanted():
                raise Cancelled()

    @property
    def end(self) -> tuple[str, str] | None:
        """How the part is to end before its time, or None."""
        return stopped(self.attempt)

    def say(self, note: str) -> None:
        """Tell what the part waits for; "" when it goes on."""
        if note != self.note:
            self.note = note
            self.send()

    def _wanted(self) -> bool:
        self.looks += 1
        try:
            if self.looks % _LOOKS_PER_BEAT == 0:
                self.store.touch([self.run_id])  # for when no web process is left to say so
            return self.store.is_live(self.run_id, self.attempt)
        except SQLAlchemyError:
            return True  # a database that is away for a moment is no reason to stop

    def flush(self) -> None:
        """Send what has not been sent, at the end of the part."""
        if self.pending:
            self.send()

    def send(self) -> None:
        """Send a report with everything gathered since the last one."""
        patches = [
            (name, batch.patch()) for name, batches in self.pending.items() for batch in batches
        ]
        self.pending = {}
        message = serialize.pack(
            (
                self.attempt,
                self.execution,
                time.monotonic() - self.began,
                self.part,
                self.number,
                int(self.done),
                int(self.total),
                self.worker.address,
                self.note,
                patches,
            )
        )
        self.number += 1
        self.worker.log_event(topic(self.attempt), message)
