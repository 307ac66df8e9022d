"""A run that is computed again gives the same numbers, and one whose numbers changed is told."""

from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

import gmm_core as gmm
from gmm_core.comparison.sweep import Comparison
from gmm_core.jobs import JobService, verify
from gmm_core.runs import recorded, serialize
from gmm_core.runs.results import GuideFit
from gmm_core.runs.sameness import Difference, Verdict, compare
from gmm_core.words.verify import made_with, verdict_words


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    database = f"sqlite:///{tmp_path_factory.mktemp('verify') / 'runs.db'}"
    with JobService(database=database, n_workers=2) as service:
        yield service


def specification(options):
    return gmm.Specification(
        dataset=gmm.example("tutorial"), mixture=gmm.Mixture(), options=options
    )


MAP = gmm.MapOptions(restarts=5, steps=50, choose="final")
NUTS = gmm.NutsOptions(draws=60, warmup=60, chains=2)
SWEEP = gmm.CompareOptions(n_components=(1, 2), restarts=2, steps=30)


def done(jobs, options):
    run_id = jobs.submit(specification(options), "ann")
    assert jobs.wait(run_id, 120).state == "done"
    return run_id


def verified(jobs, run_id):
    check_id = verify.start(jobs, run_id, "eve")
    assert check_id != run_id
    assert jobs.wait(check_id, 120).state == "done"
    verdict = verify.verdict_on(jobs, run_id)
    # What it said stays, and the run that computed it again is gone.
    stored = verify.verdict_on(jobs, run_id)
    assert replace(stored, made=None) == verdict
    with pytest.raises(ValueError, match="No run has the id"):
        jobs.store.state(check_id)
    return stored


def tamper(jobs, run_id, change):
    engine = sa.create_engine(jobs.store.url)
    with engine.begin() as connection:
        blob = connection.scalar(
            sa.text("SELECT blob FROM results WHERE run_id = :id"), {"id": run_id}
        )
        connection.execute(
            sa.text("UPDATE results SET blob = :blob WHERE run_id = :id"),
            {"id": run_id, "blob": change(blob)},
        )
    engine.dispose()


def flip_a_draw(blob):
    posterior = serialize.unpack(blob)
    locs = posterior.draws["locs"].copy()
    locs[1, 7, 0, 0] += 0.25
    return serialize.pack(replace(posterior, draws={**posterior.draws, "locs": locs}))


@pytest.mark.parametrize("options", [MAP, NUTS, SWEEP], ids=["map", "posterior", "comparison"])
def test_a_finished_run_verifies_as_equal_and_stays_as_it_is(jobs, options):
    run_id = done(jobs, options)
    assert verify.verdict_on(jobs, run_id) is None
    before = jobs.store.result(run_id)
    verdict = verified(jobs, run_id)
    assert (verdict.answer, verdict.difference, verdict.changed) == ("equal", 0.0, {})
    assert verdict.then["python"]
    assert "the same numbers, to the last digit" in verdict_words(verdict)
    assert compare(before, jobs.store.result(run_id)) == Difference()
    assert [row.id for row in jobs.store.runs("eve")] == []


def test_a_stored_result_that_was_changed_is_told(jobs):
    run_id = done(jobs, NUTS)
    tamper(jobs, run_id, flip_a_draw)
    verdict = verified(jobs, run_id)
    assert (verdict.answer, verdict.where) == ("different", "draws.locs")
    largest = np.abs(jobs.store.result(run_id).draws["locs"]).max()
    assert verdict.difference == pytest.approx(0.25 / largest, rel=1e-6)
    sentence = verdict_words(verdict)
    assert "the numbers do not agree" in sentence
    assert "the stored numbers were changed" in sentence


def test_a_fit_that_was_stored_with_all_its_steps_verifies_as_equal(jobs, monkeypatch):
    options = gmm.MapOptions(restarts=1000, steps=1100, choose="final")
    run_id = done(jobs, options)
    assert len(jobs.store.result(run_id).steps) < 1100
    monkeypatch.setattr(recorded, "CURVE_NUMBERS", 10**9)
    whole = gmm.fit_map(gmm.example("tutorial"), gmm.Mixture(), options)
    assert whole.loss.shape == (1000, 1100)
    tamper(jobs, run_id, lambda blob: serialize.pack(whole))
    assert verified(jobs, run_id).answer == "equal"


