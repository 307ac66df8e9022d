"""What runs inside a worker: one part of one run, its reports, its result into the store.

A part takes ids instead of data: it reads the specification and the dataset from the store and
writes the result and the state there before anybody is told. So a run outlives the web process that
asked for it. This module is imported by the web process too, to name the functions; it loads torch
and Pyro only when a part runs.
"""

import importlib
import logging
import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from importlib import metadata
from typing import Any, NamedTuple, TypeVar

import numpy as np
from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from gmm_core import log, serialize
from gmm_core.jobs.limits import too_long
from gmm_core.progress import Cancelled, Patch, Progress
from gmm_core.store import Store, opened, reason

logger = logging.getLogger(__name__)

# Five reports a second look continuous, and a report costs about a millisecond.
REPORT_INTERVAL = 0.2
# Reporting may take this share of the time: large snapshots are sent less often.
_REPORT_SHARE = 0.05
# How often a part asks the store whether it is still wanted: it may have been cancelled or deleted
# by a web process that cannot reach this worker.
_STORE_INTERVAL = 1.0
_LOOKS_PER_BEAT = 10
# A part that computes for longer lets what is short go first: pages, and runs that somebody who
# moves a slider waits for. Alone on its processor it is as fast as before.
_LONG = 2.0  # seconds
_NICE = 10

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

_FIRST_PAUSE, _LAST_PAUSE = 0.2, 2.0  # seconds between two tries to reach the database
_STORE_PATIENCE = 0.3  # seconds that the store itself tries a statement again

T = TypeVar("T")

# Attempts that are to stop, in this process: how, and why.
_stopped: dict[str, tuple[str, str]] = {}
_warm_lock = threading.Lock()  # two threads that import torch at once see it half made
_warm = threading.Event()


class Terms(NamedTuple):
    """What a part may take.

    seconds : until it is stopped; 0 for as long as it needs.
    limit : of the whole run, to be named in the message.
    store_seconds : how long it waits for a database that is away.
    """

    seconds: float = 0.0
    limit: float = 0.0
    store_seconds: float = 120.0


class Given(NamedTuple):
    """What a part gave: how it was stopped ("" when it was not) and why, and its result or None."""

    state: str
    message: str
    result: Any


class StoreAwayError(Exception):
    """The result could not be written, as the database was away or full for too long."""


def topic(attempt: str) -> str:
    """Return the name of the Dask topic under which an attempt of a run reports."""
    return f"gmm-{attempt}"


def task_key(run_id: str, attempt: str, part: int) -> str:
    """Return the name of the Dask task of one part."""
    return f"gmm_part-{run_id}-{attempt}-{part}"


def stop(attempt: str, state: str, message: str) -> None:
    """Make every part of this attempt in this process stop at its next report.

    Parameters
    ----------
    state, message : how the run is to end: cancelled, or failed at a limit.
    """
    _stopped.setdefault(attempt, (state, message))


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


def is_warm() -> bool:
    """Whether the engines of this process are loaded and compiled."""
    return _warm.is_set() and not _warm_lock.locked()


class WarmUp(WorkerPlugin):
    """Warms each worker up as it starts, also after a restart, without holding it up."""

    name = "gmm-warm-up"

    def setup(self, worker: Any) -> None:
        """Start the import in a thread of its own (called by Dask)."""
        log.setup_from_environment()
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


def run_part(
    database: str,
    run_id: str,
    part: int,
    n_parts: int,
    attempt: str,
    terms: tuple[float, float, float] = Terms(),
) -> str:
    """Run one part of a run and write what it gave into the store.

    Parameters
    ----------
    database : URL of the store.
    part : which of the `n_parts` parts (chains).
    attempt : the execution of the run that this part belongs to.
    terms : what it may take, as `Terms`.

    Returns
    -------
    The state in which the run ended with this part; "" while other parts are under way, and when
    the run is no longer this attempt's.

    Raises
    ------
    StoreAwayError
        When the database could not be reached for longer than the terms allow.
    """
    terms = Terms(*terms)
    store = opened(database)
    # The waiting is done here, where it can be told.
    store.patience = _STORE_PATIENCE
    report = _Reporter(store, run_id, attempt, part, terms)
    report.send()  # tells where this part runs, and that it began (anew)

    def patiently(action: Callable[[], T]) -> T:
        return _patiently(action, terms.store_seconds, report)

    if not patiently(
        lambda: store.set_state(run_id, "running", attempt=attempt, versions=versions())
    ):
        return ""
    try:
        kept = patiently(lambda: store.part(run_id, attempt, part)) if n_parts > 1 else None
        given = Given(*kept) if kept is not None else _compute(store, run_id, part, report)
        if n_parts == 1:
            ended: list[Any] | None = [given]
        else:
            ended = patiently(lambda: store.save_part(run_id, attempt, part, tuple(given), n_parts))
        if ended is None:
            return ""
        every = ended
        return patiently(lambda: finish(store, run_id, attempt, every))
    except StoreAwayError:
        raise
    except Exception as error:
        if isinstance(error, ValueError):
            message = str(error)
        else:
            message = f"The run failed: {type(error).__name__}: {error}"
            # Where it failed, without the error's own words: they may quote the data.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("Run %s failed: %s\n%s", run_id, type(error).__name__, where)
        patiently(lambda: store.set_state(run_id, "failed", message, attempt=attempt))
        return "failed"


