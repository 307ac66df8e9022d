"""Watches the runs of this process: compares them with the store, the workers and the clock."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import CancelledError

from sqlalchemy.exc import SQLAlchemyError

from gmm_core.jobs import limits
from gmm_core.jobs.dispatcher import Dispatcher
from gmm_core.jobs.live import End, LiveRun
from gmm_core.jobs.orphans import Orphans
from gmm_core.jobs.relay import Relay
from gmm_core.jobs.stopping import Stopping
from gmm_core.store import Length, reason

logger = logging.getLogger(__name__)

_TICK = 0.5  # seconds between two looks
_BEAT = 5.0  # how often it says in the store that this process still looks after its runs
_OVERDUE = 5.0  # seconds after which a run is a long one, whatever was estimated
_OWN_TIME = 1.0  # a worker stops a run at its limit by itself; this much later it is made to
_LOADING = 120.0  # loading and compiling an engine may take this long; it counts for no limit


class Watch:
    """A thread that makes up for whatever else was lost: a connection, a callback, a write."""

    def __init__(self, dispatcher: Dispatcher, stopping: Stopping, orphans: Orphans) -> None:
        self._dispatcher = dispatcher
        self._stopping = stopping
        self._orphans = orphans
        self._relay = Relay(dispatcher.store, dispatcher.queue)
        self._thread = threading.Thread(target=self._loop, name="gmm-jobs-beat", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._dispatcher.steps.guarded(self._orphans.mark, starting=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until it has seen that the service closes."""
        if self._thread.ident is not None:
            self._thread.join()

    def _loop(self) -> None:
        steps, teller = self._dispatcher.steps, self._dispatcher.teller
        next_beat = time.monotonic() + _BEAT
        while not steps.closing.wait(_TICK):
            try:
                self._dispatcher.keep_connected()
            except (RuntimeError, CancelledError):  # closing
                return
            for live in list(self._dispatcher.live.values()):
                steps.guarded(self._tick, live)
            try:
                self._compare()
                teller.tell(anyway=bool(self._dispatcher.live))
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + _BEAT
                    self._beat()
                    teller.expect()  # what happened to runs of a process that is gone
            except SQLAlchemyError as error:
                logger.warning(
                    "The database could not be reached (%s); trying again.", reason(error)
                )
            except Exception:
                logger.exception("A step of watching the runs failed; trying again.")

    def _beat(self) -> None:
        runs = list(self._dispatcher.live.values())
        self._dispatcher.store.touch([live.run_id for live in runs if live.own])
        self._orphans.mark()
        self._relay.others = self._orphans.with_other_workers()
        self._dispatcher.store.expire()

    def _tick(self, live: LiveRun) -> None:
        """Look after one run: its limit of time, and an end that could not be written."""
        if live.unwritten is not None:
            self._dispatcher.conclude(live, live.unwritten)
            return
        limit = self._dispatcher.settings.run_seconds
        late = live.computing > limit + _OWN_TIME or (live.elapsed or 0.0) > limit + _LOADING
        if limit and late and live.own:
            self._stopping.stop(live, End("failed", limits.too_long(limit, live.kind)))
        if live.computing > _OVERDUE:
            self._dispatcher.lengthen(live, Length.LONG)
        if live.computing > limits.SLOW * len(live.parts):
            self._dispatcher.lengthen(live, Length.SLOW)
        if live.own:
            self._dispatcher.check(live)
        if live.own or live.far:
            self._relay.tick(live)

    def _compare(self) -> None:
        """End what the store knows as ended: by another process, or while a callback was lost."""
        watched = list(self._dispatcher.live.values())
        if not watched:
            return
        entries = self._dispatcher.queue.view(fresh=True).entries
        for live in watched:
            entry = entries.get(live.attempt)
            if entry is not None:
                live.gone = 0
                if entry.stop is not None and live.own:  # another web process asks for it
                    self._stopping.stop(live, End(*entry.stop))
                continue
            # Twice: the last reports of a run that just ended may still be on their way.
            live.gone += 1
            if live.gone > 1:
                self._dispatcher.end(live)
