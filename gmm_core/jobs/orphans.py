"""Runs of web processes that died: whoever is alive goes on with them.

What a process had given to workers of its own is lost with it, and given again. Only a process that
starts and finds itself alone says of such runs that the server stopped: nobody waited for them
meanwhile, and one that took the machine with it would do so again.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from gmm_core.jobs import process_registry
from gmm_core.jobs.dispatcher import Dispatcher
from gmm_core.store import Entry, FairQueue, RunState

SERVER_STOPPED = "The server stopped while this run was under way. Run it again."

logger = logging.getLogger(__name__)

# How long a web process may be silent before one on another machine takes its runs for lost: a few
# missed beats of its watch.
_SILENCE = 60.0
_MOST_LOST = 2  # web processes that may die with a run before it is taken for the cause


class Orphans:
    """Looks for runs that nobody looks after, for as long as this process lives."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._store = dispatcher.store
        self._queue = dispatcher.queue
        self._beats: dict[str, tuple[Any, float]] = {}

    def mark(self, starting: bool = False) -> None:
        """Put back what was given by processes that are gone.

        Parameters
        ----------
        starting : whether this process has just begun.
        """
        self._store.greet(self._queue.server)
        alone = starting and not self.others()
        rows = self._store.live()
        self._beats = {run.id: self._beats[run.id] for run in rows if run.id in self._beats}
        entries = self._queue.view(fresh=True).entries
        for run in rows:
            entry = entries.get(run.attempt or "")
            if entry is None:
                self.mark_if_lost(run)
            else:
                self._take_over(run, entry, alone)

    def others(self) -> list[str]:
        """Return the other web processes that are alive; what is left of dead ones goes."""
        alive = []
        for server, age in self._store.servers().items():
            if server == self._queue.server:
                continue
            if process_registry.is_dead(server, age > _SILENCE):
                self._store.part_from(server)
            else:
                alive.append(server)
        return alive

    def with_other_workers(self) -> bool:
        """Whether another web process is alive that does not reach the workers of this one."""
        cluster = self._queue.cluster
        return any(process_registry.cluster_of(other) != cluster for other in self.others())

    def mark_if_lost(self, run: RunState) -> bool:
        """Mark a run as failed that is in no queue, when nobody watches or computes it any more."""
        watched = self._dispatcher.live.get(run.id)
        if watched is not None and watched.attempt == run.attempt and watched.own:
            return False
        if run.attempt is not None and run.attempt in self._queue.view(fresh=True).entries:
            return False
        silent = self._silent(run)
        if run.server is None or process_registry.scheduler_of(run.server):
            orphaned = silent
        else:
            orphaned = process_registry.is_dead(run.server, silent)
        return orphaned and self._fail(run)

    def _take_over(self, run: RunState, entry: Entry, alone: bool) -> None:
        """Put back the parts of a run that dead processes had given."""
        if entry.stop is not None and not entry.given:
            self._store.set_state(run.id, *entry.stop, attempt=run.attempt)
            return
        silent = self._silent(run)
        cluster = self._queue.cluster
        dead = {
            turn.server
            for turn in entry.given.values()
            if process_registry.is_dead(turn.server, silent)
            # Workers that other processes may still reach go on, and say so.
            and (silent or turn.cluster in (cluster, turn.server))
        }
        if not dead:
            return
        orphaned = any(
            turn.server in dead and turn.cluster != cluster for turn in entry.given.values()
        )
        if orphaned and (alone or entry.lost >= _MOST_LOST):
            self._fail(run)
            return

        def back(queue: FairQueue) -> None:
            now = queue.entries.get(entry.key)
            if now is None:
                return
            parts = [part for part, turn in now.given.items() if turn.server in dead]
            for part in sorted(parts, reverse=True):
                queue.put_back(now.key, part)
            now.lost += bool(parts) and orphaned

        self._store.change_queue(back)
        self._queue.changed()
        logger.warning("Run %s goes on: the web process that had it is gone.", run.id)

    def _fail(self, run: RunState) -> bool:
        marked = self._store.set_state(run.id, "failed", SERVER_STOPPED, attempt=run.attempt)
        self._dispatcher.teller.expect()
        return marked

    def _silent(self, run: RunState) -> bool:
        """Whether nobody has said for long that the run is looked after.

        By this process's own watch: clocks of machines differ, and are set.
        """
        beat, moment = (run.attempt, run.seen), time.monotonic()
        last = self._beats.get(run.id)
        if last is None or last[0] != beat:
            self._beats[run.id] = (beat, moment)
            return False
        return moment - last[1] > _SILENCE
