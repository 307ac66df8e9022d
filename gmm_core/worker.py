"""What runs inside a worker: one part of one run, its reports, its result into the store.

A part takes ids instead of data: it reads the specification and the dataset from the store and
writes the result and the state there before anybody is told. So a run outlives the web process that
asked for it. This module is imported by the web process too, to name the functions; it loads torch
and Pyro only when a part runs.
"""

import importlib
import logging
import threading
import time
import uuid
from importlib import metadata
from typing import Any

import numpy as np
from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin
from sqlalchemy.exc import SQLAlchemyError

from gmm_core import serialize
from gmm_core.progress import Cancelled, Patch, Progress
from gmm_core.store import Store, opened

logger = logging.getLogger(__name__)

# Five reports a second look continuous, and a report costs about a millisecond.
REPORT_INTERVAL = 0.2
# Reporting may take this share of the time: large snapshots are sent less often.
_REPORT_SHARE = 0.05
# How often a part asks the store whether it is still wanted: it may have been cancelled or deleted
# by a web process that cannot reach this worker.
_STORE_INTERVAL = 1.0
_LOOKS_PER_BEAT = 10

_PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "pyro-ppl",
    "distributed",
    "numba",
    "nutpie",
    "scikit-learn",
)
_ENGINES = (
    "gmm_core.engines.pyro_engine",
    "gmm_core.engines.compiled_engine",
    "gmm_core.engines.compiled_nuts",
)

_stopped: set[str] = set()  # attempts that are to stop, in this process
_warm_lock = threading.Lock()  # two threads that import torch at once see it half made
_warm = threading.Event()


def topic(run_id: str) -> str:
    """Return the name of the Dask topic under which a run reports."""
    return f"gmm-{run_id}"


def task_key(run_id: str, attempt: str, part: int) -> str:
    """Return the name of the Dask task of one part."""
    return f"gmm_part-{run_id}-{attempt}-{part}"


def stop(attempt: str) -> None:
    """Make every part of this attempt in this process stop at its next report."""
    _stopped.add(attempt)


def warm_up() -> None:
    """Load and compile the engines ahead of the first run: it takes seconds."""
    with _warm_lock:
        if _warm.is_set():
            return
        _warm.set()
        for name in _ENGINES:
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                # An engine that is not installed is reported by the run that asks for it.
                logger.info("Engine %s was not loaded: %s", name, error)
        from gmm_core import inference
        from gmm_core.dataset import Dataset
        from gmm_core.mixture import Mixture
        from gmm_core.options import MapOptions

        # The first fit of an installation compiles the kernel, later ones read it from the disk;
        # the first step of Pyro's optimiser imports a second's worth of torch more.
        tiny = MapOptions(restarts=1, steps=1)
        for engine in ("compiled", "pyro"):
            try:
                data = Dataset.from_values([0.0, 1.0, 3.0])
                inference.fit_map(data, Mixture(), tiny, engine=engine)
            except Exception:
                logger.exception("The first fit of this worker failed; runs will tell why.")


