"""Sentences on transformed columns have the columns' own numbers."""

import gmm_core as gmm
from gmm_core.words import data as words
from gmm_core.words import transformed

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
    said = transformed.comparable(logs)
    assert "add the log Jacobian −6.90776 to a log likelihood, and 13.8155 to BIC" in said
    zero = gmm.transformed(gmm.Dataset.from_values([0.0, 1.0]), {"value": "sqrt"})
    assert "does not compare" in transformed.comparable(zero)
