"""A fit of very many steps keeps some of them, and all that is told of it is true of these."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.figures import curves, loss_curves
from gmm_core.jobs.limits import check_numbers
from gmm_core.runs import kinds, recorded, serialize
from gmm_core.runs.one_restart import alone, opened
from gmm_core.runs.progress import Picture
from gmm_core.runs.sameness import Difference, compare
from gmm_core.runs.specification import Specification
from gmm_core.settings import Settings
from gmm_core.sharing.tables import curves_csv
from gmm_core.words.fit import agreement, two_methods

DATA, MIXTURE = gmm.example("tutorial"), gmm.Mixture()
MANY = {"restarts": 1000, "steps": 2000}
BY = {
    "adam": gmm.MapOptions(**MANY, choose="final", learning_rate=0.3),
    "em": gmm.MapOptions(**MANY, choose="final", method="em"),
    "one": gmm.MapOptions(**MANY),
}


def specification(options, **more):
    return Specification(dataset=DATA, mixture=MIXTURE, options=options, **more)


def run(spec, on_progress=None):
    return gmm.fit_map(
        spec.dataset, spec.mixture, spec.options, engine=spec.engine, on_progress=on_progress
    )


@pytest.fixture(scope="module")
def fits():
    return {name: run(specification(options)) for name, options in BY.items()}


@pytest.fixture
def fit(fits, request):
    return fits[request.param]


of = pytest.mark.parametrize("fit", ["adam"], indirect=True)
of_each = pytest.mark.parametrize(("fit", "name"), [(n, n) for n in BY], indirect=["fit"])


def whole(options, monkeypatch):
    """Return the fit as it is without a bound."""
    with monkeypatch.context() as patch:
        patch.setattr(recorded, "CURVE_NUMBERS", 10**9)
        return run(specification(options))


@of_each
def test_what_is_kept_is_what_there_is_without_a_bound(fit, name, monkeypatch):
    every = whole(BY[name], monkeypatch)
    assert every.recorded is None
    assert every.loss.shape == (1000, 2000)
    assert fit.loss.shape == (1000, len(fit.steps))
    assert fit.steps[-1] == 1999
    np.testing.assert_array_equal(fit.loss, every.loss[:, fit.steps])
    for site, norm in fit.gradient_norm.items():
        np.testing.assert_array_equal(norm, every.gradient_norm[site][:, fit.steps])
    np.testing.assert_array_equal(fit.steps_made, np.isfinite(every.loss).sum(axis=1))
    np.testing.assert_array_equal(fit.final_loss, every.final_loss)
    np.testing.assert_array_equal(fit.trajectory_loss, every.trajectory_loss)


@of
def test_each_restart_has_at_its_recorded_steps_what_it_has_by_itself(fit):
    for r in sorted({fit.chosen, *(list(fit.verdict).index(v) for v in set(fit.verdict))}):
        one = run(alone(specification(BY["adam"]), r))
        assert one.recorded is None
        assert fit.verdict[r] == one.verdict[0]
        assert fit.steps_made[r] == one.steps_made[0]
        np.testing.assert_allclose(fit.loss[r], one.loss[0, fit.steps], rtol=1e-12)
        for site, norm in fit.gradient_norm.items():
            alike = one.gradient_norm[site][0, fit.steps]
            np.testing.assert_allclose(norm[r], alike, rtol=1e-7, atol=1e-9)


@of
def test_steps_are_counted_also_where_the_last_was_between_two_recorded_ones(fit):
    rows = np.flatnonzero(fit.verdict == "collapsed")
    last = fit.steps[np.isfinite(fit.loss[rows]).sum(axis=1) - 1]
    made = fit.steps_made[rows]
    assert np.all((last < made) & (made < 2000))
    assert not np.isin(made - 1, fit.steps).all()


@of_each
def test_the_trajectory_has_the_loss_of_each_of_its_frames(fit, name):
    steps, points = fit.trajectory
    assert fit.trajectory_loss == pytest.approx(
        [-gmm.log_joint(DATA, MIXTURE, points[m]) for m in range(len(steps))], abs=1e-9
    )


@pytest.mark.parametrize("choose", ["initial", "final"])
def test_reports_add_up_to_what_is_kept(choose):
    picture = Picture()
    options = gmm.MapOptions(**MANY, choose=choose)
    fit = run(specification(options), lambda progress: picture.apply(progress.snapshot))
    np.testing.assert_array_equal(picture.arrays["loss"], fit.loss)
    for name, norm in fit.gradient_norm.items():
        np.testing.assert_array_equal(picture.arrays[f"gradient_norm.{name}"], norm)


def test_pyro_reports_and_keeps_the_same_steps():
    picture = Picture()
    spec = specification(gmm.MapOptions(restarts=1000, steps=1050), engine="pyro")
    fit = run(spec, lambda progress: picture.apply(progress.snapshot))
    assert len(fit.steps) < 1050
    np.testing.assert_array_equal(picture.arrays["loss"], fit.loss)
    one = run(alone(spec, fit.chosen))
    np.testing.assert_array_equal(fit.loss[fit.chosen], one.loss[0, fit.steps])
    assert fit.steps_made[fit.chosen] == one.steps_made[0] == 1050
    for name, norm in fit.gradient_norm.items():
        np.testing.assert_array_equal(picture.arrays[f"gradient_norm.{name}"], norm)
        np.testing.assert_array_equal(norm[fit.chosen], one.gradient_norm[name][0, fit.steps])


@of
def test_the_file_of_curves_has_the_true_steps(fit):
    head, *rows = csv.reader(io.StringIO(curves_csv(fit, first_seed=7)))
    assert [int(row[0]) for row in rows] == fit.steps.tolist()
    column = head.index("loss seed 8")
    written = np.array([float(row[column] or "nan") for row in rows])
    np.testing.assert_array_equal(written, fit.loss[1])


@of
def test_figures_stand_at_the_true_steps(fit):
    fig = loss_curves.losses(fit.loss, fit.chosen, fit.verdict, steps=fit.steps)
    column = {step: c for c, step in enumerate(fit.steps.tolist())}
    starts = [trace for trace in fig.data if trace.name == "start"]
    assert len(starts) == 2  # sound ones, and collapsed ones
    for trace in starts:
        for x, y, r in zip(trace.x, trace.y, trace.customdata, strict=True):
            assert np.isnan(y) or y == pytest.approx(fit.loss[r, column[x]], rel=1e-5)
    chosen = fig.data[-1]
    at = [column[x] for x in chosen.x]
    np.testing.assert_array_equal(chosen.y, fit.loss[fit.chosen, at])
    assert chosen.x[-1] == fig.layout.xaxis.range[1] == 1999
    norms = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
    fig = curves.gradient_norms(norms, ended=True, steps=fit.steps)
    for trace, norm in zip(fig.data, norms.values(), strict=True):
        seen = norm[[column[x] for x in trace.x]]
        np.testing.assert_array_equal(trace.y, np.where(seen > 0, seen, np.nan))
    assert fig.layout.xaxis.range[1] == 1999


def test_an_opened_restart_is_told_at_the_steps_of_the_fit(fits):
    fit, spec = fits["one"], specification(BY["one"])
    r = int(np.flatnonzero(fit.verdict == "untrained")[0])
    one = run(alone(spec, r))
    shown = opened(fit, r, one)
    np.testing.assert_array_equal(shown.loss[r], one.loss[0, fit.steps])
    assert shown.steps_made[r] == one.steps_made[0] > 1
    assert shown.trajectory_loss == pytest.approx(one.trajectory_loss)
    # Without its run it is at its end, which is told by the step that it came to.
    r = int(np.flatnonzero(fits["adam"].verdict == "collapsed")[0])
    assert opened(fits["adam"], r).trajectory[0] == [fits["adam"].steps_made[r]]


@of
def test_a_stored_one_is_read_again_and_so_is_one_from_before(fit, monkeypatch):
    back = serialize.unpack(serialize.pack(fit))
    np.testing.assert_array_equal(back.steps, fit.steps)
    np.testing.assert_array_equal(back.steps_made, fit.steps_made)
    assert compare(fit, back) == Difference()
    names = serialize._field_names
    before = whole(BY["adam"], monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(
            serialize,
            "_field_names",
            lambda cls: [name for name in names(cls) if name not in ("recorded", "made")],
        )
        packed = serialize.pack(before)
    old = serialize.unpack(packed)
    assert b"recorded" not in packed
    np.testing.assert_array_equal(old.steps, np.arange(2000))
    np.testing.assert_array_equal(old.steps_made, fit.steps_made)


@of
def test_one_that_kept_all_steps_is_verified_at_those_that_are_kept_now(fit, monkeypatch):
    before = whole(BY["adam"], monkeypatch)
    assert before.loss.shape == (1000, 2000)
    assert compare(before, fit) == Difference()
    changed = before.loss.copy()
    changed[3, fit.steps[-2]] += 0.5
    worst = compare(replace(before, loss=changed), fit)
    assert worst.where == "loss"
    assert worst.relative == pytest.approx(0.5 / np.abs(fit.loss[np.isfinite(fit.loss)]).max())


def test_a_fit_below_the_bound_is_as_it_was():
    fit = run(specification(gmm.MapOptions(restarts=1000, steps=1000, choose="final")))
    assert fit.recorded is fit.made is None
    assert fit.loss.shape == (1000, 1000)


@of
def test_a_failure_is_told_at_the_step_at_which_it_came(fit):
    final_state, r = kinds.named("map").final_state, fit.chosen

    def failed(step):
        loss, made, verdict = fit.loss.copy(), fit.steps_made.copy(), fit.verdict.copy()
        loss[r, fit.steps >= step], made[r], verdict[r] = np.nan, step, "failed"
        loss[r, fit.steps == step] = np.inf
        return final_state(replace(fit, loss=loss, made=made, verdict=verdict))[1]

    assert "infinite at step 20:" in failed(20)
    between = int(fit.steps[-2]) + 1
    assert between not in fit.steps
    assert f"NaN or infinite at step {between}:" in failed(between)


def test_words_count_the_steps_that_were_made(fits):
    spec = alone(specification(BY["em"]), fits["em"].chosen)
    adam = run(
        spec.model_copy(update={"options": spec.options.model_copy(update={"method": "adam"})})
    )
    words = two_methods("EM", fits["em"], adam)
    assert f"in {fits['em'].steps_made[fits['em'].chosen]} steps, Adam" in words
    assert words.endswith("in 2,000 steps.")
    alike = run(alone(specification(BY["one"]), fits["one"].chosen))
    assert f"over {len(fits['one'].steps)} steps" in agreement(fits["one"], alike)


def test_the_largest_fit_is_accepted_and_where_less_is_kept_it_is_refused_in_words():
    data = gmm.Dataset.from_values(np.random.default_rng(0).normal(size=(100, 3)))
    mixture = gmm.Mixture(n_components=40, covariance="full")
    options = gmm.MapOptions(restarts=1000, steps=20_000, choose="final")
    spec = Specification(dataset=data, mixture=mixture, options=options)
    check_numbers(spec, Settings().run_numbers)
    with pytest.raises(ValueError, match=r"4.96e\+06 numbers .*GMM_RUN_NUMBERS.*starts or steps"):
        check_numbers(spec, 1e6)
