"""Stops runs: asks their workers first, then restarts those that do not answer."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from gmm_core.jobs.dispatcher import Dispatcher
from gmm_core.jobs.live import CANCELLED, End, LiveRun
from gmm_core.jobs.orphans import SERVER_STOPPED, Orphans
from gmm_core.store import RunState, reason

if TYPE_CHECKING:
    from distributed import Future

logger = logging.getLogger(__name__)

# How long a run that is to stop may take to do so by itself. A report comes several times a second,
# unless one step takes long; with the restart of the worker the whole stays below two seconds.
_GRACE = 1.5
# And how long for another web process to hear of it, and to stop it.
_FAR_GRACE = 5.0


class Stopping:
    """Stops the runs that a dispatcher follows; threads may share it."""

    def __init__(self, dispatcher: Dispatcher, orphans: Orphans) -> None:
        self._dispatcher = dispatcher
        self._orphans = orphans
        self._store = dispatcher.store
        self._workers = dispatcher.workers
        self._steps = dispatcher.steps

    def stop(self, live: LiveRun, end: End = CANCELLED) -> None:
        """Stop a run: one that waits is over at once, one that runs within two seconds."""
        with live.lock:
            live.again = False
            if live.stopping:
                return
            live.stopping = end
            waits = live.started is None
        if waits or not self._workers.connected:
            self._dispatcher.conclude(live, end)
            self._ask(live, end)
        else:
            self._steps.in_background(self._make_stop, live, end)

    def stop_elsewhere(self, run: RunState, end: End = CANCELLED) -> None:
        """Stop a run that this process does not follow."""
        entry = self._dispatcher.queue.view(fresh=True).entries.get(run.attempt or "")
        if entry is not None and entry.given:
            self._dispatcher.queue.stop(entry.key, end)
        else:
            self._store.set_state(run.id, *end, attempt=run.attempt)

    def forget(self, live: LiveRun) -> None:
        """Stop a run that was deleted."""
        with live.lock:
            live.stopping, live.again = CANCELLED, False
        self._dispatcher.end(live)
        self._ask(live, CANCELLED)

    def let_go(self) -> None:
        """Leave the runs on this machine's workers to other web processes, or mark them as failed.

        For a service that closes: its workers end with it, and need not be killed.
        """
        if self._workers.scheduler:  # they go on
            return
        try:
            others = bool(self._orphans.others())
        except SQLAlchemyError:
            others = False
        runs = list(self._dispatcher.live.values())
        for live in runs:
            if others or live.guest:
                parts = list(live.futures)
                self._steps.guarded(self._dispatcher.queue.put_back, live.attempt, parts)
            else:
                self._steps.guarded(
                    *(self._store.set_state, live.run_id, "failed", SERVER_STOPPED),
                    attempt=live.attempt,
                )
        runs = [] if others else [live for live in runs if not live.guest]
        futures = [future for live in runs for future in live.futures.values()]
        if not futures:
            return
        for live in runs:
            self._ask(live, CANCELLED)
        unstarted = [f for live in runs if live.started is None for f in live.futures.values()]
        self._workers.cancel(unstarted, force=False)
        deadline = time.monotonic() + _GRACE
        while not all(future.done() for future in futures) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _ask(self, live: LiveRun, end: End) -> None:
        """Ask every worker process; one that hangs would hold up the thread that does."""
        self._steps.in_background(self._workers.stop, live.attempt, end)

    def _make_stop(self, live: LiveRun, end: End) -> None:
        """Stop a run that has started."""
        self._ask(live, end)
        elsewhere = self._stop_elsewhere(live.attempt, end)
        with live.lock:
            futures = dict(live.futures)
            waiting = [
                i
                for i, part in enumerate(live.parts)
                if part.execution is None and i not in elsewhere
            ]
        self._give_up(live, waiting, futures, end)
        if live.ended.wait(_FAR_GRACE if elsewhere else _GRACE):
            return
        with live.lock:
            hanging = [
                i
                for i, part in enumerate(live.parts)
                if i not in waiting
                and i not in elsewhere
                and part.address is not None
                and not (i in futures and futures[i].done())
            ]
            addresses = sorted({str(live.parts[i].address) for i in hanging})
        self._give_up(live, hanging, futures, end)
        # A worker that still loads its engines stops by itself when it has them: another one would
        # have to load them, too.
        if not addresses or live.computes is None or self._steps.closing.is_set():
            self._dispatcher.conclude(live, end)
            return
        with self._dispatcher.paused():
            self._dispatcher.conclude(live, end)
            logger.warning("Run %s did not stop; restarting %s.", live.run_id, addresses)
            self._workers.restart(addresses)

    def _stop_elsewhere(self, attempt: str, end: End) -> set[int]:
        """Let no more of a run be given, and other web processes stop what they gave of it.

        Returns
        -------
        The parts that workers of others have.
        """
        queue = self._dispatcher.queue
        try:
            queue.stop(attempt, end)
            return queue.elsewhere(attempt)
        except SQLAlchemyError as error:
            logger.warning("The queue could not be told of a stop: %s", reason(error))
            return set()

    def _give_up(
        self, live: LiveRun, parts: list[int], futures: dict[int, Future], end: End
    ) -> None:
        """Count these parts as stopped with nothing; the others' results are kept."""
        from gmm_core import worker

        self._workers.cancel([futures[part] for part in parts if part in futures])
        if len(live.parts) == 1:
            return
        for part in parts:
            outcome = worker.PartOutcome(*end, None)
            every = self._store.save_part(
                live.run_id, live.attempt, part, tuple(outcome), len(live.parts)
            )
            if every is not None:
                worker.finish(self._store, live.run_id, live.attempt, every)
                self._dispatcher.end(live)
