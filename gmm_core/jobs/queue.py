"""The queue of all web processes as this one sees it: takes its parts, tells positions."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from gmm_core.jobs import process_registry
from gmm_core.jobs.live import End
from gmm_core.program import fingerprint
from gmm_core.store import Claim, Entry, FairQueue, Length, Store, Taker

_FRESH = 0.3  # seconds for which what was read is shown to those who look
_AWAY = 5.0  # seconds until a database that did not answer is asked again by who only looks


class Taken(NamedTuple):
    """What came of the wish for a part.

    entry, part : what was given, or None.
    full_of_long : whether long runs fill all workers that they may.
    """

    entry: Entry | None
    part: int
    full_of_long: bool


class Queue:
    """Threads may share it.

    Parameters
    ----------
    server : name of this web process.
    running : runs that may be started for one owner at the same time; 0 for any number.
    """

    def __init__(self, store: Store, server: str, running: int) -> None:
        self._store = store
        self._running = running
        self.cluster = process_registry.cluster_of(server)
        self.server = server
        self._lock = threading.Lock()
        self._view = FairQueue()
        self._due = 0.0

    def claim(self, attempt: str, n_parts: int, length: Length) -> Claim:
        """Return how an attempt of a run is queued."""
        self.changed()
        return Claim(attempt, self.server, n_parts, length, fingerprint())

    def take(self, slots: int, room: int) -> Taken:
        """Take the part whose turn it is, whoever asked for it, when a worker is free for it.

        Parameters
        ----------
        slots : parts that this process's workers compute at the same time.
        room : how many of them may be of long runs.
        """
        taker = Taker(self.server, self.cluster, fingerprint())

        def next_part(queue: FairQueue) -> Taken:
            full = queue.n_given_long(self.cluster) >= room
            if queue.n_given(self.cluster) >= slots:
                return Taken(None, 0, full)
            turn = queue.next(room, taker)
            return (
                Taken(None, 0, full)
                if turn is None
                else Taken(queue.entries[turn[0]], turn[1], full)
            )

        if not self._store.has_waiting():
            return Taken(None, 0, False)
        try:
            return self._store.change_queue(next_part, self._running)
        finally:
            self.changed()

    def put_back(self, attempt: str, parts: list[int]) -> None:
        """Queue parts again that this process gave, and that were lost on the way."""

        def back(queue: FairQueue) -> None:
            entry = queue.entries.get(attempt)
            given = {} if entry is None else entry.given
            own_parts = [
                part for part in parts if part in given and given[part].server == self.server
            ]
            for part in sorted(own_parts, reverse=True):
                queue.put_back(attempt, part)

        self._store.change_queue(back)
        self.changed()

    def lengthen(self, attempt: str, length: Length) -> None:
        """Count a run among longer ones: it takes longer than was thought."""
        self._store.change_queue(lambda queue: queue.lengthen(attempt, length))
        self.changed()

    def stop(self, attempt: str, end: End) -> None:
        """Give nothing more of a run, and let whoever has parts of it stop them."""
        self._store.change_queue(lambda queue: queue.stop(attempt, (end.state, end.message)))
        self.changed()

    def changed(self) -> None:
        """Read the queue anew the next time that somebody looks."""
        self._due = 0.0

    def view(self, fresh: bool = False) -> FairQueue:
        """Return the queue as it was a moment ago, to look at.

        Raises
        ------
        SQLAlchemyError
            With `fresh`, when the database is away; else it is as it was when it was last there.
        """
        with self._lock:
            if fresh or time.monotonic() >= self._due:
                try:
                    self._view = self._store.queue(self._running)
                    self._due = time.monotonic() + _FRESH
                except SQLAlchemyError:
                    self._due = time.monotonic() + _AWAY
                    if fresh:
                        raise
            return self._view

    def position(self, attempt: str | None) -> int:
        """Count the waiting runs that start before this one, on any web process."""
        return 0 if attempt is None else self.view().position(attempt)

    def n_given(self, attempt: str) -> bool:
        """Whether a worker has a part of a run."""
        entry = self.view().entries.get(attempt)
        return entry is not None and bool(entry.given)

    def full(self, slots: int) -> bool:
        """Whether every worker of this process is busy."""
        return self.view().n_given(self.cluster) >= slots

    def elsewhere(self, attempt: str) -> set[int]:
        """Return the parts of a run that workers have which this process does not reach."""
        entry = self.view(fresh=True).entries.get(attempt)
        given = {} if entry is None else entry.given
        return {part for part, turn in given.items() if turn.cluster != self.cluster}

    def holds(self, attempt: str, part: int) -> bool:
        """Whether a part still counts as given."""
        entry = self.view(fresh=True).entries.get(attempt)
        return entry is not None and part in entry.given
