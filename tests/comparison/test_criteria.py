"""Every criterion has its published value, and stands wherever criteria are listed."""

import csv
import io
from math import log

import numpy as np
import pytest
from points import random_dataset, random_point

import gmm_core as gmm
from gmm_core.comparison import criteria, sweep
from gmm_core.runs.serialize import pack, unpack
from gmm_core.words import comparison as say

FAITHFUL = gmm.example("faithful")


@pytest.fixture(scope="module")
def rows():
    return gmm.compare(FAITHFUL, 2, [("full", False)], restarts=5)


@pytest.mark.parametrize(
    ("name", "value", "within"),
    # From the optimum of VVV, 2 and the formulas; ICL (most probable) is mclust's own, whose EM
    # ends a little before its optimum.
    [
        ("aicc", 2283.5433, 5e-4),
        ("sabic", 2287.3137, 5e-4),
        ("caic", 2333.1917, 5e-4),
        ("icl", 2323.5812, 5e-4),
        ("icl_most_probable", 2322.697, 1e-2),
    ],
)
def test_the_published_values_of_faithful_are_met(rows, name, value, within):
    assert getattr(rows[0], name) == pytest.approx(value, abs=within)


def test_the_classes_of_faithful_are_sure(rows):
    assert rows[0].entropy == pytest.approx(0.996315, abs=5e-6)
    r = gmm.responsibilities(rows[0].parameters, FAITHFUL.values)
    mine = [r[r.argmax(axis=1) == k, k].mean() for k in range(2)]
    assert rows[0].class_probability == pytest.approx(mine, rel=1e-12)


def test_entropy_runs_from_no_idea_to_no_doubt():
    same = gmm.Parameters([0.5, 0.5], [[0.0], [0.0]], np.ones((2, 1, 1)))
    apart = gmm.Parameters([0.5, 0.5], [[-50.0], [50.0]], np.ones((2, 1, 1)))
    data = gmm.Dataset.from_values([-50.0, -49.0, 50.0, 51.0])
    for point, value in ((same, 0.0), (apart, 1.0)):
        computed = criteria.criteria(data, gmm.Mixture(), point)
        assert computed["entropy"] == pytest.approx(value, abs=1e-12)
    one = gmm.Parameters([1.0], [[0.0]], np.ones((1, 1, 1)))
    assert criteria.criteria(data, gmm.Mixture(n_components=1), one)["entropy"] == 1.0
    assert np.isnan(criteria.class_probability(data, same)[1])


def test_aicc_needs_more_points_than_parameters():
    mixture = gmm.Mixture(n_components=2, covariance="full", tied=False)
    data, point = random_dataset(12, 2), random_point(mixture, 2)
    assert np.isnan(criteria.criteria(data, mixture, point)["aicc"])  # p = 11
    row = gmm.compare(gmm.example("tutorial"), 2, "spherical", restarts=3)[0]
    assert np.isnan(row.aicc)
    assert sweep.best([row], "aicc") is None
    assert "AICc is not known" in say.comparison_answer(5, 1, [row], "aicc")[0].text


def test_every_criterion_is_a_column_a_word_and_travels(rows):
    assert set(criteria.CRITERIA) == set(say.CRITERION)
    assert set(criteria.CRITERIA) <= set(sweep.ComparisonRow._fields)
    assert set(criteria.CRITERIA) <= set(sweep.reported(rows[0]))
    first_row = next(csv.DictReader(io.StringIO(sweep.to_csv(rows))))
    for name in criteria.CRITERIA.keys() - {"log_evidence"}:
        assert float(first_row[name]) == getattr(rows[0], name)
    assert first_row["log_evidence"] == ""  # not asked for
    again = unpack(pack(sweep.Comparison(tuple(rows)))).rows[0]
    assert again[:9] == rows[0][:9]
    assert again.class_probability == rows[0].class_probability


def test_a_row_of_an_earlier_version_keeps_what_it_had(rows):
    row = sweep.Comparison((tuple(rows[0])[:15],)).rows[0]
    assert row.bic == rows[0].bic
    assert sweep.best([row], "bic") == 0
    assert sweep.best([row], "caic") is None
    assert say.table_rows([row], "bic", 2)[0][-2:] == ("–", "–")


def test_penalties_are_ordered_as_their_formulas_say():
    data = random_dataset(100, 2)
    mixture = gmm.Mixture(n_components=3)
    computed = criteria.criteria(data, mixture, random_point(mixture, 2))
    p = computed["n_parameters"]
    assert computed["caic"] - computed["bic"] == pytest.approx(p)
    assert computed["bic"] - computed["sabic"] == pytest.approx(p * log(100 * 24 / 102))
    assert computed["icl"] >= computed["icl_most_probable"] >= computed["bic"]
