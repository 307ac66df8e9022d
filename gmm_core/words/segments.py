"""A sentence as pieces, so that a page can set what speaks of a component in its colour."""

from __future__ import annotations

from dataclasses import dataclass

NOISE = -1
"""The "component" of a piece that speaks of the noise."""


@dataclass(frozen=True)
class Segment:
    """A piece of a sentence; `component` (0 is the largest, or `NOISE`) when it speaks of one."""

    text: str
    component: int | None = None
