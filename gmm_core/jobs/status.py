"""Where a run stands, as pages see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_core.store import LIVE, RunState, now

if TYPE_CHECKING:
    from gmm_core.jobs.dispatcher import Dispatcher
    from gmm_core.jobs.live import LiveRun


@dataclass(frozen=True, eq=False)
class RunStatus:
    """Where a run stands.

    Attributes
    ----------
    state : "queued", "running", "done", "failed" or "cancelled".
    position : waiting runs that start before this one; 0 for the next in line, and once it runs.
    done, total : units of work (steps, draws), summed over parts; total is 0 before the first
        report.
    snapshot : the arrays drawn so far by name, NaN where nothing is known yet; {} before the first
        report.
    message : why it failed, what it does or waits for; "" when there is nothing to say.
    stage : "waiting" (for its turn), "preparing" (a worker has it, or is free for it, and loads
        data and engine), "running", "stopping" or "ended".
    elapsed, remaining : seconds; None while unknown.
    workers : addresses of the worker processes that have taken it up.
    owners : who asked for it, while it is live and watched by this process.
    """

    run_id: str
    kind: str
    state: str
    message: str = ""
    stage: str = "ended"
    position: int = 0
    done: int = 0
    total: int = 0
    snapshot: dict[str, np.ndarray] = field(default_factory=dict)
    elapsed: float | None = None
    remaining: float | None = None
    workers: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether it is queued or running."""
        return self.state in LIVE

    @property
    def fraction(self) -> float:
        """Share of the work that is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def live_status(live: LiveRun, dispatcher: Dispatcher) -> RunStatus:
    """Say where a run stands that this process watches."""
    with live.lock:
        running = live.started is not None
        state, message = "running" if running else "queued", dispatcher.note(live)
        if live.unwritten is not None:
            state, message = live.unwritten
        if live.stopping:
            stage = "stopping"
        elif running:
            stage = "running" if live.total else "preparing"
        else:
            stage = "waiting" if dispatcher.waits(live) else "preparing"
        return RunStatus(
            run_id=live.run_id,
            kind=live.kind,
            state=state,
            message=message,
            stage=stage if state in LIVE else "ended",
            position=0 if running else dispatcher.queue.position(live.attempt),
            done=live.done,
            total=live.total,
            snapshot=live.snapshot(),
            elapsed=live.elapsed,
            remaining=live.remaining,
            workers=live.workers,
            owners=tuple(live.owners),
        )


def stored_status(run: RunState, past: LiveRun | None, position: int = 0) -> RunStatus:
    """Say where a run stands by its row.

    Parameters
    ----------
    past : what this process saw of it, with its last partial results.
    position : waiting runs that start before it.
    """
    if past is not None and past.attempt != run.attempt:
        past = None
    elapsed = run.seconds
    if run.state == "running" and run.started is not None:
        elapsed = max(0.0, (now() - run.started).total_seconds())
    stage = {"queued": "waiting", "running": "running"}.get(run.state, "ended")
    progress: dict[str, Any] = {}
    if past is not None:
        with past.lock:
            progress = {
                "done": past.done,
                "total": past.total,
                "snapshot": past.snapshot(),
                "workers": past.workers,
            }
    return RunStatus(
        *(run.id, run.kind, run.state, run.message, stage, position), elapsed=elapsed, **progress
    )
