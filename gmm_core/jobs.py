"""Runs on Dask: submit a specification, watch it, cancel it.

The web process keeps only what is needed to watch: which Dask tasks belong to a run, and the
picture that the workers' reports have drawn so far. Everything that has to last (state, result, who
asked for it) is in the store, and the workers write it there. Of a run whose web process died, the
next one knows what became of it.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gmm_core import serialize
from gmm_core.progress import Picture
from gmm_core.store import ENDED, LIVE, RunState, Store, check_run_id, now

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

    from gmm_core.specification import Specification

logger = logging.getLogger(__name__)

SERVER_STOPPED = "The server stopped while this run was under way. Run it again."
_CANCELLED = "Cancelled."

# How long a cancelled run may take to stop by itself. A report comes several times a second, unless
# one step takes long; with the restart of the worker the whole stays below two seconds.
_GRACE = 1.5
# How often the web process says in the store that it still watches its runs, and how long it may be
# silent before a process on another machine takes them for lost (a few missed beats).
_BEAT = 10.0
_SILENCE = 60.0
_CACHE_BYTES = (
    256 * 2**20
)  # results kept unpacked: a few hundred usual ones, or one large posterior
_PICTURES_KEPT = 8  # ended runs whose last picture stays: pages still looking at them
_RATE_WINDOW = 10.0  # seconds of reports from which the remaining time is computed


@dataclass(frozen=True, eq=False)
class RunStatus:
    """Where a run stands.

    Attributes
    ----------
    state : "queued", "running", "done", "failed" or "cancelled".
    position : runs that wait or start before this one; 0 once it runs.
    done, total : units of work (steps, draws), summed over parts; total is 0 before the first
        report.
    snapshot : the arrays drawn so far by name, NaN where nothing is known yet; {} before the first
        report.
    message : why it failed, what it does; "" when there is nothing to say.
    stage : "waiting", "preparing" (the worker loads data and engine), "running", "stopping" or
        "ended".
    elapsed, remaining : seconds; None while unknown.
    workers : addresses of the worker processes that have taken it up.
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

    @property
    def live(self) -> bool:
        """Whether it is queued or running."""
        return self.state in LIVE

    @property
    def fraction(self) -> float:
        """Share of the work that is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


class _Part:
    """What one part of a run has reported."""

    def __init__(self) -> None:
        self.execution: str | None = None
        self.began = 0.0
        self.number = -1
        self.done = self.total = 0
        self.address: str | None = None
        self.picture = Picture()


class _Live:
    """One attempt of a run that this process watches."""

    def __init__(self, run_id: str, kind: str, attempt: str, n_parts: int, order: int) -> None:
        self.run_id = run_id
        self.kind = kind
        self.attempt = attempt
        self.order = order
        self.parts = [_Part() for _ in range(n_parts)]
        self.futures: list[Future] = []
        self.started: float | None = None
        self.stopping = False
        self.again = False  # submitted once more while it was stopping
        self.closed = (
            False  # it is over; `ended` follows when the store and the next attempt are ready
        )
        self.ended = threading.Event()
        self.lock = threading.RLock()
        self.rate: deque[tuple[float, int]] = deque()

    def take(self, message: bytes) -> None:
        """Take in one report of a worker; it may come twice, or from a part that died."""
        attempt, execution, began, index, number, done, total, address, patches = serialize.unpack(
            message
        )
        if attempt != self.attempt or not 0 <= index < len(self.parts):
            return
        with self.lock:
            part = self.parts[index]
            if execution != part.execution:
                if began < part.began:
                    return
                part = self.parts[index] = _Part()
                part.execution, part.began = execution, began
                self.rate.clear()
            if number <= part.number:
                return
            part.number, part.done, part.total, part.address = number, done, total, address
            self.started = min(self.started or began, began)
            for name, patch in patches:
                part.picture.apply({name: patch})
            moment = time.monotonic()
            # What came before the first step (loading, starts) says nothing about the rate.
            if self.done == 0:
                return
            self.rate.append((moment, self.done))
            while self.rate[0][0] < moment - _RATE_WINDOW and len(self.rate) > 2:
                self.rate.popleft()

    @property
    def done(self) -> int:
        return sum(part.done for part in self.parts)

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(part.address for part in self.parts if part.address is not None)

    @property
    def total(self) -> int:
        # Parts that wait have not said how much they have to do: as much as the others.
        known = [part.total for part in self.parts if part.total]
        return sum(known) + (len(self.parts) - len(known)) * max(known) if known else 0

    @property
    def remaining(self) -> float | None:
        """Seconds to go at the present rate."""
        if len(self.rate) < 2 or self.stopping:
            return None
        (t0, done0), (t1, done1) = self.rate[0], self.rate[-1]
        if done1 <= done0 or t1 <= t0:
            return None
        return (self.total - done1) * (t1 - t0) / (done1 - done0)

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return the arrays so far, of all parts together, as copies."""
        arrays: dict[str, np.ndarray] = {}
        for part in self.parts:
            for name, array in part.picture.arrays.items():
                known = arrays.get(name)
                if known is None or known.shape != array.shape:
                    arrays[name] = array.copy()
                else:
                    np.copyto(known, array, where=~np.isnan(array))
        return arrays


