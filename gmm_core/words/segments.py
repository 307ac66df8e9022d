"""A sentence as pieces, so that a page can set what speaks of a component in its colour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """A piece of a sentence; `component` (0 is the largest) when it speaks of one."""

    text: str
    component: int | None = None
