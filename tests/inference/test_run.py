"""A run finds what the tutorial finds, says what became of every restart, and can be stopped."""

import numpy as np
import pytest
from points import COVARIANCES, random_point

import gmm_core as gmm
from gmm_core.inference.run import combine, n_parts, run_part
from gmm_core.posterior.draws import Posterior
from gmm_core.runs.progress import Picture, Reporter

DATA = gmm.example("tutorial")
MIXTURE = gmm.Mixture()
SAME_SIDE = ((0, 1), (10, 11), (10, 12), (11, 12))


def by_loc(parameters):
    return parameters.permuted(np.argsort(-parameters.locs[:, 0]))


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
def test_the_tutorials_fit(engine):
    fit = gmm.fit_map(DATA, MIXTURE, engine=engine)
    assert np.nanmin(fit.initial_loss) == pytest.approx(25.665585, abs=1e-6)
    assert fit.initial_loss[fit.chosen] == fit.initial_loss.min()
    assert fit.final_loss[fit.chosen] == pytest.approx(17.4433, abs=1e-4)
    point = by_loc(fit.parameters)
    np.testing.assert_allclose(point.weights, [0.625, 0.375], atol=1e-3)
    np.testing.assert_allclose(point.locs[:, 0], [10.98446, 0.49894], atol=1e-3)
    np.testing.assert_allclose(point.scale_tril[:, 0, 0], 0.65143, atol=1e-3)
    assert fit.verdict[fit.chosen] == "converged"
    # Only the chosen one is trained; of the others the first loss is known.
    assert fit.loss.shape == (100, 200)
    assert np.isfinite(fit.loss[:, 0]).all()
    assert np.isfinite(fit.loss).all(axis=1).sum() == 1
    assert fit.count("untrained") == 99
    assert (fit.basin >= 0).sum() == 1
    assert np.isnan(fit.final_loss).sum() == 99


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
def test_choosing_by_the_final_loss_names_the_collapsed_starts_and_shuns_them(engine):
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(choose="final"), engine=engine)
    assert fit.final_loss[fit.chosen] == pytest.approx(17.443, abs=1e-3)
    assert fit.verdict[fit.chosen] in ("converged", "moving")
    starts = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(steps=1)).points.locs[:, :, 0]
    same_side = np.array([tuple(sorted(pair)) in SAME_SIDE for pair in starts.tolist()])
    # The one restart that made a step has left its point, and started at {1, 10}.
    assert same_side.sum() == 35
    np.testing.assert_array_equal(fit.verdict == "collapsed", same_side)
    # They fall below the optimum, which is why they must not win.
    assert np.all(fit.final_loss[same_side] < 7)
    assert np.all(fit.basin[same_side] == -1)
    assert np.all(fit.basin[~same_side] == 0)
    np.testing.assert_allclose(fit.final_loss[~same_side], 17.4433, atol=0.01)
    # Restarts that are permutations of each other are one restart.
    for r in range(100):
        assert fit.final_loss[r] == pytest.approx(
            -gmm.log_joint(DATA, MIXTURE, fit.restart(r)), abs=1e-9
        )


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
def test_polishing_reaches_the_exact_optimum(engine):
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(polish=True), engine=engine)
    assert fit.verdict[fit.chosen] == "converged"
    point = by_loc(fit.parameters)
    np.testing.assert_allclose(point.weights, [0.625, 0.375], atol=1e-6)
    np.testing.assert_allclose(point.locs[:, 0], [10.98446190, 0.49894133], atol=1e-6)
    np.testing.assert_allclose(point.scale_tril[:, 0, 0], 0.65143370, atol=1e-6)
    assert fit.final_loss[fit.chosen] == pytest.approx(17.44325488, abs=1e-8)


