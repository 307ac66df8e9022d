"""The face of the jobs: what pages, notebooks and tests ask for."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from gmm_core import log
from gmm_core import settings as settings_module
from gmm_core.health import Health
from gmm_core.jobs import limits
from gmm_core.jobs.dispatcher import Dispatcher
from gmm_core.jobs.live import CANCELLED, LiveRun
from gmm_core.jobs.lost import Lost
from gmm_core.jobs.status import RunStatus
from gmm_core.jobs.stopping import Stopping
from gmm_core.jobs.watch import Watch
from gmm_core.jobs.workers import Workers
from gmm_core.metrics import Figures, Metrics
from gmm_core.store import LIVE, Event, RunState, Store, check_run_id, now, reason

if TYPE_CHECKING:
    from gmm_core.settings import Settings
    from gmm_core.specification import Specification

# Of results kept unpacked: some fifteen usual ones. To read one again takes milliseconds.
_CACHE_BYTES = 12 * 2**20


class JobService:
    """Runs specifications on Dask workers and keeps them in the store; threads may share it.

    Parameters
    ----------
    scheduler : address of a Dask scheduler ("tcp://host:8786"); by default GMM_SCHEDULER, or else a
        cluster of one-threaded processes on this machine.
    database : SQLAlchemy URL; by default GMM_DATABASE, or else a SQLite file.
    n_workers : processes of the local cluster; by default GMM_WORKERS, or else one per core.
    settings : the limits; by default those of the environment.

    Raises
    ------
    ValueError
        When a setting of the environment cannot be used, or the database is away.
    """

    def __init__(
        self,
        scheduler: str | None = None,
        database: str | None = None,
        n_workers: int | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or settings_module.read()
        with _store_answers():
            self.store = Store(
                database or self.settings.database or None, keep_days=self.settings.keep_days
            )
        self._workers = Workers(
            scheduler or self.settings.scheduler,
            n_workers or self.settings.workers,
            self.settings.worker_memory,
        )
        self._results: OrderedDict[tuple[str, str | None], tuple[Any, int]] = OrderedDict()
        self._lock = threading.RLock()
        self._dispatcher = Dispatcher(
            self.store,
            self._workers,
            self.settings,
            # After Dask has registered its own: what is registered last is called first.
            loaded=lambda: atexit.register(self._close_at_exit),
            tell=self._happened,
        )
        self._stopping = Stopping(self._dispatcher)
        self._lost = Lost(self._dispatcher)
        self._watch = Watch(self._dispatcher, self._stopping, self._lost)
        self.health = Health({"store": self.store.ping, "scheduler": self._dispatcher.ask})
        self.metrics = Metrics(self._figures)
        self._watch.start()

    @property
    def scheduler(self) -> str:
        """Address of the Dask scheduler, for other processes that are to share it."""
        self._dispatcher.ready()
        if not self._workers.address:
            raise ValueError("The workers could not be started; the log says why.")
        return self._workers.address

    @property
    def workers_reachable(self) -> bool:
        """Whether the scheduler can be reached now."""
        return self._workers.connected

    def _happened(self, event: Event) -> None:
        log.happened(event)
        self.metrics.happened(event)

    def _figures(self) -> Figures:
        away = tuple(self.health.away())  # first: it counts the workers
        queued, running = self._dispatcher.counts()
        return Figures(
            queued=queued,
            running=running,
            workers=0 if "scheduler" in away else self._workers.present,
            store_errors=self.store.errors,
            scheduler_errors=self._dispatcher.refusals,
            away=away,
        )

    def submit(self, specification: Specification, owner: str = "") -> str:
        """Ask for a run. What is done or under way already is shared, not computed again.

        Parameters
        ----------
        specification : what to run.
        owner : who asks; the run stands in this owner's list from now on.

        Returns
        -------
        The run's id, at once. A run that failed or was cancelled is computed again.

        Raises
        ------
        ValueError
            When this is no specification, it is larger than this server allows, the owner has too
            many runs waiting, or the database is away.
        """
        from gmm_core import inference
        from gmm_core.specification import Specification

        if not isinstance(specification, Specification):
            raise ValueError(
                f"A {type(specification).__name__} cannot be run: a gmm_core.Specification was "
                "expected."
            )
        with _store_answers():
            self._check(specification, owner)
            n_parts = inference.n_parts(specification)
            run = self.store.create_run(specification, owner)
            if run.state != "done":
                self._take_up(run, n_parts, owner)
        return run.id

    def verify(self, run_id: str, owner: str = "") -> str:
        """Compute a finished run again, beside the stored one; `gmm_core.verify.look` compares.

        Parameters
        ----------
        owner : who asks; it counts as this owner's run, but stands in no list.

        Returns
        -------
        The id of the run that computes it again, at once. One that is under way is shared.

        Raises
        ------
        ValueError
            When no run has this id, it did not finish, the owner has too many runs waiting, or the
            database is away.
        """
        from gmm_core import inference

        with _store_answers():
            state = self.store.state(run_id).state
            if state != "done":
                raise ValueError(
                    f"This run is {state}, but only one that is done has numbers to compare. "
                    "Run it to its end first."
                )
            specification = self.store.specification(run_id)
            self._check_waiting(owner)
            run = self.store.create_check(specification, owner)
            self._take_up(run, inference.n_parts(specification), owner)
        return run.id

    def _take_up(self, run: RunState, n_parts: int, owner: str) -> None:
        """Join those who wait for a run, or begin it."""
        live = self._dispatcher.live.get(run.id)
        if live is not None:
            self._dispatcher.join(live, owner)
            with live.lock:
                if not live.closed:
                    live.again = bool(live.stopping)
                    return
        if run.state in LIVE and run.attempt is not None:
            self._lost.mark_if_lost(run)
        self._dispatcher.begin(run.id, run.kind, n_parts, [owner])

    def _check(self, specification: Specification, owner: str) -> None:
        """Refuse what is too much, unless it is there or under way already."""
        try:
            known = self.store.state(specification.id).state
        except ValueError:
            known = None
        if known == "done" or known in LIVE:
            return
        limits.check_size(specification, self.settings.run_size)
        self._check_waiting(owner)

    def _check_waiting(self, owner: str) -> None:
        if self.settings.queued_runs:
            waiting = sum(self.store.run_counts(owner, states=("queued",), checks=True).values())
            limits.check_waiting(waiting, self.settings.queued_runs)

    def status(self, run_id: str) -> RunStatus:
        """Where a run stands, with what it has drawn so far.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        run_id = check_run_id(run_id)
        live = self._dispatcher.live.get(run_id)
        if live is None or live.ended.is_set():
            with _store_answers():
                run = self.store.state(run_id)
                if run.state in LIVE and self._lost.mark_if_lost(run):
                    run = self.store.state(run_id)
                live = self._dispatcher.adopt(run) if run.state in LIVE else None
            if live is None:
                return self._stored_status(run)
        return self._live_status(live)

    def result(self, run_id: str) -> Any:
        """Return the result of a run, also the partial one of a cancelled or failed run, or None.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        with _store_answers():
            run = self.store.state(run_id)
            if run.state in LIVE:
                return None
            key = (run.id, run.attempt)
            with self._lock:
                if key in self._results:
                    self._results.move_to_end(key)
                    return self._results[key][0]
            result = self.store.result(run.id)
        size = _size(result)
        with self._lock:
            if result is not None:
                self._results[key] = (result, size)
            # The last one stays, however large: a page asks for it again and again.
            while (
                len(self._results) > 1
                and sum(bytes_ for _, bytes_ in self._results.values()) > _CACHE_BYTES
            ):
                self._results.popitem(last=False)
        return result

    def cancel(self, run_id: str, owner: str | None = None) -> bool:
        """Stop a run: one that waits is gone at once, one that runs within two seconds.

        What it had computed is kept. Cancelling again, or what has ended, changes nothing.

        Parameters
        ----------
        owner : who asks. A run that somebody else asked for too goes on for them, and only leaves
            this owner's list; None stops it for everybody.

        Returns
        -------
        Whether the run stops, or has ended.

        Raises
        ------
        ValueError
            When no run has this id, or it is somebody else's.
        """
        run_id = check_run_id(run_id)
        live = self._dispatcher.live.get(run_id)
        if live is None or live.ended.is_set():
            run = self.store.state(run_id)
            if run.state not in LIVE:
                return True
        if owner is not None and not self._is_last(run_id, owner, live):
            return False
        if live is None or live.ended.is_set():
            live = self._dispatcher.adopt(run)
            if live is None:
                # It runs for another web process: its workers look into the store every second.
                self.store.set_state(run_id, *CANCELLED)
                return True
        self._stopping.stop(live)
        return True

    def _is_last(self, run_id: str, owner: str, live: LiveRun | None) -> bool:
        """Whether only the owner waits for the run; else the owner leaves it to the others."""
        owners = self.store.owners(run_id)
        if owner not in owners:
            raise ValueError(
                "This run belongs to somebody else, and only who asked for it can cancel it. "
                "Whoever holds its link may watch it."
            )
        if len(owners) == 1:
            return True
        self.store.delete(run_id, owner)
        if live is not None and owner in live.owners:
            live.owners.remove(owner)
        return False

    def wait(self, run_id: str, timeout: float | None = None) -> RunStatus:
        """Wait until a run has ended, at most `timeout` seconds; return where it then stands.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        run_id = check_run_id(run_id)
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.status(run_id)).live:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            live = self._dispatcher.live.get(run_id)
            if live is not None:
                # In slices: an end that the store could not take yet is told before it is written.
                live.ended.wait(1.0 if left is None else min(1.0, left))
            else:  # another process watches it
                self._dispatcher.steps.closing.wait(0.1 if left is None else min(0.1, left))
        return status

    def delete(self, run_id: str, owner: str | None = None) -> bool:
        """Take a run off the owner's list; when nobody else has it, stop and remove it.

        Returns
        -------
        Whether the run was removed.
        """
        run_id = check_run_id(run_id)
        removed = self.store.delete(run_id, owner)
        if removed:
            live = self._dispatcher.live.get(run_id)
            if live is not None:
                self._stopping.forget(live)
            with self._lock:
                self._dispatcher.past.pop(run_id, None)
                for key in [key for key in self._results if key[0] == run_id]:
                    del self._results[key]
        return removed

    def mark_lost(self) -> None:
        """Mark runs whose server died as failed, so that nobody waits for them."""
        self._lost.mark()

    def close(self) -> None:
        """Stop the workers. Runs under way on this machine are marked as failed."""
        with self._lock:
            if self._dispatcher.steps.closing.is_set():
                return
            self._dispatcher.steps.closing.set()
        atexit.unregister(self._close_at_exit)
        self._dispatcher.shut()
        self._watch.join()
        self._stopping.let_go()
        self._dispatcher.close()
        self.store.close()

    def _close_at_exit(self) -> None:
        # Python has ended its thread pools by now, and Dask would complain that it cannot tell us
        # of the futures that end here.
        logging.getLogger("tornado.application").disabled = True
        self.close()

    def __enter__(self) -> Self:
        """Use the service in a `with` statement, which closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the workers."""
        self.close()

    def _live_status(self, live: LiveRun) -> RunStatus:
        with live.lock:
            running = live.started is not None
            state, message = "running" if running else "queued", self._dispatcher.note(live)
            if live.unwritten is not None:
                state, message = live.unwritten
            if live.stopping:
                stage = "stopping"
            elif running:
                stage = "running" if live.total else "preparing"
            else:
                stage = "waiting" if self._dispatcher.waits(live) else "preparing"
            return RunStatus(
                run_id=live.run_id,
                kind=live.kind,
                state=state,
                message=message,
                stage=stage if state in LIVE else "ended",
                position=0 if running else self._dispatcher.position(live),
                done=live.done,
                total=live.total,
                snapshot=live.snapshot(),
                elapsed=live.elapsed,
                remaining=live.remaining,
                workers=live.workers,
                owners=tuple(live.owners),
            )

    def _stored_status(self, run: RunState) -> RunStatus:
        past = self._dispatcher.past.get(run.id)
        if past is not None and past.attempt != run.attempt:
            past = None
        elapsed = run.seconds
        if run.state == "running" and run.started is not None:
            elapsed = max(0.0, (now() - run.started).total_seconds())
        stage = {"queued": "waiting", "running": "running"}.get(run.state, "ended")
        seen: dict[str, Any] = {}
        if past is not None:
            with past.lock:
                seen = {
                    "done": past.done,
                    "total": past.total,
                    "snapshot": past.snapshot(),
                    "workers": past.workers,
                }
        return RunStatus(run.id, run.kind, run.state, run.message, stage, elapsed=elapsed, **seen)


@contextmanager
def _store_answers() -> Iterator[None]:
    """Say in a sentence that the database is away."""
    try:
        yield
    except SQLAlchemyError as error:
        raise ValueError(
            "The database does not answer at the moment "
            f"({reason(error)}). Nothing that is finished is "
            "lost; try again in a minute."
        ) from error


_service: JobService | None = None
_stopping = False
_service_lock = threading.Lock()


def service() -> JobService:
    """Return the service of this process; the first call starts it, and it is closed at exit.

    Raises
    ------
    ValueError
        When it cannot be started, or this process is about to end.
    """
    global _service
    with _service_lock:
        if _stopping:
            raise ValueError("The server is stopping. Load the page again in a minute.")
        if _service is None:
            _service = JobService()
        return _service


def close_service(for_good: bool = False) -> None:
    """Close the service of this process.

    Parameters
    ----------
    for_good : the process is about to end; else the next call of `service` starts a new one.
    """
    global _service, _stopping
    with _service_lock:
        _stopping = for_good
        if _service is not None:
            _service.close()
            _service = None


def _size(value: Any) -> int:
    """Bytes of the arrays inside a result."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    if is_dataclass(value):
        return sum(_size(getattr(value, f.name)) for f in fields(value))
    return 64
