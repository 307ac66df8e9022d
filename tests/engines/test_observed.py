"""Weights, known classes, noise and missing values: the same numbers from every engine.

The Pyro model is the definition; the closed forms in NumPy and the compiled pass are held to it,
and to what each means: two is the row twice, and what is missing is integrated out.
"""

import itertools

import numpy as np
import pytest
from points import FOURTEEN
from scipy.stats import multivariate_normal

import gmm_core as gmm
from gmm_core.engines import pyro_model
from gmm_core.engines.problem import Problem
from gmm_core.mixture.likelihood import membership

SIX = list(itertools.product(("spherical", "diag", "full"), (True, False)))
FAITHFUL = gmm.example("faithful").values
ORDER = np.arange(272)
FLAT = gmm.Priors.flat()
SEARCH = gmm.MapOptions(restarts=8, steps=50, start="kmeans++", choose="final", polish=True)
EM = gmm.MapOptions(restarts=8, steps=500, start="kmeans++", choose="final", method="em")


def data(kind, D, K):
    """Forty points with what the kind says, and the arguments of a mixture of them."""
    rng = np.random.default_rng([D, K])
    x = rng.normal(size=(40, D)) * np.arange(1, D + 1)
    x[:20] += 3
    fields, mixture = {}, {}
    if kind in ("weights", "all"):
        fields["weights"] = rng.integers(0, 4, 40) * 0.75
    if kind in ("missing values", "all") and D > 1:
        holes = rng.random(x.shape) < 0.2
        holes[holes.all(axis=1)] = False
        x[holes] = np.nan
        fields["missing"] = "keep"
    if kind in ("known classes", "all"):
        fields["classes"] = [None] * 25 + ["a"] * 8 + ["b" if K > 1 else "a"] * 7
        mixture["labels"] = "fix"
    if kind in ("noise", "all"):
        mixture["noise"] = True
    return gmm.Dataset.from_values(x, **fields), mixture


@pytest.mark.parametrize("kind", ["weights", "missing values", "known classes", "noise", "all"])
@pytest.mark.parametrize("D", [1, 2, 4])
@pytest.mark.parametrize("K", [1, 3])
def test_closed_form_and_compiled_pass_are_the_pyro_model(kind, D, K):
    dataset, fields = data(kind, D, K)
    for covariance, tied in (*SIX, ("VEI", None), ("EVE", None)):
        mixture = gmm.Mixture(
            n_components=K,
            covariance=covariance,
            tied=tied,
            priors=gmm.Priors.for_data(dataset),
            **fields,
        )
        mixture.check(dataset)
        problem = Problem.of(dataset, mixture)
        q = np.random.default_rng(5).normal(size=problem.size) * 0.5
        value, gradient = problem.value_and_gradient(q)
        point = problem.points(q)
        defined = pyro_model.log_joint(dataset, mixture, point)
        assert value == pytest.approx(defined, rel=1e-9)
        assert gmm.log_joint(dataset, mixture, point) == pytest.approx(defined, rel=1e-9)
        h = 1e-5
        slope = [
            (problem.value_and_gradient(q + h * e)[0] - problem.value_and_gradient(q - h * e)[0])
            / (2 * h)
            for e in np.eye(problem.size)
        ]
        np.testing.assert_allclose(gradient, slope, atol=1e-6 * np.abs(gradient).max())


@pytest.mark.parametrize("options", [SEARCH, EM], ids=["adam", "em"])
@pytest.mark.parametrize("priors", ["flat", "for_data", "conjugate"])
@pytest.mark.parametrize(("covariance", "tied"), FOURTEEN)
def test_a_weight_of_two_is_the_row_twice_and_of_zero_the_row_gone(
    options, priors, covariance, tied
):
    weights = ORDER % 3
    weighted = gmm.Dataset.from_values(FAITHFUL, weights=weights)
    repeated = gmm.Dataset.from_values(np.repeat(FAITHFUL, weights, axis=0))
    priors = FLAT if priors == "flat" else getattr(gmm.Priors, priors)(repeated)
    mixture = gmm.Mixture(n_components=2, covariance=covariance, tied=tied, priors=priors)
    one, other = (gmm.fit_map(dataset, mixture, options) for dataset in (weighted, repeated))
    assert one.verdict[one.chosen] == "converged"
    assert one.final_loss[one.chosen] == pytest.approx(other.final_loss[other.chosen], rel=1e-10)


