"""The runs of this process: given to the workers turn by turn, followed, ended.

The store says what became of a run; what is here is only what this process needs to watch it. So
whatever is lost here (a connection, a callback, a moment of the database) is made up for by the
next tick of the watch, which compares the two.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from gmm_core.jobs import process_registry
from gmm_core.jobs.connection import Connection
from gmm_core.jobs.following import Following
from gmm_core.jobs.live import CANCELLED, End, LiveRun
from gmm_core.jobs.outbox import Teller
from gmm_core.jobs.queue import Queue
from gmm_core.jobs.steps import Steps
from gmm_core.jobs.workers import Workers, death
from gmm_core.program import fingerprint
from gmm_core.store import ENDED, Claim, Entry, Length, RunState, Store, reason

if TYPE_CHECKING:
    from gmm_core.settings import Settings
    from gmm_core.store import Event

logger = logging.getLogger(__name__)


class Dispatcher:
    """Gives runs to the workers and follows them to their ends; threads may share it.

    Parameters
    ----------
    loaded : called once Dask is imported, which takes a moment.
    tell : called with each event of a run that this process is the one to tell.
    """

    def __init__(
        self,
        store: Store,
        workers: Workers,
        settings: Settings,
        loaded: Callable[[], object] = lambda: None,
        tell: Callable[[Event], object] = lambda _: None,
    ) -> None:
        self.store = store
        self.workers = workers
        self.settings = settings
        self.server = process_registry.name(workers.scheduler)
        self.queue = Queue(store, self.server, settings.running_runs)
        process_registry.open_services.add(self.server)
        self.following = Following(self.queue)
        self.live, self.past = self.following.live, self.following.past
        self.steps = Steps()
        self.teller = Teller(store, tell)
        self._lock = threading.RLock()
        self.connection = Connection(workers)
        self._pauses = 0  # how many ask for one at the moment
        # Starting the cluster takes half a second: one thread does it, and then what waits for it,
        # in order.
        self._control = ThreadPoolExecutor(1, thread_name_prefix="gmm-jobs")
        self._control.submit(self.steps.guarded, self._load, loaded)

    def ready(self) -> None:
        """Wait until the workers have been started, or could not be."""
        self._control.submit(lambda: None).result()  # the start is the first thing in line

    # ---- giving ----

    def claim(self, n_parts: int, length: Length) -> Claim:
        """Return a new attempt of a run, with which the store queues it."""
        return self.queue.claim(uuid.uuid4().hex, n_parts, length)

    def begin(
        self,
        run_id: str,
        kind: str,
        n_parts: int,
        owners: list[str],
        length: Length = Length.SHORT,
    ) -> None:
        """Queue a run for a new attempt, unless somebody else was faster."""
        claim = self.claim(n_parts, length)
        if self.store.claim(run_id, *claim, owners=owners):
            self.follow(run_id, kind, claim, owners)

    def follow(self, run_id: str, kind: str, claim: Claim, owners: list[str]) -> None:
        """Follow a run that was queued for this process."""
        fresh = LiveRun(run_id, kind, claim.attempt, claim.n_parts, owners, length=claim.length)
        self.teller.expect()
        self.following.keep(fresh)
        self.queue.changed()
        # Another web process may be the one to give its parts: what they report is heard here too.
        self._in_control(self._listen, fresh)
        self._pump_soon()

    def adopt(self, run: RunState) -> LiveRun | None:
        """Watch a run of another web process; None when there is nothing to watch yet."""
        if not self.workers.connected:
            return None
        live_run = self.live.get(run.id)
        if live_run is None or live_run.attempt != run.attempt:
            entry = self.queue.view(fresh=True).entries.get(run.attempt or "")
            if entry is None:  # it ends in this moment
                return None
            live_run = self.following.queued(run, entry, own=False)
            if not live_run.far:
                self._listen(live_run)
        return live_run

    def _followed(self, entry: Entry) -> LiveRun | None:
        """Follow a run, whoever asked for it, of which this process gives a part."""
        live = self.live.get(entry.run_id)
        if live is None or live.attempt != entry.key:
            run = self._state_or_none(entry.run_id)
            if run is None or run.attempt != entry.key:
                return None
            live = self.following.queued(run, entry, own=True)
            self._listen(live, past=True)
        live.own = True
        return live

    def _load(self, loaded: Callable[[], object]) -> None:
        import distributed  # noqa: F401

        loaded()
        self._connect()

    def _connect(self) -> None:
        if not self.connection.make():
            return
        for live in list(self.live.values()):
            with live.lock:
                live.listening = False
                parts = list(live.futures)
                live.futures = {}
            if parts:
                self.steps.guarded(self.queue.put_back, live.attempt, parts)
            self.steps.guarded(self._listen, live)
        self._pump()

    def keep_connected(self) -> None:
        """Look after the connection to the workers, and wait for it.

        Raises
        ------
        RuntimeError, CancelledError
            When the service closes.
        """
        self._control.submit(self.steps.guarded, self._keep_connected).result()

    def _keep_connected(self) -> None:
        if not self.connection.up:
            self._connect()
            return
        if self.workers.scheduler:
            if self.live:
                self.workers.count()
        else:
            self.workers.spare_came()
        self._pump()  # another web process may have no worker free for what waits

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Give nothing to the workers meanwhile, since some of them are restarted.

        What is given to them dies with them, and Dask would take it for the cause.
        """
        with self._lock:
            self._pauses += 1
        try:
            yield
        finally:
            with self._lock:
                self._pauses -= 1
            self._pump_soon()

    def _listen(self, live: LiveRun, past: bool = False) -> None:
        """Hear what workers report of a run; with `past`, also what they reported before."""
        from gmm_core import worker

        with live.lock:
            if live.listening or live.closed:
                return
            live.listening = True
        live.listening = self.workers.listen(
            worker.topic(live.attempt),
            live.take,
            past=past or not live.own or live.started is not None,
        )

    def _in_control(self, step: Callable[..., object], *arguments: object) -> None:
        try:
            self._control.submit(self.steps.guarded, step, *arguments)
        except RuntimeError:  # closed meanwhile, which marks what is under way
            logger.debug("The job service is closed.")

    def _pump_soon(self) -> None:
        self._in_control(self._pump)

    def _pump(self) -> None:
        """Give out parts while there are workers for them, in turn. In the control thread only."""
        while self.connection.up:
            if self._pauses or not self.workers.slots:
                return
            try:
                taken = self.queue.take(self.workers.slots + self.workers.spare, self.workers.room)
            except SQLAlchemyError as error:
                logger.warning("The queue could not be read (%s); trying again.", reason(error))
                return
            # Long runs leave a worker to short ones, so that those start at once.
            if taken.full_of_long and not self.workers.spare_asked:
                self.steps.in_background(self.workers.add_spare)
            if taken.entry is None:
                return
            live = self._followed(taken.entry)
            if live is None:  # it ended in this moment
                continue
            try:
                self._listen(live)
                self._give(live, taken.part)
            except Exception as error:
                logger.exception("Run %s could not be given to the workers.", live.run_id)
                message = f"The run could not be given to the workers: {error}"
                self.conclude(live, End("failed", message))

    def _give(self, live: LiveRun, part: int) -> None:
        from gmm_core import worker

        seconds = self.settings.run_seconds
        if seconds:
            seconds = max(1.0, seconds - live.computing)
        limits = worker.RunLimits(seconds, self.settings.run_seconds, self.settings.store_seconds)
        future = self.workers.give(
            worker.run_part,
            worker.task_key(live.run_id, live.attempt, part),
            (
                self.store.url,
                live.run_id,
                part,
                len(live.parts),
                live.attempt,
                tuple(limits),
                fingerprint(),
            ),
        )
        with live.lock:
            live.futures[part] = future
        future.add_done_callback(lambda _: self.steps.guarded(self.check, live))
        if live.closed:  # cancelled meanwhile
            self.workers.cancel([future])

    # ---- ending ----

    def conclude(self, live: LiveRun, end: End) -> None:
        """End a run in the store; when that is away, as soon as it is back."""
        try:
            self.store.set_state(live.run_id, end.state, end.message, attempt=live.attempt)
        except SQLAlchemyError as error:
            logger.warning(
                "The end of run %s waits for the database: %s", live.run_id, reason(error)
            )
            live.unwritten = end
            return
        live.unwritten = None
        self.end(live)

    def check(self, live: LiveRun) -> None:
        """Look what became of a run when a part has finished, died for good or was lost."""
        if live.closed or self.steps.closing.is_set():
            return
        with live.lock:
            futures = dict(live.futures)
        statuses = {part: future.status for part, future in futures.items() if future.done()}
        if not statuses:
            return
        dropped = [part for part, status in statuses.items() if status in ("cancelled", "lost")]
        self.queue.changed()
        self._pump_soon()
        run = self._state_or_none(live.run_id)
        if run is None or run.attempt != live.attempt or run.state in ENDED:
            self.end(live)
            return
        for part, status in statuses.items():
            if status == "error":
                self.conclude(live, End("failed", death(futures[part], self.workers.memory)))
                return
        if live.stopping:
            return
        if dropped:
            # The connection broke, and with it went what Dask knew: these parts start again.
            self.connection.lost = True
            with live.lock:
                dropped = [part for part in dropped if live.futures.get(part) is futures[part]]
                for part in dropped:
                    del live.futures[part]
            self.queue.put_back(live.attempt, dropped)
        elif any(self.queue.holds(live.attempt, part) for part in statuses):
            # It has written, and still the run goes on: a worker died between two writes.
            message = "The run ended without a result. Run it again."
            self.conclude(live, End("failed", message))

    def end(self, live: LiveRun) -> None:
        """Stop watching: the store says from here on what became of the run."""
        from gmm_core import worker

        with live.lock:
            if live.closed:
                return
            live.closed = True
            self.teller.expect()
            futures, live.futures = list(live.futures.values()), {}
        self.queue.changed()
        if live.again:
            # Before anybody who waits looks: for them the run goes on.
            self.steps.guarded(
                self.begin, live.run_id, live.kind, len(live.parts), live.owners, live.length
            )
        live.ended.set()
        live.forget_copies()  # before the lock: who looks at a run holds its own and asks for this
        self.following.drop(live)
        if self.steps.closing.is_set():
            return
        waiting = [future for future in futures if not future.done()]
        if waiting:
            self.steps.in_background(self.workers.stop, live.attempt, live.stopping or CANCELLED)
            self.steps.guarded(self.workers.cancel, waiting)
        if live.listening:
            self.steps.in_background(self.workers.unlisten, worker.topic(live.attempt))
        self._pump_soon()

    def _state_or_none(self, run_id: str) -> RunState | None:
        try:
            return self.store.state(run_id)
        except ValueError:
            return None

    # ---- telling ----

    def lengthen(self, live: LiveRun, length: Length) -> None:
        """Count a run among longer ones: it runs for longer than was estimated."""
        if live.length < length:
            self.queue.lengthen(live.attempt, length)
            live.length = length
            self._pump_soon()

    def waits(self, live: LiveRun) -> bool:
        """Whether it waits for its turn, since every worker is busy."""
        if live.futures or self.queue.n_given(live.attempt):
            return False
        return self.workers.connected and self.queue.full(self.workers.slots)

    def note(self, live: LiveRun) -> str:
        """Say what holds a run up, when that is unusual."""
        if live.stopping:
            return "Stopping…"
        return self.connection.note() or live.note

    # ---- closing ----

    def shut(self) -> None:
        """Give and look at nothing more."""
        self.steps.closing.set()
        self._control.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Leave the workers, and the runs to what the store says."""
        self.steps.guarded(self.teller.tell, anyway=True)
        for live in list(self.live.values()):
            live.ended.set()
            live.futures = {}
        self.workers.close()
        process_registry.open_services.discard(self.server)
        self.steps.guarded(self.store.part_from, self.server)