class JobService:
    """Runs specifications on Dask workers and keeps them in the store; threads may share it.

    Parameters
    ----------
    scheduler : address of a Dask scheduler ("tcp://host:8786"); by default GMM_SCHEDULER, or else a
        cluster of one-threaded processes on this machine.
    database : SQLAlchemy URL; by default GMM_DATABASE, or else a SQLite file.
    n_workers : processes of the local cluster; by default one per core.
    """

    def __init__(
        self,
        scheduler: str | None = None,
        database: str | None = None,
        n_workers: int | None = None,
    ) -> None:
        self.store = Store(database)
        self._scheduler = scheduler or os.environ.get("GMM_SCHEDULER") or None
        self._n_workers = n_workers
        self._server = _server_name(self._scheduler)
        _servers_here.add(self._server)
        self._live: dict[str, _Live] = {}
        self._past: OrderedDict[str, _Live] = OrderedDict()
        self._results: OrderedDict[tuple[str, str | None], tuple[Any, int]] = OrderedDict()
        self._lock = threading.RLock()
        self._count = 0
        self._closing = threading.Event()
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        # Starting the cluster takes half a second: one thread does it, and then what waits for it,
        # in order.
        self._control = ThreadPoolExecutor(1, thread_name_prefix="gmm-jobs")
        self._control.submit(self._guarded, self._start)
        self.mark_lost()
        self._beat = threading.Thread(target=self._watch, name="gmm-jobs-beat", daemon=True)
        self._beat.start()

    @property
    def scheduler(self) -> str:
        """Address of the Dask scheduler, for other processes that are to share it."""
        self._control.submit(lambda: None).result()  # the start is the first thing in line
        if self._client is None:
            raise ValueError("The workers could not be started; the log says why.")
        return str(self._client.scheduler_info(n_workers=0)["address"])

    # ---- for pages, notebooks and tests ----

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
            When this is no specification, or it cannot be run.
        """
        from gmm_core import inference
        from gmm_core.specification import Specification

        if not isinstance(specification, Specification):
            raise ValueError(
                f"A {type(specification).__name__} cannot be run: a gmm_core.Specification was "
                "expected."
            )
        n_parts = inference.n_parts(specification)
        run = self.store.create_run(specification, owner)
        if run.state == "done":
            return run.id
        with self._lock:
            live = self._live.get(run.id)
        if live is not None:
            with live.lock:
                if not live.closed:
                    live.again = live.stopping
                    return run.id
        if run.state in LIVE and run.attempt is not None:
            self._mark_if_lost(run)
        self._begin(run.id, run.kind, n_parts)
        return run.id

    def status(self, run_id: str) -> RunStatus:
        """Where a run stands, with what it has drawn so far.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        run_id = check_run_id(run_id)
        live = self._live.get(run_id)
        if live is None or live.ended.is_set():
            run = self.store.state(run_id)
            if run.state in LIVE and self._mark_if_lost(run):
                run = self.store.state(run_id)
            live = self._adopt(run) if run.state in LIVE else None
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
            if size <= _CACHE_BYTES and result is not None:
                self._results[key] = (result, size)
            while sum(bytes_ for _, bytes_ in self._results.values()) > _CACHE_BYTES:
                self._results.popitem(last=False)
        return result

    def cancel(self, run_id: str) -> None:
        """Stop a run: one that waits is gone at once, one that runs within two seconds.

        What it had computed is kept. Cancelling again, or what has ended, changes nothing.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        run_id = check_run_id(run_id)
        live = self._live.get(run_id)
        if live is None or live.ended.is_set():
            run = self.store.state(run_id)
            if run.state not in LIVE:
                return
            live = self._adopt(run)
            if live is None:
                # It runs for another web process: its workers look into the store every second.
                self.store.set_state(run_id, "cancelled", _CANCELLED)
                return
        with live.lock:
            live.again = False
            if live.stopping:
                return
            live.stopping = True
            waits = live.started is None
        if waits:
            self.store.set_state(run_id, "cancelled", _CANCELLED, attempt=live.attempt)
            self._end(live)
            self._in_background(self._flag, live)
        else:
            self._in_background(self._stop, live)

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
            live = self._live.get(run_id)
            if live is not None:
                live.ended.wait(left)
            else:  # another process watches it
                self._closing.wait(0.1 if left is None else min(0.1, left))
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
            live = self._live.get(run_id)
            if live is not None:
                with live.lock:
                    live.stopping, live.again = True, False
                self._end(live)
                self._in_background(self._flag, live)
            with self._lock:
                self._past.pop(run_id, None)
                for key in [key for key in self._results if key[0] == run_id]:
                    del self._results[key]
        return removed

    def mark_lost(self) -> None:
        """Mark runs whose server died as failed, so that nobody waits for them."""
        for run in self.store.live():
            self._mark_if_lost(run)

    def close(self) -> None:
        """Stop the workers. Runs under way on this machine are marked as failed."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
        atexit.unregister(self._close_at_exit)
        self._control.shutdown(wait=True, cancel_futures=True)
        self._beat.join()
        runs = list(self._live.values())
        if self._scheduler is None:
            for live in runs:
                self.store.set_state(live.run_id, "failed", SERVER_STOPPED, attempt=live.attempt)
            self._let_go(runs)
        for live in runs:
            live.ended.set()
            live.futures = []
        if self._client is not None:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()
        _servers_here.discard(self._server)
        self.store.close()

    def __enter__(self) -> Self:
        """Use the service in a `with` statement, which closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the workers."""
        self.close()

    # ---- starting ----

    def _start(self) -> None:
        from distributed import Client, LocalCluster

        from gmm_core import worker

        # After Dask has registered its own: what is registered last is called first.
        atexit.register(self._close_at_exit)
        if self._scheduler is None:
            self._cluster = LocalCluster(
                n_workers=self._n_workers or len(os.sched_getaffinity(0)),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                # No dashboard. Its HTTP server starts all the same, and left to itself on port 8787
                # of every interface.
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
            )
            self._client = Client(self._cluster, set_as_default=False)
        else:
            self._client = Client(self._scheduler, set_as_default=False)
        self._client.register_plugin(worker.WarmUp())

    def _close_at_exit(self) -> None:
        # Python has ended its thread pools by now, and Dask would complain that it cannot tell us
        # of the futures that end here.
        logging.getLogger("tornado.application").disabled = True
        self.close()

    def _begin(self, run_id: str, kind: str, n_parts: int) -> None:
        attempt = uuid.uuid4().hex
        if not self.store.claim(run_id, attempt, self._server):
            return  # somebody else was faster
        with self._lock:
            self._count += 1
            live = _Live(run_id, kind, attempt, n_parts, self._count)
            self._live[run_id] = live
            self._past.pop(run_id, None)
        try:
            self._control.submit(self._guarded, self._dispatch, live)
        except RuntimeError:  # closed meanwhile
            self._fail(live, SERVER_STOPPED)

    def _dispatch(self, live: _Live) -> None:
        from gmm_core import worker

        if live.ended.is_set():
            return
        if self._client is None:
            where = self._scheduler or "this machine"
            self._fail(live, f"The workers on {where} could not be reached. Try again later.")
            return
        self._client.subscribe_topic(worker.topic(live.run_id), _listener(live))
        try:
            self._give(live)
        except Exception as error:
            logger.exception("Run %s could not be given to the workers.", live.run_id)
            self._fail(live, f"The run could not be given to the workers: {error}")

    def _give(self, live: _Live) -> None:
        """Give the parts of a run to Dask. Parts that it knows by their names are only watched."""
        from distributed import fire_and_forget

        from gmm_core import worker

        client = self._client
        assert client is not None
        n_parts = len(live.parts)
        futures = [
            client.submit(
                worker.run_part,
                self.store.url,
                live.run_id,
                part,
                n_parts,
                live.attempt,
                key=worker.task_key(live.run_id, live.attempt, part),
                pure=False,
            )
            for part in range(n_parts)
        ]
        with live.lock:
            live.futures = futures
        for future in futures:
            future.add_done_callback(lambda future: self._part_ended(live, future))
        if self._scheduler is not None:
            fire_and_forget(futures)  # it goes on when this web process dies
        if live.ended.is_set():  # cancelled meanwhile
            client.cancel(futures, force=True)

    def _adopt(self, run: RunState) -> _Live | None:
        """Watch a run that another web process gave to the scheduler that both use.

        Should that scheduler have lost it, it is run; should it be over, its tasks end at once.
        """
        if self._client is None or run.attempt is None or run.server is None:
            return None
        if self._scheduler is None or _scheduler_of(run.server) != self._scheduler:
            return None
        from gmm_core import inference, worker

        n_parts = inference.n_parts(self.store.specification(run.id))
        with self._lock:
            known = self._live.get(run.id)
            if known is not None and known.attempt == run.attempt:
                return known
            self._count += 1
            live = _Live(run.id, run.kind, run.attempt, n_parts, self._count)
            self._live[run.id] = live
        listener = _listener(live)
        self._client.subscribe_topic(worker.topic(run.id), listener)
        for event in self._client.get_events(worker.topic(run.id)):
            listener(event)
        self._give(live)
        return live

    # ---- ending ----

    def _part_ended(self, live: _Live, future: Future) -> None:
        """Look what became of the run when a part has finished, died for good or was cancelled."""
        if live.ended.is_set() or self._closing.is_set():
            return
        run = self._state_or_none(live.run_id)
        if run is None or run.attempt != live.attempt or run.state in ENDED:
            self._end(live)
        elif future.status == "error":
            self._fail(live, _death(future))
        elif future.status in ("cancelled", "lost"):
            if not live.stopping:
                self._fail(live, "The connection to the workers was lost. Run it again.")
        elif all(f.done() for f in live.futures):
            # Every part has written, and still the run goes on: a worker died between two writes.
            self._fail(live, "The run ended without a result. Run it again.")

    def _fail(self, live: _Live, message: str) -> None:
        self.store.set_state(live.run_id, "failed", message, attempt=live.attempt)
        self._end(live)

    def _end(self, live: _Live) -> None:
        """Stop watching: the store says from here on what became of the run."""
        with live.lock:
            if live.closed:
                return
            live.closed = True
            futures, live.futures = live.futures, []
        if live.again:
            # Before anybody who waits looks: for them the run goes on.
            self._begin(live.run_id, live.kind, len(live.parts))
        live.ended.set()
        with self._lock:
            if self._live.get(live.run_id) is live:
                del self._live[live.run_id]
                self._past[live.run_id] = live
            while len(self._past) > _PICTURES_KEPT:
                self._past.popitem(last=False)
        client = self._client
        if client is not None and not self._closing.is_set():
            waiting = [future for future in futures if not future.done()]
            if waiting:
                self._in_background(self._flag, live)
                client.cancel(waiting, force=True)
            from gmm_core import worker

            topic = worker.topic(live.run_id)
            if live.run_id not in self._live and topic in client._event_handlers:
                client.unsubscribe_topic(topic)
                # The scheduler would keep every report for ever.
                self._in_background(lambda: client.run_on_scheduler(_forget_events, topic=topic))

    def _flag(self, live: _Live) -> None:
        """Tell every worker process that this attempt is to stop."""
        from gmm_core import worker

        if self._client is not None and not self._closing.is_set():
            self._client.run(worker.stop, live.attempt, on_error="ignore")

    def _stop(self, live: _Live) -> None:
        """Stop a run that has started: ask first, then restart the workers that do not answer."""
        self._in_background(self._flag, live)  # a worker that hangs would hold up this thread
        futures = list(live.futures)
        with live.lock:
            waiting = [i for i, part in enumerate(live.parts) if part.execution is None]
        self._give_up_parts(live, waiting, futures)
        if live.ended.wait(_GRACE):
            return
        with live.lock:
            hanging = [
                i
                for i, future in enumerate(futures)
                if i not in waiting and not future.done() and live.parts[i].address is not None
            ]
            addresses = sorted({str(live.parts[i].address) for i in hanging})
        self._give_up_parts(live, hanging, futures)
        self.store.set_state(live.run_id, "cancelled", _CANCELLED, attempt=live.attempt)
        self._end(live)
        if addresses and self._client is not None and not self._closing.is_set():
            logger.warning("Run %s did not stop; restarting %s.", live.run_id, addresses)
            self._client.restart_workers(addresses, raise_for_error=False)

    def _let_go(self, runs: list[_Live]) -> None:
        """Ask runs to stop, so that their workers need not be killed, and give them a moment."""
        from gmm_core import worker

        client, futures = self._client, [future for live in runs for future in live.futures]
        if client is None or not futures:
            return

        def ask() -> None:
            for live in runs:
                client.run(worker.stop, live.attempt, on_error="ignore")

        self._in_background(ask)
        client.cancel([f for live in runs if live.started is None for f in live.futures])
        deadline = time.monotonic() + _GRACE
        while not all(future.done() for future in futures) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _give_up_parts(self, live: _Live, parts: list[int], futures: list[Future]) -> None:
        """Count these parts as cancelled with nothing; the others' results are kept."""
        if not parts:
            return
        assert self._client is not None
        if futures:
            self._client.cancel([futures[i] for i in parts], force=True)
        if len(live.parts) == 1:
            return
        from gmm_core import worker

        for part in parts:
            ended = self.store.save_part(
                live.run_id, live.attempt, part, (True, None), len(live.parts)
            )
            if ended is not None:
                worker.finish(self.store, live.run_id, live.attempt, ended)
                self._end(live)

    # ---- watching ----

    def _live_status(self, live: _Live) -> RunStatus:
        with live.lock:
            started = live.started
            running = started is not None
            known = live.total > 0
            status = RunStatus(
                run_id=live.run_id,
                kind=live.kind,
                state="running" if running else "queued",
                message="Stopping…" if live.stopping else "",
                stage=(
                    "stopping"
                    if live.stopping
                    else "running"
                    if known
                    else "preparing"
                    if running
                    else "waiting"
                ),
                position=0 if running else self._position(live),
                done=live.done,
                total=live.total,
                snapshot=live.snapshot(),
                elapsed=time.time() - started if started is not None else None,
                remaining=live.remaining,
                workers=live.workers,
            )
        return status

    def _position(self, live: _Live) -> int:
        with self._lock:
            return sum(
                other.started is None and other.order < live.order
                for other in self._live.values()
                if not other.ended.is_set()
            )

    def _stored_status(self, run: RunState) -> RunStatus:
        past = self._past.get(run.id)
        if past is not None and past.attempt != run.attempt:
            past = None
        elapsed = run.seconds
        if run.state == "running" and run.started is not None:
            elapsed = (now() - run.started).total_seconds()
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

    def _state_or_none(self, run_id: str) -> RunState | None:
        try:
            return self.store.state(run_id)
        except ValueError:
            return None

    def _mark_if_lost(self, run: RunState) -> bool:
        """Mark a run as failed when nobody watches or computes it any more."""
        watched = self._live.get(run.id)
        if watched is not None and watched.attempt == run.attempt:
            return False
        silent = run.seen is None or (now() - run.seen).total_seconds() > _SILENCE
        if run.server is None:
            lost = silent
        elif not _scheduler_of(run.server):
            lost = _is_dead(run.server, silent)
        elif _scheduler_of(run.server) == self._scheduler:
            # It goes on without the web process that asked for it; somebody has to watch.
            lost = False
            if silent:
                self._adopt(run)
        else:
            lost = silent
        return lost and self.store.set_state(run.id, "failed", SERVER_STOPPED, attempt=run.attempt)

    def _watch(self) -> None:
        """Say regularly that the runs of this process are watched, and find those of dead ones."""
        while not self._closing.wait(_BEAT):
            try:
                self.store.touch(list(self._live))
                self.mark_lost()
            except Exception:
                logger.exception("The database could not be reached; trying again.")

    def _in_background(self, action: Callable[..., Any], *arguments: Any) -> None:
        threading.Thread(target=self._guarded, args=(action, *arguments), daemon=True).start()

    def _guarded(self, action: Callable[..., Any], *arguments: Any) -> None:
        try:
            action(*arguments)
        except Exception:
            # During shutdown Dask's connections close under whoever still uses them.
            level = logging.DEBUG if self._closing.is_set() else logging.ERROR
            logger.log(level, "A step of the job service failed.", exc_info=True)


