"""What happens to runs behind the service: given to workers turn by turn, watched, stopped, ended.

The store says what became of a run; what is here is only what this process needs to watch it. So
whatever is lost here (a connection, a callback, a moment of the database) is made up for by the
next tick, which compares the two.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from gmm_core.jobs import limits, servers
from gmm_core.jobs.live import CANCELLED, End, LiveRun
from gmm_core.jobs.queue import FairQueue
from gmm_core.jobs.telling import Teller
from gmm_core.jobs.workers import Workers, death
from gmm_core.store import ENDED, RunState, Store, reason

if TYPE_CHECKING:
    from distributed import Future

    from gmm_core.settings import Settings
    from gmm_core.store import Event

logger = logging.getLogger(__name__)

SERVER_STOPPED = "The server stopped while this run was under way. Run it again."

# How long a run that is to stop may take to do so by itself. A report comes several times a second,
# unless one step takes long; with the restart of the worker the whole stays below two seconds.
_GRACE = 1.5
_TICK = 0.5  # how often what is here is compared with the store and the clock
# How often the web process says in the store that it still watches its runs, and how long it may be
# silent before a process on another machine takes them for lost (a few missed beats).
_BEAT = 10.0
_SILENCE = 60.0
_PICTURES_KEPT = 8 * 2**20  # bytes of ended runs' last pictures: pages still look at them
_OWN_TIME = 1.0  # a worker stops a run at its limit by itself; this much later it is made to
_LOADING = 120.0  # loading and compiling an engine may take this long; it counts for no limit


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
        self.server = servers.name(workers.scheduler)
        servers.here.add(self.server)
        self.live: dict[str, LiveRun] = {}
        self.past: OrderedDict[str, LiveRun] = OrderedDict()
        self.closing = threading.Event()
        self._queue = FairQueue(settings.running_runs)
        self._lock = threading.RLock()
        self._beats: dict[str, tuple[Any, float]] = {}
        self._lost_connection = False
        self._restarting = 0  # how many stops restart workers at the moment
        self._refused = ""  # why the workers could not be reached
        self.refusals = 0  # how often they could not
        self._teller = Teller(store, tell)
        # Starting the cluster takes half a second: one thread does it, and then what waits for it,
        # in order.
        self._control = ThreadPoolExecutor(1, thread_name_prefix="gmm-jobs")
        self._control.submit(self._guarded, self._load, loaded)
        self._watcher = threading.Thread(target=self._watch, name="gmm-jobs-beat", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._guarded(self.mark_lost)
        self._watcher.start()

    def ready(self) -> None:
        """Wait until the workers have been started, or could not be."""
        self._control.submit(lambda: None).result()  # the start is the first thing in line

    # ---- starting ----

    def begin(self, run_id: str, kind: str, n_parts: int, owners: list[str]) -> None:
        """Queue a run for a new attempt, unless somebody else was faster."""
        attempt = uuid.uuid4().hex
        if not self.store.claim(run_id, attempt, self.server):
            return
        live = LiveRun(run_id, kind, attempt, n_parts, owners)
        self._teller.expect()
        with self._lock:
            self.live[run_id] = live
            self.past.pop(run_id, None)
            self._queue.add(attempt, owners, list(range(n_parts)))
        self._pump_soon()

    def join(self, live: LiveRun, owner: str) -> None:
        """Let one more person wait for a run."""
        with self._lock:
            if owner not in live.owners:
                live.owners.append(owner)
            self._queue.join(live.attempt, owner)

    def adopt(self, run: RunState, take: bool = False) -> LiveRun | None:
        """Watch a run that another web process gives to the scheduler that both use.

        take : give its parts from here on, since nobody else does. Those that the scheduler knows
            are only watched; should it be over, they end at once.
        """
        if not self.workers.connected or run.attempt is None or run.server is None:
            return None
        scheduler = self.workers.scheduler
        if not scheduler or servers.scheduler_of(run.server) != scheduler:
            return None
        from gmm_core import inference

        known = self.live.get(run.id)
        if known is None or known.attempt != run.attempt:
            n_parts = inference.n_parts(self.store.specification(run.id))
            owners = list(self.store.owners(run.id))
            live = LiveRun(run.id, run.kind, run.attempt, n_parts, owners, own=False)
            with self._lock:
                known = self.live.get(run.id)
                if known is None or known.attempt != run.attempt:
                    known = self.live[run.id] = live
            self._listen(known)
        if take:
            with self._lock:
                if not known.own:
                    known.own = True
                    self._queue.add(known.attempt, known.owners, list(range(len(known.parts))))
            self._pump_soon()
        return known

    def _load(self, loaded: Callable[[], object]) -> None:
        import distributed  # noqa: F401

        loaded()
        self._connect()

    def _connect(self) -> None:
        try:
            self.workers.connect()
        except Exception as error:
            self.refusals += 1
            if self._refused != str(error):
                logger.warning("The workers on %s cannot be reached: %s", self.workers.where, error)
            self._refused = str(error)
            return
        if self._refused:
            logger.warning("The workers on %s are back.", self.workers.where)
        self._refused = ""
        self._lost_connection = False
        for live in list(self.live.values()):
            with live.lock:
                live.listening = False
                given = list(live.futures)
                live.futures = {}
            with self._lock:
                for part in given:
                    self._queue.put_back(live.attempt, part)
            self._guarded(self._listen, live)
        self._pump()

    def _listen(self, live: LiveRun) -> None:
        from gmm_core import worker

        with live.lock:
            if live.listening or live.closed:
                return
            live.listening = True
        live.listening = self.workers.listen(
            worker.topic(live.attempt), live.take, past=not live.own or live.started is not None
        )

    def _pump_soon(self) -> None:
        try:
            self._control.submit(self._guarded, self._pump)
        except RuntimeError:  # closed meanwhile, which marks what is under way
            logger.debug("The job service is closed.")

    def _pump(self) -> None:
        """Give out parts while there are workers for them, in turn. In the control thread only."""
        while self.workers.connected and not self._lost_connection:
            with self._lock:
                # What is given to workers that are being restarted dies with them, and Dask would
                # take it for the cause.
                if self._restarting or self._queue.given >= self.workers.slots:
                    return
                turn = self._queue.next()
                if turn is None:
                    return
                key, part = turn
                live = next((one for one in self.live.values() if one.attempt == key), None)
                if live is None:
                    self._queue.remove(key)
                    continue
            try:
                self._listen(live)
                self._give(live, part)
            except Exception as error:
                logger.exception("Run %s could not be given to the workers.", live.run_id)
                said = f"The run could not be given to the workers: {error}"
                self.conclude(live, End("failed", said))

    def _give(self, live: LiveRun, part: int) -> None:
        from gmm_core import worker

        seconds = self.settings.run_seconds
        if seconds:
            seconds = max(1.0, seconds - live.computing)
        terms = worker.Terms(seconds, self.settings.run_seconds, self.settings.store_seconds)
        future = self.workers.give(
            worker.run_part,
            worker.task_key(live.run_id, live.attempt, part),
            (self.store.url, live.run_id, part, len(live.parts), live.attempt, tuple(terms)),
        )
        with live.lock:
            live.futures[part] = future
        future.add_done_callback(lambda _: self._guarded(self._look, live))
        if live.closed:  # cancelled meanwhile
            self.workers.cancel([future])

    # ---- ending ----

    def stop(self, live: LiveRun, end: End = CANCELLED) -> None:
        """Stop a run: one that waits is over at once, one that runs within two seconds."""
        with live.lock:
            live.again = False
            if live.stopping:
                return
            live.stopping = end
            waits = live.started is None
        if waits or not self.workers.connected:
            self.conclude(live, end)
            self._in_background(self._flag, live, end)
        else:
            self._in_background(self._make_stop, live, end)

    def forget(self, live: LiveRun) -> None:
        """Stop a run that was deleted."""
        with live.lock:
            live.stopping, live.again = CANCELLED, False
        self._end(live)
        self._in_background(self._flag, live, CANCELLED)

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
        self._end(live)

    def _look(self, live: LiveRun) -> None:
        """Look what became of a run when a part has finished, died for good or was lost."""
        if live.closed or self.closing.is_set():
            return
        with live.lock:
            futures = dict(live.futures)
        statuses = {part: future.status for part, future in futures.items() if future.done()}
        if not statuses:
            return
        dropped = [part for part, status in statuses.items() if status in ("cancelled", "lost")]
        with self._lock:
            for part in statuses:
                if part not in dropped:
                    self._queue.done(live.attempt, part)
        self._pump_soon()
        run = self._state_or_none(live.run_id)
        if run is None or run.attempt != live.attempt or run.state in ENDED:
            self._end(live)
            return
        for part, status in statuses.items():
            if status == "error":
                self.conclude(live, End("failed", death(futures[part], self.workers.memory)))
                return
        if live.stopping:
            return
        if dropped:
            # The connection broke, and with it went what Dask knew: these parts start again.
            self._lost_connection = True
            with live.lock:
                for part in dropped:
                    if live.futures.get(part) is futures[part]:
                        del live.futures[part]
                        with self._lock:
                            self._queue.put_back(live.attempt, part)
        elif len(statuses) == len(live.parts):
            # Every part has written, and still the run goes on: a worker died between two writes.
            said = "The run ended without a result. Run it again."
            self.conclude(live, End("failed", said))

    def _end(self, live: LiveRun) -> None:
        """Stop watching: the store says from here on what became of the run."""
        from gmm_core import worker

        with live.lock:
            if live.closed:
                return
            live.closed = True
            self._teller.expect()
            futures, live.futures = list(live.futures.values()), {}
        with self._lock:
            self._queue.remove(live.attempt)
        if live.again:
            # Before anybody who waits looks: for them the run goes on.
            self._guarded(self.begin, live.run_id, live.kind, len(live.parts), live.owners)
        live.ended.set()
        live.forget_copies()  # before the lock: who looks at a run holds its own and asks for this
        with self._lock:
            if self.live.get(live.run_id) is live:
                del self.live[live.run_id]
                self.past[live.run_id] = live
            size = sum(past.size for past in self.past.values())
            while size > _PICTURES_KEPT and len(self.past) > 1:
                size -= self.past.popitem(last=False)[1].size
        if self.closing.is_set():
            return
        waiting = [future for future in futures if not future.done()]
        if waiting:
            self._in_background(self._flag, live, live.stopping or CANCELLED)
            self._guarded(self.workers.cancel, waiting)
        if live.listening:
            self._in_background(self.workers.unlisten, worker.topic(live.attempt))
        self._pump_soon()

    def _flag(self, live: LiveRun, end: End) -> None:
        """Tell every worker process that this attempt is to stop, and why."""
        from gmm_core import worker

        if not self.closing.is_set():
            self.workers.run(worker.stop, live.attempt, *end)

    def _make_stop(self, live: LiveRun, end: End) -> None:
        """Stop a run that has started: ask first, then restart the workers that do not answer."""
        # A worker that hangs would hold up this thread.
        self._in_background(self._flag, live, end)
        with live.lock:
            futures = dict(live.futures)
            waiting = [i for i, part in enumerate(live.parts) if part.execution is None]
        self._give_up(live, waiting, futures, end)
        if live.ended.wait(_GRACE):
            return
        with live.lock:
            hanging = [
                i
                for i, part in enumerate(live.parts)
                if i not in waiting
                and part.address is not None
                and not (i in futures and futures[i].done())
            ]
            addresses = sorted({str(live.parts[i].address) for i in hanging})
        self._give_up(live, hanging, futures, end)
        # A worker that still loads its engines stops by itself when it has them: another one would
        # have to load them, too.
        if not addresses or live.computes is None or self.closing.is_set():
            self.conclude(live, end)
            return
        with self._lock:
            self._restarting += 1
        try:
            self.conclude(live, end)
            logger.warning("Run %s did not stop; restarting %s.", live.run_id, addresses)
            self.workers.restart(addresses)
        finally:
            with self._lock:
                self._restarting -= 1
            self._pump_soon()

    def _give_up(
        self, live: LiveRun, parts: list[int], futures: dict[int, Future], end: End
    ) -> None:
        """Count these parts as stopped with nothing; the others' results are kept."""
        from gmm_core import worker

        self.workers.cancel([futures[part] for part in parts if part in futures])
        if len(live.parts) == 1:
            return
        for part in parts:
            given = worker.Given(*end, None)
            every = self.store.save_part(
                live.run_id, live.attempt, part, tuple(given), len(live.parts)
            )
            if every is not None:
                worker.finish(self.store, live.run_id, live.attempt, every)
                self._end(live)

    # ---- watching ----

    def position(self, live: LiveRun) -> int:
        """Count the waiting runs that start before this one."""
        with self._lock:
            return self._queue.position(live.attempt)

    def waits(self, live: LiveRun) -> bool:
        """Whether it waits for its turn, since every worker is busy."""
        with self._lock:
            free = self._queue.given < self.workers.slots or not self.workers.connected
            return not live.futures and not free

    def note(self, live: LiveRun) -> str:
        """Say what holds a run up, when that is unusual."""
        if live.stopping:
            return "Stopping…"
        if self._lost_connection or (self._refused and not self.workers.connected):
            return (
                f"The workers on {self.workers.where} cannot be reached at the moment. The run "
                "goes on when they are back."
            )
        if self.workers.connected and not self.workers.slots:
            return "No worker is there at the moment. The run starts when one is."
        return live.note

    def counts(self) -> tuple[int, int]:
        """Count this process's runs that wait to start, and those that have started."""
        own = [live for live in list(self.live.values()) if live.own and not live.closed]
        started = sum(live.started is not None for live in own)
        return len(own) - started, started

    def ask(self) -> None:
        """Look whether the scheduler answers now.

        Raises
        ------
        OSError
            When it does not.
        """
        if not self.workers.connected:
            raise ConnectionError(self._refused or f"no connection to {self.workers.where} yet")
        self.workers.ask()

    def mark_lost(self) -> None:
        """Mark runs whose server died as failed, so that nobody waits for them."""
        rows = self.store.live()
        self._beats = {run.id: self._beats[run.id] for run in rows if run.id in self._beats}
        for run in rows:
            self.mark_if_lost(run)

    def mark_if_lost(self, run: RunState) -> bool:
        """Mark a run as failed when nobody watches or computes it any more."""
        watched = self.live.get(run.id)
        if watched is not None and watched.attempt == run.attempt and watched.own:
            return False
        silent = self._silent(run)
        if run.server is None:
            lost = silent
        elif not servers.scheduler_of(run.server):
            lost = servers.is_dead(run.server, silent)
        elif servers.scheduler_of(run.server) == self.workers.scheduler:
            # It goes on without the web process that asked for it; somebody has to give the rest.
            lost = False
            if servers.is_dead(run.server, silent):
                self.adopt(run, take=True)
        else:
            lost = silent
        if not lost:
            return False
        marked = self.store.set_state(run.id, "failed", SERVER_STOPPED, attempt=run.attempt)
        self._teller.expect()
        return marked

    def _silent(self, run: RunState) -> bool:
        """Whether nobody has said for long that the run is looked after.

        By this process's own watch: clocks of machines differ, and are set.
        """
        beat, moment = (run.attempt, run.seen), time.monotonic()
        known = self._beats.get(run.id)
        if known is None or known[0] != beat:
            self._beats[run.id] = (beat, moment)
            return False
        return moment - known[1] > _SILENCE

    def _watch(self) -> None:
        next_beat = time.monotonic() + _BEAT
        while not self.closing.wait(_TICK):
            try:
                self._control.submit(self._guarded, self._keep_connected).result()
            except (RuntimeError, CancelledError):  # closing
                return
            for live in list(self.live.values()):
                self._guarded(self._tick, live)
            try:
                self._compare()
                self._teller.tell(anyway=bool(self.live))
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + _BEAT
                    own = [live.run_id for live in list(self.live.values()) if live.own]
                    self.store.touch(own)
                    self.mark_lost()
                    self.store.expire()
                    self._teller.expect()  # what happened to runs of a process that is gone
            except SQLAlchemyError as error:
                logger.warning(
                    "The database could not be reached (%s); trying again.", reason(error)
                )
            except Exception:
                logger.exception("A step of watching the runs failed; trying again.")

    def _keep_connected(self) -> None:
        if self._lost_connection or not self.workers.connected:
            self._connect()
        elif self.workers.scheduler and self.live:
            slots = self.workers.slots
            self.workers.count()
            if self.workers.slots > slots:
                self._pump()

    def _tick(self, live: LiveRun) -> None:
        """Look after one run: its limit of time, and an end that could not be written."""
        if live.unwritten is not None:
            self.conclude(live, live.unwritten)
            return
        limit = self.settings.run_seconds
        late = live.computing > limit + _OWN_TIME or (live.elapsed or 0.0) > limit + _LOADING
        if limit and late and live.own:
            self.stop(live, End("failed", limits.too_long(limit, live.kind)))
        if live.own:
            self._look(live)

    def _compare(self) -> None:
        """End what the store knows as ended: by another process, or while a callback was lost."""
        watched = list(self.live.values())
        if not watched:
            return
        going = {(run.id, run.attempt) for run in self.store.live()}
        for live in watched:
            if (live.run_id, live.attempt) in going:
                live.gone = 0
                continue
            # Twice: the last reports of a run that just ended may still be on their way.
            live.gone += 1
            if live.gone > 1:
                self._end(live)

    def _state_or_none(self, run_id: str) -> RunState | None:
        try:
            return self.store.state(run_id)
        except ValueError:
            return None

    # ---- closing ----

    def close(self) -> None:
        """Stop watching. Runs under way on this machine are marked as failed."""
        self.closing.set()
        self._control.shutdown(wait=True, cancel_futures=True)
        if self._watcher.ident is not None:
            self._watcher.join()
        runs = list(self.live.values())
        if not self.workers.scheduler:
            for live in runs:
                self._guarded(
                    self.store.set_state,
                    live.run_id,
                    "failed",
                    SERVER_STOPPED,
                    attempt=live.attempt,
                )
            self._let_go(runs)
        self._guarded(self._teller.tell, anyway=True)
        for live in runs:
            live.ended.set()
            live.futures = {}
        self.workers.close()
        servers.here.discard(self.server)

    def _let_go(self, runs: list[LiveRun]) -> None:
        """Ask runs to stop, so that their workers need not be killed, and give them a moment."""
        from gmm_core import worker

        futures = [future for live in runs for future in live.futures.values()]
        if not futures:
            return

        def ask() -> None:
            for live in runs:
                self.workers.run(worker.stop, live.attempt, *CANCELLED)

        self._in_background(ask)
        unstarted = [f for live in runs if live.started is None for f in live.futures.values()]
        self.workers.cancel(unstarted, force=False)
        deadline = time.monotonic() + _GRACE
        while not all(future.done() for future in futures) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _in_background(self, action: Callable[..., Any], *arguments: Any) -> None:
        threading.Thread(target=self._guarded, args=(action, *arguments), daemon=True).start()

    def _guarded(self, action: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        try:
            action(*arguments, **named)
        except Exception:
            # During shutdown Dask's connections close under whoever still uses them.
            level = logging.DEBUG if self.closing.is_set() else logging.ERROR
            logger.log(level, "A step of the job service failed.", exc_info=True)
