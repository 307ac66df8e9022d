"""What a server counts and measures, in Prometheus' format.

Every figure is this process's own, so those of several web processes are summed. The exceptions
are said in their help: what all of them share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from gmm_core.runs import kinds

if TYPE_CHECKING:
    from gmm_core.store import Event

OUTCOMES = ("done", "failed", "cancelled", "deleted")
# From a fit of the tutorial to the longest posterior, about a factor of three each.
_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3600)


class Figures(NamedTuple):
    """What is read off when somebody asks.

    queued, running : runs of this process.
    workers : threads that can compute now; 0 while the scheduler is away.
    store_errors, scheduler_errors : tries that failed, since the start.
    away : what does not answer, by name.
    """

    queued: int = 0
    running: int = 0
    workers: int = 0
    store_errors: int = 0
    scheduler_errors: int = 0
    away: tuple[str, ...] = ()


class Metrics:
    """The figures of one service.

    Parameters
    ----------
    figures : returns what is read off; called at each rendering.
    sessions : counts the browser tabs that are connected.
    """

    def __init__(
        self, figures: Callable[[], Figures], sessions: Callable[[], int] | None = None
    ) -> None:
        disable_created_metrics()
        self._sessions = sessions
        self._figures = figures
        self.registry = CollectorRegistry()
        self._submitted = Counter(
            "gmm_runs_submitted", "Runs that were begun", ["kind"], registry=self.registry
        )
        self._finished = Counter(
            "gmm_runs_finished", "Runs that have ended", ["kind", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "gmm_run_seconds",
            "Seconds from the start of a run to its end",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._waited = Histogram(
            "gmm_run_wait_seconds",
            "Seconds from when a run was asked for to its start",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        # Series that are there from the start: what rises from nothing has no rate.
        for kind in (entry.name for entry in kinds.every()):
            for family in (self._submitted, self._seconds, self._waited):
                family.labels(kind)
            for outcome in OUTCOMES:
                self._finished.labels(kind, outcome)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def happened(self, event: Event) -> None:
        """Count the start or the end of a run."""
        if event.event == "submitted":
            self._submitted.labels(event.kind).inc()
        elif event.event == "started" and event.waited is not None:
            self._waited.labels(event.kind).observe(event.waited)
        elif event.event == "ended":
            self._finished.labels(event.kind, event.outcome).inc()
            if event.seconds is not None:
                self._seconds.labels(event.kind).observe(event.seconds)

    def describe(self) -> list[Metric]:
        """Say nothing beforehand (asked by the registry): reading off may take a moment."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read off what is not counted here (asked by the registry)."""
        now = self._figures()
        yield GaugeMetricFamily("gmm_runs_queued", "Runs that wait to start", now.queued)
        yield GaugeMetricFamily("gmm_runs_running", "Runs that have started", now.running)
        yield GaugeMetricFamily(
            "gmm_workers",
            "Threads of workers that can compute; web processes on one scheduler share them",
            now.workers,
        )
        for name in ("store", "scheduler"):
            yield GaugeMetricFamily(
                f"gmm_{name}_up", f"1 while the {name} answers, else 0", int(name not in now.away)
            )
        yield CounterMetricFamily(
            "gmm_store_errors",
            "Statements that found the database locked, away or full",
            now.store_errors,
        )
        yield CounterMetricFamily(
            "gmm_scheduler_errors", "Tries to reach the scheduler that failed", now.scheduler_errors
        )
        if self._sessions is not None:
            yield GaugeMetricFamily(
                "gmm_sessions", "Browser tabs that are connected", self._sessions()
            )

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the figures and their content type, in the format that an Accept header asks."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type
