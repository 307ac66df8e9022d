"""Throttle, limits and owners on real workers."""

from __future__ import annotations

import os
import re
import signal

import numpy as np
import pytest
from processes import pid_of, until

import gmm_core as gmm
from gmm_core.jobs import JobService, limits
from gmm_core.settings import Settings
from jobs.test_jobs import LONG, map_spec, nuts_spec

SETTINGS = Settings(queued_runs=6, run_seconds=8, run_size=1e10)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('limits') / 'runs.db'}"
    with JobService(database=url, n_workers=1, settings=SETTINGS) as service:
        # The engines are loaded and compiled before anything is timed.
        assert service.wait(service.submit(map_spec(steps=1), "warm"), 200).state == "done"
        yield service


@pytest.fixture(autouse=True)
def idle(jobs):
    """Leave no run behind that would hold a worker in the next test."""
    yield
    for run in jobs.store.live():
        jobs.cancel(run.id)
        assert not jobs.wait(run.id, 180).live


def test_who_asks_for_one_run_is_next_whatever_another_has_waiting(jobs):
    anns = [jobs.submit(map_spec(steps=LONG, first_seed=i), "ann") for i in range(6)]
    until(lambda: jobs.status(anns[0]).total)
    # A long one, too: short ones do not wait for long ones.
    ben = jobs.submit(map_spec(steps=LONG, first_seed=10), "ben")
    assert [jobs.status(run).position for run in [ben, *anns[1:]]] == [0, 1, 2, 3, 4, 5]
    assert {jobs.status(run).stage for run in [ben, *anns[1:]]} == {"waiting"}
    jobs.cancel(anns[0], "ann")
    until(lambda: jobs.store.state(ben).started)
    began = {run: jobs.store.state(run).started for run in [ben, *anns[1:]]}
    assert all(began[run] is None or began[run] > began[ben] for run in anns[1:])


def test_one_person_cannot_fill_the_queue(jobs):
    for seed in range(20, 26):
        jobs.submit(map_spec(steps=LONG, first_seed=seed), "ann")
    until(lambda: jobs.store.runs("ann", states=("running",)) != [])
    jobs.submit(map_spec(steps=LONG, first_seed=26), "ann")
    words = r"6 of your runs are waiting, and 6 is the limit \(GMM_QUEUED_RUNS\)\. .*cancel one"
    with pytest.raises(ValueError, match=words):
        jobs.submit(map_spec(steps=LONG, first_seed=27), "ann")
    # What is under way for somebody is no new load, and others have their own limit.
    jobs.submit(map_spec(steps=LONG, first_seed=20), "ann")
    assert jobs.submit(map_spec(steps=LONG, first_seed=28), "ben")


def test_a_run_that_takes_too_long_is_stopped_and_keeps_what_it_has(jobs):
    data = gmm.Dataset.from_values(np.random.default_rng(0).normal(size=20_000))
    many = gmm.Specification(
        dataset=data,
        mixture=gmm.Mixture(priors=gmm.Priors.for_data(data)),
        # Long, but without deep trees: the first draws have to come before the limit.
        options=gmm.NutsOptions(draws=10_000, warmup=20, chains=1, max_tree_depth=5),
    )
    run_id = jobs.submit(many, "ann")
    status = jobs.wait(run_id, 180)
    assert status.state == "failed"
    assert "Stopped after 8 s, the limit of a run on this server (GMM_RUN_SECONDS)" in (
        status.message
    )
    assert "fewer points, components, chains or draws" in status.message
    draws = jobs.result(run_id).draws["weights"]
    assert 0 < draws.shape[1] < 10_000
    np.testing.assert_allclose(draws.sum(-1), 1)
    assert jobs.store.state(run_id).seconds >= 8


def test_a_run_that_hangs_is_ended_at_its_limit_and_the_next_one_runs(jobs):
    stuck = jobs.submit(map_spec(steps=LONG, first_seed=30), "ann")
    status = until(lambda: (s := jobs.status(stuck)).total and s)
    os.kill(pid_of(jobs, status.workers[0]), signal.SIGSTOP)
    after = jobs.submit(map_spec(steps=20, first_seed=31), "ben")
    ended = jobs.wait(stuck, 180)
    assert ended.state == "failed"
    assert "GMM_RUN_SECONDS" in ended.message
    assert jobs.wait(after, 180).state == "done"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            gmm.MapOptions(restarts=1000, steps=2000, choose="final"),
            "fewer points, components, starts or steps",
        ),
        (gmm.NutsOptions(draws=20_000), "fewer points, components, chains or draws"),
        (gmm.CompareOptions(steps=1000), "fewer points, mixtures, starts or steps"),
    ],
)
def test_a_run_that_is_too_large_is_refused_with_its_size(jobs, options, message):
    data = gmm.Dataset.from_values(np.random.default_rng(0).normal(size=(20_000, 2)))
    spec = gmm.Specification(
        dataset=data, mixture=gmm.Mixture(priors=gmm.Priors.for_data(data)), options=options
    )
    with pytest.raises(ValueError, match="too large for this server: 20,000 points × 2") as refusal:
        jobs.submit(spec, "ann")
    assert f"{limits.size(spec):.3g} evaluations, and 1e+10 is the limit" in str(refusal.value)
    assert "(GMM_RUN_SIZE)" in str(refusal.value)
    assert message in str(refusal.value)
    assert jobs.store.runs("ann", states=("queued",)) == []


def test_size_counts_points_columns_components_and_evaluations():
    tutorial = map_spec(restarts=3, steps=10)
    assert limits.size(tutorial) == 5 * 1 * 2 * (3 + 10)  # every start once, one trained
    assert limits.size(map_spec(restarts=3, steps=10, choose="final")) == 5 * 2 * (3 + 30)
    assert limits.size(nuts_spec()) == 5 * 2 * 2 * 70 * 8


def test_a_run_is_cancelled_by_who_asked_for_it_and_by_nobody_else(jobs):
    run_id = jobs.submit(map_spec(steps=LONG, first_seed=40), "ann")
    until(lambda: jobs.status(run_id).total)
    with pytest.raises(ValueError, match="belongs to somebody else, and only who asked for it"):
        jobs.cancel(run_id, "mallory")
    assert jobs.status(run_id).owners == ("ann",)
    assert jobs.store.runs("mallory") == []
    assert jobs.submit(map_spec(steps=LONG, first_seed=40), "ben") == run_id
    assert jobs.cancel(run_id, "ann") is False  # ben waits for it
    assert jobs.status(run_id).state == "running"
    assert jobs.status(run_id).owners == ("ben",)
    assert jobs.store.runs("ann", states=("running",)) == []
    assert jobs.delete(run_id, "mallory") is False
    assert jobs.cancel(run_id, "ben") is True
    assert jobs.wait(run_id, 10).state == "cancelled"


def test_ids_cannot_be_told_without_the_data():
    """An id is a hash over the data's own hash: one number changed is another id."""
    data = gmm.example("tutorial")
    other = gmm.Dataset.from_values(np.nextafter(data.values, 99), name=data.name)
    ids = {
        gmm.Specification(dataset=d, mixture=gmm.Mixture(), options=gmm.MapOptions()).id
        for d in (data, other)
    }
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", run_id) for run_id in ids)
