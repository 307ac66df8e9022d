"""The runs that this process follows: those asked for here, given from here, or looked at here."""

from __future__ import annotations

import threading

from gmm_core.jobs import process_registry
from gmm_core.jobs.ended import EndedRuns
from gmm_core.jobs.live import LiveRun
from gmm_core.jobs.queue import Queue
from gmm_core.store import Entry, RunState


class Following:
    """One live attempt for each run, and the last that ended; threads may share it.

    live : by run id.
    past : those that ended last.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self.live: dict[str, LiveRun] = {}
        self.past = EndedRuns()

    def keep(self, fresh: LiveRun) -> LiveRun:
        """Follow a run from now on; return what is followed, which may have been so before."""
        with self._lock:
            current = self.live.get(fresh.run_id)
            if current is not None and current.attempt == fresh.attempt:
                return current
            self.live[fresh.run_id] = fresh
            self.past.forget(fresh.run_id)
            return fresh

    def queued(self, run: RunState, entry: Entry, own: bool) -> LiveRun:
        """Follow a run that another web process asked for, as it stands in the queue."""
        fresh = LiveRun(
            *(run.id, run.kind, entry.key, entry.n_parts, list(entry.owners)),
            own=own,
            length=entry.length,
            guest=not self.reaches(run),
        )
        return self.keep(fresh)

    def reaches(self, run: RunState) -> bool:
        """Whether the web process that asked for a run has the same workers as this one."""
        return (
            run.server is not None
            and run.attempt is not None
            and process_registry.cluster_of(run.server) == self._queue.cluster
        )

    def join(self, live: LiveRun, owner: str) -> None:
        """Let one more person wait for a run."""
        with self._lock:
            if owner not in live.owners:
                live.owners.append(owner)
        self._queue.changed()

    def drop(self, live: LiveRun) -> None:
        """Follow a run no more, and keep the last that it has drawn."""
        with self._lock:
            if self.live.get(live.run_id) is live:
                del self.live[live.run_id]
                self.past.keep(live)

    def counts(self) -> tuple[int, int]:
        """Count the runs asked for here that wait to start, and those that have started."""
        every = list(self.live.values())
        own = [live for live in every if live.own and not live.guest and not live.closed]
        started = sum(live.started is not None for live in own)
        return len(own) - started, started
