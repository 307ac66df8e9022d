"""The sentences about labels, chains and checks: true of what they describe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import transformed
from gmm_core.mixture import Parameters
from gmm_core.posterior.diagnostics import ChainRow
from gmm_core.posterior.invariants import Boundaries
from gmm_core.posterior.predictive import check_predictive
from gmm_core.posterior.relabelling import Labels
from gmm_core.runs.options import NutsOptions
from gmm_core.words.checks import (
    boundary_words,
    chain_advice,
    label_words,
    live_jumps,
    occupancy_words,
    occupied_words,
    predictive_words,
    prior_words,
)

POINTS = Dataset.from_values([0.0, 5.5, 12.0], ["price"])
ROW = ChainRow(100, 0, 0.8, 3.0, 0.9, 0.5)
ONE, OTHER = [0, 1], [1, 0]


def labels(*chains):
    return Labels.of(np.array(chains))


def test_renamed_draws_and_jumps_are_counted_in_words():
    relabelling = labels([ONE, OTHER, ONE, ONE], [ONE] * 4)
    assert label_words(relabelling) == (
        "1 of 8 draws had to be renamed; the labels jumped twice, on average once in 4 draws."
    )
    still = label_words(labels([ONE] * 4))
    assert still.startswith("No draw had to be renamed; no chain ever jumped")
    assert "nothing to rename" in label_words(labels([[0]] * 4))


def test_few_jumps_make_the_shares_chance_and_many_show_the_symmetry():
    stuck = occupancy_words(labels([ONE] * 4))
    assert "spent 100\u202f% in one and never reached the other. With no jump at all" in stuck
    free = occupancy_words(labels([ONE, OTHER] * 40))
    assert "50\u202f% each" in free
    assert "often enough to see the symmetry" in free
    many = occupancy_words(labels([[0, 1, 2, 3, 4]] * 3))
    assert "5! = 120" in many


@pytest.mark.parametrize(
    ("jumps", "words"), [(0, "No label jump so far."), (1, "jumped once"), (1200, "1,200 times")]
)
def test_jumps_of_a_running_chain_are_told(jumps, words):
    assert words in live_jumps(jumps)


def test_boundary_is_told_with_its_interval_and_absence():
    sentence = boundary_words(POINTS, Boundaries(np.linspace(5, 6, 101), 0.1, 100))
    assert "below 5.50" in sentence
    assert "between 5.05 and 5.95" in sentence
    assert "10\u202f% of the draws have none" in sentence
    assert "No draw has a boundary" in boundary_words(POINTS, Boundaries(np.array([]), 1.0, 10))


@pytest.mark.parametrize(
    ("probs", "words"),
    [
        ([0.1, 0.9], "Both components have a point with probability 90"),
        ([0.2, 0.7, 0.1], "Only two of three components have a point with probability 70"),
        ([0.1, 0.2, 0.7], "All three have"),
        ([0.7, 0.3], "Only one of two components has"),
    ],
)
def test_occupied_components_are_told(probs, words):
    assert words in occupied_words(np.array(probs))


def test_low_energy_fraction_and_cut_paths_have_their_cure():
    options = NutsOptions(max_tree_depth=6, warmup=300)
    assert not chain_advice([ROW], np.full((1, 100), 3), options)
    low, cut = chain_advice([ROW, ROW._replace(e_bfmi=0.2)], np.full((2, 100), 6), options)
    assert "0.20 at the least (chain 2)" in low.body
    assert low.updates == {"warmup": 1000}
    assert "100\u202f% of the draws reached" in cut.body
    assert cut.updates == {"max_tree_depth": 8}
    # A chain whose energy is not known says nothing.
    assert not chain_advice([ROW._replace(e_bfmi=np.nan)], np.full((1, 100), 3), options)


def test_data_that_the_model_misses_is_named():
    M = 300
    draws = Parameters(np.ones((M, 1)), np.zeros((M, 1, 1)), np.ones((M, 1, 1, 1)))
    rng = np.random.default_rng(0)
    good = check_predictive(Dataset.from_values(rng.standard_normal(40)), draws)
    assert "looks like yours" in predictive_words(good)
    bad = check_predictive(Dataset.from_values(np.r_[rng.standard_normal(40), 30.0]), draws)
    sentence = predictive_words(bad)
    assert "largest value 30.0 is larger than in 100\u202f% of them" in sentence
    assert "misses that" in sentence
    shifted = replace(good, band=good.band + 0.5)
    assert "leaves the 90 % band" in predictive_words(shifted)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-20, 20, "yours lie between 0 and 12.0."),
        (3, 5, "narrower than the data"),
        (30, 50, "do not expect data there"),
        (-2000, 2000, "very vague"),
    ],
)
def test_priors_are_told_beside_the_data(low, high, words):
    assert words in prior_words(POINTS, 0, low, high)


def test_priors_and_boundaries_of_logarithms_are_told_in_the_table():
    logs = transformed(Dataset.from_values([1.0, 10.0, 100.0], ["price"]), {"price": "log"})
    assert prior_words(logs, 0, np.log(0.5), np.log(2000)) == (
        "Before the data, 90 % of the values that the priors expect lie between 0.500 and 2,000; "
        "yours lie between 1.00 and 100, in the units of the table."
    )
    sentence = boundary_words(logs, Boundaries(np.log(np.linspace(5, 6, 101)), 0.0, 101))
    assert "below 5.50, and 90 % between 5.05 and 5.95" in sentence
