"""Runs whose server died: adopted when their workers go on, marked as failed when not."""

from __future__ import annotations

import time
from typing import Any

from gmm_core.jobs import process_registry
from gmm_core.jobs.dispatcher import Dispatcher
from gmm_core.store import RunState

SERVER_STOPPED = "The server stopped while this run was under way. Run it again."

# How long a web process may be silent before one on another machine takes its runs for lost: a few
# missed beats of its watch.
_SILENCE = 60.0


class Orphans:
    """Looks for runs that nobody looks after, for as long as this process lives."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._store = dispatcher.store
        self._beats: dict[str, tuple[Any, float]] = {}

    def mark(self) -> None:
        """Mark every such run as failed, so that nobody waits for it."""
        rows = self._store.live()
        self._beats = {run.id: self._beats[run.id] for run in rows if run.id in self._beats}
        for run in rows:
            self.mark_if_lost(run)

    def mark_if_lost(self, run: RunState) -> bool:
        """Mark a run as failed when nobody watches or computes it any more."""
        watched = self._dispatcher.live.get(run.id)
        if watched is not None and watched.attempt == run.attempt and watched.own:
            return False
        silent = self._silent(run)
        if run.server is None:
            orphaned = silent
        elif not process_registry.scheduler_of(run.server):
            orphaned = process_registry.is_dead(run.server, silent)
        elif process_registry.scheduler_of(run.server) == self._dispatcher.workers.scheduler:
            # It goes on without the web process that asked for it; somebody has to give the rest.
            orphaned = False
            if process_registry.is_dead(run.server, silent):
                self._dispatcher.adopt(run, take=True)
        else:
            orphaned = silent
        if not orphaned:
            return False
        marked = self._store.set_state(run.id, "failed", SERVER_STOPPED, attempt=run.attempt)
        self._dispatcher.teller.expect()
        return marked

    def _silent(self, run: RunState) -> bool:
        """Whether nobody has said for long that the run is looked after.

        By this process's own watch: clocks of machines differ, and are set.
        """
        beat, moment = (run.attempt, run.seen), time.monotonic()
        known = self._beats.get(run.id)
        if known is None or known[0] != beat:
            self._beats[run.id] = (beat, moment)
            return False
        return moment - known[1] > _SILENCE