_service: JobService | None = None
_service_lock = threading.Lock()


def service() -> JobService:
    """Return the service of this process; the first call starts it, and it is closed at exit."""
    global _service
    with _service_lock:
        if _service is None:
            _service = JobService()
        return _service


def close_service() -> None:
    """Close the service of this process; the next call of `service` starts a new one."""
    global _service
    with _service_lock:
        if _service is not None:
            _service.close()
            _service = None


# Services of this process that are open: a test, or a notebook, may have several.
_servers_here: set[str] = set()


def _server_name(scheduler: str | None) -> str:
    """Host, process, its birth (ids are used again), a token, and the scheduler if it is shared."""
    import psutil

    born = psutil.Process().create_time()
    token = uuid.uuid4().hex[:8]
    return f"{socket.gethostname()}|{os.getpid()}|{born:.2f}|{token}|{scheduler or ''}"


def _scheduler_of(server: str) -> str:
    return server.rsplit("|", 1)[1]


def _is_dead(server: str, silent: bool) -> bool:
    """Whether this web process is gone; of one on another machine, only its silence tells."""
    import psutil

    host, pid, born, _, _ = server.split("|")
    if host != socket.gethostname():
        return silent
    if int(pid) == os.getpid():
        return server not in _servers_here
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(born)) > 1.0
    except psutil.NoSuchProcess:
        return True


def _listener(live: _Live) -> Callable[[tuple[float, Any]], None]:
    def listen(event: tuple[float, Any]) -> None:
        live.take(event[1])

    return listen


def _death(future: Future) -> str:
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        return (
            "The worker process died several times on this run, most likely because memory ran "
            "out. Use fewer points, components, restarts or draws."
        )
    return f"The run failed: {type(error).__name__}: {error}"


def _forget_events(dask_scheduler: Any, topic: str) -> None:
    dask_scheduler._broker.truncate(topic)


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
