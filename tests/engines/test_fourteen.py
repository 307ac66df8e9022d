"""Every engine fits the families that share size, shape or direction, and they agree."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.mixture import sites
from gmm_core.mixture.covariance import FAMILIES

FAITHFUL = gmm.example("faithful")
# The best log likelihoods known of faithful with K = 3: R 4.4, mclust 6.1, and searches of our own.
BEST = {
    "VEI": -1132.6668,
    "EVI": -1132.4224,
    "VEE": -1124.5282,
    "EVE": -1124.8319,
    "VVE": -1122.0743,
    "EEV": -1126.1633,
    "VEV": -1122.5494,
    "EVV": -1124.1272,
}
EIGHT = list(BEST)


def mixture_of(code, K=3, priors=None):
    return gmm.Mixture(n_components=K, covariance=code, priors=priors or gmm.Priors.flat())


@pytest.mark.parametrize("method", ["adam", "em"])
@pytest.mark.parametrize("code", EIGHT)
def test_the_best_known_optima_of_faithful_are_found(code, method):
    options = gmm.MapOptions(
        restarts=60,
        steps=50 if method == "adam" else 500,
        start="kmeans++",
        choose="final",
        polish=method == "adam",
        method=method,
    )
    fit = gmm.fit_map(FAITHFUL, mixture_of(code), options)
    assert fit.verdict[fit.chosen] == "converged"
    assert -fit.final_loss.min() >= BEST[code] - 1e-4
    assert np.abs(-fit.final_loss - BEST[code]).min() < 1e-3


@pytest.mark.parametrize("D", [1, 2, 3])
@pytest.mark.parametrize("code", EIGHT)
def test_the_compiled_curve_is_pyros(code, D):
    values = gmm.example("iris").values[:, :D]
    data = gmm.Dataset.from_values(values)
    mixture = mixture_of(code, K=2, priors=gmm.Priors.for_data(data))
    options = gmm.MapOptions(restarts=3, steps=12, choose="final", learning_rate=0.05)
    ours, theirs = (gmm.fit_map(data, mixture, options, engine=e) for e in ("compiled", "pyro"))
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-9)
    np.testing.assert_allclose(ours.points.scale_tril, theirs.points.scale_tril, atol=1e-7)
    assert set(ours.gradient_norm) == {"weights", "locs"} | {s.name for s in mixture.sites(D)}


@pytest.mark.parametrize("code", EIGHT)
def test_em_with_the_familys_own_step_in_scikit_learn_ends_where_ours_does(code):
    options = gmm.MapOptions(restarts=4, steps=500, choose="final", method="em", start="kmeans++")
    fit = gmm.fit_map(FAITHFUL, mixture_of(code, K=2), options)
    theirs = gmm.fit_em(FAITHFUL, mixture_of(code, K=2), fit.trajectory[1][0])
    assert np.all(np.diff(theirs.log_likelihood) >= -1e-8)
    assert theirs.log_likelihood[-1] == pytest.approx(-fit.final_loss[fit.chosen], abs=1e-4)


@pytest.mark.parametrize("code", ["VEI", "VEV", "EVE"])
def test_the_fast_sampler_draws_members_and_agrees_with_pyros_density(code):
    mixture = mixture_of(code, K=2, priors=gmm.Priors.for_data(FAITHFUL))
    options = gmm.NutsOptions(draws=200, warmup=200, chains=2)
    posterior = gmm.sample_posterior(FAITHFUL, mixture, options)
    draws = {name: array[0, ::50] for name, array in posterior.draws.items()}
    points = gmm.Parameters.of(draws)
    assert set(sites(mixture, points)) >= {"scale", "shape"}
    theirs = [gmm.log_joint(FAITHFUL, mixture, point) for point in points]
    np.testing.assert_allclose(posterior.stats["log_joint"][0, ::50], theirs, rtol=1e-9)


def test_none_of_the_one_step_inclusions_is_broken():
    options = gmm.MapOptions(restarts=40, steps=500, choose="final", method="em", start="kmeans++")
    log_likelihoods = {}
    for family in FAMILIES.values():
        fit = gmm.fit_map(FAITHFUL, mixture_of(family.code, K=2), options)
        log_likelihoods[family.code] = -fit.final_loss[fit.chosen]
    for one in log_likelihoods:
        for other in log_likelihoods:
            different = [p for p in zip(one, other, strict=True) if p[0] != p[1]]
            if len(different) == 1 and different[0] in {("E", "V"), ("I", "E")}:
                assert log_likelihoods[other] >= log_likelihoods[one] - 0.01, (one, other)
