"""Pages take turns: with many people at once each waits a little, and nothing stands still.

Python runs one thread at a time. When forty pages are drawn at once, what carries the runs to
their ends waits behind all of them, so the runs stay under way, so their pages are drawn again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

# More would only be slower: one computes, while others wait for the database or a short run.
_AT_ONCE = 3
_WINDOW = 5.0  # seconds over which the work of drawing is looked at
_MUCH, _LITTLE = 0.5, 0.2  # of a core; figures are drawn beside the pages
_SLOWEST = 16


class Throttle:
    """Lets a few pages be drawn at once, and says how often running ones may be drawn."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._work: deque[tuple[float, float]] = deque()  # when, and how many seconds of work
        self._looked = time.monotonic()
        self.slower = 1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it for the time of a block."""
        if getattr(self._mine, "turn", False):
            yield
            return
        with self._free:
            self._mine.turn = True
            began = time.thread_time()
            try:
                yield
            finally:
                self._mine.turn = False
                self._note(time.thread_time() - began)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have the turn for the time of a block that only waits."""
        if not getattr(self._mine, "turn", False):
            yield
            return
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()

    def _note(self, work: float) -> None:
        """Count the work, and every few seconds choose the pace that keeps it well below a core."""
        with self._lock:
            moment = time.monotonic()
            self._work.append((moment, work))
            while self._work[0][0] < moment - _WINDOW:
                self._work.popleft()
            if moment < self._looked + _WINDOW:
                return
            self._looked = moment
            load = sum(seconds for _, seconds in self._work) / _WINDOW
            if load > _MUCH:
                self.slower = min(2 * self.slower, _SLOWEST)
            elif load < _LITTLE:
                self.slower = max(self.slower // 2, 1)


throttle = Throttle()
