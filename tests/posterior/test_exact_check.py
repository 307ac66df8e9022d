"""The exact posterior beside draws: the same quantities, and a sampler that is wrong is seen."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.mixture import responsibilities
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.exact import blocks_of, partitions_up_to
from gmm_core.posterior.exact_check import (
    compare,
    count_partitions,
    partition_probability,
    summable,
)
from gmm_core.words.checks import exact_words
from tests.draws import separated, shuffled

DATA = gmm.example("tutorial")
MIXTURE = gmm.Mixture()


@pytest.fixture(scope="module")
def posterior():
    return gmm.sample_posterior(DATA, MIXTURE, gmm.NutsOptions(draws=2000, seed=2))


def test_draws_agree_with_the_exact_posterior_within_their_error(posterior):
    check = compare(DATA, MIXTURE, posterior)
    errors = [row.errors for row in (*check.partitions, *check.numbers)]
    # Nine correlated means: four standard errors are passed by chance once in 2,000.
    assert max(errors) < 4
    assert check.partitions[0].blocks == ((0, 1), (2, 3, 4))
    assert check.partitions[0].name == "0 1 | 10 11 12"
    assert check.partitions[0].exact == pytest.approx(0.8838, abs=5e-5)
    assert [k for k, _ in check.evidence] == [1, 2, 3, 4, 5]
    words = exact_words(check, 2)
    assert "All 16 partitions were summed" in words
    assert "as chance allows" in words
    assert "times as probable under K = 4 as under K = 2" in words


def test_draws_with_stretched_scales_are_found_out(posterior):
    scale = 1.5 * posterior.draws["scale_tril"]
    wrong = Posterior(posterior.draws | {"scale_tril": scale}, posterior.stats)
    check = compare(DATA, MIXTURE, wrong)
    assert max(row.errors for row in check.numbers) > 4
    assert "more than chance explains" in exact_words(check, 2)


def test_probability_of_a_partition_is_the_sum_over_its_assignments():
    draws = separated(C=1, S=4, K=3, D=1).parameters
    x = np.array([[0.0], [4.8], [5.3], [15.1]])
    for labels in partitions_up_to(4, 3):
        brute = np.zeros(4)
        for m, point in enumerate(draws):
            r = responsibilities(point, x)
            for z in product(range(3), repeat=4):
                if blocks_of(z) == blocks_of(labels):
                    brute[m] += np.prod([r[n, k] for n, k in enumerate(z)])
        assert partition_probability(draws, x, labels) == pytest.approx(brute, abs=1e-12)


def test_labels_do_not_change_the_probability_of_a_partition():
    draws = separated(C=1, S=40, K=3, D=1)
    mixed, _ = shuffled(draws)
    x, labels = np.array([[0.0], [4.8], [15.3]]), np.array([0, 1, 1], dtype=np.int8)
    one, two = (partition_probability(p.parameters, x, labels) for p in (draws, mixed))
    assert np.allclose(one, two, atol=1e-12)


def test_only_what_takes_a_blink_is_summed():
    assert summable(DATA, MIXTURE) == MIXTURE
    assert summable(DATA, gmm.Mixture(covariance="full")) == MIXTURE
    assert summable(DATA, gmm.Mixture(tied=False)) is None
    assert summable(gmm.Dataset.from_values(np.arange(15.0)), MIXTURE) is None
    assert summable(gmm.Dataset.from_values(np.eye(4)), MIXTURE) is None


@pytest.mark.parametrize(("N", "K"), [(5, 2), (6, 3), (5, 5), (7, 1)])
def test_partitions_are_counted_without_listing_them(N, K):
    assert count_partitions(N, K) == len(partitions_up_to(N, K))
