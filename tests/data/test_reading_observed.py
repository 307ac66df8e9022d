"""A file's columns that count, that name a class, and that have holes."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.data.reading import read_table

FILE = b"""species;count;length;width
adelie;2;1,5;3
gentoo;1;;4
;3;2,5;5
adelie;;4,5;
gentoo;1;;
"""


def test_a_column_that_counts_and_one_that_names_are_not_fitted():
    dataset = gmm.read_dataset(FILE, weights="count", classes="species", missing="keep")
    assert dataset.columns == ("length", "width")
    assert dataset.weights.tolist() == [2, 1, 3]
    assert dataset.classes == ("adelie", "gentoo", None)
    assert np.isnan(dataset.values[1, 0])
    assert dataset.rows.numbers.tolist() == [1, 2, 3]


def test_rows_with_holes_are_left_out_unless_they_are_kept():
    columns = ["length", "width"]
    assert len(gmm.read_dataset(FILE, columns=columns).values) == 2
    assert len(gmm.read_dataset(FILE, columns=columns, missing="keep").values) == 4
    with pytest.raises(ValueError, match="3 of 5 rows have a missing"):
        gmm.read_dataset(FILE, columns=columns, missing="refuse")


def test_a_row_that_does_not_say_how_often_it_counts_is_dropped_and_told():
    reading = read_table(b"n;a;b\n2;1,5;3\n;2,5;4\n;;7\n1;3,5;9\n", name="a")
    for missing, rows, dropped in (("keep", 2, 2), ("drop", 2, 1)):
        kind = {"missing": missing, "weights": "n"}
        assert len(reading.dataset(["a", "b"], **kind).values) == rows
        text = " ".join(reading.sentences(["a", "b"], **kind))
        assert f'Dropped {dropped} row{"s" * (dropped > 1)} without a number in "n".' in text
        assert "In use: 2 rows of 2 columns" in text
    with pytest.raises(ValueError, match="negative or no number; the first is nan"):
        reading.dataset(["b"], missing="refuse", weights="n")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weights": "species"}, 'column "species" holds no numbers'),
        ({"classes": "genus"}, 'column "genus" does not exist. Choose from'),
        ({"missing": "guess"}, '"drop", "keep" or "refuse"'),
    ],
)
def test_what_is_no_such_column_is_refused_in_words(fields, words):
    with pytest.raises(ValueError, match=words):
        gmm.read_dataset(FILE, **fields)