def test_a_polished_fit_has_no_gradient_left():
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(polish=True))
    h = 1e-5

    def loss(log_weight, locs, log_scale):
        e = np.exp([log_weight, 0.0])
        tril = np.full((2, 1, 1), np.exp(log_scale))
        return -gmm.log_joint(DATA, MIXTURE, gmm.Parameters(e / e.sum(), locs[:, None], tril))

    point = fit.parameters
    x = np.array(
        [
            np.log(point.weights[0] / point.weights[1]),
            *point.locs[:, 0],
            np.log(point.scale_tril[0, 0, 0]),
        ]
    )
    slope = [
        (loss(y[0], y[1:3], y[3]) - loss(z[0], z[1:3], z[3])) / (2 * h)
        for y, z in ((x + h * e, x - h * e) for e in np.eye(4))
    ]
    np.testing.assert_allclose(slope, 0, atol=1e-6)


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
def test_a_long_collapse_is_called_one_and_keeps_its_numbers(engine):
    # Seed 7 starts at {0, 1}. The tutorial's own run is NaN by 800 steps.
    fit = gmm.fit_map(
        DATA, MIXTURE, gmm.MapOptions(restarts=1, first_seed=7, steps=850), engine=engine
    )
    assert fit.verdict.tolist() == ["collapsed"]
    assert np.all(np.isfinite(fit.parameters.locs))
    assert fit.parameters.weights.min() < 1e-18
    assert fit.final_loss[0] < fit.loss[0, 199] < 7


def test_a_too_large_start_scale_puts_everything_into_one_cluster():
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=1, first_seed=13, start_scale=20))
    assert len(set(gmm.assign(fit.parameters, DATA.values))) == 1
    assert fit.verdict.tolist() == ["collapsed"]
    np.testing.assert_allclose(fit.parameters.scale_tril[:, 0, 0], 4.6025, atol=1e-3)


def test_with_concentration_one_nothing_collapses():
    mixture = gmm.Mixture(priors=gmm.Priors(concentration=2.0))
    options = gmm.MapOptions(restarts=1, first_seed=7, steps=400)
    fit = gmm.fit_map(DATA, mixture, options)
    assert fit.verdict[0] in ("converged", "moving")


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
@pytest.mark.parametrize("choose", ["initial", "final"])
def test_a_diverging_fit_is_marked_failed_and_keeps_its_curve(choose, engine):
    options = gmm.MapOptions(restarts=12, learning_rate=1e9, choose=choose, steps=30)
    fit = gmm.fit_map(DATA, MIXTURE, options, engine=engine)
    assert fit.verdict[fit.chosen] == "failed"
    assert np.isfinite(fit.loss[fit.chosen, 0])
    assert np.isnan(fit.loss[fit.chosen, -1])
    assert np.all(np.isfinite(fit.parameters.locs))
    assert np.all(fit.basin == -1)


def test_too_few_steps_are_still_moving():
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=1, first_seed=13, steps=10))
    assert fit.verdict.tolist() == ["moving"]


