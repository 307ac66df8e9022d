"""How a run tells of itself while it runs, and how it is stopped.

An engine reports `Progress`. What is new since the last report travels as patches, rectangles
of numbers inside larger arrays, so that a report's size does not grow with the run. Whoever
watches lays the patches on a `Picture` and has at any time the arrays so far, NaN where
nothing is known yet: the same arrays, by name and shape, that the result will hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Patch:
    """A rectangle of new numbers `values` at `offset` inside an array of `shape`."""

    shape: tuple[int, ...]
    offset: tuple[int, ...]
    values: Array

    @classmethod
    def whole(cls, values: ArrayLike) -> Patch:
        """Return the patch that replaces the whole array."""
        array = np.asarray(values, dtype=np.float64)
        return cls(array.shape, (0,) * array.ndim, array)


Snapshot = Mapping[str, Patch]


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a run is: `done` of `total` units of work, and what is new to draw."""

    done: int
    total: int
    snapshot: Snapshot = field(default_factory=dict)


OnProgress = Callable[[Progress], None]


def shifted(on_progress: OnProgress | None, name: str, shift: float) -> OnProgress | None:
    """Return what reports the same with a number added to the array of this name."""
    if on_progress is None or not shift:
        return on_progress

    def report(progress: Progress) -> None:
        snapshot = {
            key: replace(patch, values=patch.values + shift) if key == name else patch
            for key, patch in progress.snapshot.items()
        }
        on_progress(replace(progress, snapshot=snapshot))

    return report


class Cancelled(Exception):  # noqa: N818 - the public name says what happened, not an error
    """Raised inside `on_progress` to stop a run at once; `partial` is what it had by then."""

    def __init__(self, message: str = "The run was cancelled.", partial: Any = None) -> None:
        super().__init__(message)
        self.partial = partial


def thinned(on_progress: OnProgress | None, every: int, *starts: str) -> OnProgress | None:
    """Return what reports one of `every` numbers along the second axis of some arrays.

    They are those whose names start with one of `starts`, and which have a second axis.
    """
    if on_progress is None or every <= 1:
        return on_progress

    def thin(patch: Patch) -> Patch:
        first = -patch.offset[1] % every
        shape, offset = list(patch.shape), list(patch.offset)
        shape[1], offset[1] = -(-shape[1] // every), -(-offset[1] // every)
        return Patch(tuple(shape), tuple(offset), patch.values[:, first::every])

    def report(progress: Progress) -> None:
        snapshot = {
            name: thin(patch) if name.startswith(starts) and len(patch.shape) > 1 else patch
            for name, patch in progress.snapshot.items()
        }
        on_progress(replace(progress, snapshot=snapshot))

    return report


@dataclass(frozen=True, eq=False)
class Drawn:
    """What of an array of `shape` is known: `rows` along its first axis, the first at `at`."""

    shape: tuple[int, ...]
    at: int
    rows: Array

    @property
    def whole(self) -> bool:
        """Whether all rows are there."""
        return self.rows.shape == self.shape

    @property
    def patch(self) -> Patch:
        """The rows as one patch of the array."""
        offset = (self.at, *(0,) * (len(self.shape) - 1)) if self.shape else ()
        return Patch(self.shape, offset, self.rows)

    def array(self) -> Array:
        """Return the whole array, NaN in the rows that are not there: the same where all are."""
        if self.whole:
            return self.rows
        array = np.full(self.shape, np.nan)
        array[self.at : self.at + len(self.rows)] = self.rows
        return array

    def covering(self, first: int, last: int) -> Drawn:
        """Return the same with rows from `first` to `last` at least."""
        end = self.at + len(self.rows)
        low, high = min(first, self.at), max(last, end)
        if (low, high) == (self.at, end):
            return self
        rows = np.full((high - low, *self.shape[1:]), np.nan)
        rows[self.at - low : end - low] = self.rows
        return Drawn(self.shape, low, rows)


class Picture:
    """The arrays that a run has drawn so far, by name; NaN where nothing is known yet.

    drawn : of each array the rows in which something is known. One chain of many has its own.
    """

    def __init__(self) -> None:
        self.drawn: dict[str, Drawn] = {}

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays, whole."""
        return {name: drawn.array() for name, drawn in self.drawn.items()}

    @property
    def size(self) -> int:
        """Bytes of what is kept."""
        return sum(drawn.rows.nbytes for drawn in list(self.drawn.values()))

    def apply(self, snapshot: Snapshot) -> None:
        """Lay the patches of one report on the arrays.

        Raises
        ------
        ValueError
            When a patch does not fit into its array.
        """
        for name, patch in snapshot.items():
            ends = [o + n for o, n in zip(patch.offset, patch.values.shape, strict=True)]
            fits = all(o >= 0 for o in patch.offset) and len(ends) == len(patch.shape)
            if not fits or any(end > n for end, n in zip(ends, patch.shape, strict=True)):
                raise ValueError(
                    f"A patch of {name} with shape {patch.values.shape} at {patch.offset} does not "
                    f"fit into {patch.shape}. Give an offset and values inside the array."
                )
            drawn = self.drawn.get(name)
            if drawn is None or drawn.shape != patch.shape:
                nothing = np.empty((0, *patch.shape[1:])) if patch.shape else np.full((), np.nan)
                drawn = Drawn(patch.shape, patch.offset[0] if patch.shape else 0, nothing)
            if not patch.shape:
                drawn.rows[...] = patch.values
            else:
                drawn = drawn.covering(patch.offset[0], ends[0])
                window = (
                    slice(patch.offset[0] - drawn.at, ends[0] - drawn.at),
                    *(slice(o, end) for o, end in zip(patch.offset[1:], ends[1:], strict=True)),
                )
                drawn.rows[window] = patch.values
            self.drawn[name] = drawn


class Reporter:
    """Passes progress on at most every `interval` seconds, so that reporting costs next to nothing.

    The snapshot is a function that is called only when a report is due. The first report goes out
    at once, and `flush` sends the last one that was held back.
    """

    def __init__(self, on_progress: OnProgress | None, interval: float = 0.05) -> None:
        self._on_progress = on_progress
        self._interval = interval
        self._due = 0.0
        self._held: tuple[int, int, Callable[[], Snapshot]] | None = None

    def __call__(self, done: int, total: int, snapshot: Callable[[], Snapshot]) -> None:
        """Report, or hold back until the next report or `flush`."""
        if self._on_progress is None:
            return
        self._held = (done, total, snapshot)
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Send the report that is held back, if there is one."""
        if self._on_progress is None or self._held is None:
            return
        done, total, snapshot = self._held
        self._held = None
        self._on_progress(Progress(done, total, snapshot()))
        self._due = time.monotonic() + self._interval
