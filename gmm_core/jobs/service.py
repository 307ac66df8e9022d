"""The face of the jobs: what pages, notebooks and tests ask for."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from gmm_core import log
from gmm_core import settings as settings_module
from gmm_core.jobs import admission, limits
from gmm_core.jobs.away import store_answers
from gmm_core.jobs.dispatcher import Dispatcher
from gmm_core.jobs.live import LiveRun
from gmm_core.jobs.orphans import Orphans
from gmm_core.jobs.result_cache import ResultCache
from gmm_core.jobs.status import RunStatus, live_status, stored_status
from gmm_core.jobs.stopping import Stopping
from gmm_core.jobs.watch import Watch
from gmm_core.jobs.workers import Workers
from gmm_core.runs import kinds
from gmm_core.store import LIVE, Claim, Event, RunState, Store, check_run_id

if TYPE_CHECKING:
    from gmm_core.data.dataset import Dataset
    from gmm_core.data.partitioned import PartitionedDataset
    from gmm_core.runs.specification import Specification
    from gmm_core.settings import Settings

logger = logging.getLogger(__name__)


class Counts(NamedTuple):
    """What a service counts at a moment.

    queued, running : runs of this process.
    workers : threads that can compute, as last heard of.
    store_errors, scheduler_errors : tries that failed, since the start.
    """

    queued: int = 0
    running: int = 0
    workers: int = 0
    store_errors: int = 0
    scheduler_errors: int = 0


class JobService:
    """Runs specifications on Dask workers and keeps them in the store; threads may share it.

    Parameters
    ----------
    scheduler : address of a Dask scheduler ("tcp://host:8786"); by default GMM_SCHEDULER, or else a
        cluster of one-threaded processes on this machine.
    database : SQLAlchemy URL; by default GMM_DATABASE, or else a SQLite file.
    n_workers : processes of the local cluster; by default GMM_WORKERS, or else one per core.
    settings : the limits; by default those of the environment.
    tell : called with each event of a run, such as its start and its end.

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
        tell: Callable[[Event], None] | None = None,
    ) -> None:
        self.settings = settings or settings_module.read()
        with store_answers():
            self.store = Store(
                database or self.settings.database or None, keep_days=self.settings.keep_days
            )
        self._workers = Workers(
            scheduler or self.settings.scheduler,
            n_workers or self.settings.workers,
            self.settings.worker_memory,
        )
        self._tell = tell
        self._results = ResultCache()
        self._lock = threading.RLock()
        self._dispatcher = Dispatcher(
            self.store,
            self._workers,
            self.settings,
            # After Dask has registered its own: what is registered last is called first.
            loaded=lambda: atexit.register(self._close_at_exit),
            tell=self._happened,
        )
        self._orphans = Orphans(self._dispatcher)
        self._stopping = Stopping(self._dispatcher, self._orphans)
        self._watch = Watch(self._dispatcher, self._stopping, self._orphans)
        self._watch.start()

    @property
    def scheduler(self) -> str:
        """Address of the Dask scheduler, for other processes that are to share it."""
        self._dispatcher.ready()
        if not self._workers.address:
            raise ValueError("The workers could not be started; the log says why.")
        return self._workers.address

    @property
    def parts(self) -> Mapping[str, Callable[[], object]]:
        """What the service stands on, by name: each returns when it answers and raises if not."""
        return {"store": self.store.ping, "scheduler": self._dispatcher.connection.ask}

    def counts(self) -> Counts:
        """Count runs, workers and errors now; asking `parts` counts the workers anew."""
        queued, running = self._dispatcher.following.counts()
        refusals = self._dispatcher.connection.refusals
        return Counts(queued, running, self._workers.present, self.store.errors, refusals)

    def _happened(self, event: Event) -> None:
        log.happened(event)
        if self._tell is not None:
            self._tell(event)

    def submit(self, specification: Specification, owner: str = "", place: str = "") -> str:
        """Ask for a run. What is done or under way already is shared, not computed again.

        Parameters
        ----------
        specification : what to run.
        owner : who asks; the run stands in this owner's list from now on.
        place : where from, such as an address, when owners are not people who signed in: whoever
            forgets who they are still counts as one.

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
        from gmm_core.runs.specification import Specification

        if not isinstance(specification, Specification):
            raise ValueError(
                f"A {type(specification).__name__} cannot be run: a gmm_core.Specification was "
                "expected."
            )
        with store_answers():
            admission.check(self.store, self.settings, specification, owner)
            claim = self._dispatcher.claim(
                inference.n_parts(specification), limits.length(specification)
            )
            run = self.store.create_run(
                specification, owner, place, claim, admission.of_one_more(self.settings)
            )
            if run.state != "done":
                self._take_up(run, claim, owner)
        return run.id

    def sample(self, data: PartitionedDataset, **more: Any) -> Dataset:
        """Have the workers draw a sample of data in partitions; see `partitions.opened`."""
        self._dispatcher.ready()
        return self._workers.sample(data, **more)

    def count_pair(self, sample: Dataset, places: tuple[int, int], **more: Any) -> Dataset:
        """Have the workers count all rows of a sample by two columns more."""
        self._dispatcher.ready()
        return self._workers.count_pair(sample, places, **more)

    def verify(self, run_id: str, owner: str = "", place: str = "") -> str:
        """Compute a finished run again, beside the stored one; `jobs.verify` compares.

        Parameters
        ----------
        owner : who asks; it counts as this owner's run, but stands in no list.
        place : where from, as of `submit`.

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

        with store_answers():
            state = self.store.state(run_id).state
            if state != "done":
                raise ValueError(
                    f"This run is {state}, but only one that is done has numbers to compare. "
                    "Run it to its end first."
                )
            specification = self.store.specification(run_id)
            kind = kinds.named(specification.kind)
            if kind.leaves_files:
                raise ValueError(
                    f"{kind.label} are files, which would be written once more. Compare the files."
                )
            claim = self._dispatcher.claim(
                inference.n_parts(specification), limits.length(specification)
            )
            admit = admission.of_one_more(self.settings)
            run = self.store.create_check(run_id, specification, owner, place, claim, admit)
            self._take_up(run, claim, owner)
        return run.id

    def _take_up(self, run: RunState, claim: Claim, owner: str) -> None:
        """Follow a run that was queued, or join those who wait for it."""
        if run.attempt == claim.attempt:
            self._dispatcher.follow(run.id, run.kind, claim, [owner])
            return
        live = self._dispatcher.live.get(run.id)
        if live is not None:
            self._dispatcher.following.join(live, owner)
            with live.lock:
                if not live.closed:
                    live.again = bool(live.stopping)
                    return
        if run.state in LIVE and run.attempt is not None:
            self._orphans.mark_if_lost(run)
        self._dispatcher.begin(run.id, run.kind, claim.n_parts, [owner], claim.length)

    def note_visit(self, run_id: str, owner: str | None = None) -> None:
        """Say that somebody looks at a run, so that it does not expire.

        Parameters
        ----------
        owner : who asks for it, whoever computed it: it stands in their list from now on.
        """
        with store_answers():
            self.store.note_visit(run_id, owner)

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
            with store_answers():
                run = self.store.state(run_id)
                if run.state in LIVE and self._orphans.mark_if_lost(run):
                    run = self.store.state(run_id)
                live = self._dispatcher.adopt(run) if run.state in LIVE else None
            if live is None:
                position = self._dispatcher.queue.position(run.attempt)
                return stored_status(run, self._dispatcher.past.get(run.id), position)
        return live_status(live, self._dispatcher)

    def result(self, run_id: str) -> Any:
        """Return the result of a run, also the partial one of a cancelled or failed run, or None.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        with store_answers():
            run = self.store.state(run_id)
            if run.state in LIVE:
                return None
            return self._results.read(self.store, run)

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
        if live is not None and live.ended.is_set():
            live = None  # it ends in this moment, or begins anew
        with store_answers():
            run = self.store.state(run_id)
        if live is None and run.state not in LIVE:
            return True
        if owner is not None and not self._is_last(run_id, owner, live):
            return False
        if live is None or live.ended.is_set():
            live = self._dispatcher.adopt(run)
        if live is None or live.far:
            # It runs for another web process, which stops it and keeps what it has.
            self._stopping.stop_elsewhere(run)
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
        if not self.store.leave(run_id, owner):
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
            self._dispatcher.past.forget(run_id)
            self._results.forget(run_id)
        return removed

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
