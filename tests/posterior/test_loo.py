"""Points left out by weights are foretold as the exact posteriors without them foretell."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.posterior.loo import Loo, loo
from gmm_core.words.robustness import loo_words

TUTORIAL = gmm.example("tutorial")


def exact(K):
    """Log p(x_n | the other points) as a ratio of exact evidences."""
    mixture = gmm.Mixture(n_components=K)
    whole = gmm.exact_posterior(TUTORIAL, mixture).log_evidence
    return np.array(
        [
            whole
            - gmm.exact_posterior(
                gmm.Dataset.from_values(np.delete(TUTORIAL.values, n, axis=0)), mixture
            ).log_evidence
            for n in range(5)
        ]
    )


@pytest.mark.parametrize(("K", "elpd"), [(1, -17.13266), (2, -14.21841), (3, -14.29146)])
def test_points_are_foretold_as_exact_posteriors_do(K, elpd):
    expected = exact(K)
    assert expected.sum() == pytest.approx(elpd, abs=1e-4)
    posterior = gmm.sample_posterior(TUTORIAL, gmm.Mixture(n_components=K), engine="smc")
    estimate = loo(TUTORIAL, posterior)
    # Five points: each is most of what its neighbours know, so k is large and errors are too.
    assert estimate.pointwise == pytest.approx(expected, abs=0.25)
    assert estimate.elpd == pytest.approx(elpd, abs=0.4)


def test_of_many_points_each_is_foretold_well():
    data = gmm.example("galaxies")
    mixture = gmm.Mixture(n_components=1, priors=gmm.Priors.for_data(data))
    posterior = gmm.sample_posterior(data, mixture, engine="smc")
    estimate = loo(data, posterior)
    assert estimate.pareto_k.max() < 0.7
    # One normal component: nearly the normal density at the estimate, less p_loo in all.
    point = gmm.fit_map(data, mixture, gmm.MapOptions(restarts=1, polish=True)).parameters
    at_best = gmm.log_density(point, data.values).sum()
    assert 0 < at_best - estimate.elpd < 6
    assert estimate.standard_error == pytest.approx(
        np.sqrt(82) * estimate.pointwise.std(ddof=1), rel=1e-12
    )


def test_doubtful_points_are_named():
    estimate = Loo(np.array([-1.0, -2.0, -3.0]), np.array([0.1, 0.8, 1.2]))
    assert estimate.doubtful.tolist() == [2, 1]
    assert "2 points (row 3, 2) have a Pareto k above 0.7" in loo_words(estimate)
    sure = Loo(estimate.pointwise, np.zeros(3))
    assert loo_words(sure).endswith("so the draws do for that.")
    assert "density −6.00 ± 1.7 in all" in loo_words(sure)
