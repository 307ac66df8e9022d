"""The runs of this process that have ended, with their last partial results."""

from __future__ import annotations

from collections import OrderedDict

from gmm_core.jobs.live import LiveRun

_BYTES = 8 * 2**20  # of partial results: pages still look at them


class EndedRuns:
    """The runs that ended last, up to a number of bytes; the last one stays, however large."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, LiveRun] = OrderedDict()

    def get(self, run_id: str) -> LiveRun | None:
        """Return a run that has ended, or None where it is not kept."""
        return self._runs.get(run_id)

    def keep(self, live: LiveRun) -> None:
        """Keep a run, and let go of those that ended first."""
        self._runs[live.run_id] = live
        size = sum(run.size for run in self._runs.values())
        while size > _BYTES and len(self._runs) > 1:
            size -= self._runs.popitem(last=False)[1].size

    def forget(self, run_id: str) -> None:
        """Let go of a run, if it is kept."""
        self._runs.pop(run_id, None)
