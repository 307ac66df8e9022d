"""Strangers on the same machine, and broken machines: neither reaches or stops a service."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest
from distributed import Client
from processes import ROOT, until

from gmm_core.jobs import JobService
from gmm_core.store import Store
from gmm_core.store.clock import Clock
from jobs.test_jobs import LONG, map_spec


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('isolation') / 'runs.db'}"
    with JobService(database=url, n_workers=1) as service:
        service._dispatcher.ready()
        yield service


def listening():
    """Where this process and its workers listen."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    addresses = [c.laddr for p in processes for c in p.net_connections() if c.status == "LISTEN"]
    return {(address.ip, address.port) for address in addresses}


def test_who_holds_no_key_gets_no_answer_from_the_scheduler(jobs):
    for address in (jobs.scheduler, jobs.scheduler.replace("tls://", "tcp://")):
        with pytest.raises((OSError, TypeError)):
            Client(address, timeout=2, set_as_default=False)


def test_no_port_beside_the_pages_answers_http(jobs):
    run_id = jobs.submit(map_spec(steps=20), "ann")
    assert jobs.wait(run_id, 120).state == "done"
    where = listening()
    assert len(where) >= 3  # scheduler, nanny and worker
    assert {ip for ip, _ in where} == {"127.0.0.1"}
    for address in where:
        with socket.create_connection(address, timeout=5) as asking:
            asking.sendall(b"GET /json/identity.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                response = asking.recv(1000)
            except (ConnectionError, TimeoutError):
                response = b""
        assert not response.startswith(b"HTTP"), (address, response)


def settings_of(dask_worker):
    import dask

    memory = dask_worker.memory_manager
    log = dask.config.get("distributed.admin.low-level-log-length")
    return (
        memory.memory_pause_fraction,
        memory.memory_target_fraction,
        memory.memory_spill_fraction,
        log,
    )


def test_workers_that_were_restarted_keep_their_settings(jobs):
    client = jobs._workers._client
    (before,) = client.run(settings_of).values()
    assert before == (False, False, False, 10)
    (pid,) = client.run(os.getpid).values()
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in client.run(os.getpid, on_error="ignore").values(), 60)
    after = until(lambda: client.run(settings_of, on_error="ignore"), 60)
    assert list(after.values()) == [before]


def test_a_database_is_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("GMM_DATABASE", raising=False)
    folder = tmp_path / "mixture-explorer"
    folder.mkdir(mode=0o755)
    (folder / "runs.db").touch(mode=0o644)  # of an earlier version
    with Store() as store:
        store.save_dataset(map_spec().dataset, "ann")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {p.name: p.stat().st_mode & 0o777 for p in folder.iterdir()} == dict.fromkeys(
            ("runs.db", "runs.db-wal", "runs.db-shm"), 384
        )
    with Store(f"sqlite:///{tmp_path / 'own' / 'my.db'}"):
        assert (tmp_path / "own" / "my.db").stat().st_mode & 0o777 == 0o600


def test_an_empty_database_file_is_told(tmp_path, caplog):
    path = tmp_path / "runs.db"
    Store(f"sqlite:///{path}").close()
    assert not caplog.records
    path.write_bytes(b"")
    Store(f"sqlite:///{path}").close()
    assert [r.message for r in caplog.records if "empty" in r.message] == [
        f"The database {path} is an empty file; a new one begins in it."
    ]


def test_a_clock_that_jumps_deletes_nothing(tmp_path, monkeypatch, caplog):
    real = time.time
    with Store(f"sqlite:///{tmp_path / 'runs.db'}", keep_days=30) as store:
        store._clock = Clock()
        run = store.create_run(map_spec(), "ann")
        store.claim(run.id, "a" * 32, "server")
        store.set_state(run.id, "failed", "No.")
        for years in (1, 1, -1):
            monkeypatch.setattr(time, "time", lambda y=years: real() + y * 365.25 * 86_400)
            assert not store._clock.steady()
            assert store.expire() == 0
        assert sum("clock was set" in record.message for record in caplog.records) == 1
        monkeypatch.setattr(time, "time", lambda: real() + 3600)  # daylight saving
        assert store._clock.steady()
        assert store.state(run.id).state == "failed"


class Flips(threading.Event):
    """An end that comes between two looks."""

    looks = 0

    def is_set(self):
        self.looks += 1
        return self.looks > 1


@pytest.mark.parametrize("owner", ["ann", None])
def test_a_cancel_that_meets_the_end_changes_nothing(jobs, owner):
    run_id = jobs.submit(map_spec(steps=LONG, first_seed=7), "ann")
    live = jobs._dispatcher.live[run_id]
    until(lambda: live.started, 120)
    ended, live.ended = live.ended, Flips()
    jobs.cancel(run_id, owner)
    live.ended = ended
    jobs.cancel(run_id)
    assert jobs.wait(run_id, 180).state == "cancelled"
    assert jobs.cancel(run_id, owner)


@pytest.fixture
def mute():
    """Something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_a_scheduler_that_accepts_and_says_nothing_is_told_and_left(mute, tmp_path, caplog):
    jobs = JobService(scheduler=mute, database=f"sqlite:///{tmp_path / 'runs.db'}")
    run_id = jobs.submit(map_spec(), "ann")
    message = until(lambda: jobs.status(run_id).message, 10)
    assert "cannot be reached at the moment" in message
    assert "it accepts connections but has said nothing for 5 s" in caplog.text
    closing = threading.Thread(target=jobs.close, daemon=True)
    closing.start()
    closing.join(15)
    assert not closing.is_alive()


def test_a_process_whose_scheduler_is_mute_ends_when_it_is_told_to(mute, tmp_path):
    code = (
        "import signal, sys, time\n"
        "from gmm_core.jobs import JobService\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        f"jobs = JobService(scheduler={mute!r}, database='sqlite:///{tmp_path}/runs.db')\n"
        "print('up', flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout.readline() == b"up\n"
    time.sleep(1)  # so that it asks the scheduler
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()
