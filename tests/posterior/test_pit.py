"""Points among what the others foretell: exact where that can be summed, uniform where true."""

import numpy as np
import pytest
from scipy.stats import norm

import gmm_core as gmm
from gmm_core.figures.predictive import pit_figure
from gmm_core.posterior.pit import Pit, distribution, pit
from gmm_core.words.robustness import pit_words

TUTORIAL = gmm.example("tutorial")
SOME = gmm.SmcOptions(draws=500, populations=2)


def test_a_mixtures_distribution_function_is_its_components():
    point = gmm.Parameters([0.3, 0.7], [[0.0, 1.0], [4.0, 2.0]], [np.eye(2), [[2, 0], [1, 1]]])
    computed = distribution(point.reshape(1), np.array([0.5, 3.0]), 1)[0]
    x = np.array([0.5, 3.0])
    assert computed == pytest.approx(0.3 * norm.cdf(x, 1, 1) + 0.7 * norm.cdf(x, 2, np.sqrt(2)))


def test_values_are_those_of_the_posterior_without_the_point():
    """Drawn anew without each point in turn: the second opinion that weights stand for."""
    mixture = gmm.Mixture(n_components=1)
    every = gmm.sample_posterior(TUTORIAL, mixture, SOME, engine="smc")
    computed = pit(TUTORIAL, every)
    for n in range(5):
        rest = TUTORIAL.take(np.arange(5) != n)
        alone = gmm.sample_posterior(rest, mixture, SOME, engine="smc")
        expected = distribution(alone.parameters, TUTORIAL.values[[n], 0], 0).mean()
        assert computed.values[n] == pytest.approx(expected, abs=0.05)


def test_of_data_that_the_mixture_made_they_are_uniform_and_of_other_data_not():
    rng = np.random.default_rng(4)
    one = gmm.Mixture(n_components=1)
    normal = gmm.Dataset.from_values(rng.normal(3, 2, 150))
    good = pit(normal, gmm.sample_posterior(normal, one, SOME, engine="smc"))
    assert good.gap < good.limit
    assert pit_words(good).startswith("Yes")
    skewed = gmm.Dataset.from_values(rng.exponential(2, 150))
    bad = pit(skewed, gmm.sample_posterior(skewed, one, SOME, engine="smc"))
    assert bad.gap > bad.limit
    assert pit_words(bad).startswith("No")


def test_the_figure_draws_the_difference_from_uniform():
    values = np.array([0.1, 0.5, np.nan, 0.7])
    shown = pit_figure(Pit(values, 0.3, 0.6))
    line = next(trace for trace in shown.data if trace.name == "points")
    assert max(np.abs(line.y)) == pytest.approx(0.3, abs=1e-9)


def test_noise_has_no_place_in_a_column():
    arrays = {
        "weights": np.full((1, 4, 1), 0.9),
        "locs": np.zeros((1, 4, 1, 1)),
        "scale_tril": np.ones((1, 4, 1, 1, 1)),
        "noise": np.full((1, 4), 0.1),
        "box": np.ones((1, 4, 1)),
    }
    with pytest.raises(ValueError, match="With noise.*noise=False"):
        pit(TUTORIAL, gmm.Posterior(arrays, {}))
