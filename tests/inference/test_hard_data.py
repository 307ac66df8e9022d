"""Hard data is fitted, sampled and swept, or refused in a sentence; no number shown is NaN."""

import numpy as np
import pytest
from points import COVARIANCES

import gmm_core as gmm
from gmm_core.comparison.sweep import criteria
from gmm_core.mixture import Mixture, Priors
from gmm_core.words.fit import fit_answer

RNG = np.random.default_rng(0)
TWO = np.r_[RNG.normal(0, 1, (40, 2)), RNG.normal(6, 1, (40, 2))]
HARD = {
    "scales of 1e-6 and 1e6": TWO * [1e-6, 1e6],
    "duplicated points": np.repeat(TWO[:8], 10, axis=0),
    "two different points": np.repeat([[0.0, 0.0], [1.0, 2.0]], 10, axis=0),
    "a column that follows from another": np.c_[TWO[:, 0], 2 * TWO[:, 0]],
    "outliers of 1e6": np.r_[TWO, [[1e6, -1e6]]],
    "N = K": TWO[[0, 50]],
    "locations of 1e8": TWO + 1e8,
    "beyond 2**53": 2.0**60 + 1e6 * TWO,
}
REFUSED = {
    "N = 1": (TWO[:1], "at least as many points|needs at least two"),
    "a constant column": (np.c_[TWO, np.ones(80)], 'All 80 values of the column "x3" are equal'),
    "equal points": (np.ones((9, 2)), 'All 9 values of the column "x1" are equal'),
    "squares too large": (TWO * 1e300, "beyond the range of numbers"),
    "squares too small": (TWO * 1e-300, "beyond the range of numbers"),
}
OPTIONS = gmm.MapOptions(restarts=6, steps=100, choose="final", polish=True)


def mixture_of(data, covariance, tied, K=2, priors=None):
    priors = priors or Priors.for_data(data)
    return Mixture(n_components=K, covariance=covariance, tied=tied, priors=priors)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
@pytest.mark.parametrize("name", HARD)
def test_hard_data_is_fitted_or_its_collapse_is_told(name, covariance, tied):
    data = gmm.Dataset.from_values(HARD[name])
    for priors in (Priors.for_data(data), Priors.flat()):
        mixture = mixture_of(data, covariance, tied, priors=priors)
        fit = gmm.fit_map(data, mixture, OPTIONS)
        verdict = str(fit.verdict[fit.chosen])
        answer = "".join(segment.text for segment in fit_answer(data, mixture, fit))
        assert verdict in ("converged", "moving", "collapsed")
        assert np.isfinite(fit.final_loss[fit.chosen])
        assert np.isfinite(gmm.responsibilities(fit.parameters, data.values)).all()
        if verdict == "collapsed":
            assert "collapsed" in answer
        else:
            computed = criteria(data, mixture, fit.parameters)
            computed.pop("aicc")  # has no value for as few points as parameters
            assert np.isfinite(list(computed.values())).all()


@pytest.mark.parametrize("name", HARD)
def test_hard_data_is_sampled(name):
    data = gmm.Dataset.from_values(HARD[name])
    options = gmm.NutsOptions(draws=20, warmup=60, chains=2, max_tree_depth=6)
    for covariance, tied in (("spherical", True), ("full", False)):
        posterior = gmm.sample_posterior(data, mixture_of(data, covariance, tied), options)
        assert np.isfinite(posterior.stats["log_joint"]).all()
        assert np.isfinite(posterior.draws["locs"]).all()


def test_columns_of_other_units_are_fitted_as_in_their_own():
    easy, hard = (gmm.Dataset.from_values(TWO * unit) for unit in ([1, 1], [1e-6, 1e6]))
    points = [
        gmm.fit_map(d, mixture_of(d, "diag", False), OPTIONS).parameters for d in (easy, hard)
    ]
    easy_probs, hard_probs = (
        gmm.responsibilities(p.permuted(np.argsort(p.locs[:, 0])), d.values)
        for p, d in zip(points, (easy, hard), strict=True)
    )
    np.testing.assert_allclose(hard_probs, easy_probs, atol=1e-4)


def test_twenty_components_are_fitted_and_sampled():
    data = gmm.Dataset.from_values(np.r_[TWO, RNG.normal(3, 4, (40, 2))])
    # With six points to a component, most starts of full covariances end on two of them.
    options = OPTIONS.model_copy(update={"restarts": 30})
    for covariance, tied in COVARIANCES:
        mixture = mixture_of(data, covariance, tied, K=20)
        fit = gmm.fit_map(data, mixture, options)
        assert fit.verdict[fit.chosen] == "converged"
    options = gmm.NutsOptions(draws=10, warmup=30, chains=1, max_tree_depth=5)
    assert np.isfinite(gmm.sample_posterior(data, mixture, options).draws["weights"]).all()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_fitted_is_refused_in_a_sentence(name):
    values, words = REFUSED[name]
    data = gmm.Dataset.from_values(values)
    with pytest.raises(ValueError, match=words):
        gmm.fit_map(data, mixture_of(data, "diag", True), OPTIONS)
    with pytest.raises(ValueError, match=words):
        gmm.sample_posterior(data, mixture_of(data, "full", False))


@pytest.mark.parametrize("name", HARD)
def test_hard_data_is_swept_and_each_cell_has_numbers_or_a_reason(name):
    data = gmm.Dataset.from_values(HARD[name])
    for priors in (Priors.for_data(data), Priors.flat()):
        rows = gmm.compare(data, n_components=(1, 2, 3), priors=priors, restarts=3)
        assert len(rows) == 18
        for row in rows:
            numbers = (row.log_likelihood, row.bic, row.aic, row.icl)
            if row.verdict in ("converged", "moving"):
                assert np.isfinite(numbers).all()
            else:
                assert row.reason


def test_a_million_points_are_fitted():
    rng = np.random.default_rng(1)
    locs = np.array([[0.0, 0, 0], [5, 5, 5], [-5, 5, 0]])
    values = locs[rng.integers(3, size=1_000_000)] + rng.normal(size=(1_000_000, 3))
    data = gmm.Dataset.from_values(values)
    mixture = mixture_of(data, "full", False, K=3)
    options = gmm.MapOptions(restarts=2, steps=10, choose="final", start="kmeans++", polish=True)
    fit = gmm.fit_map(data, mixture, options)
    order = np.argsort(fit.parameters.locs[:, 0])
    # The standard error of each loc is 0.0017, of each weight 0.0005.
    np.testing.assert_allclose(fit.parameters.locs[order], locs[[2, 0, 1]], atol=0.01)
    np.testing.assert_allclose(fit.parameters.weights, 1 / 3, atol=0.003)
    loss = -gmm.log_joint(data, mixture, fit.parameters)
    assert fit.final_loss[fit.chosen] == pytest.approx(loss, rel=1e-12)