def best(dataset, mixture, options=SEARCH, **fields):
    fit = gmm.fit_map(dataset, mixture, options, **fields)
    assert fit.verdict[fit.chosen] == "converged"
    return -fit.final_loss[fit.chosen], fit.parameters.permuted(np.argsort(fit.parameters.weights))


OWN = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=FLAT)


def test_weighted_faithful_has_the_value_of_a_second_implementation():
    value, point = best(gmm.Dataset.from_values(FAITHFUL, weights=1 + ORDER % 3), OWN)
    assert value == pytest.approx(-2253.359170, abs=1e-5)
    np.testing.assert_allclose(point.weights, [0.348807, 0.651193], atol=1e-6)


@pytest.mark.parametrize("options", [SEARCH, EM], ids=["adam", "em"])
def test_faithful_with_holes_has_the_value_of_a_second_implementation(options):
    x = FAITHFUL.copy()
    x[ORDER % 10 == 0, 1] = np.nan
    x[ORDER % 10 == 5, 0] = np.nan
    value, point = best(gmm.Dataset.from_values(x, missing="keep"), OWN, options)
    assert value == pytest.approx(-1023.454272, abs=1e-5)
    np.testing.assert_allclose(point.weights, [0.355162, 0.644838], atol=1e-6)
    expected = [[2.02683, 54.55916], [4.29158, 80.23505]]
    np.testing.assert_allclose(point.locs, expected, atol=1e-5)
    dropped = gmm.Dataset.from_values(x, missing="drop")
    assert len(dropped.values) == 217
    value, _ = best(dropped, OWN, options)
    assert value == pytest.approx(-895.005331, abs=1e-5)


@pytest.mark.parametrize("priors", ["flat", "for_data", "conjugate"])
@pytest.mark.parametrize("form", FOURTEEN)
def test_em_over_holes_ends_where_the_gradient_is_zero(form, priors):
    """With weights and known classes too, from several starts in one pass."""
    x = np.column_stack([FAITHFUL, FAITHFUL.sum(axis=1) + np.sin(ORDER)])[::2]
    row = np.arange(len(x))
    for column, rest in ((0, 1), (1, 4), (2, 4), (1, 7)):
        x[row % 9 == rest, column] = np.nan
    classes = ["short" if n % 10 == 0 else None for n in row]
    data = gmm.Dataset.from_values(x, missing="keep", weights=1 + row % 2, classes=classes)
    chosen = FLAT if priors == "flat" else getattr(gmm.Priors, priors)(data)
    mixture = gmm.Mixture(
        n_components=2, covariance=form[0], tied=form[1], priors=chosen, labels="fix"
    )
    options = gmm.MapOptions(restarts=3, choose="final", method="em", steps=4000, polish=True)
    fit = gmm.fit_map(data, mixture, options)
    assert fit.verdict[fit.chosen] == "converged"
    assert -fit.final_loss[fit.chosen] == pytest.approx(
        gmm.log_joint(data, mixture, fit.parameters), rel=1e-9
    )
    # What EM made of it before any polish never lies beyond the optimum.
    sound = fit.verdict == "converged"
    assert np.all(np.nanmin(fit.loss[sound], axis=1) > fit.final_loss[sound] - 1e-6)


@pytest.mark.parametrize("options", [SEARCH, EM], ids=["adam", "em"])
def test_iris_with_every_tenth_species_known(options):
    iris = gmm.example("iris").values
    species = np.repeat(["setosa", "versicolor", "virginica"], 50)
    classes = [name if n % 10 == 0 else None for n, name in enumerate(species)]
    mixture = gmm.Mixture(n_components=3, covariance="full", priors=FLAT, labels="fix")
    some = gmm.Dataset.from_values(iris, classes=classes)
    value, _ = best(some, mixture, options)
    assert value == pytest.approx(-258.0028, abs=1e-4)
    # In its own order: class j is component j. The known ones are no errors.
    fit = gmm.fit_map(some, mixture, options)
    assigned = membership(some, mixture, fit.parameters)[1].argmax(axis=0)
    assert (assigned != np.repeat([0, 1, 2], 50)).sum() == 2
    # With all known the fit is each species' own mean and the pooled covariance.
    _, point = best(gmm.Dataset.from_values(iris, classes=species), mixture, options)
    assert gmm.log_density(point, iris).sum() == pytest.approx(-256.64618, abs=1e-5)


