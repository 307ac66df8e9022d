"""A machine that fails without a word, again and again, while people compute: nothing is broken."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from processes import ROOT, until

from gmm_core.jobs import JobService

ROUNDS = int(os.environ.get("KILL_ROUNDS", "1"))
# Asks without end for runs of one part and of several, of which few come to their end.
BUSY = """\
import gmm_core as gmm
from gmm_core.jobs import JobService

with JobService(database="sqlite:///{path}", n_workers=2) as jobs:
    print("up", flush=True)
    for seed in range({first}, {first} + 10_000):
        for options in (
            gmm.MapOptions(restarts=20, steps=300, first_seed=seed),
            gmm.NutsOptions(draws=200, warmup=200, chains=2, seed=seed),
        ):
            spec = gmm.Specification(
                dataset=gmm.example("tutorial"), mixture=gmm.Mixture(), options=options
            )
            run = jobs.submit(spec, f"person {{seed % 3}}")
        if jobs.wait(run, 120).state == "done":
            print("done", flush=True)
"""


def broken(path: Path) -> list[str]:
    """Say what a database has that it may not have."""
    with sqlite3.connect(path) as database:
        faults = [row[0] for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
        faults += [f"foreign key: {row}" for row in database.execute("PRAGMA foreign_key_check")]
        for what, query in {
            "done without a result": "SELECT id FROM runs WHERE state = 'done' AND id NOT IN "
            "(SELECT run_id FROM results)",
            "a result of a run that is not done": "SELECT run_id FROM results WHERE run_id NOT IN "
            "(SELECT id FROM runs WHERE state IN ('done', 'cancelled', 'failed'))",
            "parts of a run that ended": "SELECT run_id FROM parts WHERE run_id NOT IN "
            "(SELECT id FROM runs WHERE state IN ('queued', 'running'))",
        }.items():
            faults += [f"{what}: {row[0]}" for row in database.execute(query)]
    database.close()
    return faults


@pytest.mark.parametrize("everything", [False, True], ids=["web alone", "everything"])
def test_a_server_killed_under_load_leaves_a_sound_database(tmp_path, everything):
    path = tmp_path / "runs.db"
    for turn in range(ROUNDS):
        code = BUSY.format(path=path, first=10_000 * turn)
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert [process.stdout.readline() for _ in range(2)] == ["up\n", "done\n"]
        family = psutil.Process(process.pid).children(recursive=True)
        for victim in [psutil.Process(process.pid), *(family if everything else ())]:
            victim.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        until(lambda family=family: not psutil.wait_procs(family, timeout=1)[1], 60)
        assert broken(path) == []
    with JobService(database=f"sqlite:///{path}", n_workers=1) as jobs:
        # What was under way is told, or goes on; nothing waits for ever.
        for run in jobs.store.live():
            assert not jobs.wait(run.id, 180).live
        states = {row.state for row in jobs.store.runs(limit=1000)}
    assert "done" in states
    assert broken(path) == []


def test_what_is_broken_is_found(tmp_path):
    """The oracle of the test above can say no."""
    path = tmp_path / "runs.db"
    JobService(database=f"sqlite:///{path}", n_workers=1).close()
    assert broken(path) == []
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO runs (id, kind, dataset, specification, engine, state, message, headline,"
            " created) VALUES ('a', 'map', 'x', '', '', 'done', '', '', '2026-01-01')"
        )
    database.close()
    assert {line.split(":")[0] for line in broken(path)} == {"foreign key", "done without a result"}
