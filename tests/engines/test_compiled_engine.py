"""The compiled fit goes along Pyro's curves, all restarts at once, and names what went wrong."""

import tracemalloc

import numpy as np
import pytest
from points import COVARIANCES, random_dataset

import gmm_core as gmm
from gmm_core.engines import compiled_engine, pyro_engine, restarts, team
from gmm_core.inference import estimate_seconds, n_parts
from gmm_core.runs.progress import Picture

TUTORIAL = gmm.example("tutorial")
FAITHFUL = gmm.example("faithful")


def assert_same_training(ours, theirs):
    np.testing.assert_array_equal(np.isnan(ours.loss), np.isnan(theirs.loss))
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-9)
    for name, norm in theirs.gradient_norm.items():
        np.testing.assert_allclose(ours.gradient_norm[name], norm, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.final_loss, theirs.final_loss, rtol=1e-9)
    np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=1e-4)
    np.testing.assert_allclose(ours.at["locs"], theirs.at["locs"], rtol=1e-7)
    np.testing.assert_allclose(ours.at["scale_tril"], theirs.at["scale_tril"], rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(ours.trained, theirs.trained)
    np.testing.assert_array_equal(ours.broken, theirs.broken)
    for r, (steps, points) in theirs.trajectories.items():
        np.testing.assert_array_equal(ours.trajectories[r][0], steps)
        np.testing.assert_allclose(ours.trajectories[r][1].locs, points.locs, rtol=1e-7)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
@pytest.mark.parametrize("dataset", [TUTORIAL, FAITHFUL], ids=["tutorial", "faithful"])
def test_the_curve_lies_on_pyros(dataset, covariance, tied):
    K = 2 if dataset is TUTORIAL else 3
    priors = gmm.Priors() if dataset is TUTORIAL else gmm.Priors.for_data(dataset)
    mixture = gmm.Mixture(n_components=K, covariance=covariance, tied=tied, priors=priors)
    options = gmm.MapOptions(restarts=3)
    assert_same_training(
        compiled_engine.fit_map(dataset, mixture, options),
        pyro_engine.fit_map(dataset, mixture, options),
    )


def test_all_restarts_lie_on_pyros_curves_and_collapsed_ones_too():
    options = gmm.MapOptions(restarts=6, steps=50, choose="final")
    assert_same_training(
        compiled_engine.fit_map(TUTORIAL, gmm.Mixture(), options),
        pyro_engine.fit_map(TUTORIAL, gmm.Mixture(), options),
    )


def test_a_diverging_fit_breaks_where_pyros_does():
    options = gmm.MapOptions(restarts=1, steps=5, learning_rate=1e4)
    ours = compiled_engine.fit_map(TUTORIAL, gmm.Mixture(), options)
    theirs = pyro_engine.fit_map(TUTORIAL, gmm.Mixture(), options)
    np.testing.assert_array_equal(np.isfinite(ours.loss), np.isfinite(theirs.loss))
    assert ours.broken[0]
    assert theirs.broken[0]
    assert np.isfinite(ours.final_loss[0])
    assert gmm.fit_map(TUTORIAL, gmm.Mixture(), options).verdict[0] in ("failed", "collapsed")


def test_polishing_brings_every_live_restart_to_a_stationary_point():
    options = gmm.MapOptions(restarts=100, choose="final", polish=True)
    fit = gmm.fit_map(TUTORIAL, gmm.Mixture(), options)
    # The tutorial's 100 seeds: 35 put both locs on one side and collapse.
    assert (fit.count("converged"), fit.count("collapsed")) == (65, 35)
    live = fit.verdict == "converged"
    assert set(fit.basin[live]) == {0}
    assert set(fit.basin[~live]) == {-1}
    np.testing.assert_allclose(fit.final_loss[live], 17.44325488, atol=1e-7)
    order = fit.parameters.order
    np.testing.assert_allclose(fit.parameters.weights[order], [0.625, 0.375], atol=1e-7)
    np.testing.assert_allclose(fit.parameters.locs[order, 0], [10.98446190, 0.49894133], atol=1e-7)
    assert fit.parameters.scale_tril[0, 0, 0] == pytest.approx(0.65143370, abs=1e-7)


def test_collapsed_restarts_are_stopped_and_named_and_never_nan():
    options = gmm.MapOptions(restarts=30, steps=9000, choose="final")
    fit = gmm.fit_map(TUTORIAL, gmm.Mixture(), options)
    collapsed = fit.verdict == "collapsed"
    assert collapsed.any()
    assert np.isfinite(fit.final_loss).all()
    for curve in fit.loss[collapsed]:
        finite = np.isfinite(curve)
        # Known up to where it was stopped, and nothing after.
        assert finite[: finite.sum()].all()
        assert 200 < finite.sum() < 9000
    assert not collapsed[fit.chosen]


def test_a_component_polished_onto_one_point_is_named_collapsed():
    dataset = gmm.Dataset.from_values([0.0, 0.1, 0.2, 0.3, 9.0])
    mixture = gmm.Mixture(n_components=2, tied=False, priors=gmm.Priors.flat())
    options = gmm.MapOptions(restarts=10, choose="final", polish=True)
    fit = gmm.fit_map(dataset, mixture, options)
    assert "collapsed" in fit.verdict
    assert "failed" not in fit.verdict
    assert np.isfinite(fit.final_loss).all()


def test_a_trajectory_is_the_same_whether_kept_or_made_again(monkeypatch):
    options = gmm.MapOptions(restarts=4, choose="final")
    stored = compiled_engine.fit_map(FAITHFUL, gmm.Mixture(), options)
    monkeypatch.setattr(restarts, "FRAME_NUMBERS", 3000)
    again = compiled_engine.fit_map(FAITHFUL, gmm.Mixture(), options)
    for r in range(4):
        np.testing.assert_array_equal(again.trajectories[r][0], stored.trajectories[r][0])
        np.testing.assert_array_equal(again.trajectories[r][1].locs, stored.trajectories[r][1].locs)


def test_results_depend_on_nothing_but_the_specification(monkeypatch):
    options = gmm.MapOptions(restarts=6, choose="final", steps=50)
    first = compiled_engine.fit_map(FAITHFUL, gmm.Mixture(), options)
    # One step of one restart at a time, on one core.
    monkeypatch.setattr(team, "_BATCH_SECONDS", 0.0)
    monkeypatch.setattr(team.os, "sched_getaffinity", lambda pid: {0})
    second = compiled_engine.fit_map(FAITHFUL, gmm.Mixture(), options)
    np.testing.assert_array_equal(first.loss, second.loss)
    np.testing.assert_array_equal(first.at["locs"], second.at["locs"])


def test_reports_come_while_it_runs_and_cancelling_stops_it():
    dataset = random_dataset(20_000, 2)
    mixture = gmm.Mixture(n_components=4, covariance="full", tied=False)
    options = gmm.MapOptions(restarts=6, steps=20_000, choose="final")
    picture, seen = Picture(), []

    def watch(progress):
        seen.append(progress.done)
        picture.apply(progress.snapshot)
        if progress.done > 0:
            raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled):
        gmm.fit_map(dataset, mixture, options, on_progress=watch)
    assert 0 < seen[-1] < 1000
    assert np.isfinite(picture.arrays["loss"][:, 0]).all()


def test_memory_stays_near_the_data():
    # A hundredth of 10^6 x 3 with 20 restarts, which has to fit into 1 GB: 10 MB here.
    dataset = random_dataset(10_000, 3)
    mixture = gmm.Mixture(n_components=5, covariance="full", tied=False)
    options = gmm.MapOptions(restarts=20, steps=3, choose="final")
    gmm.fit_map(TUTORIAL, gmm.Mixture(), gmm.MapOptions(restarts=1, steps=1))
    tracemalloc.start()
    compiled_engine.fit_map(dataset, mixture, options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


def test_it_is_the_default_and_estimated_to_be_fast():
    spec = gmm.Specification(dataset=TUTORIAL, mixture=gmm.Mixture(), options=gmm.MapOptions())
    assert (spec.engine, n_parts(spec)) == ("compiled", 1)
    slow = gmm.Specification(
        dataset=TUTORIAL, mixture=gmm.Mixture(), options=gmm.MapOptions(), engine="pyro"
    )
    assert spec.id != slow.id
    assert estimate_seconds(spec) < estimate_seconds(slow) / 20
