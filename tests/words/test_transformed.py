"""Sentences on transformed columns have the columns' own numbers."""

import numpy as np
import pytest
from scipy.stats import lognorm, norm

import gmm_core as gmm
from gmm_core.data.transformed import in_table
from gmm_core.formatting import number
from gmm_core.mixture.expectation import expectation
from gmm_core.words import data as words
from gmm_core.words import transformed
from gmm_core.words.fit import point_answer
from gmm_core.words.membership import expectation_answer, membership_answer
from gmm_core.words.tables import component_table, objective_rows

DATA = gmm.Dataset.from_values([[1.0, 2.0], [10.0, 4.0], [100.0, 9.0]], ["a", "b"])


def test_units_say_what_each_transformed_column_is():
    assert transformed.units(DATA) == ""
    logs = gmm.transformed(DATA, {"a": "log", "b": "standardise"})
    assert transformed.units(logs) == (
        '"log a" is the natural logarithm of "a"; "b (sd)" is "b" less its mean 5, in '
        "standard deviations of 2.944."
    )
    assert transformed.units(logs) in words.extras(logs)
    many = gmm.Dataset.from_values([[1.0] * 9, [2.0] * 9])
    many = gmm.transformed(many, dict.fromkeys(many.columns, "sqrt"))
    assert transformed.units(many).endswith("; 3 more columns are transformed.")


def test_a_criterion_of_a_transform_says_what_makes_it_comparable():
    assert transformed.comparable(DATA) == ""
    logs = gmm.transformed(DATA, {"a": "log"})  # - log 1 - log 10 - log 100
    sentence = transformed.comparable(logs)
    assert "compare with fits of other transforms" in sentence
    assert "The log Jacobian −6.90776 is in them" in sentence
    zero = gmm.transformed(gmm.Dataset.from_values([0.0, 1.0]), {"value": "sqrt"})
    assert "does not compare" in transformed.comparable(zero)


LOGS = gmm.transformed(DATA, {"a": "log"})
POINT = gmm.Parameters([0.6, 0.4], [[np.log(20), 3.0], [np.log(2), 7.0]], [0.1 * np.eye(2)] * 2)


def test_places_are_said_in_the_units_of_the_table():
    sentence = "".join(part.text for part in point_answer(LOGS, POINT))
    assert "near (20.0, 3.000) and" in sentence
    assert "near (2.00, 7.000)" in sentence
    assert sentence.endswith("Places are in the units of the table. ")
    plain = gmm.Dataset.from_values(LOGS.values, LOGS.columns)
    assert "units of the table" not in "".join(p.text for p in point_answer(plain, POINT))


def test_a_boundary_is_where_it_is_in_the_table():
    one, point = LOGS.select("log a"), POINT.marginal([0])
    (edge,) = gmm.boundaries(point)
    sentence = "".join(part.text for part in membership_answer(one, point))
    assert sentence.startswith(f"The boundary is at {np.exp(edge):.2f}.")
    # There the two densities of the table's own numbers are equal, too.
    x = np.array([[np.exp(edge)]])
    parts = point.weights * lognorm.pdf(x[0], 0.1, scale=np.exp(point.locs[:, 0]))
    assert parts[0] == pytest.approx(parts[1])


def test_what_is_expected_is_said_in_the_units_of_the_table():
    logs = gmm.transformed(DATA, {"a": "log", "b": "sqrt"})
    found = expectation(POINT, 0, [20.0], 1, dataset=logs)
    said = expectation_answer(found, logs, 0, 1, 20.0)
    # The root of b is about 3 there, give or take 0.1.
    low, high = (number(float(norm.ppf(p, 3, 0.1)) ** 2) for p in (0.05, 0.95))
    assert said.startswith('When "a" is 20.0, it expects "b" to be 9.01, give or take 0.600: ')
    assert said.endswith(f"nine times in ten between {low} and {high}.")


def test_a_standardised_column_has_its_scale_in_the_table():
    data = gmm.transformed(DATA.select("b"), {"b": "standardise"})
    point = gmm.Parameters([1.0], [[0.5]], [[[2.0]]])
    said = "".join(part.text for part in point_answer(data, point))
    sd = DATA.values[:, 1].std()
    assert f"with standard deviation {number(2 * sd)}. " in said
    head, ((*_, loc, scale, _),) = component_table(data, point)
    assert head == ("component", "weight", "loc b", "sd b", "points")
    assert [float(loc), float(scale)] == pytest.approx([5 + 0.5 * sd, 2 * sd], rel=1e-5)


def test_noise_has_its_row_among_the_components():
    point = gmm.Parameters([0.9], [[2.0]], [[[1.0]]], noise=0.1, box=[9.0])
    head, rows = component_table(LOGS.select("log a"), point)
    assert head == ("component", "weight", "loc log a", "sd log a", "median a", "points")
    assert rows[0][:5] == ("1", "0.9", "2", "1", f"{np.exp(2):.6g}")
    assert rows[1][:5] == ("noise", "0.1", "", "", "")
    assert float(rows[0][5]) + float(rows[1][5]) == pytest.approx(3, rel=1e-5)


def test_what_lies_below_the_root_of_zero_is_at_zero():
    roots = gmm.transformed(DATA, {"a": "sqrt"})
    assert in_table(roots, 0, [-0.5, 0.0, 2.0]).tolist() == [0, 0, 4]
    assert in_table(roots, 1, [-0.5]).tolist() == [-0.5]


def test_the_objective_ends_with_the_likelihood_of_the_table():
    one, point = LOGS.select("log a"), POINT.marginal([0])
    mixture = gmm.Mixture(tied=False)
    density = lognorm.pdf(DATA.values[:, :1], 0.1, scale=np.exp(point.locs[:, 0])) @ point.weights
    shown = dict(objective_rows(one, mixture, point))["log likelihood of the table"]
    assert shown == number(float(np.log(density).sum()), 6)
    plain = gmm.Dataset.from_values(one.values, one.columns)
    assert "log likelihood of the table" not in dict(objective_rows(plain, mixture, point))
