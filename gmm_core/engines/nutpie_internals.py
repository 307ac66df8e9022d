"""What nutpie does not document, in one place; `tests/contracts` says what for."""

from __future__ import annotations

from typing import Any


def has_drawn(sampler: Any) -> bool:
    """Whether a sampler that goes on by itself has drawn anything: only then can it be aborted."""
    return not sampler._sampler.is_empty()


def tables(trace: Any) -> tuple[Any, Any]:
    """Return the draws and the statistics of a raw trace, an Arrow table for each chain."""
    draws, stats = trace.get_arrow_trace()
    return draws, stats
