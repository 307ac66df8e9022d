"""Of transformed columns, what is compared is that of the table: the change of variables."""

import numpy as np
import pytest
from scipy.stats import lognorm, norm

import gmm_core as gmm
from gmm_core.comparison.against_em import likelihood_path
from gmm_core.comparison.criteria import criteria
from gmm_core.inference.em_fit import fit_em
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.loo import loo

FAITHFUL = gmm.example("faithful")
STANDARD = gmm.transformed(FAITHFUL, dict.fromkeys(FAITHFUL.columns, "standardise"))
FULL = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=gmm.Priors.flat())
LOGS = gmm.transformed(
    gmm.Dataset.from_values(np.exp(np.random.default_rng(3).normal(1, 0.6, 30)), ["a"]),
    {"a": "log"},
)
X = np.exp(LOGS.values[:, 0])


def test_a_comparison_of_standardised_columns_has_the_tables_criteria():
    (plain,) = gmm.compare(FAITHFUL, 2, [("full", False)], restarts=5)
    (standard,) = gmm.compare(STANDARD, 2, [("full", False)], restarts=5)
    assert standard.log_likelihood == pytest.approx(-1130.264, abs=1e-3)
    for name in ("log_likelihood", "bic", "aic", "icl", "aicc", "sabic", "caic"):
        assert getattr(standard, name) == pytest.approx(getattr(plain, name), abs=1e-3), name


def test_the_likelihood_of_logarithms_is_that_of_lognormals():
    point = gmm.Parameters([0.4, 0.6], [[0.5], [1.5]], [[[0.3]], [[0.8]]])
    density = 0.4 * lognorm.pdf(X, 0.3, scale=np.exp(0.5))
    density += 0.6 * lognorm.pdf(X, 0.8, scale=np.exp(1.5))
    computed = criteria(LOGS, gmm.Mixture(tied=False), point)
    assert computed["log_likelihood"] == pytest.approx(np.log(density).sum(), rel=1e-12)


def test_a_root_of_zero_leaves_criteria_as_they_are_of_the_roots():
    roots = gmm.transformed(gmm.Dataset.from_values([0.0, 1.0, 4.0]), {"value": "sqrt"})
    point = gmm.Parameters([1.0], [[1.0]], [[[2.0]]])
    log_likelihood = criteria(roots, gmm.Mixture(n_components=1), point)["log_likelihood"]
    assert log_likelihood == pytest.approx(norm.logpdf([0, 1, 2], 1, 2).sum())


def test_em_and_our_climb_beside_it_are_in_the_units_of_the_table():
    ours = gmm.fit_map(STANDARD, FULL, gmm.MapOptions(restarts=3, choose="final", polish=True))
    reported = []

    def keep(progress):
        if "log_likelihood" in progress.snapshot:
            reported.append(progress.snapshot["log_likelihood"].values[-1])

    em = fit_em(STANDARD, FULL, ours.parameters, on_progress=keep)
    assert em.log_likelihood[-1] == pytest.approx(-1130.264, abs=1e-3)
    assert reported[-1] == pytest.approx(-1130.264, abs=1e-3)
    assert likelihood_path(STANDARD, ours)[1][-1] == pytest.approx(-1130.264, abs=1e-3)


def test_the_evidence_is_that_of_the_table():
    mixture = gmm.Mixture(n_components=1, priors=gmm.Priors.for_data(LOGS))
    options = gmm.SmcOptions(draws=200, populations=2)
    plain = gmm.Dataset.from_values(LOGS.values, LOGS.columns)
    of_table, of_logs = (gmm.evidence(data, mixture, options) for data in (LOGS, plain))
    assert of_table.log_evidence == pytest.approx(of_logs.log_evidence - np.log(X).sum(), abs=1e-9)


def test_each_points_predictive_density_is_that_of_the_table():
    rng = np.random.default_rng(0)
    draws = {
        "weights": np.ones((2, 100, 1)),
        "locs": rng.normal(1, 0.05, (2, 100, 1, 1)),
        "scale_tril": rng.normal(0.6, 0.02, (2, 100, 1, 1, 1)),
    }
    posterior = Posterior(draws, {"log_joint": np.zeros((2, 100))})
    plain = gmm.Dataset.from_values(LOGS.values, LOGS.columns)
    of_table, of_logs = (loo(data, posterior).pointwise for data in (LOGS, plain))
    np.testing.assert_allclose(of_table, of_logs - np.log(X), rtol=1e-12)
