"""Where a run stands, as pages see it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gmm_core.store import LIVE


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
