"""Draws weighed for powers of the priors are those of the posteriors under these priors."""

import numpy as np
import pytest
from scipy.stats import dirichlet, lognorm, norm

import gmm_core as gmm
from gmm_core.posterior.sensitivity import Powered, powered, sensitivity
from gmm_core.words.robustness import sensitivity_words

TUTORIAL = gmm.example("tutorial")
MIXTURE = gmm.Mixture()


@pytest.mark.parametrize("power", [0.8, 1.25])
def test_a_powered_prior_has_the_density_to_that_power(power):
    priors = gmm.Priors(concentration=3.0, loc_mean=1.0, scale_log_mean=0.5, correlation=2.0)
    other = powered(priors, power)
    w, x, s = np.array([[0.2, 0.8], [0.5, 0.5]]), np.array([-3.0, 4.0]), np.array([0.3, 7.0])
    pairs = [
        [dirichlet([p.concentration] * 2).logpdf(w.T) for p in (priors, other)],
        [norm(p.loc_mean, p.loc_scale).logpdf(x) for p in (priors, other)],
        [
            lognorm(p.scale_log_sd, scale=np.exp(p.scale_log_mean)).logpdf(s)
            for p in (priors, other)
        ],
    ]
    for base, raised in pairs:
        # Up to normalisation: what two points differ by is multiplied by the power.
        assert raised[1] - raised[0] == pytest.approx(power * (base[1] - base[0]))
    assert other.correlation == pytest.approx(1 + power)


def test_weighed_draws_are_those_of_the_exact_posteriors():
    posterior = gmm.sample_posterior(TUTORIAL, MIXTURE, engine="smc")
    rows = sensitivity(TUTORIAL, MIXTURE, posterior)
    assert [row.power for row in rows] == [1.0, 0.8, 1.25]
    # Sums over every partition of the points, with the priors to the power.
    expected = {1.0: 1.82263, 0.8: 2.13534, 1.25: 1.56618}
    for row in rows:
        mixture = MIXTURE.model_copy(update={"priors": powered(MIXTURE.priors, row.power)})
        exact = gmm.exact_posterior(TUTORIAL, mixture)
        assert exact.scale_mean == pytest.approx(expected[row.power], abs=1e-5)
        assert row.scale == pytest.approx(exact.scale_mean, rel=0.08)
        order = np.argsort(TUTORIAL.values[:, 0])
        inside = np.sort(row.together, axis=None)
        probabilities = np.sort(exact.coclustering[np.ix_(order, order)], axis=None)
        assert inside == pytest.approx(probabilities, abs=0.03)
    assert "Hardly. With every prior to the power 0.8 or 1.25" in sensitivity_words(rows)


def test_a_power_that_leaves_no_distribution_is_refused():
    with pytest.raises(ValueError, match=r"Dirichlet\(0.5\) to the power 2 is no distribution.*2"):
        powered(gmm.Priors(), 2.0)
    with pytest.raises(ValueError, match="above 0"):
        powered(gmm.Priors(), 0.0)
    assert powered(gmm.Priors.flat(), 0.8) == gmm.Priors.flat()


@pytest.mark.parametrize(
    ("gap", "k", "words"), [(0.1, 0.2, "Somewhat."), (0.3, 0.2, "Much:"), (0.0, 0.9, "Very much:")]
)
def test_how_far_the_answer_moves_is_said(gap, k, words):
    same = np.eye(2)
    rows = [Powered(1.0, 2.0, same, np.nan), Powered(0.8, 2.5, np.abs(same - gap), k)]
    assert sensitivity_words(rows).startswith(words)