def _patiently(action: Callable[[], T], seconds: float, report: "_Reporter") -> T:
    """Do it; while the database is away or full, say so and try again.

    A result that took an hour is not thrown away because the database restarts.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            found = action()
        except (OperationalError, InterfaceError) as error:
            said = reason(error)
            if time.monotonic() >= deadline:
                raise StoreAwayError(
                    f"What was computed could not be written: the database did not take it for "
                    f"{seconds:g} s (GMM_STORE_SECONDS; {said}). When it is there again and has "
                    "space, run it again."
                ) from None
            report.say(f"Waiting for the database, which does not answer ({said}).")
            time.sleep(pause)
            pause = min(_LAST_PAUSE, 2 * pause)
        else:
            report.say("")
            return found


def _compute(store: Store, run_id: str, part: int, report: "_Reporter") -> Given:
    """Compute a part, or as much of it as it may."""
    if (end := report.end) is not None:
        return Given(*end, None)
    warm_up()
    from gmm_core import inference

    seconds = report.terms.store_seconds
    specification = _patiently(lambda: store.specification(run_id), seconds, report)
    report.computes = time.monotonic()
    try:
        result = _in_a_thread(lambda: inference.run_part(specification, part, report))
    except Cancelled as stopped:
        report.flush()
        return Given(*(report.end or ("cancelled", "Cancelled.")), stopped.partial)
    report.flush()
    return Given("", "", result)


def finish(store: Store, run_id: str, attempt: str, ended: list[Any]) -> str:
    """Combine what the parts gave, keep it, and end the run.

    Parameters
    ----------
    ended : for each part the fields of its `Given`.

    Returns
    -------
    The state in which the run ended.
    """
    from gmm_core import inference

    every = [Given(*one) for one in ended]
    stopped = next((one for one in every if one.state), None)
    parts = [one.result for one in every if one.result is not None]
    try:
        result = inference.combine(store.specification(run_id), parts) if parts else None
    except ValueError:
        if stopped is None:
            raise
        result = None  # stopped before there was anything to keep
    state, message = (stopped.state, stopped.message) if stopped else _judge(result)
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

    def __init__(self, store: Store, run_id: str, attempt: str, part: int, terms: Terms) -> None:
        self.store = store
        self.terms = terms
        self.run_id = run_id
        self.attempt = attempt
        self.part = part
        self.worker = get_worker()
        # A part that a dying worker took along starts again with a new token.
        self.execution = uuid.uuid4().hex
        self.began = time.monotonic()
        self.computes: float | None = None  # since when: loading the engine counts for no limit
        self.note = ""
        self.number = 0
        self.done = self.total = 0
        self.pending: dict[str, list[_Gathered]] = {}
        self.next_report = 0.0
        self.looks = 0
        self.next_look = time.monotonic() + _STORE_INTERVAL
        self.gives_way = False

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
        moment = time.monotonic()
        since = self.computes
        if self.terms.seconds and since is not None and moment - since > self.terms.seconds:
            kind = self.store.state(self.run_id).kind
            stop(self.attempt, "failed", too_long(self.terms.limit, kind))
        if self.attempt in _stopped:
            raise Cancelled()
        if since is not None and moment - since > _LONG and not self.gives_way:
            self.gives_way = True
            _give_way()
        if moment >= self.next_report:
            # Its own time: on a busy machine a report waits more than it works.
            began = time.thread_time()
            self.send()
            cost = time.thread_time() - began
            self.next_report = moment + max(REPORT_INTERVAL, cost / _REPORT_SHARE)
        if moment >= self.next_look:
            self.next_look = moment + _STORE_INTERVAL
            if not self._wanted():
                raise Cancelled()

    @property
    def end(self) -> tuple[str, str] | None:
        """How the part is to end before its time, or None."""
        return _stopped.get(self.attempt)

    def say(self, note: str) -> None:
        """Tell what the part waits for; "" when it goes on."""
        if note != self.note:
            self.note = note
            self.send()

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
                time.monotonic() - self.began,
                self.part,
                self.number,
                int(self.done),
                int(self.total),
                self.worker.address,
                self.note,
                patches,
            )
        )
        self.number += 1
        self.worker.log_event(topic(self.attempt), message)


def _in_a_thread(action: Callable[[], T]) -> T:
    """Do it in a thread of its own, which may be given a lower priority, but not its old one again.

    A daemon, as the threads of Dask's workers are: a worker that is to end waits for none.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(action())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="gmm-part", daemon=True).start()
    return future.result()


def _give_way() -> None:
    """Lower the priority of the thread that calls; only Linux has one for each thread."""
    if sys.platform == "linux":
        with suppress(OSError):  # what runs it may forbid it
            thread = threading.get_native_id()
            nice = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, nice + _NICE)


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
