"""What breaks, on real processes: each ends with nothing lost and a sentence in the status."""

from __future__ import annotations

import ast
import contextlib
import os
import resource
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from processes import Cluster, pid_of, until

import gmm_core as gmm
from gmm_core.jobs import JobService
from gmm_core.settings import Settings
from jobs.test_jobs import LONG, map_spec

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path)
    cluster.start()
    yield cluster
    cluster.kill()


def test_runs_survive_that_the_scheduler_is_killed_and_restarted(cluster, url):
    with JobService(scheduler=cluster.address, database=url) as jobs:
        first = jobs.submit(map_spec(steps=1200), "ann")
        second = jobs.submit(map_spec(steps=20), "ben")
        until(lambda: jobs.status(first).done > 50, 120)
        assert jobs.status(second).stage == "waiting"
        cluster.kill()
        message = until(lambda: jobs.status(first).message)
        assert message == (
            f"The workers on {cluster.address} cannot be reached at the moment. The run goes on "
            "when they are back."
        )
        assert jobs.status(first).live
        cluster.start()
        for run_id, steps in ((second, 20), (first, 1200)):
            assert jobs.wait(run_id, 120).state == "done"
            result = jobs.result(run_id)
            assert np.isfinite(result.loss[result.chosen]).sum() == steps
        assert jobs.status(first).message == ""


def test_runs_wait_for_a_scheduler_that_is_not_there_yet(tmp_path, url):
    cluster = Cluster(tmp_path)
    with JobService(scheduler=cluster.address, database=url) as jobs:
        run_id = jobs.submit(map_spec(steps=20), "ann")
        assert "cannot be reached at the moment" in until(lambda: jobs.status(run_id).message)
        assert jobs.status(run_id).state == "queued"
        jobs.cancel(run_id)
        assert jobs.wait(run_id, 5).state == "cancelled"


def test_a_database_that_stops_for_seconds_stops_no_run(postgres):
    database = postgres.new_database()
    with JobService(database=database, n_workers=1) as jobs:
        # The database goes while the run computes, and comes back when its result waits.
        run_id = jobs.submit(map_spec(steps=500), "ann")
        until(lambda: jobs.status(run_id).done > 50, 120)
        postgres.stop()
        try:
            message = until(lambda: jobs.status(run_id).message, 120)
            assert "Waiting for the database, which does not answer" in message
            assert jobs.status(run_id).live
            with pytest.raises(ValueError, match="The database does not answer at the moment"):
                jobs.submit(map_spec(steps=20), "ben")
        finally:
            postgres.start()
        assert jobs.wait(run_id, 180).state == "done"
        assert np.isfinite(jobs.result(run_id).final_loss).any()


