"""The conjugate prior: one definition in Pyro, the compiled pass and EM, and mclust's optimum."""

import numpy as np
import pytest
from points import FOURTEEN, random_dataset, random_point
from scipy import stats

import gmm_core as gmm
from gmm_core.engines.problem import Problem
from gmm_core.engines.pyro_model import log_joint as of_pyro
from gmm_core.mixture import log_joint, log_prior_terms, prior_draws, sites

from .test_kernel import assert_close


def heaped():
    """A grid of 10 x 10 points, and 30 copies of a point beside it."""
    side = np.linspace(-1.5, 1.5, 10)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    return gmm.Dataset.from_values(np.concatenate([grid, np.full((30, 2), 5.0)]))


def conjugate(dataset, **changed):
    return gmm.Priors.conjugate(dataset).model_copy(update=changed)


def test_defaults_are_mclusts():
    data = random_dataset(50, 3)
    priors = gmm.Priors.conjugate(data)
    assert (priors.shrinkage, priors.freedom, priors.concentration) == (0.01, 5, 1)
    np.testing.assert_allclose(priors.loc_mean, data.values.mean(axis=0))
    np.testing.assert_allclose(priors.covariance_scale, np.cov(data.values.T), rtol=1e-10)
    assert priors.proper


@pytest.mark.parametrize("form", FOURTEEN)
@pytest.mark.parametrize(("D", "K"), [(1, 1), (1, 3), (2, 1), (2, 3), (4, 3)])
def test_value_and_gradient_are_pyros(form, D, K):
    data = random_dataset(30, D, seed=K)
    mixture = gmm.Mixture(
        n_components=K, covariance=form[0], tied=form[1], priors=conjugate(data, shrinkage=0.3)
    )
    point = random_point(mixture, D, seed=D)
    assert log_joint(data, mixture, point) == pytest.approx(of_pyro(data, mixture, point), rel=1e-9)
    for coordinates, jacobian in (("store", False), ("bijection", True)):
        problem = Problem.of(data, mixture, coordinates, jacobian)
        assert_close(problem, problem.unconstrain(sites(mixture, point)), data, jacobian)


def test_each_half_of_it_goes_with_the_other_priors():
    data = random_dataset(30, 2)
    halves = (
        gmm.Priors(loc_scale=None, shrinkage=0.2),
        gmm.Priors(scale_log_sd=None, correlation=None, freedom=6, covariance_scale=(2.0, 3.0)),
    )
    for priors in halves:
        mixture = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=priors)
        assert priors.proper
        problem = Problem.of(data, mixture, "bijection", True)
        q = problem.unconstrain(sites(mixture, random_point(mixture, 2)))
        assert_close(problem, q, data, True)


def test_densities_are_those_of_scipy():
    """Of each form: an inverse Wishart, inverse gammas of variances, one inverse gamma."""
    data = random_dataset(40, 3)
    scale, about = np.cov(data.values.T) / 2 ** (2 / 3), data.values.mean(axis=0)
    for covariance, tied in FOURTEEN[:6]:
        mixture = gmm.Mixture(
            n_components=2, covariance=covariance, tied=tied, priors=conjugate(data)
        )
        point = random_point(mixture, 3)
        every, expected = point.covariances, 0.0
        for sigma in every[: 1 if tied else 2]:
            variances = np.diagonal(sigma)
            if covariance == "full":
                expected += stats.invwishart(5, scale).logpdf(sigma)
            elif covariance == "diag":
                log_densities = stats.invgamma(2.5, scale=np.diagonal(scale) / 2).logpdf(variances)
                expected += log_densities.sum()
            else:
                expected += stats.invgamma(2.5, scale=np.trace(scale) / 6).logpdf(variances[0])
        terms = log_prior_terms(mixture, point)
        assert terms["covariances"] == pytest.approx(expected, rel=1e-9)
        pairs = zip(point.locs, every, strict=True)
        of_locs = sum(stats.multivariate_normal(about, s / 0.01).logpdf(m) for m, s in pairs)
        assert terms["locs"] == pytest.approx(of_locs, rel=1e-9)