def test_a_hole_is_integrated_out_of_density_and_responsibilities():
    _, point = best(gmm.Dataset.from_values(FAITHFUL), OWN)
    x = FAITHFUL[:6].copy()
    x[0, 0] = x[3, 1] = np.nan
    terms = np.array(
        [
            [
                w * multivariate_normal(m[present], C[np.ix_(present, present)]).pdf(row[present])
                for w, m, C in zip(point.weights, point.locs, point.covariances, strict=True)
            ]
            for row, present in zip(x, ~np.isnan(x), strict=True)
        ]
    )
    np.testing.assert_allclose(gmm.log_density(point, x), np.log(terms.sum(axis=1)), rtol=1e-10)
    shares = terms / terms.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gmm.responsibilities(point, x), shares, atol=1e-12)


def test_noise_takes_what_lies_far_from_all():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (80, 2)), rng.normal(9, 1, (80, 2))])
    x = np.concatenate([x, rng.uniform(-30, 40, (20, 2))])
    dataset = gmm.Dataset.from_values(x)
    mixture = gmm.Mixture(n_components=2, priors=FLAT, noise=True)
    plain = gmm.Mixture(n_components=2, priors=FLAT)
    _, point = best(dataset, mixture)
    assert point.weights.sum() + point.noise == pytest.approx(1)
    r = gmm.responsibilities(point, x)
    assert r.shape == (180, 3)
    assert (r[160:].argmax(axis=1) == 2).mean() > 0.85
    assert (r[:160].argmax(axis=1) == 2).mean() < 0.05
    assert mixture.n_parameters(2) == plain.n_parameters(2) + 2


def outliers(D, everything):
    """Two groups with some points far from both, and with all else there may be."""
    rng = np.random.default_rng(D)
    x = np.concatenate([rng.normal(0, 1, (30, D)), rng.normal(7, 1, (40, D))])
    x = np.concatenate([x, rng.uniform(-20, 30, (10, D))])
    if not everything:
        return gmm.Dataset.from_values(x), {"noise": True}
    if D > 1:
        x[::7, 0] = x[3::7, 1] = np.nan
    fields = {"weights": 1 + np.arange(80) % 2, "classes": ["a"] * 5 + [None] * 75}
    dataset = gmm.Dataset.from_values(x, missing="keep", **fields)
    return dataset, {"noise": True, "labels": "fix"}


@pytest.mark.parametrize("everything", [False, True], ids=["noise", "all"])
@pytest.mark.parametrize("D", [1, 2, 4])
def test_em_with_noise_climbs_to_the_optima_of_adam(D, everything):
    dataset, fields = outliers(D, everything)
    options = EM.model_copy(update={"restarts": 4})
    reference = SEARCH.model_copy(update={"restarts": 4})
    for covariance, tied in (*SIX, ("EEV", None), ("VEI", None)):
        for priors in (FLAT, gmm.Priors.conjugate(dataset)):
            mixture = gmm.Mixture(
                n_components=2, covariance=covariance, tied=tied, priors=priors, **fields
            )
            one, other = (gmm.fit_map(dataset, mixture, method) for method in (options, reference))
            assert one.verdict[one.chosen] == "converged"
            end = one.final_loss[one.chosen]
            assert end == pytest.approx(other.final_loss[other.chosen], rel=1e-8)
            assert end == pytest.approx(-gmm.log_joint(dataset, mixture, one.parameters), rel=1e-9)
            assert 0.02 < float(one.parameters.noise) < 0.3
            rise = np.diff(one.loss, axis=1) / np.abs(one.loss[:, :-1])
            assert not np.any(rise > 1e-10)


def test_noise_that_nothing_needs_ends_with_no_weight():
    x = np.random.default_rng(3).normal(size=(60, 2))
    dataset = gmm.Dataset.from_values(x)
    noisy = gmm.Mixture(n_components=1, covariance="full", priors=FLAT, noise=True)
    plain = noisy.model_copy(update={"noise": False})
    # Only where the density of the noise is below that of every point.
    noisy = noisy.model_copy(update={"noise_box": (1e4, 1e4)})
    value, point = best(dataset, noisy, EM)
    assert float(point.noise) < 1e-9
    assert value == pytest.approx(best(dataset, plain, EM)[0], abs=1e-6)
    # A prior that is infinite at no weight has no optimum there.
    sparse = noisy.model_copy(update={"priors": gmm.Priors(concentration=0.5)})
    for options in (EM, SEARCH):
        fit = gmm.fit_map(dataset, sparse, options)
        assert set(fit.verdict) == {"collapsed"}


