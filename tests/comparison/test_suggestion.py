"""The mixture that data is shown with first: sensible on known data, and never a spurious one."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.comparison import suggestion
from gmm_core.comparison.suggestion import suggest
from gmm_core.inference import combine, n_parts, run_part
from gmm_core.words import suggestion as say


def swept(dataset, most=6):
    spec = suggestion.specification(dataset, most)
    return combine(spec, [run_part(spec, part) for part in range(n_parts(spec))]).rows


@pytest.fixture(scope="module")
def faithful():
    return suggest(swept(gmm.example("faithful"), 4), 2)


def test_faithful_gets_the_mixture_at_the_top_of_mclusts_chart(faithful):
    assert tuple(faithful.best.cell) == (3, "full", True)
    assert faithful.best.bic == pytest.approx(2314.3, abs=0.05)  # mclust 6: EEE, 3
    assert faithful.runner_up.bic > faithful.best.bic


def test_the_cost_of_another_choice_is_said(faithful):
    stripes = gmm.Mixture(n_components=2, covariance="spherical", tied=True)
    behind = faithful.cost(stripes)
    assert behind > 1000
    words = say.cost(faithful, stripes, 2)
    assert words.startswith(
        "By BIC, three components with a shared full covariance suit these points better, by "
    )
    assert say.cost(faithful, gmm.Mixture(n_components=3, covariance="full", tied=True), 2) == ""
    assert "came second" in say.chosen(faithful, 2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"noise": True}, "chosen without noise; the Compare page"),
        ({"labels": "fix"}, "chosen without fixed classes; the Compare page"),
        ({"noise": True, "labels": "fix"}, "without noise or fixed classes;"),
        (
            {"priors": gmm.Priors.conjugate(gmm.example("faithful"))},
            "chosen without conjugate priors; the Compare page",
        ),
    ],
)
def test_a_mixture_that_the_sweep_was_not_of_is_not_held_against_its_rows(faithful, fields, words):
    best = gmm.Mixture(n_components=3, covariance="full", tied=True)
    stripes = gmm.Mixture(n_components=2, covariance="spherical", tied=True)
    assert faithful.compares(best)
    for mixture in (best, stripes):
        other = mixture.model_copy(update=fields)
        assert not faithful.compares(other)
        assert faithful.cost(other) is None
        assert words in say.not_compared(other)


def test_one_component_suits_and_several_suit():
    rows = swept(gmm.Dataset.from_values(np.random.default_rng(2).normal(size=60)), 2)
    words = say.cost(suggest(rows, 1), gmm.Mixture(n_components=2), 1)
    assert words.startswith("By BIC, one component suits these points better")


def test_an_optimum_on_a_handful_of_points_does_not_win():
    def row(K, bic, smallest, verdict="converged"):
        numbers = (-1.0, 5, bic, bic, bic, verdict, None, 5, 10, smallest, "", 0.1)
        return gmm.ComparisonRow(K, "full", False, *numbers)

    rows = [
        row(1, 300.0, 40.0),
        row(2, 250.0, 15.0),
        row(3, 200.0, 3.0),
        row(4, 100.0, 9.0, "moving"),
    ]
    suggestion = suggest(rows, 4)
    assert (suggestion.best.n_components, suggestion.runner_up.n_components) == (2, 1)
    # Where the rule would leave one component only, BIC decides.
    assert suggest([row(1, 300.0, 5.0), row(2, 250.0, 2.0)], 1).best.n_components == 2
    assert suggest([row(2, 100.0, 9.0, "collapsed")], 1) is None


def test_large_data_is_judged_by_a_sample_that_is_the_same_for_everybody():
    values = np.random.default_rng(1).normal(size=(5_000, 2))
    data = gmm.Dataset.from_values(values)
    spec = suggestion.specification(data)
    assert len(spec.dataset.values) == suggestion.MOST_POINTS
    assert spec.id == suggestion.specification(data).id


def test_sample_of_large_data_keeps_weights_and_holes():
    values = np.random.default_rng(1).normal(size=(5_000, 2))
    values[::9, 1] = np.nan
    weights = 1.0 + np.arange(5_000) % 3
    data = gmm.Dataset.from_values(values, weights=weights, missing="keep")
    sample = suggestion.specification(data).dataset
    assert sample.incomplete
    assert set(sample.weights) == {1.0, 2.0, 3.0}
    rows = np.searchsorted(values[:, 0], sample.values[:, 0], sorter=np.argsort(values[:, 0]))
    rows = np.argsort(values[:, 0])[rows]
    assert np.array_equal(sample.values, values[rows], equal_nan=True)
    assert np.array_equal(sample.weights, weights[rows])


def best_with(parameters):
    D = parameters.locs.shape[1]
    numbers = (-1.0, 5, 9.0, 9.0, 9.0, "converged", parameters, 5, 10, 99.0, "", 0.1)
    return suggest([gmm.ComparisonRow(len(parameters.weights), "full", False, *numbers)], D)


def test_columns_to_look_along_are_those_that_tell_components_apart():
    factor = np.linalg.cholesky([[1.0, 0, 0, 0], [0, 4.0, 0, 0], [0, 0, 1.0, 0.9], [0, 0, 0.9, 1]])
    # In the last two columns, 2 apart across a strong correlation; in column 2, 3 at a spread of 2.
    locs = np.array([[0.0, 0, 0, 0], [0.5, 3, 1, -1]])
    point = gmm.Parameters(np.array([0.5, 0.5]), locs, np.stack([factor, factor]))
    assert best_with(point).columns() == (2, 3)
    equal = point.locs[:1].repeat(2, axis=0)
    assert best_with(gmm.Parameters(point.weights, equal, point.scale_tril)).columns() == (0, 1)
    flat = gmm.Parameters(np.ones(2) / 2, locs[:, :2], np.stack([factor[:2, :2]] * 2))
    assert best_with(flat).columns() == (0, 1)


def test_columns_to_look_along_show_every_component_rather_than_one_far_away():
    # Column 1 sets the third component 100 apart; the others lie 4 apart in columns 2 and 3 each.
    locs = np.array([[0.0, 0, 0], [0, 4, 0], [100, 0, 4]])
    point = gmm.Parameters(np.ones(3) / 3, locs, np.stack([np.eye(3)] * 3))
    assert best_with(point).columns() == (0, 1)
    locs[:, 2] = [0, 2.5, 12]  # in which the first two lie closer than in column 2
    point = gmm.Parameters(np.ones(3) / 3, locs[:, [0, 2, 1]], np.stack([np.eye(3)] * 3))
    assert best_with(point).columns() == (1, 2)


def test_columns_of_iris_are_those_of_the_petals():
    suggestion = suggest(swept(gmm.example("iris"), 3), 4)
    assert 2 in suggestion.columns()
