"""Runs on real workers: watched, shared, cancelled, and surviving what kills a process."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections import deque
from pathlib import Path

import numpy as np
import psutil
import pytest
from processes import Cluster, pid_of, until

import gmm_core as gmm
from gmm_core.jobs import SERVER_STOPPED, JobService
from gmm_core.jobs.live import LiveRun

# Long enough for a whole test, were it not cancelled: about a minute.
LONG = 20_000


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'runs.db'}"


@pytest.fixture
def alone(tmp_path):
    """A database that no other service of these tests takes runs from."""
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture(scope="module")
def jobs(database):
    with JobService(database=database, n_workers=2) as service:
        yield service


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A scheduler that takes whoever comes, as one for several web processes does."""
    cluster = Cluster(tmp_path_factory.mktemp("shared"))
    cluster.start()
    yield cluster
    cluster.kill()


@pytest.fixture(autouse=True)
def idle(request):
    """Leave no run behind that would hold a worker in the next test."""
    yield
    if "jobs" in request.fixturenames:
        service = request.getfixturevalue("jobs")
        live = [run.id for run in service.store.live()]
        for run_id in live:
            service.cancel(run_id)
        for run_id in live:
            assert not service.wait(run_id, 20).live


def map_spec(**options):
    return gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(**({"restarts": 2, "steps": 200} | options)),
        engine="pyro",  # slow enough to be watched, stopped and waited for
    )


def nuts_spec(**options):
    return gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.NutsOptions(**({"draws": 50, "warmup": 20, "chains": 2} | options)),
        engine="pyro",
    )


def nices(process):
    """The niceness of each thread of a process (proc(5), /proc/pid/task/tid/stat, field 19)."""
    stats = (path.read_text() for path in Path(f"/proc/{process}/task").glob("*/stat"))
    return [int(stat.rpartition(")")[2].split()[16]) for stat in stats]


def test_a_long_run_gives_way_to_short_ones_and_a_next_run_does_not(jobs):
    run_id = jobs.submit(map_spec(steps=LONG), "ann")
    worker = pid_of(jobs, until(lambda: jobs.status(run_id).workers)[0])
    until(lambda: max(nices(worker)) > min(nices(worker)))
    usual, *others = sorted(nices(worker))
    assert sum(nice > usual for nice in others) == 1  # what answers and reports does not wait
    jobs.cancel(run_id, "ann")
    jobs.wait(run_id)
    until(lambda: max(nices(worker)) == min(nices(worker)))


def test_progress_arrives_while_a_run_is_under_way_and_no_point_is_lost(jobs):
    run_id = jobs.submit(map_spec(steps=700), "ann")
    seen = []

    def ended():
        status = jobs.status(run_id)
        if status.total and (not seen or status.done > seen[-1].done):
            seen.append(status)
        return not status.live

    until(ended)
    counts = [np.isfinite(s.snapshot["loss"]).sum() for s in seen if "loss" in s.snapshot]
    assert len(counts) >= 3
    assert counts == sorted(counts)
    assert any(0 < s.done < s.total and s.state == "running" for s in seen)
    assert any(s.remaining is not None and s.remaining > 0 for s in seen)
    last, result = jobs.status(run_id), jobs.result(run_id)
    assert (last.state, last.done, last.fraction) == ("done", 700, 1.0)
    np.testing.assert_array_equal(last.snapshot["loss"], result.loss)
    np.testing.assert_array_equal(last.snapshot["gradient_norm.locs"], result.gradient_norm["locs"])
    assert jobs.result(run_id) is result


