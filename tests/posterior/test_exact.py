"""The exact posterior: reference numbers, a second summation, and the sampler."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arviz_stats.base import array_stats
from exact import exact_posterior as by_assignments

import gmm_core as gmm
from gmm_core.posterior.exact import blocks_of, log_evidence, partitions_up_to

TUTORIAL = gmm.example("tutorial")
# Log evidence of the tutorial's model and data for K = 1..5, integrated independently of this
# module with quad precision over the scale.
EVIDENCE = {1: -19.1356, 2: -17.12553, 3: -16.9043, 4: -16.8703, 5: -16.8933}


@pytest.fixture(scope="module")
def exact() -> gmm.ExactPosterior:
    return gmm.exact_posterior(TUTORIAL, gmm.Mixture())


@pytest.mark.parametrize("K", EVIDENCE)
def test_evidence_of_the_tutorial_is_reached_for_every_number_of_components(K):
    mixture = gmm.Mixture(n_components=K)
    digits = 5e-6 if K == 2 else 5e-5
    assert log_evidence(TUTORIAL, mixture) == pytest.approx(EVIDENCE[K], abs=digits)
    assert gmm.exact_posterior(TUTORIAL, mixture).log_evidence == log_evidence(TUTORIAL, mixture)


def test_tutorials_posterior_has_its_published_numbers(exact):
    probabilities = dict(exact.partitions)
    assert probabilities[((0, 1), (2, 3, 4))] == pytest.approx(0.8838, abs=5e-5)
    assert probabilities[((0, 1, 2, 3, 4),)] == pytest.approx(0.0659, abs=5e-5)
    assert exact.scale_mean == pytest.approx(1.8226, abs=5e-5)
    assert exact.sorted_loc_means == pytest.approx([0.4228, 10.6225], abs=5e-5)
    pairs = [exact.coclustering[i, j] for i, j in ((0, 1), (1, 2), (2, 3))]
    assert pairs == pytest.approx([0.9726, 0.0946, 0.9784], abs=5e-5)


@pytest.mark.parametrize(
    ("x", "concentration", "loc_sd", "log_sd"),
    [
        ([0.0, 1.0, 10.0, 11.0, 12.0], 0.5, 10.0, 2.0),
        ([-1.0, 0.3, 0.4, 2.0, 2.2, 5.0], 1.5, 3.0, 0.7),
        ([0.0, 0.0, 1.0], 2.0, 4.0, 1.0),
    ],
)
def test_sum_over_partitions_is_the_sum_over_assignments(x, concentration, loc_sd, log_sd):
    priors = gmm.Priors(concentration=concentration, loc_scale=loc_sd, scale_log_sd=log_sd)
    exact = gmm.exact_posterior(gmm.Dataset.from_values(x), gmm.Mixture(priors=priors))
    enumerated = by_assignments(np.array(x), concentration, loc_sd, log_sd)
    assert exact.log_evidence == pytest.approx(enumerated.log_evidence, abs=1e-9)
    assert exact.coclustering == pytest.approx(enumerated.coclustering, abs=1e-9)
    assert exact.scale_mean == pytest.approx(enumerated.scale_mean, rel=1e-9)
    assert exact.sorted_loc_means == pytest.approx(enumerated.sorted_locs, abs=1e-7)


@pytest.mark.parametrize("K", [2, 3])
def test_other_units_change_what_they_must_and_nothing_else(K):
    data = gmm.Dataset.from_values([0.0, 1.0, 10.0, 11.0, 12.0, 13.0])
    moved = gmm.Dataset.from_values(3 * data.values + 1e6)
    priors = gmm.Priors(loc_mean=1e6, loc_scale=30.0, scale_log_mean=math.log(3))
    one = gmm.exact_posterior(data, gmm.Mixture(n_components=K))
    two = gmm.exact_posterior(moved, gmm.Mixture(n_components=K, priors=priors))
    assert two.log_evidence == pytest.approx(one.log_evidence - 6 * math.log(3), abs=1e-8)
    assert two.coclustering == pytest.approx(one.coclustering, abs=1e-8)
    assert two.scale_mean == pytest.approx(3 * one.scale_mean, rel=1e-8)
    assert two.sorted_loc_means == pytest.approx(3 * one.sorted_loc_means + 1e6, abs=1e-5)


def test_one_component_is_a_normal_with_a_normal_mean():
    # Given s the data is normal with covariance s^2 I + tau^2 1 1^T: integrated on a plain grid.
    x = np.array([0.2, 1.1, 3.0])
    u = np.linspace(-8, 8, 20_001)
    s2 = np.exp(2 * u)
    inverse_trace = (x**2).sum() / s2 - 100 * x.sum() ** 2 / (s2 * (s2 + 300))
    log_det = 2 * np.log(s2) + np.log(s2 + 300)
    log_f = -0.5 * (inverse_trace + log_det + 3 * np.log(2 * np.pi) + (u / 2) ** 2)
    log_f -= 0.5 * np.log(2 * np.pi) + np.log(2)
    expected = np.log(np.trapezoid(np.exp(log_f), u))
    exact = gmm.exact_posterior(gmm.Dataset.from_values(x), gmm.Mixture(n_components=1))
    assert exact.log_evidence == pytest.approx(expected, abs=1e-9)
    assert exact.coclustering == pytest.approx(np.ones((3, 3)))


def test_three_sorted_locs_are_those_that_the_sampler_draws():
    mixture = gmm.Mixture(n_components=3)
    exact = gmm.exact_posterior(TUTORIAL, mixture)
    posterior = gmm.sample_posterior(TUTORIAL, mixture, gmm.NutsOptions(draws=3000, seed=1))
    locs = np.sort(posterior.draws["locs"][..., 0], axis=-1)
    error = [array_stats.mcse(locs[..., k], chain_axis=0, draw_axis=1) for k in range(3)]
    # Three correlated means: four standard errors are passed by chance once in 5,000.
    assert np.all(np.abs(locs.mean(axis=(0, 1)) - exact.sorted_loc_means) < 4 * np.array(error))
    assert np.all(np.array(error) < 0.5)


@pytest.mark.parametrize("K", [3, 5])
def test_mirrored_data_has_mirrored_sorted_locs(K):
    data = gmm.Dataset.from_values([0.0, 1.0, 10.0, 11.0, 12.0])
    exact = gmm.exact_posterior(data, gmm.Mixture(n_components=K))
    mirrored = gmm.exact_posterior(
        gmm.Dataset.from_values(-data.values), gmm.Mixture(n_components=K)
    )
    assert mirrored.sorted_loc_means == pytest.approx(-exact.sorted_loc_means[::-1], abs=1e-6)


def test_partitions_and_what_is_said_of_them_agree(exact):
    assert exact.probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert exact.occupied.sum() == pytest.approx(1, abs=1e-12)
    assert np.all(np.diff(exact.probabilities) <= 0)
    one = next(p.probability for p in exact.partitions if len(p.blocks) == 1)
    assert exact.occupied[0] == pytest.approx(one)
    apart = sum(
        p.probability for p in exact.partitions if any({0, 2} <= set(block) for block in p.blocks)
    )
    assert exact.coclustering[0, 2] == pytest.approx(apart)


def test_partitions_are_counted_by_stirling_numbers():
    assert [len(partitions_up_to(5, K)) for K in (1, 2, 3, 4, 5, 9)] == [1, 16, 41, 51, 52, 52]
    labels = partitions_up_to(6, 3)
    assert len({blocks_of(row) for row in labels}) == len(labels)


@pytest.mark.parametrize(
    ("data", "mixture", "words"),
    [
        (np.arange(20.0), gmm.Mixture(), r"2\*\*20"),
        (np.arange(10.0).reshape(5, 2), gmm.Mixture(), "D = 2"),
        ([0, 1, 2], gmm.Mixture(tied=False), "tied=True"),
        ([0, 1, 2], gmm.Mixture(covariance="full"), 'covariance="spherical"'),
        ([0, 1, 2], gmm.Mixture(priors=gmm.Priors.flat()), "Without priors"),
    ],
)
def test_what_cannot_be_summed_says_what_to_do(data, mixture, words):
    with pytest.raises(ValueError, match=words):
        gmm.exact_posterior(gmm.Dataset.from_values(data), mixture)