@contextlib.contextmanager
def full_disk(database, pids):
    """Let nothing more be written to the disk of the database, as far as these processes go.

    A root has a small disk under the database, which is filled to its last byte. Others have a
    limit on the size of files, which the kernel keeps for a single process.
    """
    folder = Path(database).parent
    if os.path.ismount(folder):
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (2**16, 2**12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        yield
        filler.unlink()
        return
    size = Path(database + "-wal").stat().st_size
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    yield
    for pid, limits in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def outlives_a_full_disk(jobs, database):
    """Let a run meet a full disk with its result, which is written once there is space."""
    run_id = jobs.submit(map_spec(steps=400), "ann")
    status = until(lambda: (s := jobs.status(run_id)).done and s)
    with full_disk(database, [pid_of(jobs, status.workers[0])]):
        message = until(lambda: jobs.status(run_id).message, 60)
        assert "Waiting for the database, which does not answer" in message
    assert jobs.wait(run_id, 180).state == "done"


def test_a_result_waits_for_space_on_a_full_disk_and_gives_up_with_a_sentence(small_disk):
    database = str(small_disk / "runs.db")
    settings = Settings(store_seconds=3)
    with JobService(database=f"sqlite:///{database}", n_workers=1, settings=settings) as jobs:
        small = jobs.submit(map_spec(steps=20), "ann")
        assert jobs.wait(small, 120).state == "done"
        outlives_a_full_disk(jobs, database)

        large = jobs.submit(map_spec(steps=400, first_seed=1), "ann")
        status = until(lambda: (s := jobs.status(large)).done and s)
        with full_disk(database, [pid_of(jobs, status.workers[0])]):
            ended = until(lambda: not (s := jobs.status(large)).live and s, 60)
            assert ended.state == "failed"
            assert "did not take it for 3 s (GMM_STORE_SECONDS" in ended.message
            assert "When it is there again and has space, run it again." in ended.message
        assert until(lambda: jobs.store.state(large).state == "failed")
        assert jobs.submit(map_spec(steps=400, first_seed=1), "ann") == large
        assert jobs.wait(large, 180).state == "done"
        assert np.isfinite(jobs.result(small).loss).any()


def test_without_a_limit_a_result_waits_until_the_database_takes_it(small_disk):
    database = str(small_disk / "runs.db")
    settings = Settings(store_seconds=0)
    with JobService(database=f"sqlite:///{database}", n_workers=1, settings=settings) as jobs:
        outlives_a_full_disk(jobs, database)


def test_a_run_that_needs_too_much_memory_fails_and_the_worker_is_replaced(url):
    data = gmm.Dataset.from_values(np.random.default_rng(0).normal(size=400_000))
    huge = gmm.Specification(  # 200 MB for each of several arrays
        dataset=data,
        mixture=gmm.Mixture(n_components=64, priors=gmm.Priors.for_data(data)),
        options=gmm.MapOptions(restarts=1, steps=50),
        engine="pyro",
    )
    settings = Settings(worker_memory="1 GiB", run_size=0)
    with JobService(database=url, n_workers=1, settings=settings) as jobs:
        run_id = jobs.submit(huge, "ann")
        ended = jobs.wait(run_id, 200)
        assert ended.state == "failed"
        assert "needs more memory than a worker has: more than 1 GiB (GMM_WORKER_MEMORY)" in (
            ended.message
        )
        assert "Use fewer points" in ended.message
        assert jobs.wait(jobs.submit(map_spec(steps=20), "ben"), 120).state == "done"


def test_a_clock_that_is_set_makes_no_run_lost_old_or_late(url):
    settings = Settings(run_seconds=600)
    with JobService(database=url, n_workers=1, settings=settings) as jobs:
        run_id = jobs.submit(map_spec(steps=LONG), "ann")
        until(lambda: jobs.status(run_id).done, 120)
        engine = sa.create_engine(url)

        def clock_moved(hours):
            """Set what was written before as many hours from now, on another machine's behalf."""
            with engine.begin() as connection:
                connection.execute(
                    sa.text(
                        "UPDATE runs SET server = 'elsewhere|1|0.00|x|', "
                        "started = datetime('now', :by), seen = datetime('now', :by)"
                    ),
                    {"by": f"{hours:+d} hours"},
                )

        with JobService(database=url, n_workers=1) as other:
            for hours in (1, -1):
                clock_moved(hours)
                other._orphans.mark()
                seen = other.status(run_id)
                assert seen.state == "running"
                assert seen.elapsed >= 0
        clock_moved(1)  # that is, the clock was set back by an hour
        assert 0 < jobs.status(run_id).elapsed < 300
        jobs.cancel(run_id)
        assert jobs.wait(run_id, 180).state == "cancelled"
        assert jobs.store.state(run_id).seconds == 0
        engine.dispose()


def test_a_service_is_closed_quietly_while_its_watch_waits_in_line(url):
    ended = []
    with JobService(database=url, n_workers=1) as jobs:
        jobs._dispatcher.ready()
        control = jobs._dispatcher._control
        begun, gate = threading.Event(), threading.Event()
        control.submit(lambda: (begun.set(), gate.wait()))  # as a slow connection would
        assert begun.wait(30)
        until(lambda: not control._work_queue.empty(), 30)  # the watch waits behind it
        hook, threading.excepthook = threading.excepthook, ended.append
        threading.Timer(0.5, gate.set).start()
        try:
            jobs.close()
        finally:
            threading.excepthook = hook
    assert not ended


def test_nothing_that_decides_about_runs_reads_the_machines_clock():
    """Only the store stamps moments, to be read by people."""
    core = ROOT / "gmm_core"
    for path in [*core.glob("jobs/*.py"), *core.glob("worker/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        clocks = {"time.time", "datetime.now", "datetime.utcnow", "now"} & set(calls)
        # The status of a run that another process watches: how long ago the store says it began.
        assert clocks <= ({"now"} if path.name == "status.py" else set()), path
