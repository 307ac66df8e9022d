"""Typed numbers and tables: read as meant, or answered with their place."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core import entering


@pytest.mark.parametrize("text", ["0 1 10", "0, 1, 10", "0;1\n\n10 ", "0\n1\n10", " 0,1,10,"])
def test_list_of_numbers_is_read_however_it_is_separated(text):
    if text == "0;1\n\n10 ":
        with pytest.raises(ValueError, match="Line 3 has 1 numbers, but line 1 has 2"):
            entering.numbers(text)
    else:
        np.testing.assert_array_equal(entering.numbers(text), [[0], [1], [10]])


def test_lines_of_equal_length_are_points_in_columns():
    np.testing.assert_array_equal(entering.numbers("1, 2\n-3 4e1"), [[1, 2], [-3, 40]])


def test_signs_are_those_of_files():
    np.testing.assert_array_equal(entering.numbers("\u22125 +.5 -1."), [[-5], [0.5], [-1]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no number yet"),
        (" ,\n;", "no number yet"),
        ("1\n2\nabc", 'Line 3, is "abc"'),
        ("1 nan", 'is "nan"'),
        ("1 1e999", 'is "1e999"'),
        ("1_000 2", 'is "1_000"'),
        ("1 \u0661\u0662", 'is "\u0661\u0662"'),
    ],
)
def test_what_is_no_number_is_answered_with_its_line(text, said):
    with pytest.raises(ValueError, match=said):
        entering.numbers(text)


def test_table_becomes_a_dataset():
    data = entering.table([[1, "2.5"], [3.0, 4]], ["a", "<b>"], "edited")
    np.testing.assert_array_equal(data.values, [[1, 2.5], [3, 4]])
    assert data.columns == ("a", "<b>")


@pytest.mark.parametrize("cell", [None, float("nan"), " "])
def test_empty_cell_is_answered_with_its_row_and_column(cell):
    with pytest.raises(ValueError, match='Row 7, column "b", is empty'):
        entering.table([[1, 2], [3, cell]], ["a", "b"], "edited", labels=[1, 7])


def test_table_without_rows_is_refused():
    with pytest.raises(ValueError, match="no row"):
        entering.table([], ["a"], "edited")


def test_mixture_of_one_column_has_weights_that_sum_to_one():
    parameters = entering.mixture([[3, 0, 1], [1, 10, 2]], 1)
    np.testing.assert_allclose(parameters.weights, [0.75, 0.25])
    np.testing.assert_allclose(parameters.locs, [[0], [10]])
    np.testing.assert_allclose(parameters.covariances[:, 0, 0], [1, 4])


def test_mixture_of_two_columns_has_the_covariance_that_was_typed():
    parameters = entering.mixture([[1, 0, 5, 2, 3, -0.5]], 2)
    np.testing.assert_allclose(parameters.covariances[0], [[4, -3], [-3, 9]])


@pytest.mark.parametrize(
    ("rows", "D", "said"),
    [
        ([], 1, "no component"),
        ([[-1, 0, 1]], 1, "Component 1 has the weight -1"),
        ([[0, 0, 1]], 1, "All weights are 0"),
        ([[1, 0, 1], [1, 0, 0]], 1, "Component 2 has the standard deviation 0"),
        ([[1, None, 1]], 1, "Component 1, loc, is empty"),
        ([[1, 0, 0, 1, 1, 1]], 2, "Component 1 has the correlation 1"),
        ([[1, 0, 0]], 3, "3 columns came"),
    ],
)
def test_mixture_that_is_none_is_answered(rows, D, said):
    with pytest.raises(ValueError, match=said):
        entering.mixture(rows, D)