class WarmUp(WorkerPlugin):
    """Warms each worker up as it starts, also after a restart, without holding it up."""

    name = "gmm-warm-up"

    def setup(self, worker: Any) -> None:
        """Start the import in a thread of its own (called by Dask)."""
        threading.Thread(target=warm_up, name="gmm-warm-up", daemon=True).start()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide about the numbers."""
    import platform

    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package.removesuffix("-ppl")] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def run_part(database: str, run_id: str, part: int, n_parts: int, attempt: str) -> str:
    """Run one part of a run and write what it gave into the store.

    Parameters
    ----------
    database : URL of the store.
    part : which of the `n_parts` parts (chains).
    attempt : the execution of the run that this part belongs to.

    Returns
    -------
    The state in which the run ended with this part; "" while other parts are under way, and when
    the run is no longer this attempt's.
    """
    store = opened(database)
    report = _Reporter(store, run_id, attempt, part)
    report.send()  # tells where this part runs, and that it began (anew)
    if not store.set_state(run_id, "running", attempt=attempt, versions=versions()):
        return ""
    try:
        given = store.part(run_id, attempt, part) if n_parts > 1 else None
        if given is None:
            given = _compute(store, run_id, part, report)
        ended = [given] if n_parts == 1 else store.save_part(run_id, attempt, part, given, n_parts)
        if ended is None:
            return ""
        return finish(store, run_id, attempt, ended)
    except Exception as error:
        if isinstance(error, ValueError):
            message = str(error)
        else:
            message = f"The run failed: {type(error).__name__}: {error}"
            logger.exception("Run %s failed.", run_id)
        store.set_state(run_id, "failed", message, attempt=attempt)
        return "failed"


def _compute(store: Store, run_id: str, part: int, report: "_Reporter") -> tuple[bool, Any]:
    """Whether the part was cancelled, and its result (None when there is none)."""
    if report.attempt in _stopped:
        return True, None
    warm_up()
    from gmm_core import inference

    specification = store.specification(run_id)
    try:
        result = inference.run_part(specification, part, report)
    except Cancelled as stopped:
        report.flush()
        return True, stopped.partial
    report.flush()
    return False, result


def finish(store: Store, run_id: str, attempt: str, ended: list[tuple[bool, Any]]) -> str:
    """Combine what the parts gave, keep it, and end the run.

    Parameters
    ----------
    ended : for each part, whether it was cancelled, and its result or None.

    Returns
    -------
    The state in which the run ended.
    """
    from gmm_core import inference

    cancelled = any(was_cancelled for was_cancelled, _ in ended)
    parts = [result for _, result in ended if result is not None]
    try:
        result = inference.combine(store.specification(run_id), parts) if parts else None
    except ValueError:
        if not cancelled:
            raise
        result = None  # stopped before there was anything to keep
    state, message = ("cancelled", "Cancelled.") if cancelled else _judge(result)
    store.save_result(run_id, result, state, message, headline=headline(result), attempt=attempt)
    return state


def _judge(result: Any) -> tuple[str, str]:
    """State and message of a run that came to its end: a fit that diverged has failed."""
    verdict = getattr(result, "verdict", None)
    # An EM fit has one verdict and none of them is a failure; a comparison has one for each cell.
    if verdict is None or isinstance(verdict, str) or str(verdict[result.chosen]) != "failed":
        return "done", ""
    loss = np.append(result.loss[result.chosen], result.final_loss[result.chosen])
    broken = np.flatnonzero(~np.isfinite(loss))
    if len(broken):
        came = "NaN" if np.isnan(loss[broken[0]]) else "infinite"
        what = f"The loss became {came} at step {broken[0]}"
    else:
        what = "The parameters left the range of numbers"
    return "failed", f"{what}: the fit diverged. Lower the learning rate and run it again."


def headline(result: Any) -> str:
    """Say a result in a few words, for the list of runs."""
    kind = type(result).__name__
    if kind == "MapFit":
        return f"loss {result.final_loss[result.chosen]:.6g}"
    if kind == "GuideFit":
        return f"loss {result.loss[-1]:.6g}" if len(result.loss) else ""
    if kind == "EmFit":
        return f"log likelihood {result.log_likelihood[-1]:.6g}"
    if kind == "Comparison":
        from gmm_core.comparison import best

        winner = best(result.rows)
        if winner is None:
            return "no optimum"
        row = result.rows[winner]
        shared = "shared" if row.tied else "own"
        return f"best by BIC: K = {row.n_components}, {row.covariance}, {shared}, {row.bic:.6g}"
    if kind == "Posterior":
        diverging = np.asarray(result.stats["diverging"])
        count = int(np.nansum(diverging))
        return f"{diverging.size:,} draws, {count:,} divergent"
    return ""


class _Reporter:
    """The `on_progress` of a part: gathers patches, sends them now and then, stops the part."""

    def __init__(self, store: Store, run_id: str, attempt: str, part: int) -> None:
        self.store = store
        self.run_id = run_id
        self.attempt = attempt
        self.part = part
        self.worker = get_worker()
        # A part that a dying worker took along starts again with a new token and a later time.
        self.execution = uuid.uuid4().hex
        self.began = time.time()
        self.number = 0
        self.done = self.total = 0
        self.pending: dict[str, list[_Gathered]] = {}
        self.next_report = 0.0
        self.looks = 0
        self.next_look = time.monotonic() + _STORE_INTERVAL

    def __call__(self, progress: Progress) -> None:
        """Take one report of the engine.

        Raises
        ------
        Cancelled
            When the run is to stop.
        """
        self.done, self.total = progress.done, progress.total
        for name, patch in progress.snapshot.items():
            gathered = self.pending.setdefault(name, [])
            if not (gathered and gathered[-1].extend(patch)):
                gathered.append(_Gathered(patch))
        if self.attempt in _stopped:
            raise Cancelled()
        moment = time.monotonic()
        if moment >= self.next_report:
            self.send()
            cost = time.monotonic() - moment
            self.next_report = moment + max(REPORT_INTERVAL, cost / _REPORT_SHARE)
        if moment >= self.next_look:
            self.next_look = moment + _STORE_INTERVAL
            if not self._wanted():
                raise Cancelled()

    def _wanted(self) -> bool:
        self.looks += 1
        try:
            if self.looks % _LOOKS_PER_BEAT == 0:
                self.store.touch([self.run_id])  # for when no web process is left to say so
            return self.store.is_live(self.run_id, self.attempt)
        except SQLAlchemyError:
            return True  # a database that is away for a moment is no reason to stop

    def flush(self) -> None:
        """Send what has not been sent, at the end of the part."""
        if self.pending:
            self.send()

    def send(self) -> None:
        """Send a report with everything gathered since the last one."""
        patches = [
            (name, gathered.patch()) for name, list_ in self.pending.items() for gathered in list_
        ]
        self.pending = {}
        message = serialize.pack(
            (
                self.attempt,
                self.execution,
                self.began,
                self.part,
                self.number,
                int(self.done),
                int(self.total),
                self.worker.address,
                patches,
            )
        )
        self.number += 1
        self.worker.log_event(topic(self.run_id), message)


class _Gathered:
    """Patches of one array that make one rectangle: the same again, or each beside the last."""

    def __init__(self, patch: Patch) -> None:
        self.shape = patch.shape
        self.offset = patch.offset
        # Copies: an engine may reuse its arrays before the report is sent.
        self.values = [np.array(patch.values)]
        self.axis: int | None = None
        self.length = 0

    def extend(self, patch: Patch) -> bool:
        """Take the patch in; False when it does not continue the rectangle."""
        values = np.array(patch.values)
        first = self.values[0]
        if patch.shape != self.shape or values.ndim != first.ndim:
            return False
        if patch.offset == self.offset and len(self.values) == 1 and values.shape == first.shape:
            self.values = [values]
            return True
        moved = [a for a in range(values.ndim) if patch.offset[a] != self.offset[a]]
        if len(moved) != 1 or (self.axis is not None and moved[0] != self.axis):
            return False
        axis = moved[0]
        length = self.length or first.shape[axis]
        across = [a for a in range(values.ndim) if a != axis]
        if patch.offset[axis] != self.offset[axis] + length or any(
            values.shape[a] != first.shape[a] for a in across
        ):
            return False
        self.values.append(values)
        self.axis, self.length = axis, length + values.shape[axis]
        return True

    def patch(self) -> Patch:
        """Return the rectangle."""
        if self.axis is None:
            return Patch(self.shape, self.offset, self.values[0])
        return Patch(self.shape, self.offset, np.concatenate(self.values, axis=self.axis))
