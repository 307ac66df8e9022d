"""What is hard about data is said before it is fitted, and nothing is said of easy data."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.words.data import cautions, constant_columns, foremost

RNG = np.random.default_rng(0)
TWO = np.r_[RNG.normal(0, 1, (40, 2)), RNG.normal(6, 1, (40, 2))]


def text_of(values, columns=None):
    return " ".join(cautions(gmm.Dataset.from_values(values, columns)))


@pytest.mark.parametrize("name", [name for name in gmm.examples() if name != "outlier"])
def test_examples_are_easy(name):
    assert cautions(gmm.example(name)) == []


def test_the_outlier_among_the_examples_is_told():
    (sentence,) = cautions(gmm.example("outlier"))
    assert sentence.startswith("One point lies far from all others, at")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[5.0]], "one point"),
        (np.ones((4, 2)), "All 4 points are equal"),
        (np.c_[TWO, np.ones(80)], '1 column is constant, without a spread to fit: "x3"'),
        (TWO * [1e-6, 1e6], 'The spread of "x2" is'),
        (np.c_[TWO, TWO @ [1.0, 2.0]], "A column follows exactly from the others"),
        (np.c_[TWO, TWO @ [1.0, 2.0]], 'among "x1", "x2", "x3"'),
        (
            np.c_[TWO, TWO @ [1.0, 2.0] + 1e-4 * RNG.normal(size=80), RNG.normal(size=80)],
            '"x1", "x2", "x3" all but follow from one another',
        ),
        (np.c_[TWO, np.r_[np.ones(75), 2:7]], '"x3" is nearly constant: 75 of 80 values are 1'),
        (np.c_[TWO, np.r_[np.ones(25), RNG.normal(size=55)]], '"x3" has ties: 25 of 80 values'),
        (RNG.normal(size=(6, 8)), "There are 8 columns and 6 points"),
        (np.repeat(TWO[:8], 10, axis=0), "Only 8 of 80 points differ"),
        (np.r_[TWO, [[0.0, 1e6]]], "One point lies far from all others, at 1.00×10⁶ in"),
        (np.r_[TWO, [[0.0, 1e6], [0.0, 2e6]]], "2 points lie far from all others"),
        (np.c_[TWO, np.exp(2 * RNG.normal(size=80))], '"x3" has a long tail upward'),
        (TWO + 1e12, "numbers this far from zero"),
        (TWO * 1e17, "beyond 9,007,199,254,740,992 not every whole number"),
        (TWO * 1e300, "beyond the range of numbers"),
        (TWO * 1e-300, "beyond the range of numbers"),
        (np.array([[1.7e308], [-1.7e308]]), "beyond the range of numbers"),
    ],
)
def test_each_difficulty_is_named(values, words):
    assert words in text_of(values)


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(50, 5, 200),
        RNG.uniform(1, 9, 200),
        np.r_[RNG.normal(50, 5, 200), 500],  # an outlier, of which the logarithm is one too
        -np.exp(2 * RNG.normal(size=200)),  # which has no logarithm
    ],
)
def test_a_logarithm_is_suggested_for_a_long_tail_only(values):
    assert "long tail" not in text_of(values)


def test_each_difficulty_is_named_alone():
    assert len(cautions(gmm.Dataset.from_values(TWO * [1e-6, 1e6]))) == 1
    assert len(cautions(gmm.Dataset.from_values(np.r_[TWO, [[0.0, 1e6]]]))) == 1


def test_only_what_is_hard_for_the_chosen_covariances_is_said():
    unlike = gmm.Dataset.from_values(TWO * [1e-6, 1e6])
    assert cautions(unlike, FAMILIES["spherical", False])
    assert cautions(unlike, FAMILIES["diag", False]) == []
    dependent = gmm.Dataset.from_values(np.c_[TWO, TWO @ [1.0, 2.0]])
    assert cautions(dependent, FAMILIES["full", True])
    assert cautions(dependent, FAMILIES["diag", True]) == []


def test_what_is_beyond_two_difficulties_is_counted():
    assert foremost(["First.", "Second."]) == ["First.", "Second."]
    four = ["First.", "Second.", "Third.", "Fourth."]
    assert foremost(four) == ["First.", "Second.", "The Data page says 2 more."]


def test_constant_columns_are_listed():
    data = gmm.Dataset.from_values(np.c_[np.ones(80), TWO], ["a", "b", "c"])
    assert constant_columns(data) == ["a"]
