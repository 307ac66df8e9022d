"""One part of a run: computed, written into the store, and the run ended with the last one."""

import logging
import math
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from gmm_core.program import fingerprint
from gmm_core.runs import kinds
from gmm_core.runs.progress import Cancelled, Progress
from gmm_core.store import Store, opened, reason
from gmm_core.worker.driver import let_others_work
from gmm_core.worker.limits import RunLimits
from gmm_core.worker.outcome import versions
from gmm_core.worker.priority import in_a_thread
from gmm_core.worker.reports import Reporter
from gmm_core.worker.warming import warm_up

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LAST_PAUSE = 0.2, 2.0  # seconds between two tries to reach the database
_STORE_PATIENCE = 0.3  # seconds that the store itself tries a statement again

T = TypeVar("T")


class PartOutcome(NamedTuple):
    """What a part gave: how it was stopped ("" when it was not) and why, and its result or None."""

    state: str
    message: str
    result: Any


OTHER_PROGRAM = (
    "A worker with another version of this program was given this run, and refused it. Whoever "
    "runs this server updates all of its parts together; then run it again."
)


class OtherProgramError(Exception):
    """The program that gives a part is not the one that would compute it."""


class StoreAwayError(Exception):
    """The result could not be written, as the database was away or full for too long."""


def task_key(run_id: str, attempt: str, part: int) -> str:
    """Return the name of the Dask task of one part."""
    return f"gmm_part-{run_id}-{attempt}-{part}"


def run_part(
    database: str,
    run_id: str,
    part: int,
    n_parts: int,
    attempt: str,
    limits: tuple[float, float, float] = RunLimits(),
    program: str = "",
) -> str:
    """Run one part of a run and write what it gave into the store.

    Parameters
    ----------
    database : URL of the store.
    part : which of the `n_parts` parts (chains).
    attempt : the execution of the run that this part belongs to.
    limits : what it may take, as `RunLimits`.
    program : which program gives the part, when it has to be this one.

    Returns
    -------
    The state in which the run ended with this part; "" while other parts are under way, and when
    the run is no longer this attempt's.

    Raises
    ------
    StoreAwayError
        When the database could not be reached for longer than the limits allow.
    OtherProgramError
        When this worker's program is another one: its numbers would be kept as the run's.
    """
    if program and program != fingerprint():
        raise OtherProgramError(OTHER_PROGRAM)
    limits = RunLimits(*limits)
    store = opened(database)
    # The waiting is done here, where it can be told.
    store.patience = _STORE_PATIENCE
    report = Reporter(store, run_id, attempt, part, limits)
    report.send()  # tells where this part runs, and that it began (anew)

    def patiently(action: Callable[[], T]) -> T:
        return _patiently(action, limits.store_seconds, report)

    if not patiently(
        lambda: store.set_state(run_id, "running", attempt=attempt, versions=versions())
    ):
        return ""
    try:
        stored = patiently(lambda: store.part(run_id, attempt, part)) if n_parts > 1 else None
        outcome = (
            PartOutcome(*stored) if stored is not None else _compute(store, run_id, part, report)
        )
        if n_parts == 1:
            ended: list[Any] | None = [outcome]
        else:
            ended = patiently(
                lambda: store.save_part(run_id, attempt, part, tuple(outcome), n_parts)
            )
        if ended is None:
            return ""
        every = ended
        ending = _completed(patiently(lambda: _gathered(store, run_id, every)), report)
        return patiently(lambda: _keep(store, run_id, attempt, ending))
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


def _patiently(action: Callable[[], T], seconds: float, report: Reporter) -> T:
    """Do it; while the database is away or full, say so and try again: for ever with 0 seconds.

    A result that took an hour is not thrown away because the database restarts.
    """
    deadline = time.monotonic() + (seconds or math.inf)
    pause = _FIRST_PAUSE
    while True:
        try:
            result = action()
        except (OperationalError, InterfaceError) as error:
            logger.warning("Run %s waits for the database: %s", report.run_id, reason(error))
            if time.monotonic() >= deadline:
                raise StoreAwayError(
                    f"What was computed could not be written: the database did not take it for "
                    f"{seconds:g} s (GMM_STORE_SECONDS). When it is there again and has "
                    "space, run it again."
                ) from None
            report.say("Waiting for the database, which does not answer.")
            time.sleep(pause)
            pause = min(_LAST_PAUSE, 2 * pause)
        else:
            report.say("")
            return result


def _compute(store: Store, run_id: str, part: int, report: Reporter) -> PartOutcome:
    """Compute a part, or as much of it as it may."""
    if (end := report.end) is not None:
        return PartOutcome(*end, None)
    warm_up()
    from gmm_core import inference

    seconds = report.limits.store_seconds
    specification = _patiently(lambda: store.specification(run_id), seconds, report)
    engine = kinds.engine_of(specification)
    engine.load()  # one that is not warm takes seconds, which count for no limit
    report.computes = time.monotonic()
    if engine.passes:
        let_others_work()
    try:
        result = in_a_thread(lambda: inference.run_part(specification, part, report))
    except Cancelled as stopped:
        report.flush()
        return PartOutcome(*(report.end or ("cancelled", "Cancelled.")), stopped.partial)
    report.flush()
    return PartOutcome("", "", result)


def finish(store: Store, run_id: str, attempt: str, ended: list[Any]) -> str:
    """Combine what the parts gave, keep it, and end the run.

    Parameters
    ----------
    ended : for each part the fields of its `PartOutcome`.

    Returns
    -------
    The state in which the run ended.
    """
    return _keep(store, run_id, attempt, _gathered(store, run_id, ended))


class Ending(NamedTuple):
    """How a run is to end, and what is kept of it."""

    specification: Any
    state: str
    message: str
    result: Any


def _gathered(store: Store, run_id: str, ended: list[Any]) -> Ending:
    """Combine what the parts gave."""
    from gmm_core import inference

    every = [PartOutcome(*one) for one in ended]
    stopped = next((one for one in every if one.state), None)
    parts = [one.result for one in every if one.result is not None]
    specification = store.specification(run_id)
    kind = kinds.named(specification.kind)
    try:
        result = inference.combine(specification, parts) if parts else None
    except ValueError:
        if stopped is None:
            raise
        result = None  # stopped before there was anything to keep
    state, message = (stopped.state, stopped.message) if stopped else kind.final_state(result)
    return Ending(specification, state, message, result)


def _completed(ending: Ending, report: Reporter) -> Ending:
    """Add what a finished run's result has more; one that is stopped meanwhile is kept without."""
    if ending.state != "done":
        return ending
    spec, result = ending.specification, ending.result

    def going() -> None:
        report(Progress(report.done, report.total))

    try:
        more = in_a_thread(lambda: kinds.named(spec.kind).completed(spec, result, going))
    except Cancelled:
        state, message = report.end or ("cancelled", "Cancelled.")
        return ending._replace(state=state, message=message)
    return ending._replace(result=more)


def _keep(store: Store, run_id: str, attempt: str, ending: Ending) -> str:
    """Write the end of a run; return its state."""
    result = ending.result
    headline = "" if result is None else kinds.named(ending.specification.kind).headline(result)
    store.save_result(
        run_id, result, ending.state, ending.message, headline=headline, attempt=attempt
    )
    return ending.state
