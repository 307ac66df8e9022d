"""One attempt of a run as the process that watches it sees it: what its parts have reported.

Times are of `time.monotonic`, and workers report ages instead of moments: no clock that is set, or
differs between machines, makes a run older than it is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gmm_core.runs import serialize
from gmm_core.runs.progress import Picture
from gmm_core.store import Length

if TYPE_CHECKING:
    from distributed import Future

_RATE_WINDOW = 10.0  # seconds of reports from which the remaining time is computed
_SMALL = 100_000  # numbers of an array that is copied for those who look


class End(NamedTuple):
    """How a run is to end, or has ended: its state and the sentence that says why."""

    state: str
    message: str


CANCELLED = End("cancelled", "Cancelled.")


class Part:
    """What one part of a run has reported."""

    def __init__(self) -> None:
        self.execution: str | None = None
        self.replaced: set[str] = set()  # executions that a dying worker took along
        self.number = -1
        self.done = self.total = 0
        self.address: str | None = None
        self.picture = Picture()


class LiveRun:
    """One attempt of a run that this process watches.

    own : whether it was asked for here, or this process has given a part of it; else this process
        only watches it.
    guest : whether it was asked for on a web process that does not reach the workers of this one.
    length : how long a part of it takes.
    """

    def __init__(
        self,
        run_id: str,
        kind: str,
        attempt: str,
        n_parts: int,
        owners: list[str],
        own: bool = True,
        length: Length = Length.SHORT,
        guest: bool = False,
    ) -> None:
        self.run_id = run_id
        self.kind = kind
        self.attempt = attempt
        self.owners = owners
        self.own = own
        self.length = length
        self.guest = guest
        self.relay_due = 0.0
        self.relayed: dict[int, int] = {}  # part -> the report of it that was shown elsewhere
        self.parts = [Part() for _ in range(n_parts)]
        self.futures: dict[int, Future] = {}
        self.listening = False
        self.started: float | None = None
        self.computes: float | None = None  # since when it has reported work
        self.note = ""  # what it waits for, while that is something unusual
        self.stopping: End | None = None
        self.again = False  # submitted once more while it was stopping
        self.unwritten: End | None = None  # its end, which the store could not take yet
        self.gone = 0  # how often in a row the store was found to know it as ended
        # It is over; `ended` follows when the store and the next attempt are ready.
        self.closed = False
        self.ended = threading.Event()
        self.lock = threading.RLock()
        self.rate: deque[tuple[float, int]] = deque()
        self._seen: tuple[list[tuple[str | None, int]], dict[str, np.ndarray]] = ([], {})

    def take(self, message: bytes) -> None:
        """Take in one report of a worker; it may come twice, or from a part that died."""
        attempt, execution, age, index, number, done, total, address, note, patches = (
            serialize.unpack(message)
        )
        if attempt != self.attempt or not 0 <= index < len(self.parts):
            return
        moment = time.monotonic()
        with self.lock:
            part = self.parts[index]
            if execution != part.execution:
                if execution in part.replaced:
                    return
                replaced = part.replaced | ({part.execution} if part.execution else set())
                part = self.parts[index] = Part()
                part.execution, part.replaced = execution, replaced
                self.rate.clear()
            if number <= part.number:
                return
            part.number, part.done, part.total, part.address = number, done, total, address
            self.note = note
            self.started = min(self.started or moment, moment - age)
            if total and self.computes is None:
                self.computes = moment
            for name, patch in patches:
                part.picture.apply({name: patch})
            # What came before the first step (loading, starts) says nothing about the rate.
            if self.done == 0:
                return
            self.rate.append((moment, self.done))
            while self.rate[0][0] < moment - _RATE_WINDOW and len(self.rate) > 2:
                self.rate.popleft()

    def message(self, index: int) -> bytes | None:
        """Return all that a part has reported as one report of it; None before there is one."""
        part = self.parts[index]
        if part.execution is None or self.started is None:
            return None
        age = time.monotonic() - self.started
        patches = [(name, drawn.patch) for name, drawn in part.picture.drawn.items()]
        return serialize.pack(
            (
                *(self.attempt, part.execution, age, index, part.number),
                *(part.done, part.total, part.address, self.note, patches),
            )
        )

    @property
    def far(self) -> bool:
        """Whether it is only looked at here, by what other web processes keep of it."""
        return self.guest and not self.own

    @property
    def done(self) -> int:
        """Units of work done."""
        return sum(part.done for part in self.parts)

    @property
    def workers(self) -> tuple[str, ...]:
        """Addresses of the workers that have taken it up."""
        return tuple(part.address for part in self.parts if part.address is not None)

    @property
    def total(self) -> int:
        """Units of work in all."""
        # Parts that wait have not said how much they have to do: as much as the others.
        totals = [part.total for part in self.parts if part.total]
        return sum(totals) + (len(self.parts) - len(totals)) * max(totals) if totals else 0

    @property
    def elapsed(self) -> float | None:
        """Seconds since its first part began."""
        return None if self.started is None else max(0.0, time.monotonic() - self.started)

    @property
    def computing(self) -> float:
        """Seconds since it first reported work: its engine was loaded before that."""
        return 0.0 if self.computes is None else time.monotonic() - self.computes

    @property
    def remaining(self) -> float | None:
        """Seconds to go at the present rate, which falls while nothing is reported."""
        if len(self.rate) < 2 or self.stopping:
            return None
        (t0, done0), (_, done1) = self.rate[0], self.rate[-1]
        if done1 <= done0:
            return None
        return (self.total - done1) * (time.monotonic() - t0) / (done1 - done0)

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return the arrays so far, of all parts together, not to be written to.

        Everybody who looks at the same moment gets the same arrays. Large ones of a run with one
        part are those that it goes on to fill: a curve may have a few points more a moment later.
        """
        moment = [(part.execution, part.number) for part in self.parts]
        if self._seen[0] != moment:
            arrays: dict[str, np.ndarray] = {}
            for part in self.parts:
                for name, drawn in part.picture.drawn.items():
                    merged = arrays.get(name)
                    if merged is None or merged.shape != drawn.shape:
                        array = drawn.array()
                        small = array.size <= _SMALL and not self.closed
                        own = drawn.whole and (len(self.parts) > 1 or small)
                        arrays[name] = array.copy() if own else array.view()
                    else:
                        rows = merged[drawn.at : drawn.at + len(drawn.rows)]
                        np.copyto(rows, drawn.rows, where=~np.isnan(drawn.rows))
            for array in arrays.values():
                array.flags.writeable = False
            self._seen = moment, arrays
        return dict(self._seen[1])

    def forget_copies(self) -> None:
        """Let go of the copies for those who look: of a run that is over, nothing is filled."""
        with self.lock:
            self._seen = ([], {})

    @property
    def size(self) -> int:
        """Bytes of the arrays so far."""
        return sum(part.picture.size for part in self.parts)
