"""EM climbs the objective of the other engines, never goes down, and ends where its slope does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from points import COVARIANCES, random_dataset

import gmm_core as gmm
from gmm_core.engines import em_run, restarts, team
from gmm_core.engines.em_run import EmRun
from gmm_core.engines.problem import Problem
from gmm_core.engines.pyro_engine import _Restart
from gmm_core.engines.pyro_model import isolated, make_model, tensor
from gmm_core.inference import estimate_seconds
from gmm_core.mixture import sites
from gmm_core.runs.progress import Picture, Reporter

TUTORIAL = gmm.example("tutorial")
FAITHFUL = gmm.example("faithful")
OPTIONS = gmm.MapOptions(restarts=12, steps=500, choose="final", method="em", start="kmeans++")


def mixture_of(covariance, tied, K=3, priors=None):
    priors = gmm.Priors.flat() if priors is None else priors
    return gmm.Mixture(n_components=K, covariance=covariance, tied=tied, priors=priors)


@pytest.mark.parametrize("covariance", ["diag", "spherical"])
def test_values_that_are_all_equal_have_the_scale_of_their_prior(covariance):
    # Of n equal values the scale's maximum is exp(a - b^2 (n + 1)), by its derivative.
    rng = np.random.default_rng(0)
    n, a, b = 30, 0.0, 0.2
    other = np.column_stack([np.linspace(-1, 1, n), rng.normal(size=n)]) + 50
    equal = np.zeros((n, 2)) if covariance == "spherical" else other * [1, 0] - [100, 0]
    priors = gmm.Priors(loc_scale=1e4, scale_log_mean=a, scale_log_sd=b)
    fit = gmm.fit_map(
        gmm.Dataset.from_values(np.concatenate([equal, other])),
        mixture_of(covariance, False, K=2, priors=priors),
        OPTIONS,
    )
    numbers = n * (2 if covariance == "spherical" else 1)
    smallest = fit.parameters.scales[fit.parameters.locs[:, 0].argmin(), 1]
    assert np.log(smallest) == pytest.approx(a - b**2 * (numbers + 1), abs=1e-6)


# R 4.4, mclust 6.1: Mclust(faithful, G = 3, modelNames = ...); and the best of 100 of our starts.
@pytest.mark.parametrize(
    ("covariance", "tied", "best"),
    [
        ("diag", False, -1127.0075),
        ("full", False, -1114.4399),
        ("full", True, -1126.3159),
        ("diag", True, -1133.4554),
    ],
)
def test_the_best_known_optima_of_faithful_are_found(covariance, tied, best):
    options = OPTIONS.model_copy(update={"restarts": 60})
    fit = gmm.fit_map(FAITHFUL, mixture_of(covariance, tied), options)
    assert -fit.final_loss[fit.chosen] == pytest.approx(best, abs=1e-4)
    assert fit.verdict[fit.chosen] == "converged"


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_it_ends_where_scikit_learns_em_does_from_the_same_start(covariance, tied):
    mixture = mixture_of(covariance, tied, K=2)
    fit = gmm.fit_map(FAITHFUL, mixture, OPTIONS)
    theirs = gmm.fit_em(FAITHFUL, mixture, fit.trajectory[1][0])
    assert -fit.final_loss[fit.chosen] == pytest.approx(theirs.log_likelihood[-1], abs=1e-6)
    mine, other = (p.permuted(p.order) for p in (fit.parameters, theirs.parameters))
    np.testing.assert_allclose(mine.locs, other.locs, rtol=1e-3)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
@pytest.mark.parametrize("dataset", [TUTORIAL, FAITHFUL], ids=["tutorial", "faithful"])
@pytest.mark.parametrize("prior", ["tutorial", "data", "flat"])
def test_its_optima_are_those_of_adam_and_a_polish(dataset, covariance, tied, prior):
    if prior == "flat" and dataset is TUTORIAL:
        prior = "data"
    priors = {
        "tutorial": gmm.Priors(concentration=1.5),
        "data": gmm.Priors.for_data(dataset),
        "flat": gmm.Priors.flat(),
    }[prior]
    mixture = mixture_of(covariance, tied, K=2, priors=priors)
    em = gmm.fit_map(dataset, mixture, OPTIONS)
    adam = OPTIONS.model_copy(update={"method": "adam", "polish": True, "steps": 200})
    reference = gmm.fit_map(dataset, mixture, adam)
    assert em.verdict[em.chosen] == "converged"
    assert em.final_loss[em.chosen] == pytest.approx(reference.final_loss[reference.chosen])
    ours, theirs = (f.parameters.permuted(f.parameters.order) for f in (em, reference))
    np.testing.assert_allclose(ours.locs, theirs.locs, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.covariances, theirs.covariances, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
@pytest.mark.parametrize("flat", [False, True])
def test_pyros_gradient_vanishes_there(covariance, tied, flat):
    priors = gmm.Priors.flat() if flat else gmm.Priors.for_data(FAITHFUL)
    mixture = mixture_of(covariance, tied, priors=priors)
    fit = gmm.fit_map(FAITHFUL, mixture, OPTIONS)
    with isolated():
        restart = _Restart(make_model(mixture, 2), tensor(FAITHFUL.values), OPTIONS)
        restart.begin(sites(mixture, fit.parameters))
        loss, gradient = restart.loss_and_gradient(restart.unconstrained())
    assert loss == pytest.approx(fit.final_loss[fit.chosen], rel=1e-12)
    for name, g in gradient.items():
        unit = fit.parameters.scales if name == "locs" else 1.0
        assert np.abs(g.numpy() * unit).max() < 1e-6 * len(FAITHFUL.values), name


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    N=st.integers(8, 60),
    D=st.integers(1, 4),
    K=st.integers(1, 5),
    which=st.sampled_from(COVARIANCES),
    flat=st.booleans(),
)
def test_no_step_ever_goes_down(seed, N, D, K, which, flat):
    dataset = random_dataset(N, D, seed)
    priors = gmm.Priors.flat() if flat else gmm.Priors.for_data(dataset)
    mixture = mixture_of(*which, K=K, priors=priors)
    options = OPTIONS.model_copy(update={"restarts": 6, "steps": 80, "start": "subsample"})
    fit = gmm.fit_map(dataset, mixture, options)
    rise = np.diff(fit.loss, axis=1) / np.abs(fit.loss[:, :-1])
    assert not np.any(rise > 1e-10)
    least = np.where(np.isfinite(fit.loss), fit.loss, np.inf).min(axis=1)
    assert np.all(fit.final_loss <= least + 1e-8 * np.abs(least))


def test_the_curve_is_the_loss_of_the_points_on_the_way():
    priors = gmm.Priors.for_data(FAITHFUL)
    for covariance, tied in COVARIANCES:
        mixture = mixture_of(covariance, tied, priors=priors)
        fit = gmm.fit_map(FAITHFUL, mixture, OPTIONS)
        steps, points = fit.trajectory
        for m in range(len(steps) - 1):
            loss = -gmm.log_joint(FAITHFUL, mixture, points[m])
            assert fit.loss[fit.chosen, steps[m]] == pytest.approx(loss, rel=1e-12)
        # The norms of the gradient are the kernel's, which Pyro's are held to.
        problem = Problem.of(FAITHFUL, mixture)
        q = problem.unconstrain(sites(mixture, points[1]))
        gradient = problem.split(problem.value_and_gradient(q)[1])
        for name, norm in fit.gradient_norm.items():
            expected = np.linalg.norm(gradient[name])
            assert norm[fit.chosen, steps[1]] == pytest.approx(expected, rel=1e-9)


def test_it_is_far_fewer_passes_than_plain_em_takes():
    mixture = mixture_of("full", True, K=4)
    fit = gmm.fit_map(FAITHFUL, mixture, OPTIONS)
    plain = gmm.fit_em(FAITHFUL, mixture, fit.trajectory[1][0])
    made = np.isfinite(fit.loss[fit.chosen]).sum()
    assert -fit.final_loss[fit.chosen] > plain.log_likelihood[-1] - 1e-6
    assert 1.5 * made < 0.5 * plain.iterations


def test_results_depend_on_nothing_but_the_specification(monkeypatch):
    mixture = mixture_of("full", False)
    first = gmm.fit_map(FAITHFUL, mixture, OPTIONS)
    monkeypatch.setattr(team, "_BATCH_SECONDS", 0.0)
    monkeypatch.setattr(team.os, "sched_getaffinity", lambda pid: {0})
    monkeypatch.setattr(restarts, "FRAME_NUMBERS", 4000)
    again = gmm.fit_map(FAITHFUL, mixture, OPTIONS)
    np.testing.assert_array_equal(again.loss, first.loss)
    np.testing.assert_array_equal(again.points.scale_tril, first.points.scale_tril)
    np.testing.assert_array_equal(again.trajectory[1].locs, first.trajectory[1].locs)


def test_it_streams_and_stops(monkeypatch):
    # Every report goes out, however soon after the last.
    monkeypatch.setattr(Reporter.__init__, "__defaults__", (0.0,))
    mixture = mixture_of("full", False)
    picture, seen = Picture(), []

    def watch(progress):
        picture.apply(progress.snapshot)
        seen.append(progress.done / progress.total)

    fit = gmm.fit_map(FAITHFUL, mixture, OPTIONS, on_progress=watch)
    finite = np.isfinite(picture.arrays["loss"])
    np.testing.assert_array_equal(picture.arrays["loss"][finite], fit.loss[finite])
    assert finite.sum() > 12
    assert seen == sorted(seen)

    def stop(progress):
        raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled):
        gmm.fit_map(FAITHFUL, mixture, OPTIONS, on_progress=stop)


def test_lost_components_are_called_collapsed():
    dataset = gmm.Dataset.from_values([0.0, 0.1, 0.2, 0.3, 9.0])
    fit = gmm.fit_map(dataset, mixture_of("spherical", False, K=2), OPTIONS)
    assert "collapsed" in fit.verdict
    assert np.isfinite(fit.final_loss).all()
    # Dirichlet(1/2) takes a weight to zero where it can, as the tutorial's starts show.
    options = gmm.MapOptions(restarts=100, choose="final", method="em")
    fit = gmm.fit_map(TUTORIAL, gmm.Mixture(), options)
    assert 1 <= fit.count("collapsed") <= 35
    assert fit.final_loss[fit.chosen] == pytest.approx(17.44325488, abs=1e-7)


def test_a_collinear_column_is_no_trouble():
    rng = np.random.default_rng(4)
    z = np.r_[rng.normal(0, 1, (150, 3)), rng.normal(2.5, 1.5, (150, 3))]
    last = z @ [1.0, 2.0, -1.0] + 1e-4 * rng.normal(size=300)
    dataset = gmm.Dataset.from_values(np.c_[z, last])
    fit = gmm.fit_map(dataset, mixture_of("full", False, K=3), OPTIONS)
    assert fit.verdict[fit.chosen] == "converged"
    # No change of units, linear or not along the axes, moves EM: the optimum is that of the same
    # data in coordinates without a narrow direction, but for their determinant.
    turned = gmm.Dataset.from_values(np.c_[z, (last - z @ [1.0, 2.0, -1.0]) * 1e4])
    other = gmm.fit_map(turned, mixture_of("full", False, K=3), OPTIONS)
    shift = 300 * np.log(1e4)
    best = [-f.final_loss[f.verdict == "converged"].min() for f in (fit, other)]
    assert best[0] - shift >= best[1] - 20
    assert fit.count("moving") <= 2


def test_what_pyro_does_not_know_is_said():
    with pytest.raises(ValueError, match="does not fit by 'em'"):
        gmm.fit_map(FAITHFUL, gmm.Mixture(), OPTIONS, engine="pyro")


def test_the_cost_is_about_its_passes():
    spec = gmm.Specification(dataset=FAITHFUL, mixture=gmm.Mixture(), options=OPTIONS)
    adam = spec.model_copy(update={"options": OPTIONS.model_copy(update={"method": "adam"})})
    assert estimate_seconds(spec) < estimate_seconds(adam)


def test_who_creeps_along_a_ridge_comes_to_its_end():
    # Three wide heaps that overlap: a third of the starts lose a component, and do it slowly.
    rng = np.random.default_rng(2)
    heaps = rng.normal(0, 4, 3)[rng.choice(3, 1000, p=[0.3, 0.3, 0.4])]
    dataset = gmm.Dataset.from_values(heaps + 2 * rng.normal(size=1000))
    fit = gmm.fit_map(
        dataset, mixture_of("diag", False), OPTIONS.model_copy(update={"restarts": 60})
    )
    assert fit.count("moving") == 0
    assert fit.verdict[fit.chosen] == "converged"


@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VVI", "EII", "VEV"])
def test_who_comes_close_to_a_known_optimum_ends_where_it_would_have(covariance, monkeypatch):
    mixture = gmm.Mixture(
        n_components=3, covariance=covariance, tied=None, priors=gmm.Priors.flat()
    )
    options = OPTIONS.model_copy(update={"restarts": 40})
    fit = gmm.fit_map(FAITHFUL, mixture, options)
    monkeypatch.setattr(EmRun, "_find_heads", lambda self: None)
    alone = gmm.fit_map(FAITHFUL, mixture, options)
    made, whole = (np.isfinite(f.loss).sum() for f in (fit, alone))
    assert made < 0.85 * whole
    np.testing.assert_allclose(fit.final_loss, alone.final_loss, rtol=1e-9)
    np.testing.assert_array_equal(fit.verdict, alone.verdict)
    # Each in the order of its own start.
    np.testing.assert_allclose(fit.points.locs, alone.points.locs, rtol=1e-3)


def test_what_creeps_along_a_ridge_is_finished_by_a_polish(monkeypatch):
    rng = np.random.default_rng(2)
    dataset = gmm.Dataset.from_values(np.r_[rng.normal(-4, 2, 125), rng.normal(0, 2, 375)])
    mixture = mixture_of("full", True)
    fit = gmm.fit_map(dataset, mixture, OPTIONS)
    assert fit.count("converged") == len(fit.verdict)
    steps = np.isfinite(fit.loss).sum(axis=1)
    monkeypatch.setattr(em_run, "_CREEPING", 20_000)
    alone = gmm.fit_map(dataset, mixture, OPTIONS.model_copy(update={"steps": 20_000}))
    assert np.isfinite(alone.loss).sum() > 2 * steps.sum()
    best = fit.final_loss[fit.chosen]
    assert best == pytest.approx(alone.final_loss[alone.chosen], rel=1e-9)


# mclust 6.0 in R 4.2: Mclust(iris[, 1:4], G = 5, "EVE")$loglik -246.6153; G = 4, "EVV" -222.3485.
@pytest.mark.parametrize(
    ("K", "covariance", "seed", "theirs"), [(5, "EVE", 3, -246.6153), (4, "EVV", 1, -222.3485)]
)
def test_a_start_that_collapses_out_of_its_family_ends_no_other(K, covariance, seed, theirs):
    mixture = gmm.Mixture(
        n_components=K, covariance=covariance, tied=None, priors=gmm.Priors.flat()
    )
    options = gmm.MapOptions(start="search", restarts=20, steps=1000, first_seed=seed)
    fit = gmm.fit_map(gmm.example("iris"), mixture, options)
    assert "collapsed" in fit.verdict
    assert fit.verdict[fit.chosen] == "converged"
    assert -fit.final_loss[fit.chosen] > theirs
