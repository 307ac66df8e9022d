"""The evidence is the exact one, wherever that can be summed."""

from math import factorial

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.posterior.evidence import probabilities
from gmm_core.posterior.invariants import occupied
from gmm_core.posterior.summary import thinned

TUTORIAL = gmm.example("tutorial")
# Exact sums over every partition of the points: K = 1 to 5.
EXACT = (-19.1356, -17.1255, -16.9043, -16.8703, -16.8933)


@pytest.mark.parametrize(("K", "expected"), list(enumerate(EXACT, 1)))
def test_the_evidence_of_the_tutorials_data_is_exact(K, expected):
    mixture = gmm.Mixture(n_components=K)
    assert gmm.exact_posterior(TUTORIAL, mixture).log_evidence == pytest.approx(expected, abs=1e-4)
    evidence = gmm.evidence(TUTORIAL, mixture)
    assert abs(evidence.log_evidence - expected) < 4 * evidence.mcse
    assert evidence.mcse < (0.05 if K == 2 else 0.15)


def test_sparse_mixtures_have_their_evidence_and_occupied_components():
    """A small concentration: weights of 1e-100 and less, and most components empty."""
    mixture = gmm.Mixture(n_components=5, priors=gmm.Priors(concentration=0.01))
    exact = gmm.exact_posterior(TUTORIAL, mixture)
    posterior = gmm.sample_posterior(TUTORIAL, mixture, engine="smc")
    value, mcse = posterior.log_evidence
    assert abs(value - exact.log_evidence) < 4 * mcse
    assert mcse < 0.15


def test_more_components_than_points_have_their_posterior():
    """Ten components on five points, with a small concentration; summed over every partition."""
    mixture = gmm.Mixture(n_components=10, priors=gmm.Priors(concentration=0.01))
    exact = gmm.exact_posterior(TUTORIAL, mixture)
    assert exact.log_evidence == pytest.approx(-18.109286, abs=1e-6)
    assert exact.occupied[:4] == pytest.approx([0.29904, 0.67618, 0.02452, 0.00026], abs=5e-6)
    posterior = gmm.sample_posterior(TUTORIAL, mixture, engine="smc")
    value, mcse = posterior.log_evidence
    assert abs(value - exact.log_evidence) < 4 * mcse
    assert mcse < 0.25
    shares = occupied(thinned(posterior), TUTORIAL.values)
    # Of 4,000 draws, of which moves leave perhaps a tenth independent.
    assert shares[:5] == pytest.approx(exact.occupied[:5], abs=4 * np.sqrt(0.25 / 400))


def test_chains_of_more_components_than_points_begin_in_the_prior():
    mixture = gmm.Mixture(n_components=7)
    options = gmm.NutsOptions(draws=20, warmup=20, chains=2)
    posterior = gmm.sample_posterior(TUTORIAL, mixture, options)
    assert posterior.draws["weights"].shape == (2, 20, 7)
    assert set(posterior.stats["start"]) == {"prior"}


def test_a_fit_needs_as_many_points_as_components():
    with pytest.raises(ValueError, match="K = 7 components need at least as many points"):
        gmm.fit_map(TUTORIAL, gmm.Mixture(n_components=7))


@pytest.mark.parametrize(
    ("name", "mixture"),
    [
        ("tutorial", {}),
        ("faithful", {"covariance": "full", "tied": False}),
        ("galaxies", {"n_components": 3, "tied": False}),
    ],
)
def test_each_order_of_the_labels_has_its_share(name, mixture):
    """Orders of the locs along the first column, over all draws of all populations."""
    data = gmm.example(name)
    priors = gmm.Priors() if name == "tutorial" else gmm.Priors.for_data(data)
    posterior = gmm.sample_posterior(data, gmm.Mixture(priors=priors, **mixture), engine="smc")
    order = np.argsort(posterior.parameters.locs[..., 0], axis=1)
    _, counts = np.unique(order, axis=0, return_counts=True)
    orders = factorial(order.shape[1])
    assert len(counts) == orders
    p = 1 / orders
    assert counts / len(order) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / len(order)))


@pytest.mark.parametrize(
    ("K", "tied", "published"), [(2, True, -239.764), (3, True, -226.803), (3, False, -226.791)]
)
def test_the_evidence_of_the_galaxies_is_the_published_one(K, tied, published):
    """As CNPBayes' tests have it: a variance is IG(3, 20), and the 78th velocity 26.960."""
    velocities = np.sort(gmm.example("galaxies").values[:, 0])
    velocities[77] = 26.960
    priors = gmm.Priors(
        concentration=1.0,
        loc_mean=20.0,
        loc_scale=10.0,
        scale_log_sd=None,
        correlation=None,
        freedom=2 * 3.0,
        covariance_scale=2 * 20.0,
    )
    mixture = gmm.Mixture(n_components=K, tied=tied, priors=priors)
    evidence = gmm.evidence(gmm.Dataset.from_values(velocities), mixture)
    assert evidence.log_evidence == pytest.approx(published, abs=0.1)
    assert evidence.mcse < 0.05


def test_components_are_as_probable_as_their_evidence_says():
    assert probabilities(EXACT) == pytest.approx([0.027, 0.203, 0.253, 0.262, 0.256], abs=6e-4)
    some = probabilities([-10.0, np.nan, -10.0])
    assert some[[0, 2]] == pytest.approx([0.5, 0.5])
    assert np.isnan(some[1])