@pytest.mark.parametrize("method", ["em", "adam"])
def test_copies_of_a_point_end_at_mclusts_optimum(method):
    """Fraley and Raftery's optimum, of their own M-step iterated until nothing moves."""
    data = heaped()
    mixture = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=conjugate(data))
    options = gmm.MapOptions(restarts=40, choose="final", polish=True, method=method)
    fit = gmm.fit_map(data, mixture, options)
    # Under the priors in the data's units every start ends on the copies.
    assert not np.any(fit.verdict == "collapsed")
    point = fit.parameters
    likelihood = gmm.log_density(point, data.values).sum()
    assert likelihood == pytest.approx(-300.460348, abs=1e-5)
    assert -2 * likelihood + 11 * np.log(130) == pytest.approx(654.463576, abs=1e-5)
    small = int(point.weights.argmin())
    assert point.weights[small] == pytest.approx(30 / 130, abs=1e-7)
    expected = [[0.0720872, 0.0627373], [0.0627373, 0.0720872]]
    np.testing.assert_allclose(point.covariances[small], expected, atol=1e-6)


@pytest.mark.parametrize("form", FOURTEEN)
def test_em_ends_where_the_gradient_is_zero(form):
    data = random_dataset(60, 2, seed=3)
    mixture = gmm.Mixture(
        n_components=2, covariance=form[0], tied=form[1], priors=conjugate(data, shrinkage=0.5)
    )
    options = gmm.MapOptions(restarts=4, choose="final", method="em", steps=2000)
    fit = gmm.fit_map(data, mixture, options)
    problem = Problem.of(data, mixture)
    value, gradient = problem.value_and_gradient(
        problem.unconstrain(sites(mixture, fit.parameters))
    )
    assert np.abs(gradient).max() < 1e-3
    assert value == pytest.approx(-fit.final_loss[fit.chosen], rel=1e-9)


@pytest.mark.parametrize("form", FOURTEEN[:6])
def test_the_density_over_coordinates_is_that_of_prior_draws(form):
    """Between two ways to the same: importance weights of draws about their own mean."""
    data = random_dataset(40, 2)
    mixture = gmm.Mixture(
        n_components=1, covariance=form[0], tied=form[1], priors=conjugate(data, freedom=9.0)
    )
    nothing = gmm.Dataset.from_values(data.values[:2], weights=[1e-12, 1e-12])
    problem = Problem.of(nothing, mixture, "bijection", True)
    q = problem.unconstrain(sites(mixture, prior_draws(mixture, 2, 4000, seed=1)))
    normal = stats.multivariate_normal(q.mean(axis=0), np.cov(q.T))
    densities = np.array([problem.value_and_gradient(coordinates)[0] for coordinates in q])
    # The mean over draws of p of g / p is the integral of g, one.
    ratios = np.exp(normal.logpdf(q) - densities)
    assert abs(ratios.mean() - 1) < 5 * ratios.std() / np.sqrt(len(q)) + 0.01


def test_units_change_nothing():
    data = random_dataset(40, 2)
    unit = np.array([1e4, 1e-4])
    other = gmm.Dataset.from_values(data.values * unit)
    options = gmm.MapOptions(restarts=5, choose="final", polish=True, method="em")
    for form in FOURTEEN[2:]:
        covariances = []
        for dataset in (data, other):
            mixture = gmm.Mixture(
                n_components=2, covariance=form[0], tied=form[1], priors=conjugate(dataset)
            )
            fit = gmm.fit_map(dataset, mixture, options)
            assert -fit.final_loss[fit.chosen] == pytest.approx(
                log_joint(dataset, mixture, fit.parameters), rel=1e-8
            )
            covariances.append(fit.parameters.covariances)
        if form[0] in ("diag", "full"):
            np.testing.assert_allclose(
                covariances[1], covariances[0] * np.outer(unit, unit), rtol=1e-4
            )


def test_what_is_no_such_prior_is_refused():
    data = random_dataset(20, 3)
    with pytest.raises(ValueError, match="locs have one prior"):
        gmm.Priors(shrinkage=0.1)
    with pytest.raises(ValueError, match="Give both, or neither"):
        gmm.Priors(freedom=4)
    with pytest.raises(ValueError, match="of another one"):
        gmm.Priors(freedom=4, covariance_scale=1.0)
    for changed, words in (
        ({"freedom": 1.5}, "need more than 2"),
        ({"covariance_scale": ((1.0, 0.0), (0.0, 1.0))}, "2 x 2, but the data has 3"),
        ({"covariance_scale": ((1.0, 2, 0), (2, 1.0, 0), (0, 0, 1.0))}, "is no covariance"),
    ):
        mixture = gmm.Mixture(covariance="full", tied=False, priors=conjugate(data, **changed))
        with pytest.raises(ValueError, match=words):
            gmm.fit_map(data, mixture)
    mixture = gmm.Mixture(covariance="VEV", tied=None, priors=conjugate(data))
    with pytest.raises(ValueError, match="its integral is not known"):
        prior_draws(mixture, 3, 10)