def test_the_trajectory_leads_from_start_to_end():
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=1, first_seed=13, steps=450))
    steps, path = fit.trajectory
    assert (steps[0], steps[-1]) == (0, 450)
    assert len(steps) == len(path) <= 201
    assert np.all(np.diff(steps) > 0)
    assert sorted(path[0].locs[:, 0].tolist()) == [1, 10]
    np.testing.assert_array_equal(path[len(path) - 1].locs, fit.parameters.locs)
    for step, point in list(zip(steps, path, strict=True))[:-1:40]:
        assert fit.loss[0, step] == pytest.approx(-gmm.log_joint(DATA, MIXTURE, point), abs=1e-9)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_every_covariance_fits_old_faithful(covariance, tied):
    dataset = gmm.example("faithful")
    mixture = gmm.Mixture(covariance=covariance, tied=tied, priors=gmm.Priors.for_data(dataset))
    fit = gmm.fit_map(dataset, mixture, gmm.MapOptions(restarts=5, steps=150))
    assert fit.verdict[fit.chosen] in ("converged", "moving")
    assert np.all(np.isfinite(fit.loss[fit.chosen]))
    assert fit.final_loss[fit.chosen] < fit.initial_loss.min()
    # The short and the long eruptions: about 36 % and 64 %.
    if covariance != "spherical":
        assert fit.parameters.weights.min() == pytest.approx(0.36, abs=0.03)
    assert ("correlation" in fit.gradient_norm) == (covariance == "full")


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
def test_reports_add_up_to_the_curves(engine):
    picture, reports = Picture(), []

    def watch(progress):
        reports.append((progress.done, progress.total))
        picture.apply(progress.snapshot)

    options = gmm.MapOptions(restarts=8, steps=40, choose="final")
    fit = gmm.fit_map(DATA, MIXTURE, options, engine=engine, on_progress=watch)
    done, total = reports[-1]
    assert done == total
    assert [d for d, _ in reports] == sorted(d for d, _ in reports)
    finite = np.isfinite(picture.arrays["loss"])
    np.testing.assert_array_equal(picture.arrays["loss"][finite], fit.loss[finite])
    # With Pyro all but the equal starts, which are filled in at the end.
    trained = finite.all(axis=1)
    assert trained.sum() * 40 >= total
    norms = picture.arrays["gradient_norm.locs"][trained]
    np.testing.assert_array_equal(norms, fit.gradient_norm["locs"][trained])
    assert picture.arrays["weights"].shape == (2,)
    assert picture.arrays["scale_tril"].shape == (2, 1, 1)


@pytest.mark.parametrize(
    ("engine", "method"), [("compiled", "adam"), ("compiled", "em"), ("pyro", "adam")]
)
def test_a_fit_that_is_yet_to_be_polished_is_not_reported_as_done(engine, method, monkeypatch):
    # Every report goes out, however soon after the last.
    monkeypatch.setattr(Reporter.__init__, "__defaults__", (0.0,))
    picture, shares = Picture(), {}

    def watch(progress):
        picture.apply(progress.snapshot)
        stepped = picture.arrays.get("loss", np.full((4, 30), np.nan))
        shares.setdefault(progress.done / progress.total, np.isfinite(stepped).sum())

    options = gmm.MapOptions(restarts=4, steps=30, choose="final", polish=True, method=method)
    gmm.fit_map(DATA, MIXTURE, options, engine=engine, on_progress=watch)
    assert list(shares) == sorted(shares)
    *before, last = shares
    assert last == 1
    # All that the steps recorded was there while the bar still had some way to go.
    assert shares[before[-1]] == shares[last] > 0


def test_the_guides_reports_add_up_too():
    picture = Picture()
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=1, first_seed=13))
    guide = gmm.fit_guide(
        DATA,
        MIXTURE,
        fit.parameters,
        gmm.GuideOptions(steps=30),
        on_progress=lambda progress: picture.apply(progress.snapshot),
    )
    np.testing.assert_array_equal(picture.arrays["loss"], guide.loss)
    np.testing.assert_array_equal(picture.arrays["assignment_probs"], guide.assignment_probs)
    norm = guide.gradient_norm["assignment_probs"]
    np.testing.assert_array_equal(picture.arrays["gradient_norm.assignment_probs"], norm)


@pytest.mark.parametrize("kind", ["map", "guide"])
def test_cancelling_stops_at_once(kind):
    seen = []

    def stop(progress):
        seen.append(progress.done)
        if progress.done > 0:
            raise gmm.Cancelled

    spec = gmm.Specification(
        dataset=DATA,
        mixture=MIXTURE,
        options={"map": gmm.MapOptions, "guide": gmm.GuideOptions}[kind](steps=20_000),
        engine="pyro",
        parameters=random_point(MIXTURE, 1) if kind == "guide" else None,
    )
    with pytest.raises(gmm.Cancelled):
        run_part(spec, 0, stop)
    assert max(seen) < 2000
    assert sum(done > 0 for done in seen) == 1
    # And the next fit is not disturbed.
    assert gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=1, steps=2)).loss.shape == (1, 2)


