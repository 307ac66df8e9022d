"""The sentences about a posterior: true of it, honest where it is not to be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture
from gmm_core.posterior.overview import Overview
from gmm_core.posterior.summary import SummaryRow
from gmm_core.runs.options import NutsOptions
from gmm_core.words.posterior import advice, partial_answer, posterior_answer, trust_words
from tests.draws import separated

TUTORIAL = Dataset.from_values([0, 1, 10, 11, 12])
PROBS = np.full((5, 5), 0.08)
PROBS[:2, :2], PROBS[2:, 2:] = 0.972, 0.984
PROBS[1, 2] = PROBS[2, 1] = 0.094
np.fill_diagonal(PROBS, 1)
ROW = SummaryRow("log joint", -17.0, 1.0, -19.0, -16.0, 800.0, 700.0, 1.002)
LOOK = Overview(4, 1000, 90, 2, 0, (ROW,), np.arange(5), PROBS)


def text_of(summary=LOOK, data=TUTORIAL, K=2):
    return "".join(s.text for s in posterior_answer(data, Mixture(n_components=K), None, summary))


def with_row(**changes):
    return replace(LOOK, invariants=(ROW, ROW._replace(name="scale", **changes)))


def test_tutorials_points_are_named_with_their_probabilities():
    assert text_of() == (
        "Points 0 and 1 share a component with probability 0.97, and any two of 10, 11 and 12 "
        "with at least 0.98; 1 and 10 with only 0.09. Which one is called “1” is arbitrary: the "
        "posterior has two mirrored modes, and these chains jumped between them 90 times. "
        "These chains agree (R-hat 1.00)."
    )


@pytest.mark.parametrize(
    ("jumps", "seen", "words"),
    [
        (1, 2, "jumped between them once"),
        (0, 1, "saw one of them only"),
        (0, 2, "none of these chains ever left its own; together they saw 2"),
    ],
)
def test_labels_are_told_as_they_were_seen(jumps, seen, words):
    assert words in text_of(replace(LOOK, jumps=jumps, labellings=seen))


def test_three_components_have_six_mirror_images():
    assert "six mirror images of every mode" in text_of(K=3)


@pytest.mark.parametrize(("r_hat", "words"), [(1.0104, "1.010"), (1.2, "R-hat 1.20 of the scale")])
def test_chains_that_cannot_be_trusted_are_said_so(r_hat, words):
    answer = text_of(with_row(r_hat=r_hat))
    assert words in answer
    assert "take more" in answer
    assert "chains agree" not in answer


def test_too_few_draws_to_compare_are_said_so():
    summary = replace(LOOK, invariants=(ROW._replace(r_hat=None),))
    assert "too few draws to compare the chains" in text_of(summary)


def test_one_chain_is_not_called_converged():
    assert "run at least two" in text_of(replace(LOOK, n_chains=1))


def test_few_effective_draws_are_said_with_their_number():
    assert "effective sample size of the scale is 120" in text_of(with_row(ess_bulk=120.0))


def test_large_data_is_described_without_naming_points():
    data = Dataset.from_values(np.arange(200.0))
    summary = replace(LOOK, rows=np.arange(60), together=np.eye(60))
    assert text_of(summary, data).startswith("For 100 % of the pairs of 60 of the 200 points")


def test_points_that_are_never_together_are_told():
    assert "No two of these 5 points" in text_of(replace(LOOK, together=np.eye(5)))


def test_one_component_speaks_of_its_loc():
    text = "".join(
        s.text for s in posterior_answer(TUTORIAL, Mixture(n_components=1), separated(K=1, D=1))
    )
    assert "loc lies between" in text
    assert "arbitrary" not in text


def test_divergences_are_cured_by_a_higher_target_acceptance():
    summary = replace(LOOK, divergences=4)
    first = advice(summary, Mixture(), NutsOptions())[0]
    assert first.title == "Why did 4 draws diverge?"
    assert first.updates == {"target_accept": 0.9}
    highest = advice(summary, Mixture(), NutsOptions(target_accept=0.99))[0]
    assert highest.updates is None


def test_chains_that_keep_to_modes_of_their_own_are_cured_by_weighing_them():
    first = advice(with_row(r_hat=1.2), Mixture(), NutsOptions(draws=500))[0]
    assert first.updates == {"engine": "smc"}
    assert "more draws" not in first.label


def test_disagreeing_chains_are_cured_by_more_draws():
    first = advice(with_row(r_hat=1.05), Mixture(), NutsOptions(draws=500))[0]
    assert first.updates["draws"] == 1000


def test_stopped_run_says_what_was_kept():
    partial = separated(C=2, S=37)
    assert "37 draws of 500 in each of 2 chains were kept. 2 chains had no draw yet." in (
        partial_answer(partial, NutsOptions(draws=500, chains=4))
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Yes: R-hat is at most 1.00 on all 2 quantities"),
        ({"r_hat": 1.02}, "Not yet: R-hat of the scale is 1.02, above 1.01"),
        (
            {"ess_bulk": 120.0},
            "the smallest effective sample size of 4,000 draws is 120 (scale; 400 is enough)",
        ),
    ],
)
def test_trust_is_that_of_the_worst_quantity(changes, words):
    assert words in trust_words(with_row(**changes))


@pytest.mark.parametrize("changes", [{}, {"r_hat": 1.02}, {"ess_bulk": 120.0}])
def test_the_headline_and_the_section_are_of_one_mind(changes):
    summary = with_row(**changes)
    agree = "chains agree" in text_of(summary)
    assert agree == (not changes)
    assert agree == trust_words(summary).startswith("Yes")
    assert agree == (
        not any(
            "chains" in a.title or "enough" in a.title
            for a in advice(summary, Mixture(), NutsOptions())
        )
    )
