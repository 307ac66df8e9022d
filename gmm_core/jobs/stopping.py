"""Stops runs: asks their workers first, then restarts those that do not answer."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from gmm_core.jobs.dispatcher import Dispatcher
from gmm_core.jobs.live import CANCELLED, End, LiveRun
from gmm_core.jobs.orphans import SERVER_STOPPED

if TYPE_CHECKING:
    from distributed import Future

logger = logging.getLogger(__name__)

# How long a run that is to stop may take to do so by itself. A report comes several times a second,
# unless one step takes long; with the restart of the worker the whole stays below two seconds.
_GRACE = 1.5


class Stopping:
    """Stops the runs that a dispatcher follows; threads may share it."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
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

    def forget(self, live: LiveRun) -> None:
        """Stop a run that was deleted."""
        with live.lock:
            live.stopping, live.again = CANCELLED, False
        self._dispatcher.end(live)
        self._ask(live, CANCELLED)

    def let_go(self) -> None:
        """Mark the runs on this machine's workers as failed, and give them a moment to stop.

        For a service that closes: its workers end with it, and need not be killed.
        """
        if self._workers.scheduler:  # they go on
            return
        runs = list(self._dispatcher.live.values())
        for live in runs:
            self._steps.guarded(
                self._store.set_state, live.run_id, "failed", SERVER_STOPPED, attempt=live.attempt
            )
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
        with live.lock:
            futures = dict(live.futures)
            waiting = [i for i, part in enumerate(live.parts) if part.execution is None]
        self._give_up(live, waiting, futures, end)
        if live.ended.wait(_GRACE):
            return
        with live.lock:
            hanging = [
                i
                for i, part in enumerate(live.parts)
                if i not in waiting
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

    def _give_up(
        self, live: LiveRun, parts: list[int], futures: dict[int, Future], end: End
    ) -> None:
        """Count these parts as stopped with nothing; the others' results are kept."""
        from gmm_core import worker

        self._workers.cancel([futures[part] for part in parts if part in futures])
        if len(live.parts) == 1:
            return
        for part in parts:
            outcome = worker.Given(*end, None)
            every = self._store.save_part(
                live.run_id, live.attempt, part, tuple(outcome), len(live.parts)
            )
            if every is not None:
                worker.finish(self._store, live.run_id, live.attempt, every)
                self._dispatcher.end(live)