def test_an_exception_of_the_watcher_comes_through():
    def break_down(progress):
        raise RuntimeError("the watcher broke")

    with pytest.raises(RuntimeError, match="the watcher broke"):
        gmm.fit_map(DATA, MIXTURE, on_progress=break_down)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gmm.fit_map(DATA, gmm.Mixture(n_components=6)), "Lower K, or add data"),
        (lambda: gmm.fit_map(gmm.Dataset.from_values([3, 3, 3]), MIXTURE), "no spread to fit"),
        (lambda: gmm.fit_map(DATA, MIXTURE, engine="abacus"), "Choose 'compiled' or 'pyro'"),
        (lambda: gmm.fit_map(DATA, MIXTURE, {"steps": 10}), r"came as dict. Give gmm.MapOptions"),
        (lambda: gmm.fit_map(DATA, MIXTURE, gmm.NutsOptions()), "Give gmm.MapOptions"),
        (lambda: gmm.sample_posterior(DATA, MIXTURE, gmm.MapOptions()), "Give gmm.NutsOptions"),
    ],
)
def test_wrong_input_is_refused_with_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def chain(draws, seed=0):
    rng = np.random.default_rng(seed)
    return Posterior(
        {"weights": np.full((1, draws, 2), 0.5), "locs": rng.normal(size=(1, draws, 2, 1))},
        {"diverging": np.zeros((1, draws), bool), "step_size": np.array([0.1])},
    )


def test_chains_are_put_side_by_side_and_cut_to_the_shortest():
    spec = gmm.Specification(dataset=DATA, mixture=MIXTURE, options=gmm.NutsOptions(chains=3))
    assert n_parts(spec) == 3
    posterior = combine(spec, [chain(9, 1), None, chain(5, 2)])
    assert (posterior.n_chains, posterior.n_draws) == (2, 5)
    assert posterior.stats["step_size"].tolist() == [0.1, 0.1]
    np.testing.assert_array_equal(posterior.draws["locs"][1], chain(5, 2).draws["locs"][0])
    with pytest.raises(ValueError, match="No chain has a draw yet"):
        combine(spec, [None, None, None])


def test_a_map_fit_is_one_part():
    spec = gmm.Specification(
        dataset=DATA, mixture=MIXTURE, options=gmm.MapOptions(restarts=1, steps=3)
    )
    assert n_parts(spec) == 1
    part = run_part(spec, 0)
    assert combine(spec, [part]) is part


def test_a_restart_that_is_not_there_is_refused():
    fit = gmm.fit_map(DATA, MIXTURE, gmm.MapOptions(restarts=2, steps=1))
    with pytest.raises(ValueError, match="Give a number from 0 to 1"):
        fit.restart(2)


@pytest.mark.parametrize(
    ("covariance", "tied", "K", "verdict"),
    [("VVE", None, 4, "moving"), ("full", False, 3, "collapsed")],
)
def test_a_polished_start_that_has_found_no_optimum_never_wins(covariance, tied, K, verdict):
    # Many values of iris are equal: without priors some climbs have no end, and pass every optimum.
    mixture = gmm.Mixture(
        n_components=K, covariance=covariance, tied=tied, priors=gmm.Priors.flat()
    )
    options = gmm.MapOptions(restarts=20, steps=100, start="kmeans++", choose="final", polish=True)
    fit = gmm.fit_map(gmm.example("iris"), mixture, options)
    others = fit.verdict == verdict
    assert others.any()
    assert fit.final_loss[others].min() < fit.final_loss[fit.chosen]
    assert fit.verdict[fit.chosen] == "converged"
    assert np.all(fit.basin[others] == -1)
    assert fit.basin[fit.chosen] == 0


def test_the_optimum_beside_singular_covariances_is_found():
    mixture = gmm.Mixture(n_components=3, covariance="full", tied=False, priors=gmm.Priors.flat())
    options = gmm.MapOptions(restarts=20, steps=100, start="kmeans++", choose="final", polish=True)
    fit = gmm.fit_map(gmm.example("iris"), mixture, options)
    assert fit.final_loss[fit.chosen] == pytest.approx(180.185, abs=1e-3)
