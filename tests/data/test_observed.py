"""Weights, known classes and missing values: kept, part of the identity, or refused in words."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest

import gmm_core as gmm

TABLE = [[1.0, 2.0], [math.nan, 3.0], [4.0, math.nan]]


def test_what_is_given_beside_the_numbers_is_kept_and_makes_other_data():
    plain = gmm.Dataset.from_values([1.0, 2.0, 4.0])
    weighted = gmm.Dataset.from_values([1.0, 2.0, 4.0], weights=[1, 2, 0])
    classified = gmm.Dataset.from_values([1.0, 2.0, 4.0], classes=["a", None, 3.0])
    assert weighted.weights.tolist() == [1, 2, 0]
    assert weighted.total == 3
    assert plain.total == 3
    assert classified.classes == ("a", None, "3")
    assert classified.class_names == ("a", "3")
    assert len({plain, weighted, classified}) == 3
    assert weighted == gmm.Dataset.from_values([1.0, 2.0, 4.0], weights=np.array([1.0, 2.0, 0.0]))
    for one in (plain, weighted, classified):
        copy = pickle.loads(pickle.dumps(one))
        assert copy == one
        assert copy.classes == one.classes
    with pytest.raises(ValueError, match="read-only"):
        weighted.weights[0] = 2


def test_missing_values_are_refused_dropped_or_kept():
    with pytest.raises(ValueError, match="2 of 6 values are not finite"):
        gmm.Dataset.from_values(TABLE)
    dropped = gmm.Dataset.from_values(TABLE, weights=[1, 2, 3], missing="drop")
    assert dropped.values.tolist() == [[1, 2]]
    assert dropped.weights.tolist() == [1]
    with_holes = gmm.Dataset.from_values(TABLE, missing="keep")
    assert with_holes.incomplete
    assert with_holes == gmm.Dataset.from_values([[1, 2], [None, 3], [4, pd.NA]], missing="keep")
    assert with_holes == gmm.Dataset.from_values(np.ma.masked_invalid(TABLE), missing="keep")
    assert with_holes.complete() == gmm.Dataset.from_values([[1.0, 2.0]])


def test_data_without_holes_is_the_same_however_it_may_come():
    whole = gmm.Dataset.from_values([[1.0, 2.0], [3.0, 5.0]])
    for missing in ("refuse", "drop", "keep"):
        assert gmm.Dataset.from_values([[1.0, 2.0], [3.0, 5.0]], missing=missing) == whole
    assert not gmm.Dataset.from_values([[1.0, 2.0], [3.0, 5.0]], missing="keep").incomplete


def test_moments_count_weights_and_pass_over_holes():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(20, 2)), rng.integers(0, 4, 20)
    mean, variance = gmm.Dataset.from_values(x, weights=w).moments()
    np.testing.assert_allclose(mean, np.repeat(x, w, axis=0).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, np.repeat(x, w, axis=0).var(axis=0), rtol=1e-12)
    x[3, 0] = math.nan
    mean, variance = gmm.Dataset.from_values(x, missing="keep").moments()
    np.testing.assert_allclose(mean, np.nanmean(x, axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, np.nanvar(x, axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weights": [1, 2]}, r"shape \(2,\), but the data has 3 points"),
        (
            {"weights": [1, -2, 1]},
            r"1 of 3 weights is negative or no number; the first is -2 in row 2",
        ),
        ({"weights": [-1, math.nan, 1]}, "2 of 3 weights are negative or no number"),
        ({"weights": [0, 0, 0]}, "All weights are zero"),
        ({"weights": ["a", "b", "c"]}, "weights are not numbers"),
        ({"classes": ["a", "b"]}, "2 classes came for 3 points"),
        ({"classes": [None, "", math.nan]}, "No point has a known class"),
        ({"missing": "guess"}, 'Give "refuse", "drop" or "keep"'),
    ],
)
def test_what_does_not_fit_is_refused_in_words(fields, words):
    with pytest.raises(ValueError, match=words):
        gmm.Dataset.from_values([1.0, 2.0, 4.0], **fields)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[math.nan, math.nan], [1, 2]], "1 row has no value at all; the first is row 1"),
        ([[math.nan, 1], [math.nan, 2]], 'column "x1" has no value at all'),
        ([[math.inf, 1], [math.nan, 2]], "1 of 4 values is not finite"),
    ],
)
def test_holes_that_leave_nothing_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        gmm.Dataset.from_values(values, missing="keep")


def test_a_number_for_each_row_is_no_class():
    with pytest.raises(ValueError, match="300 different classes came for 300 points"):
        gmm.Dataset.from_values(np.arange(300.0), classes=range(300))


def test_a_row_without_any_value_is_dropped_with_the_others():
    table = [[1, 2], [math.nan, math.nan], [math.nan, 3], [4, 5]]
    data = gmm.Dataset.from_values(table, weights=[1, 2, 3, 4], classes="abcd", missing="drop")
    assert data.values.tolist() == [[1, 2], [4, 5]]
    assert data.weights.tolist() == [1, 4]
    assert data.classes == ("a", "d")


def test_dropping_every_row_is_refused():
    with pytest.raises(ValueError, match="none is left"):
        gmm.Dataset.from_values([[math.nan, 1], [2, math.nan]], missing="drop")
