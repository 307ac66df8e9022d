"""Sums whose bits are the same on any workers: the order of additions follows from the number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_BLOCK = 8
"""Sums that one task adds, as many as three levels of a tree have: every task costs the scheduler
some time, and each level of them the way there and back."""


def in_blocks(parts: Sequence[Any], add_block: Callable[[Sequence[Any]], Any]) -> Any:
    """Add up as `summed` does, in the same order, by blocks of neighbours that are added at once.

    A block has a power of two of them, so that its own tree is a part of the whole one.
    """
    level = list(parts)
    while len(level) > 1:
        level = [add_block(level[i : i + _BLOCK]) for i in range(0, len(level), _BLOCK)]
    return level[0]


def summed(parts: Sequence[Any], add: Callable[[Any, Any], Any]) -> Any:
    """Add neighbours until one is left: a tree that only their number and order fix."""
    level = list(parts)
    while len(level) > 1:
        pairs = [add(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) - len(level) % 2 :]
    return level[0]
