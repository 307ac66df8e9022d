"""Whether two results of the same specification hold the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import BaseModel

# Relative difference up to which numbers count as the same but for rounding. Another processor or
# library adds up in another order, which changes a sum by 1e-16 of it or so; thousands of steps of
# an optimiser carry that to perhaps 1e-9 at its end. A figure shows three or four digits.
TOLERANCE = 1e-6


# How long it took, which no two executions share, and what follows from the rest: results of
# earlier versions are without it.
_APART = {"seconds", "order"}


@dataclass(frozen=True)
class Difference:
    """The largest difference between two results.

    relative : |a - b| over the largest number of its array; 0 when all numbers are the same, and
        infinite where shapes, words, counts or missing values differ.
    where : the name of the array, such as "draws.locs"; "" when nothing differs.
    """

    relative: float = 0.0
    where: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a check said.

    answer : "equal" (every number is the same), "close" (within `TOLERANCE`), "different",
        "damaged" (the stored result cannot be read) or "failed" (it could not be computed again).
    difference, where : the largest relative difference (None where it is not a number) and the
        array that has it.
    message : what went wrong; "" when nothing did.
    then, now : versions that made the stored numbers, and those that made them again.
    made : when it was compared; None before it is kept.
    """

    answer: str
    difference: float | None = 0.0
    where: str = ""
    message: str = ""
    then: dict[str, str] = field(default_factory=dict)
    now: dict[str, str] = field(default_factory=dict)
    made: datetime | None = None

    @property
    def changed(self) -> dict[str, tuple[str, str]]:
        """Versions that differ, then and now; "none" where a package was not there."""
        names = [name for name in {**self.then, **self.now} if self.then and self.now]
        pairs = {n: (self.then.get(n, "none"), self.now.get(n, "none")) for n in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def compare(stored: Any, computed: Any) -> Difference:
    """Return the largest difference between two results of the same specification.

    Parameters
    ----------
    stored, computed : results as `gmm_core.runs.serialize` keeps them. NaN equals NaN. A stored
        one of a version that kept more is compared where the computed one is recorded.
    """
    if hasattr(computed, "as_recorded"):
        stored = computed.as_recorded(stored)
    stored_leaves, new_leaves = dict(_leaves(stored)), dict(_leaves(computed))
    worst = Difference()
    for name in [*stored_leaves, *(name for name in new_leaves if name not in stored_leaves)]:
        if name not in stored_leaves or name not in new_leaves:
            return Difference(np.inf, name)
        relative = _relative(stored_leaves[name], new_leaves[name])
        if relative > worst.relative:
            worst = Difference(relative, name)
    return worst


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Name every array and every plain value inside a result."""
    children: list[tuple[str, Any]]
    if is_dataclass(value) and not isinstance(value, type):
        children = [(f.name, getattr(value, f.name)) for f in fields(value) if f.init]
    elif isinstance(value, BaseModel):
        children = [(key, getattr(value, key)) for key in type(value).model_fields]
    elif isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        children = list(zip(value._fields, value, strict=True))
    elif isinstance(value, list | tuple):
        children = [(str(i), item) for i, item in enumerate(value)]
    else:
        yield name, value
        return
    for key, child in children:
        if key not in _APART:
            yield from _leaves(child, f"{name}.{key}" if name else key)


def _relative(stored: Any, computed: Any) -> float:
    a, b = np.asarray(stored), np.asarray(computed)
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return np.inf
    if a.dtype.kind != "f":
        return 0.0 if np.array_equal(a, b) else np.inf
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    if not (np.isfinite(a) & np.isfinite(b))[~same].all():
        return np.inf
    largest = float(np.abs(np.concatenate([x[np.isfinite(x)].ravel() for x in (a, b)])).max())
    return float(np.abs(a - b)[~same].max()) / largest
