"""Web processes on one PostgreSQL: a run of one is a run of the others."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from processes import until

import gmm_core as gmm
from gmm_core.jobs import JobService

# The other process: it does what a line says and answers in a line.
OTHER = """
import sys
import time
import numpy as np
import gmm_core as gmm
from gmm_core.jobs import JobService

def fit(engine, steps):
    return gmm.Specification(dataset=gmm.example("tutorial"), mixture=gmm.Mixture(),
                             options=gmm.MapOptions(restarts=2, steps=int(steps)), engine=engine)

with JobService(database=sys.argv[1], n_workers=1) as service:
    print("ready", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "fit":
            run_id = service.submit(fit(*rest), "ben")
            print(service.wait(run_id, 300).state, run_id, flush=True)
        elif word == "ask":
            print(service.submit(fit(*rest), "ben"), flush=True)
        elif word == "positions":
            print(*(service.status(run_id).position for run_id in rest), flush=True)
        elif word == "watch":
            for _ in range(3_000):
                status = service.status(rest[0])
                if status.done > 50 or not status.live:
                    break
                time.sleep(0.1)
            drawn = status.snapshot.get("draws.weights", np.empty(0))
            print(status.state, np.isfinite(drawn).any(axis=-1).sum(), flush=True)
        elif word == "cancel":
            service.cancel(rest[0])
            print(service.wait(rest[0], 180).state, rest[0], flush=True)
"""


@pytest.fixture
def url(postgres):
    return postgres.new_database()


@contextlib.contextmanager
def asking(url):
    """Start another process; gives what asks it something and returns its answer in words."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, url],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "ready\n"

        def ask_other(*words):
            other.stdin.write(" ".join(map(str, words)) + "\n")
            other.stdin.flush()
            return other.stdout.readline().split()

        ask_other.process = other
        yield ask_other
        other.stdin.close()
        assert other.wait(60) in (0, -signal.SIGKILL)


@pytest.fixture
def ask(url):
    """Ask the other process something; returns its answer in words."""
    with asking(url) as asked:
        yield asked


def specification(engine, steps, first_seed=0):
    return gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(restarts=2, steps=steps, first_seed=first_seed),
        engine=engine,
    )


def chain(seed):
    return gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.NutsOptions(draws=20_000, warmup=20, chains=1, seed=seed),
        engine="pyro",
    )


def test_two_processes_share_runs_results_and_cancel(url, ask):
    with JobService(database=url, n_workers=1) as service:
        # Asked for by both: computed once, by whoever was first, and seen by both.
        spec = specification("compiled", 60)
        assert service.submit(spec, "ann") == spec.id
        attempt = service.store.state(spec.id).attempt
        assert ask("fit", "compiled", 60) == ["done", spec.id]
        assert service.wait(spec.id, 300).state == "done"
        assert service.store.state(spec.id).attempt == attempt
        assert service.store.owners(spec.id) == ("ann", "ben")
        assert np.isfinite(service.result(spec.id).final_loss).any()

        # Made there, read here.
        made_elsewhere = specification("compiled", 70)
        assert ask("fit", "compiled", 70) == ["done", made_elsewhere.id]
        assert service.submit(made_elsewhere, "ann") == made_elsewhere.id
        assert service.status(made_elsewhere.id).state == "done"
        assert service.result(made_elsewhere.id).loss.shape == (2, 70)

        # A minute's run here, cancelled there.
        long = specification("pyro", 20_000)
        service.submit(long, "ann")
        assert ask("cancel", long.id) == ["cancelled", long.id]
        assert service.wait(long.id, 180).state == "cancelled"


def test_one_queue_for_both_and_who_is_killed_loses_nothing(url, ask):
    """Each has one worker; what waits, waits for both, wherever it was asked for."""
    with JobService(database=url, n_workers=1) as service:
        anns = [service.submit(chain(seed), "ann") for seed in range(4)]
        # The other one's worker is free, so it takes the second; its trace is seen here.
        far = until(lambda: (s := service.status(anns[1])).done > 50 and s, 300)
        assert np.isfinite(far.snapshot["draws.weights"][:, 5]).all()
        until(lambda: service.status(anns[0]).done > 10, 300)
        (bens,) = ask("ask", "pyro", 1_500)
        order = [bens, *anns[2:]]
        # Ben had no turn yet, so he is before what Ann asked for first, on both.
        assert [service.status(run).position for run in order] == [0, 1, 2]
        assert ask("positions", *order) == ["0", "1", "2"]

        # Asked for here, computed there: cancelled, it keeps what it had.
        service.cancel(anns[1], "ann")
        assert service.wait(anns[1], 60).state == "cancelled"
        posterior = service.result(anns[1])
        assert posterior is not None
        assert posterior.draws["weights"].shape[1] > 10

        # Ben's was next, so the other one has it now; it dies with its workers.
        until(lambda: service.store.state(bens).started, 300)
        workers = psutil.Process(ask.process.pid).children(recursive=True)
        ask.process.kill()
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
        for run in (*anns[2:], anns[0]):
            service.cancel(run, "ann")
        # Whoever is alive goes on: as the same attempt, from the queue.
        attempt = service.store.state(bens).attempt
        ended = service.wait(bens, 300)
        assert (ended.state, service.store.state(bens).attempt) == ("done", attempt)
        assert service.result(bens).loss.shape == (2, 1_500)
        assert service.store.live() == []


def test_what_one_process_computes_is_seen_on_every_other(url, ask):
    """Each has workers of its own: whoever looks need not be who asked, nor who computes."""
    with JobService(database=url, n_workers=1) as service, asking(url) as ask_third:
        here, there = (service.submit(chain(seed), "ann") for seed in (10, 11))
        until(lambda: service.status(there).done > 50, 300)
        # The second is computed by one of the others, and looked at on both.
        for run in (here, there):
            for asked in (ask, ask_third):
                state, drawn = asked("watch", run)
                assert state == "running"
                assert int(drawn) > 10
        # Who only looks stops nothing by itself: who computes does, and keeps what it had.
        assert ask("cancel", here) == ["cancelled", here]
        assert service.result(here).draws["weights"].shape[1] > 10
        service.cancel(there, "ann")
        assert service.wait(there, 60).state == "cancelled"
