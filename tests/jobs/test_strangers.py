"""Many people on one server: nobody starves, loses or overhears another."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa
from postgres import Server as PostgreSQL
from processes import until

import gmm_core as gmm
from gmm_core.jobs import DatabaseAwayError, JobService, dispatcher
from gmm_core.posterior.relabelling import label_order
from gmm_core.settings import Settings
from gmm_core.store import Store
from gmm_core.store.datasets import NAMELESS
from jobs.test_jobs import LONG, map_spec


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('strangers') / 'runs.db'}"


@pytest.fixture(scope="module")
def jobs(database):
    with JobService(database=database, n_workers=1) as service:
        yield service


@pytest.fixture(autouse=True)
def idle(request):
    yield
    if "jobs" in request.fixturenames:
        jobs = request.getfixturevalue("jobs")
        for run in jobs.store.live():
            jobs.cancel(run.id)
            assert not jobs.wait(run.id, 180).live


def quick(seed, values=None, name="data"):
    data = gmm.example("tutorial") if values is None else gmm.Dataset.from_values(values, name=name)
    options = gmm.MapOptions(restarts=2, steps=20, first_seed=seed)
    return gmm.Specification(dataset=data, mixture=gmm.Mixture(), options=options)


def test_a_short_run_is_done_while_two_people_have_their_longest_under_way(jobs):
    longest = {
        who: jobs.submit(
            gmm.Specification(
                dataset=gmm.example("tutorial"),
                mixture=gmm.Mixture(),
                options=gmm.NutsOptions(draws=20_000, warmup=20_000, chains=4, seed=seed),
                engine="pyro",
            ),
            who,
        )
        for seed, who in enumerate(("ann", "ben"))
    }
    until(lambda: jobs.status(longest["ann"]).total)
    for seed in range(3):
        assert jobs.wait(jobs.submit(quick(seed), f"stranger {seed}"), 180).state == "done"
    assert jobs.status(longest["ann"]).state == "running"
    assert jobs.status(longest["ben"]).state == "queued"


def test_cancel_stops_what_somebody_else_had_asked_for_and_given_up_before(jobs):
    spec = map_spec(steps=LONG, first_seed=1)
    run_id = jobs.submit(spec, "ann")
    until(lambda: jobs.status(run_id).total)
    assert jobs.cancel(run_id, "ann")
    assert jobs.wait(run_id, 180).state == "cancelled"
    assert jobs.submit(spec, "ben") == run_id
    until(lambda: jobs.status(run_id).total)
    assert jobs.cancel(run_id, "ben") is True
    assert jobs.wait(run_id, 180).state == "cancelled"
    assert run_id in [row.id for row in jobs.store.runs("ann", states=("cancelled",))]


def test_what_i_look_at_is_on_my_list_and_stays_when_who_computed_it_deletes_it(jobs):
    run_id = jobs.submit(quick(10), "ann")
    assert jobs.wait(run_id, 180).state == "done"
    jobs.note_visit(run_id, "ben")
    assert run_id in [row.id for row in jobs.store.runs("ben")]
    assert jobs.delete(run_id, "ann") is False
    assert run_id not in [row.id for row in jobs.store.runs("ann")]
    assert jobs.result(run_id).loss.shape == (2, 20)


def test_to_look_at_a_run_keeps_it_from_expiring(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'runs.db'}", keep_days=30) as store:
        run_id = store.create_run(quick(0), "ann").id
        store.claim(run_id, "a" * 32, "server")
        store.set_state(run_id, "done")
        with store._engine.begin() as connection:
            long_ago = "UPDATE runs SET used = '2001-01-01', finished = '2001-01-01'"
            connection.execute(sa.text(long_ago))
        store.note_visit(run_id)
        assert store.expire() == 0
        assert store.owners(run_id) == ("ann",)


def test_a_result_that_cannot_be_read_is_told_and_computed_again(jobs):
    run_id = jobs.submit(quick(20), "ann")
    assert jobs.wait(run_id, 180).state == "done"
    loss = jobs.result(run_id).loss
    with jobs.store._engine.begin() as connection:
        blob = connection.execute(
            sa.text("SELECT blob FROM results WHERE run_id = :id"), {"id": run_id}
        ).scalar()
        connection.execute(
            sa.text("UPDATE results SET blob = :half WHERE run_id = :id"),
            {"half": blob[: len(blob) // 2], "id": run_id},
        )
    jobs._results.clear()
    assert jobs.result(run_id) is None
    status = jobs.status(run_id)
    assert (status.state, "cannot be read" in status.message) == ("failed", True)
    assert jobs.submit(quick(20), "ben") == run_id
    assert jobs.wait(run_id, 180).state == "done"
    np.testing.assert_array_equal(jobs.result(run_id).loss, loss)


def test_a_worker_with_another_program_computes_nothing(jobs, monkeypatch):
    monkeypatch.setattr(dispatcher, "fingerprint", lambda: "another")
    run_id = jobs.submit(quick(30), "ann")
    status = jobs.wait(run_id, 180)
    assert status.state == "failed"
    assert status.message.startswith("A worker with another version of this program")
    assert jobs.result(run_id) is None
    monkeypatch.undo()
    assert jobs.submit(quick(30), "ann") == run_id
    assert jobs.wait(run_id, 180).state == "done"


def test_labels_of_draws_are_found_by_the_worker_that_ends_the_run(jobs):
    options = gmm.NutsOptions(draws=30, warmup=20, chains=2)
    spec = gmm.Specification(
        dataset=gmm.example("tutorial"), mixture=gmm.Mixture(), options=options, engine="pyro"
    )
    run = jobs.submit(spec, "ann")
    assert jobs.wait(run, 300).state == "done"
    found = jobs.result(run)
    assert np.array_equal(found.order, label_order(replace(found, order=None), spec.dataset))


def test_names_of_data_belong_to_who_gave_them(tmp_path):
    secret, values = "ACME layoffs (confidential)", [0.0, 1.0, 5.0, 9.0]
    tutorial = gmm.example("tutorial")
    named = gmm.Dataset.from_values(tutorial.values, columns=tutorial.columns, name=secret)
    with Store(f"sqlite:///{tmp_path / 'runs.db'}") as store:
        store.save_dataset(named, "ann")
        of_example = store.create_run(quick(0), "ben").id
        assert store.specification(of_example).dataset.name == "tutorial"
        assert store.runs("ben")[0].dataset == "tutorial"
        assert store.load_dataset(named.fingerprint, "ann").name == secret

        mine = gmm.Dataset.from_values(values, name=secret)
        store.save_dataset(mine, "ann")
        own = store.create_run(quick(0, values, secret), "ann").id
        assert store.specification(own).dataset.name == secret  # she may pass on her own link
        other = store.create_run(quick(1, values, "theirs"), "ben").id
        assert store.specification(other).dataset.name == NAMELESS
        assert store.runs("ben")[0].dataset == NAMELESS
        store.save_dataset(gmm.Dataset.from_values(values, name="theirs"), "ben")
        assert store.specification(other).dataset.name == "theirs"
        assert {row.dataset for row in store.runs("ben")} == {"tutorial", "theirs"}
        assert store.load_dataset(mine.fingerprint, "cat").name == NAMELESS


def test_limits_hold_over_people_who_forget_who_they_are(database):
    settings = Settings(queued_per_address=3)
    with JobService(database=database, n_workers=1, settings=settings) as jobs:
        blocked = jobs.submit(map_spec(steps=LONG, first_seed=50), "ann", "192.0.2.1")
        until(lambda: jobs.status(blocked).total)
        for seed in range(3):
            jobs.submit(map_spec(steps=LONG, first_seed=60 + seed), f"new {seed}", "192.0.2.7")
        with pytest.raises(ValueError, match=r"3 runs .*GMM_QUEUED_PER_ADDRESS"):
            jobs.submit(map_spec(steps=LONG, first_seed=63), "new 3", "192.0.2.7")
        assert jobs.submit(map_spec(steps=LONG, first_seed=63), "ben", "192.0.2.8")
        for run in jobs.store.live():
            jobs.cancel(run.id)


def test_a_result_too_large_to_be_kept_is_refused(jobs):
    data = gmm.Dataset.from_values(np.arange(100.0))
    mixture = gmm.Mixture(n_components=40)
    options = gmm.NutsOptions(draws=20_000, chains=32)
    spec = gmm.Specification(dataset=data, mixture=mixture, options=options)
    with pytest.raises(ValueError, match=r"GMM_RUN_NUMBERS.*Use fewer .*chains or draws"):
        jobs.submit(spec, "ann")


@contextmanager
def stopped(postgres):
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


@pytest.mark.parametrize(
    ("away", "why"), [(stopped, r"port {port} failed"), (PostgreSQL.hanging, "timeout")]
)
def test_the_database_away_is_one_sentence_without_where_it_is(postgres, caplog, away, why):
    database = postgres.new_database()
    with JobService(database=database, n_workers=1) as jobs:
        jobs.store.patience = 0.1
        with away(postgres):
            for ask in (
                lambda: jobs.submit(quick(0), "ann"),
                lambda: jobs.status("0" * 32),
                lambda: jobs.result("0" * 32),
                lambda: jobs.note_visit("0" * 32),
                lambda: jobs.cancel("0" * 32),
            ):
                with pytest.raises(DatabaseAwayError) as refusal:
                    ask()
                assert str(refusal.value) == (
                    "The database does not answer at the moment. Nothing that is finished is "
                    "lost; try again in a minute."
                )
            assert re.search(why.format(port=postgres.port), caplog.text)  # the log says why