def test_pyro_and_compiled_go_the_same_way_with_everything_at_once():
    dataset, fields = data("all", 2, 3)
    mixture = gmm.Mixture(
        n_components=3, covariance="full", priors=gmm.Priors.for_data(dataset), **fields
    )
    options = gmm.MapOptions(restarts=2, steps=30, choose="final")
    one, other = (
        gmm.fit_map(dataset, mixture, options, engine=engine) for engine in ("compiled", "pyro")
    )
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-9)


def test_draws_with_weights_are_those_of_the_repeated_rows():
    weights = 1 + ORDER[:60] % 3
    weighted = gmm.Dataset.from_values(FAITHFUL[:60], weights=weights)
    repeated = gmm.Dataset.from_values(np.repeat(FAITHFUL[:60], weights, axis=0))
    mixture = gmm.Mixture(n_components=2, priors=gmm.Priors.for_data(repeated))
    options = gmm.NutsOptions(draws=300, warmup=300, chains=2)
    one, other = (gmm.sample_posterior(item, mixture, options) for item in (weighted, repeated))
    for draws in (one, other):
        point = draws.parameters[7]
        assert draws.stats["log_joint"][0, 7] == pytest.approx(
            gmm.log_joint(repeated, mixture, point), rel=1e-9
        )
    means = [
        np.sort(item.draws["locs"][..., 1], axis=-1).mean(axis=(0, 1)) for item in (one, other)
    ]
    np.testing.assert_allclose(*means, rtol=0.05)


@pytest.mark.parametrize(
    ("fields", "mixture", "words"),
    [
        ({}, {"labels": "fix"}, "the data has no known classes"),
        ({"classes": ["a", "b", "c", None]}, {"labels": "fix"}, "3 known classes.*Raise K to 3"),
        ({}, {"noise": True, "noise_box": (1.0, 2.0)}, "2 widths, but the data has 1 columns"),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(fields, mixture, words):
    dataset = gmm.Dataset.from_values([1.0, 2.0, 4.0, 8.0], **fields)
    with pytest.raises(ValueError, match=words):
        gmm.fit_map(dataset, gmm.Mixture(n_components=2, **mixture))


def test_an_engine_says_what_it_does_not_take():
    dataset = gmm.Dataset.from_values([1.0, 2.0, 4.0, 8.0])
    noisy = gmm.Mixture(n_components=2, noise=True)
    with pytest.raises(ValueError, match="no exact posterior|Leave these out"):
        gmm.exact_posterior(dataset, noisy)
    weighted = gmm.Dataset.from_values([1.0, 2.0, 4.0, 8.0], weights=[1, 2, 3, 4])
    flat = gmm.Mixture(n_components=2, priors=FLAT)
    start = gmm.fit_map(weighted, flat, SEARCH).parameters
    with pytest.raises(ValueError, match="does not take weights.*Repeat the rows"):
        gmm.fit_em(weighted, flat, start)


def test_criteria_count_weights():
    weights = 1 + ORDER % 3
    weighted = gmm.Dataset.from_values(FAITHFUL, weights=weights)
    repeated = gmm.Dataset.from_values(np.repeat(FAITHFUL, weights, axis=0))
    one, other = (
        gmm.compare(dataset, 2, [("full", True)], restarts=3)[0] for dataset in (weighted, repeated)
    )
    for name in (
        "log_likelihood",
        "bic",
        "aicc",
        "icl",
        "icl_most_probable",
        "entropy",
        "smallest",
    ):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-7), name


def test_noise_is_compared_with_and_without():
    data = gmm.Dataset.from_values(FAITHFUL)
    rows = gmm.compare(data, [1, 2], "full", noise=True, restarts=6)
    assert [row.n_parameters for row in rows] == [7, 7, 10, 13]
    assert all(row.sound and row.found_by for row in rows)
    for row in rows:
        mixture = gmm.Mixture(
            n_components=row.n_components,
            covariance="full",
            tied=row.tied,
            priors=FLAT,
            noise=True,
        )
        # A search is at least as good as that many starts of Adam.
        assert row.log_likelihood > best(data, mixture)[0] - 1e-6
