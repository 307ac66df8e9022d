"""Runs a specification, of whichever kind: its parts, and the result of them all.

A run has one part, or one for each chain of a posterior and each mixture of a comparison, so that
each can have a process of its own. `run_here` runs the parts one after the other; `jobs` runs them
on workers. What a part is and which engine computes it, the registry of kinds says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from gmm_core.runs import kinds
from gmm_core.runs.progress import Cancelled, OnProgress, Progress
from gmm_core.runs.specification import Specification

SomeOptions = TypeVar("SomeOptions", bound=BaseModel)


def n_parts(spec: Specification) -> int:
    """Count the parts that can run at the same time: chains, mixtures of a comparison, else one."""
    return kinds.parts(spec)


def run_part(spec: Specification, part: int = 0, on_progress: OnProgress | None = None) -> Any:
    """Run one part of a specification; `combine` makes the result of all parts."""
    engine = kinds.engine_of(spec)
    if engine.passes:
        return engine.load().run(spec, on_progress)
    return kinds.named(spec.kind).run(spec, part, on_progress)


def combine(spec: Specification, parts: Sequence[Any]) -> Any:
    """Make the result of all parts: chains side by side, cut to the shortest when cancelled.

    Raises
    ------
    ValueError
        When there is no part with anything in it.
    """
    return kinds.named(spec.kind).combine(spec, parts)


def run_here(spec: Specification, on_progress: OnProgress | None) -> Any:
    """Run all parts here, one after the other."""
    total = n_parts(spec)
    parts: list[Any] = []
    for part in range(total):

        def report(progress: Progress, part: int = part) -> None:
            if on_progress is not None:
                done = part * progress.total + progress.done
                on_progress(Progress(done, total * progress.total, progress.snapshot))

        try:
            parts.append(run_part(spec, part, report if on_progress else None))
        except Cancelled as cancelled:
            parts.append(cancelled.partial)
            if total > 1 and any(part is not None for part in parts):
                raise Cancelled(str(cancelled), combine(spec, parts)) from None
            raise
    return combine(spec, parts)


def checked_options(kind: type[SomeOptions], options: SomeOptions | None) -> SomeOptions:
    """Return the options, the defaults for None; refuse those of another kind of run."""
    if options is None:
        return kind()
    if not isinstance(options, kind):
        raise ValueError(
            f"The options came as {type(options).__name__}. Give gmm.{kind.__name__}(...)."
        )
    return options
