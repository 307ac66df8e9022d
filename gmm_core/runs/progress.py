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


class Picture:
    """The arrays that a run has drawn so far, by name; NaN where nothing is known yet."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def apply(self, snapshot: Snapshot) -> None:
        """Lay the patches of one report on the arrays.

        Raises
        ------
        ValueError
            When a patch does not fit into its array.
        """
        for name, patch in snapshot.items():
            array = self.arrays.get(name)
            if array is None or array.shape != patch.shape:
                array = self.arrays[name] = np.full(patch.shape, np.nan)
            window = tuple(
                slice(o, o + n) for o, n in zip(patch.offset, patch.values.shape, strict=True)
            )
            if array[window].shape != patch.values.shape:
                raise ValueError(
                    f"A patch of {name} with shape {patch.values.shape} at {patch.offset} does not "
                    f"fit into {patch.shape}. Give an offset and values inside the array."
                )
            array[window] = patch.values


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
