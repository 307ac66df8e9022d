"""Components against known classes: the table, the best matching, and what is said of it."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.membership.against_classes import against_classes
from gmm_core.mixture import Parameters
from gmm_core.words.membership import classes_answer

POINT = Parameters(np.full(2, 0.5), np.array([[0.0], [10.0]]), np.ones((2, 1, 1)))


def test_table_counts_known_points_and_matches_components():
    data = gmm.Dataset.from_values([0, 1, 9, 10, 11, 0.5], classes=["b", "b", "a", "a", "b", None])
    comparison = against_classes(data, POINT)
    assert comparison.names == ("b", "a")
    assert comparison.table.tolist() == [[2, 1], [0, 2]]
    assert comparison.component == (0, 1)
    assert comparison.error == pytest.approx(1 / 5)
    sentence = classes_answer(comparison, 2).replace("\u202f", " ")
    assert (
        '"b" is component 1, "a" is component 2. One of 5 points is in another one, 20 %.'
        in sentence
    )


def test_more_classes_than_components_leave_one_alone():
    data = gmm.Dataset.from_values([0, 1, 9, 10, 11], classes=["a", "a", "b", "b", "c"])
    comparison = against_classes(data, POINT)
    assert comparison.component == (0, 1, None)
    assert "for one no component is left" in classes_answer(comparison, 2).replace("\u202f", " ")


def test_points_that_do_not_count_are_left_out():
    data = gmm.Dataset.from_values([0, 10], weights=[1, 0], classes=["a", "b"])
    comparison = against_classes(data, POINT)
    assert comparison.n_points == 1


def test_without_classes_there_is_nothing_to_compare():
    assert against_classes(gmm.Dataset.from_values([0, 1]), POINT) is None