def test_runs_wait_in_line_and_cancelling_is_at_once_or_within_two_seconds(jobs):
    runs = [jobs.submit(map_spec(steps=LONG, first_seed=seed), "ann") for seed in range(4)]
    until(lambda: all(jobs.status(run).total for run in runs[:2]))
    waiting = [jobs.status(run) for run in runs[2:]]
    assert [(s.state, s.stage, s.position) for s in waiting] == [
        ("queued", "waiting", 0),
        ("queued", "waiting", 1),
    ]
    jobs.cancel(runs[3])
    assert jobs.status(runs[3]).state == "cancelled"

    jobs.cancel(runs[0])
    jobs.cancel(runs[0])
    assert jobs.wait(runs[0], 30).state == "cancelled"
    # The next in line takes its place, whichever worker it had been meant for.
    until(lambda: jobs.status(runs[2]).state == "running")
    jobs.cancel(runs[0])
    assert jobs.status(runs[0]).state == "cancelled"


def test_a_cancelled_run_is_computed_again_when_it_is_asked_for_again(jobs):
    spec = map_spec(steps=900)
    run_id = jobs.submit(spec, "ann")
    until(lambda: jobs.status(run_id).done)
    jobs.cancel(run_id)
    assert jobs.submit(spec, "ann") == run_id  # while it is stopping
    assert jobs.wait(run_id, 180).state == "done"
    assert np.isfinite(jobs.result(run_id).loss[jobs.result(run_id).chosen]).all()


def test_a_run_that_does_not_answer_is_cancelled_by_force(jobs):
    stuck = jobs.submit(map_spec(steps=LONG, first_seed=10), "ann")
    status = until(lambda: (s := jobs.status(stuck)).total and s)
    pid = pid_of(jobs, status.workers[0])
    os.kill(pid, signal.SIGSTOP)  # as a single step that takes for ever
    jobs.cancel(stuck)
    assert jobs.wait(stuck, 30).state == "cancelled"
    until(lambda: not psutil.pid_exists(pid))
    assert jobs.wait(jobs.submit(map_spec(steps=20), "ann"), 180).state == "done"


def test_a_run_whose_worker_is_killed_starts_again_and_gives_the_same_numbers(jobs):
    spec = map_spec(steps=400, first_seed=20)
    run_id = jobs.submit(spec, "ann")
    assert jobs.wait(run_id, 180).state == "done"
    undisturbed = jobs.result(run_id)
    assert jobs.delete(run_id, "ann")
    assert jobs.submit(spec, "ann") == run_id
    status = until(lambda: (s := jobs.status(run_id)).done > 50 and s)
    os.kill(pid_of(jobs, status.workers[0]), signal.SIGKILL)
    assert jobs.wait(run_id, 180).state == "done"
    assert jobs.status(run_id).workers != status.workers
    result = jobs.result(run_id)
    assert result is not undisturbed
    np.testing.assert_array_equal(result.loss, undisturbed.loss)
    np.testing.assert_array_equal(result.parameters.locs, undisturbed.parameters.locs)


