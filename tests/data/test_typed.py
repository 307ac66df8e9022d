"""Typed numbers and tables: read as meant, or answered with their place."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gmm_core.data import typed
from gmm_core.formatting import number
from gmm_core.mixture import typed as typed_mixture
from pages.parts import controls


@pytest.mark.parametrize("text", ["0 1 10", "0, 1, 10", "0;1\n\n10 ", "0\n1\n10", " 0,1,10,"])
def test_list_of_numbers_is_read_however_it_is_separated(text):
    if text == "0;1\n\n10 ":
        with pytest.raises(ValueError, match="Line 3 has 1 numbers, but line 1 has 2"):
            typed.numbers(text)
    else:
        np.testing.assert_array_equal(typed.numbers(text), [[0], [1], [10]])


def test_lines_of_equal_length_are_points_in_columns():
    np.testing.assert_array_equal(typed.numbers("1, 2\n-3 4e1"), [[1, 2], [-3, 40]])


def test_signs_are_those_of_files():
    np.testing.assert_array_equal(typed.numbers("\u22125 +.5 -1."), [[-5], [0.5], [-1]])


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_what_is_no_number_is_answered_with_its_line(text, message):
    with pytest.raises(ValueError, match=message):
        typed.numbers(text)


def test_table_becomes_a_dataset():
    data = typed.table([[1, "2.5"], [3.0, 4]], ["a", "<b>"], "edited")
    np.testing.assert_array_equal(data.values, [[1, 2.5], [3, 4]])
    assert data.columns == ("a", "<b>")


@pytest.mark.parametrize("cell", [None, float("nan"), " "])
def test_empty_cell_is_answered_with_its_row_and_column(cell):
    with pytest.raises(ValueError, match='Row 7, column "b", is empty'):
        typed.table([[1, 2], [3, cell]], ["a", "b"], "edited", labels=[1, 7])


def test_table_without_rows_is_refused():
    with pytest.raises(ValueError, match="no row"):
        typed.table([], ["a"], "edited")


def test_mixture_of_one_column_has_weights_that_sum_to_one():
    parameters = typed_mixture.mixture([[3, 0, 1], [1, 10, 2]], 1)
    np.testing.assert_allclose(parameters.weights, [0.75, 0.25])
    np.testing.assert_allclose(parameters.locs, [[0], [10]])
    np.testing.assert_allclose(parameters.covariances[:, 0, 0], [1, 4])


def test_mixture_of_two_columns_has_the_covariance_that_was_typed():
    parameters = typed_mixture.mixture([[1, 0, 5, 2, 3, -0.5]], 2)
    np.testing.assert_allclose(parameters.covariances[0], [[4, -3], [-3, 9]])


@pytest.mark.parametrize(
    ("rows", "D", "message"),
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
def test_mixture_that_is_none_is_answered(rows, D, message):
    with pytest.raises(ValueError, match=message):
        typed_mixture.mixture(rows, D)


BOXES = {
    "list of points": lambda text: typed.numbers(text)[0, 0],
    "table of points": lambda text: typed.table([[text]], ["x"], "data").values[0, 0],
    "table of components": lambda text: typed_mixture.mixture([["1", text, "2"]], 1).locs[0, 0],
    "new values": lambda text: typed.parse_values(text, ["x"])[0, 0],
    "each prior": lambda text: controls._parsed("Locs: mean", text, ()),
}
every_box = pytest.mark.parametrize("box", BOXES.values(), ids=BOXES.keys())


@every_box
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5.7", 5.7),
        (" 5. ", 5),
        (".5", 0.5),
        ("+3", 3),
        ("-3", -3),
        ("\u22123", -3),
        ("1e-3", 1e-3),
        ("\u22121.5E+3", -1500),
        ("\u22121.5×10⁻⁷", -1.5e-7),
        ("2×10¹²", 2e12),
        (number(-1.5e-7), -1.5e-7),
        (number(-12.25, 4), -12.25),
    ],
)
def test_what_one_box_takes_every_box_takes(box, text, value):
    assert box(text) == value


@every_box
@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        "٣",
        "five",
        "nan",
        "inf",
        "1e999",
        "0x10",
        "--3",
        "1e",
        "3×10",
        "2×10^3",
        "½",
        "1.2.3",
    ],
)
def test_what_one_box_refuses_every_box_refuses_in_the_same_words(box, text):
    with pytest.raises(ValueError, match=rf', is "{re.escape(text)}", but a finite number was exp'):
        box(text)
