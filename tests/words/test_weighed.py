"""What is said of weighed modes has their shares, the evidence and its error."""

import numpy as np
import pytest
from draws import separated

import gmm_core as gmm
from gmm_core.posterior.draws import Posterior
from gmm_core.words import weighed as say
from gmm_core.words.posterior import posterior_answer


def posterior(mode, log_evidence=(-224.2, -224.3)):
    made = separated(C=2, S=100)
    stats = {
        "log_joint": made.stats["log_joint"],
        "mode": np.resize(np.array(mode, dtype=float), (2, 100)),
        "log_evidence": np.array(log_evidence),
        "pareto_k": np.array([0.4, 0.6]),
    }
    return Posterior(made.draws, stats)


def test_modes_are_told_by_their_shares_largest_first():
    sentence = say.weighed_words(posterior([1, 0, 1, 1, -1]))
    assert sentence.startswith(
        "Two modes share the posterior: 60\u202f%, 20\u202f%, and 20\u202f% lies"
    )
    assert "Log evidence −224.25 ± 0.050." in sentence
    one = say.weighed_words(posterior([0]))
    assert one.startswith("All of the posterior is in one mode, up to the order of its components.")
    assert say.weighed_words(posterior([-1])).startswith("No single mode stands out")


def test_an_unsure_evidence_says_so():
    assert "too unsure to compare" in say.weighed_words(posterior([0], (-220.0, -224.0)))


def test_draws_of_nuts_have_nothing_weighed():
    assert say.weighed_words(separated()) == ""


def test_the_answer_has_modes_in_place_of_labels_that_jumped():
    data = gmm.Dataset.from_values(np.random.default_rng(0).normal(10, 8, size=(20, 2)))
    mixture = gmm.Mixture(n_components=3, priors=gmm.Priors.for_data(data))
    sentence = posterior_answer(data, mixture, posterior([0]))[0].text
    assert "Log evidence" in sentence
    assert "Which one is called" not in sentence


@pytest.mark.parametrize(
    ("k", "words"), [(0.3, "no temperature needed"), (0.6, "would do"), (1.2, "would not do")]
)
def test_the_weights_tell_how_the_posterior_was_reached(k, words):
    assert words in say.populations_words([0.1, k])


def test_a_running_sampler_tells_how_far_it_is():
    sentence = say.so_far_words([1.0, 0.25, np.nan], [-10.0, -3.0, np.nan])
    assert sentence == (
        "1 of 3 populations have arrived; one is at temperature 0.25 of 1. Log evidence so far: "
        "−10.00."
    )
    assert "0 of 2 populations" in say.so_far_words([np.nan, 0.5], [np.nan, -1.0])


def test_each_population_is_a_row():
    rows = say.evidence_rows(posterior([0]))
    assert rows[0] == ("1", "−224.20", "0.40", "100")
    assert len(rows[0]) == len(say.EVIDENCE_HEAD)
