"""Signs that can be read in two ways: the whole file decides, and a sentence says how."""

import numpy as np
import pytest

from gmm_core.data.reading import read_table


def read(content):
    return read_table(content.encode())


def sentences_of(reading):
    return " ".join(reading.sentences())


@pytest.mark.parametrize(
    ("content", "values", "words"),
    [
        (
            "a;b\n1,5;999,5\n2,5;1.234\n3,5;2.000\n",
            [[1.5, 999.5], [2.5, 1234], [3.5, 2000]],
            'point in 2 cells such as "1.234" was taken to stand between thousands (1234)',
        ),
        ("a;b\n1,5;1.234,5\n2,5;0,5\n", [[1.5, 1234.5], [2.5, 0.5]], "between thousands"),
        ("a;b\n1;1.234.567\n2;2.345.678\n", [[1, 1234567], [2, 2345678]], "between thousands"),
        (
            "a\tb\tc\n1,234\t2,345\t5.5\n999\t1,000\t6.5\n",
            [[1234, 2345, 5.5], [999, 1000, 6.5]],
            "If it is the decimal sign, write a point (1.234)",
        ),
        ("a;b\n1,234;5\n999;6\n12,345;7\n", [[1234, 5], [999, 6], [12345, 7]], "thousands (1234)"),
        ('income\n"1,234"\n"2,345"\n"999"\n', [[1234], [2345], [999]], "thousands (1234)"),
        ('a,b\n"1,234.5",5\n"999",6\n', [[1234.5, 5], [999, 6]], "thousands (1234.5)"),
        (
            "a;b\n1,234;5\n2,345;6\n",
            [[1.234, 5], [2.345, 6]],
            "taken as the decimal sign (1.234). If it stands between thousands, remove it (1234)",
        ),
        ("a;b\n0,123;5\n1,234;6\n", [[0.123, 5], [1.234, 6]], "decimal comma"),
    ],
)
def test_a_sign_that_can_be_read_in_two_ways_is_decided_by_the_file(content, values, words):
    reading = read(content)
    np.testing.assert_array_equal(reading.values, values)
    assert words in sentences_of(reading)


def test_a_point_that_fits_neither_way_beside_decimal_commas_is_not_read():
    reading = read("a;b\n" + "1,5;2,5\n" * 30 + "2,5;1.234\n3,5;2.5\n")
    assert reading.unreadable == {"a": 0, "b": 2}
    assert 'Not read: 1 cell such as "2.5" and 1 cell such as "1.234"' in sentences_of(reading)


def test_a_comma_far_down_in_the_file_counts_too():
    reading = read("a;b\n" + "1,234;5\n" * 50_000 + "999;6\n")
    assert reading.values[:, 0].tolist() == [1234] * 50_000 + [999]


def test_a_slip_does_not_turn_points_into_thousands():
    reading = read("a;b\n" + "1.234;5\n" * 50 + "1,5;6\n")
    assert reading.values[0].tolist() == [1.234, 5]
    assert reading.unreadable == {"a": 1, "b": 0}


def test_dates_and_lone_points_say_nothing_of_the_decimal_sign():
    reading = read("day;x;y\n01.02.2020;1,5;.\n02.03.2021;2,5;3\n")
    assert reading.columns == ("x", "y")
    np.testing.assert_array_equal(reading.values, [[1.5, np.nan], [2.5, 3]])
    assert reading.unreadable == {"x": 0, "y": 0}


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f", "\u2009"])
@pytest.mark.parametrize("header", ["Taille cm;Poids kg\n", ""])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_spaces_between_thousands_split_no_table(space, header, delimiter):
    lines = f"1{space}234,5;5{space}678,5\n" * 60 + f"2{space}345;6{space}789\n"
    reading = read((header + lines).replace(";", delimiter))
    assert reading.delimiter == {";": "semicolon", "\t": "tab"}[delimiter]
    np.testing.assert_array_equal(reading.values, [[1234.5, 5678.5]] * 60 + [[2345, 6789]])
    assert "space in 122 cells" in sentences_of(reading)


def test_other_digits_apart_by_spaces_are_not_joined():
    reading = read("a;b\n" + "1,5;2\n" * 30 + "2,5;1 234\n3,5;12 34\n")
    assert reading.unreadable == {"a": 0, "b": 2}


def test_plain_spaces_still_split_a_table_of_nothing_else():
    assert read("1 234\n2 345\n").values.tolist() == [[1, 234], [2, 345]]
    assert read("1\u00a0234\n2\u00a0345\n").values.tolist() == [[1234], [2345]]
