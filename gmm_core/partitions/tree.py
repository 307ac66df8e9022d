"""Sums whose bits are the same on any workers: the order of additions follows from the number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def summed(parts: Sequence[Any], add: Callable[[Any, Any], Any]) -> Any:
    """Add neighbours until one is left: a tree that only their number and order fix."""
    level = list(parts)
    while len(level) > 1:
        pairs = [add(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) - len(level) % 2 :]
    return level[0]
