"""Shows a run that computes for another web process than the one where people look.

Reports of workers reach the web processes that they belong to. When there are others, one that gave
a part keeps what it has drawn in the store, now and then, and those that follow the run read it.
"""

from __future__ import annotations

import time

from gmm_core.jobs.live import LiveRun
from gmm_core.jobs.queue import Queue
from gmm_core.store import Picture, Store

_INTERVAL = 0.5  # seconds
_BYTES_A_SECOND = 4e6  # large pictures are kept less often


class Relay:
    """Keeps pictures for others, and takes those that others keep."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue
        # Whether there are web processes that do not reach the workers of this one.
        self.others = False

    def tick(self, live: LiveRun) -> None:
        """Look after one run that is under way."""
        moment = time.monotonic()
        if live.closed or moment < live.relay_due:
            return
        entry = self._queue.view().entries.get(live.attempt)
        if entry is None:
            return
        own_parts = {
            part for part, turn in entry.given.items() if turn.cluster == self._queue.cluster
        }
        live.relay_due = moment + _INTERVAL
        if own_parts and (live.guest or self.others):
            live.relay_due += live.size / _BYTES_A_SECOND
            for part in own_parts:
                self._keep(live, part)
        if entry.given.keys() - own_parts:
            self._take(live)

    def _keep(self, live: LiveRun, part: int) -> None:
        with live.lock:
            number, message = live.parts[part].number, live.message(part)
        if message is not None and live.relayed.get(part) != number:
            self._store.keep_picture(live.run_id, live.attempt, Picture(part, number, message))
            live.relayed[part] = number

    def _take(self, live: LiveRun) -> None:
        for part, number in self._store.picture_numbers(live.run_id, live.attempt).items():
            if live.relayed.get(part) == number:
                continue
            message = self._store.picture(live.run_id, live.attempt, part)
            if message is not None:
                live.take(message)
                live.relayed[part] = number
