"""Figures of the posterior: whole, partial and odd draws are drawn, and say what they show."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core.data.dataset import Dataset
from gmm_core.figures import posterior as figures
from gmm_core.mixture import Parameters
from gmm_core.posterior.invariants import Boundaries


def points(M=30, K=2, D=1):
    rng = np.random.default_rng(0)
    return Parameters(
        rng.dirichlet(np.full(K, 5.0), M),
        np.linspace(0, 11, K)[:, None] + rng.standard_normal((M, K, D)),
        np.broadcast_to(np.eye(D), (M, K, D, D)),
    )


def words(fig):
    return " ".join(str(a.text) for a in fig.layout.annotations)


def test_density_has_two_bands_a_median_and_the_data():
    data = Dataset.from_values([0, 1, 10, 11, 12], columns=["<b>x</b>"])
    fig = figures.density_bands(data, points())
    assert len(fig.data) == 4
    assert "median" in words(fig)
    assert "<b>" not in fig.layout.xaxis.title.text
    area = np.trapezoid(np.array(fig.data[2].y), np.array(fig.data[2].x))
    assert 0.3 < area <= 1.05


def test_density_without_draws_shows_the_data():
    fig = figures.density_bands(Dataset.from_values([0, 1, 10]), None)
    assert len(fig.data) == 1


def test_density_of_a_chosen_column_over_many_points():
    values = np.random.default_rng(0).standard_normal((500, 3)) * [1, 10, 100]
    fig = figures.density_bands(Dataset.from_values(values), points(D=3), column=2)
    assert fig.data[0].type == "bar"
    assert fig.layout.xaxis.range[1] > 100


def test_matrix_shows_numbers_where_they_fit():
    probs = np.array([[1.0, 0.97], [0.97, 1.0]])
    fig = figures.together(probs, ["0", "1"], "value")
    assert sum(a.text == "0.97" for a in fig.layout.annotations) == 2
    large = figures.together(np.eye(60), [str(i) for i in range(60)], "row")
    assert not large.layout.annotations
    assert large.data[0].customdata[0][1] == "0 and 1"


def test_matrix_of_hundreds_is_carried_as_whole_percents():
    fig = figures.together(np.full((300, 300), 0.126), [str(i) for i in range(300)], "row")
    assert np.array(fig.data[0].z).dtype == np.uint8
    assert np.all(np.array(fig.data[0].z) == 13)
    assert len(fig.to_json()) < 200_000


def test_matrix_of_one_point_is_drawn():
    assert figures.together(np.ones((1, 1)), ["0"], "value").data


def test_boundaries_are_a_histogram_with_the_share_that_has_none():
    data = Dataset.from_values([0, 1, 10])
    boundaries = Boundaries(np.array([5.0, 5.5, 6.0]), 0.25, 4)
    fig = figures.boundary(data, boundaries, -1, 11)
    heights, places = np.array(fig.data[0].y), np.array(fig.data[0].x)
    assert (heights * np.array(fig.data[0].width)).sum() == pytest.approx(1)
    assert set(np.round(places[heights > 0], 1)) == {5.1, 5.5, 6.1}
    assert "25\u202f% of draws have none" in words(fig)
    empty = figures.boundary(data, Boundaries(np.array([]), 1.0, 4), -1, 11)
    assert "100\u202f%" in words(empty)


def test_occupied_components_are_bars_with_the_exact_ones_as_lines():
    fig = figures.occupied(np.array([0.1, 0.9]), np.array([0.07, 0.93]))
    assert list(fig.data[0].y) == [0.1, 0.9]
    assert list(fig.data[1].y) == [0.07, 0.93]
    assert len(figures.occupied(np.array([0.1, 0.9])).data) == 1
    assert "90\u202f%" in fig.layout.meta["alt"]
