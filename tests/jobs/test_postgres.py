"""Two web processes on one PostgreSQL: a run of one is a run of the other."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.jobs import JobService

# The other process: it does what a line says and answers in a line.
OTHER = """
import sys
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
        elif word == "cancel":
            service.cancel(rest[0])
            print(service.wait(rest[0], 180).state, rest[0], flush=True)
"""


@pytest.fixture
def url(postgres):
    return postgres.new_database()


@pytest.fixture
def ask(url):
    """Ask the other process something; returns its answer in words."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, url],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "ready\n"

        def asked(*words):
            other.stdin.write(" ".join(map(str, words)) + "\n")
            other.stdin.flush()
            return other.stdout.readline().split()

        yield asked
        other.stdin.close()
        assert other.wait(60) == 0


def specification(engine, steps):
    return gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(restarts=2, steps=steps),
        engine=engine,
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
        there = specification("compiled", 70)
        assert ask("fit", "compiled", 70) == ["done", there.id]
        assert service.submit(there, "ann") == there.id
        assert service.status(there.id).state == "done"
        assert service.result(there.id).loss.shape == (2, 70)

        # A minute's run here, cancelled there.
        long = specification("pyro", 20_000)
        service.submit(long, "ann")
        assert ask("cancel", long.id) == ["cancelled", long.id]
        assert service.wait(long.id, 180).state == "cancelled"