def test_a_stored_result_that_is_damaged_is_told(jobs):
    run_id = done(jobs, gmm.MapOptions(restarts=1, steps=20))
    tamper(jobs, run_id, lambda blob: blob[:-40])
    verdict = verified(jobs, run_id)
    assert verdict.answer == "damaged"
    assert "cannot be compared. The stored result" in verdict_words(verdict)


def test_only_what_is_done_is_verified_and_a_check_is_shared_and_cancelled(jobs):
    slow = gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(restarts=1, steps=20_000),
        engine="pyro",
    )
    run_id = jobs.submit(slow, "ann")
    with pytest.raises(ValueError, match="This run is (queued|running), but only"):
        verify.start(jobs, run_id)
    jobs.cancel(run_id)
    jobs.wait(run_id, 180)
    # As if it had finished elsewhere.
    jobs.store.delete(run_id)
    jobs.store.create_run(slow, "ann")
    jobs.store.save_result(run_id, None)
    check_id = verify.start(jobs, run_id, "ann")
    assert verify.start(jobs, run_id, "eve") == check_id
    assert verify.verdict_on(jobs, run_id).live
    jobs.cancel(check_id)
    jobs.wait(check_id, 180)
    verdict = verify.verdict_on(jobs, run_id)
    assert (verdict.answer, verdict.message) == ("failed", "Cancelled.")
    assert "could not be computed again: Cancelled." in verdict_words(verdict)


def fit(loss=(2.0, 1.0), probabilities=((1.0, 0.0),)):
    return GuideFit(np.array(loss), {"assignment_probs": np.ones(2)}, np.array(probabilities))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (fit(), Difference()),
        (fit(loss=(2.0, 1.0 + 1e-9)), Difference(pytest.approx(5e-10, rel=1e-6), "loss")),
        (fit(loss=(2.0, np.nan)), Difference(np.inf, "loss")),
        (fit(loss=(2.0, 1.0, 0.0)), Difference(np.inf, "loss")),
        (fit(probabilities=((0.0, 1.0),)), Difference(1.0, "assignment_probs")),
    ],
)
def test_the_largest_relative_difference_is_found_where_it_is(other, expected):
    assert compare(fit(), other) == expected
    assert compare(other, fit()) == expected


def test_missing_values_equal_each_other_and_times_do_not_count():
    assert compare(fit(loss=(np.nan, 1.0)), fit(loss=(np.nan, 1.0))) == Difference()
    row = (2, "full", True, -1.0, 3, 1.0, 2.0, 3.0, "converged", None, 1, 2, 1.0, "", 0.5)
    slower = (*row[:-1], 9.5)
    other = (*row[:8], "moving", *row[9:])
    assert compare(Comparison((row,)), Comparison((slower,))) == Difference()
    assert compare(Comparison((row,)), Comparison((other,))) == Difference(np.inf, "rows.0.verdict")


def test_words_name_rounding_and_versions():
    then, now = {"python": "3.11", "numba": "0.60"}, {"python": "3.11", "numba": "0.68"}
    close = Verdict("close", 3e-12, "final_loss", then=then, now=now)
    sentence = verdict_words(close)
    assert "the same but for rounding. The largest relative difference is 3.0e-12" in sentence
    assert "The versions differ: numba 0.60 then and 0.68 now." in sentence
    apart = verdict_words(Verdict("different", None, "verdict", then=then, now=now))
    assert "verdict has other values, or another shape" in apart
    assert "numba 0.60 then" in apart
    assert "were changed" not in apart
    mine = {"gmm_core": "1.1.0", "python": "3.11"}
    newer = mine | {"gmm_core": "1.2.0"}
    apart = verdict_words(Verdict("different", 0.5, "loss", then=mine, now=newer))
    assert "Mixture Explorer 1.1.0 then and 1.2.0 now" in apart
    assert "The versions are the same" not in apart
    same = verdict_words(Verdict("different", 0.5, "loss", then=mine, now=mine))
    assert "The versions are the same" in same
    for unknown in ({"python": "3.11"}, {}):
        old = verdict_words(Verdict("different", 0.5, "loss", then=unknown, now=mine))
        assert "Which version of Mixture Explorer made the stored numbers is not known." in old
        assert "The versions are the same" not in old
    assert made_with(mine) == "Made with Mixture Explorer 1.1.0, Python 3.11."
    assert made_with({"numpy": "2.4", "python": "3.11"}) == "Made with Python 3.11, NumPy 2.4."
    assert made_with({}) == ""