def test_equal_specifications_submitted_at_once_are_one_run(jobs, database):
    barrier = threading.Barrier(4)
    ids = []

    def submit(owner):
        barrier.wait()
        ids.append(jobs.submit(map_spec(steps=300, first_seed=30), owner))

    threads = [threading.Thread(target=submit, args=(f"owner{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (run_id,) = set(ids)
    assert jobs.wait(run_id, 180).state == "done"
    created = jobs.store.state(run_id).created
    assert jobs.submit(map_spec(steps=300, first_seed=30), "owner4") == run_id
    assert jobs.status(run_id).state == "done"
    assert jobs.store.state(run_id).created == created
    assert len(jobs.store.owners(run_id)) == 5
    assert all(len(jobs.store.runs(f"owner{i}")) == 1 for i in range(5))


def test_a_fit_that_diverges_has_failed_and_keeps_its_curve(jobs):
    run_id = jobs.submit(map_spec(learning_rate=1e9), "ann")
    status = jobs.wait(run_id, 180)
    assert status.state == "failed"
    assert "the fit diverged" in status.message
    assert "Lower the learning rate" in status.message
    result = jobs.result(run_id)
    assert np.isfinite(result.loss[result.chosen, 0])
    assert not np.isfinite(result.loss[result.chosen]).all()


def test_chains_run_side_by_side_and_give_one_posterior(jobs):
    run_id = jobs.submit(nuts_spec(), "ann")
    until(lambda: len(set(jobs.status(run_id).workers)) == 2 or not jobs.status(run_id).live)
    status = jobs.wait(run_id, 180)
    assert (status.state, status.done, status.total) == ("done", 140, 140)
    posterior = jobs.result(run_id)
    assert posterior.draws["locs"].shape == (2, 50, 2, 1)
    np.testing.assert_array_equal(status.snapshot["draws.locs"], posterior.draws["locs"])
    assert not np.array_equal(posterior.draws["locs"][0], posterior.draws["locs"][1])


def test_cancelling_a_posterior_keeps_the_draws_so_far(jobs):
    run_id = jobs.submit(nuts_spec(draws=20_000), "ann")

    def has_draws():
        draws = jobs.status(run_id).snapshot.get("draws.weights")
        return draws is not None and np.isfinite(draws[:, :5]).all()

    until(has_draws)
    jobs.cancel(run_id)
    assert jobs.wait(run_id, 30).state == "cancelled"
    draws = jobs.result(run_id).draws["weights"]
    assert draws.shape[0] == 2
    assert 5 <= draws.shape[1] < 20_000
    np.testing.assert_allclose(draws.sum(-1), 1)


def test_a_restarted_server_shows_what_is_done_says_what_was_lost_and_goes_on(jobs, tmp_path):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    script = textwrap.dedent("""
        import sys
        import gmm_core as gmm
        from gmm_core.jobs import JobService

        def spec(steps):
            return gmm.Specification(dataset=gmm.example("tutorial"), mixture=gmm.Mixture(),
                                     options=gmm.MapOptions(restarts=2, steps=steps),
                                     engine="pyro")

        if __name__ == "__main__":
            jobs = JobService(database=sys.argv[1], n_workers=1)
            done = jobs.submit(spec(20), "ann")
            assert jobs.wait(done).state == "done"
            lost = jobs.submit(spec(20_000), "ann")
            while not jobs.status(lost).total:
                pass
            waits = jobs.submit(spec(19_999), "ann")
            print(done, lost, waits, flush=True)
            jobs.wait(lost)
    """)
    path = tmp_path / "server.py"
    path.write_text(script)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    server = subprocess.Popen(
        [sys.executable, str(path), url], stdout=subprocess.PIPE, text=True, env=environment
    )
    with server:
        done, interrupted, waits = server.stdout.readline().split()
        with JobService(database=url, n_workers=1) as beside:
            assert beside.status(interrupted).state == "running"  # its server lives
        server.kill()
    with JobService(database=url, n_workers=1) as restarted:
        assert restarted.status(done).state == "done"
        assert restarted.result(done).loss.shape == (2, 20)
        status = restarted.status(interrupted)
        assert (status.state, status.message) == ("failed", SERVER_STOPPED)
        # What waited in the database goes on.
        until(lambda: restarted.store.state(waits).started)
        restarted.cancel(waits)
        assert restarted.wait(waits, 20).state == "cancelled"


def test_a_server_that_is_closed_says_so_of_its_runs(tmp_path):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    with JobService(database=url, n_workers=1) as service:
        run_id = service.submit(map_spec(steps=LONG), "ann")
    with JobService(database=url, n_workers=1) as service:
        assert service.status(run_id).message == SERVER_STOPPED


def test_web_processes_that_share_a_scheduler_watch_and_cancel_each_others_runs(shared, alone):
    scheduler = shared.address
    with JobService(scheduler=scheduler, database=alone) as one:
        run_id = one.submit(map_spec(steps=LONG, first_seed=40), "ann")
        until(lambda: one.status(run_id).done > 10)
        with JobService(scheduler=scheduler, database=alone) as other:
            assert other.submit(map_spec(steps=LONG, first_seed=40), "ben") == run_id
            seen = until(lambda: (s := other.status(run_id)).done > 10 and s)
            assert np.isfinite(seen.snapshot["loss"]).sum() > 10
            other.cancel(run_id)
            assert other.wait(run_id, 10).state == "cancelled"
        assert one.wait(run_id, 10).state == "cancelled"


def test_who_asks_hears_of_a_run_whose_parts_another_web_process_gives(shared, alone):
    scheduler = shared.address
    with (
        JobService(scheduler=scheduler, database=alone) as one,
        JobService(scheduler=scheduler, database=alone) as other,
    ):
        with one._dispatcher.paused():
            run_id = one.submit(map_spec(steps=LONG), "ann")
            until(lambda: one.store.state(run_id).started, 60)
            assert other._dispatcher.live[run_id].own
        status = until(lambda: (s := one.status(run_id)).done > 0 and s, 60)
        assert status.snapshot["loss"].size
        one.cancel(run_id, "ann")
        assert one.wait(run_id, 60).state == "cancelled"


def test_a_run_on_a_shared_scheduler_outlives_its_web_process(shared, alone):
    with JobService(scheduler=shared.address, database=alone) as one:
        run_id = one.submit(map_spec(steps=800, first_seed=41), "ann")
        until(lambda: one.status(run_id).done > 10)
    with JobService(scheduler=shared.address, database=alone) as other:
        assert other.wait(run_id, 120).state == "done"
        assert other.result(run_id).loss.shape == (2, 800)


def test_what_ended_runs_have_drawn_is_let_go(jobs):
    ids = set()
    for seed in range(9):  # of 6 MB each
        options = gmm.MapOptions(restarts=100, steps=2_000, first_seed=seed, choose="final")
        spec = map_spec().model_copy(update={"options": options, "engine": "compiled"})
        assert jobs.wait(jobs.submit(spec, "ann"), 120).state == "done"
        ids.add(spec.id)
    # The newest is kept for those who still look, and one may be in the hands of the watch.
    until(lambda: drawn_bytes(ids) < 13 * 2**20, 30)
    assert jobs.status(spec.id).snapshot["loss"].shape == (100, 2_000)
    # Dask, too: each of these runs took several reports.
    until(lambda: reports_kept() < 12, 30)


def drawn_bytes(ids):
    gc.collect()
    all_runs = (thing for thing in gc.get_objects() if type(thing) is LiveRun)
    runs = [run for run in all_runs if run.run_id in ids]
    return sum(array.nbytes for run in runs for array in run.snapshot().values())


def reports_kept():
    """Count those that something keeps in a queue."""
    queues = [list(item) for item in gc.get_objects() if type(item) is deque]
    batches = [batch for queue in queues for batch in queue if type(batch) is list]
    sent = [one for batch in batches for one in batch]
    events = [one for one in sent if type(one) is dict and "event" in one]
    return sum(str(one.get("topic")).startswith("gmm-") for one in events)


def test_a_deleted_run_stops_and_is_gone(jobs):
    run_id = jobs.submit(map_spec(steps=LONG, first_seed=50), "ann")
    until(lambda: jobs.status(run_id).done)
    assert jobs.delete(run_id, "ann")
    with pytest.raises(ValueError, match=f'No run has the id "{run_id}"'):
        jobs.status(run_id)


@pytest.mark.parametrize("bad", ["", "nonsense", "0" * 32, None])
def test_a_run_that_does_not_exist_is_told(jobs, bad):
    for ask in (jobs.status, jobs.result, jobs.cancel, jobs.wait):
        with pytest.raises(ValueError, match="No run has the id"):
            ask(bad)


def test_what_is_no_specification_is_refused(jobs):
    with pytest.raises(ValueError, match=r"A dict cannot be run: a gmm_core\.Specification"):
        jobs.submit({"kind": "map"}, "ann")


def test_the_web_side_loads_neither_torch_nor_pyro():
    code = (
        "import sys, gmm_core.jobs, gmm_core.worker, gmm_core.inference; "
        "print({'torch', 'pyro', 'numba', 'streamlit'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
