"""More free parameters than points are said before a fit, with what has fewer of them."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.words.free import caution, simpler

RNG = np.random.default_rng(0)
WIDE = gmm.Dataset.from_values(RNG.normal(size=(569, 30)))
FULL = gmm.Mixture(n_components=3, covariance="full", tied=False, priors=gmm.Priors.flat())


def named(mixture):
    return mixture.covariance, mixture.tied


def test_more_parameters_than_points_are_told_with_mixtures_that_have_fewer():
    sentence = caution(WIDE, FULL)
    # K - 1 weights, K D locs and K D (D + 1) / 2 of covariances: 2 + 90 + 1,395.
    assert "1,487 free parameters are more than these 569 points" in sentence
    assert "Conjugate priors keep it bounded for any data" in sentence
    assert "a shared full covariance has 557" in sentence
    assert "diagonal covariances of their own have 182" in sentence


@pytest.mark.parametrize("n_points", [40, 100, 569])
@pytest.mark.parametrize("covariance", ["full", "VEV", "EVE", "diag"])
def test_what_is_named_is_a_case_of_the_mixture_that_the_points_suffice_for(n_points, covariance):
    mixture = gmm.Mixture(
        n_components=3, covariance=covariance, tied=None if covariance.isupper() else False
    )
    data = WIDE.take(np.arange(n_points))
    for other in simpler(data, mixture):
        assert other.n_parameters(30) <= n_points
        assert other.family.within(mixture.family)
        assert caution(data, other) == ""


@pytest.mark.parametrize(
    ("data", "mixture"),
    [
        (gmm.example("faithful"), FULL),
        (gmm.example("tutorial"), gmm.Mixture(n_components=4)),  # one column
        (WIDE, FULL.model_copy(update={"priors": gmm.Priors.conjugate(WIDE)})),
        (WIDE, FULL.model_copy(update={"tied": True})),
        (WIDE, FULL.model_copy(update={"covariance": "diag"})),
    ],
)
def test_nothing_is_said_where_points_suffice_or_nothing_can_shrink(data, mixture):
    assert caution(data, mixture) == ""


def test_where_no_simpler_covariance_has_few_enough_only_columns_are_left():
    few = WIDE.take(np.arange(20))
    assert simpler(few, FULL) == []
    assert caution(few, FULL).endswith("bounded for any data; fewer columns have fewer.")
