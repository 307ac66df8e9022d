"""Figures of membership: colours by component, doubt as size."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from gmm_core import Dataset, Parameters, responsibilities
from gmm_core.data.class_columns import class_columns
from gmm_core.data.examples import example
from gmm_core.figures import assignments, membership, style
from gmm_core.membership.against_classes import class_colours

TUTORIAL = Parameters([0.625, 0.375], [[10.98446190], [0.49894133]], np.full((2, 1, 1), 0.65143370))
PLANE = Parameters([0.6, 0.4], [[0.0, 0.0], [4.0, 4.0]], np.stack([np.eye(2)] * 2))
POINTS = Dataset.from_values([[0, 0], [4, 4], [2.05, 2.05]], ["x", "y"])


def markers(fig: go.Figure) -> list[go.Scatter]:
    return [t for t in fig.data if t.type == "scatter" and t.mode == "markers"]


def words(fig: go.Figure) -> list[str]:
    return [a.text for a in fig.layout.annotations]


def test_curves_are_responsibilities_and_the_boundary_has_its_value() -> None:
    fig = membership.main_figure(example("tutorial"), TUTORIAL)
    curves = [t for t in fig.data if t.mode == "lines"]
    for k, curve in enumerate(curves):
        expected = responsibilities(TUTORIAL, curve.x)[:, k]
        assert np.array_equal(curve.y, expected)
        assert curve.line.color == style.PALETTE[k]
    assert "boundary 5.72" in words(fig)
    assert "Boundary at 5.72" in fig.layout.meta["alt"]
    assert fig.layout.xaxis.range == (-3, 15)


def test_doubtful_point_is_larger_and_has_the_colour_of_its_component() -> None:
    fig = membership.main_figure(POINTS, PLANE)
    first, second = markers(fig)
    assert (first.marker.color, second.marker.color) == tuple(style.PALETTE[:2])
    assert second.x.tolist() == [4]
    assert first.x.tolist() == [0, 2.05]
    assert first.marker.size[1] > first.marker.size[0] + 5


def test_regions_follow_the_columns_that_are_drawn() -> None:
    point = Parameters([0.5, 0.5], [[0.0, 0.0], [0.0, 4.0]], np.stack([np.eye(2)] * 2))
    data = Dataset.from_values([[0, 0], [1, 4]], ["x", "y"])
    for pair in ((0, 1), (1, 0)):
        fig = membership.assignment_map(data, point, pair)
        (region,) = [t for t in fig.data if t.type == "heatmap"]
        z = np.asarray(region.z)
        changes = np.abs(np.diff(z, axis=0)).sum(), np.abs(np.diff(z, axis=1)).sum()
        # The component changes along the second column only.
        assert (changes[0] > 0, changes[1] > 0) == (pair == (0, 1), pair == (1, 0))


def test_more_than_two_columns_show_the_chosen_pair_without_regions() -> None:
    point = Parameters([0.6, 0.4], [[0.0] * 3, [4.0] * 3], np.stack([np.eye(3)] * 2))
    data = Dataset.from_values([[0, 0, 1], [4, 4, 5]], ["a", "b", "<i>c"])
    fig = membership.main_figure(data, point, (2, 0))
    assert not [t for t in fig.data if t.type == "heatmap"]
    assert fig.layout.xaxis.title.text == "&lt;i&gt;c"
    assert markers(fig)[0].x.tolist() == [1]


def test_most_probable_assignment_is_a_step_at_the_boundary() -> None:
    fig = assignments.assignments(example("tutorial"), TUTORIAL)
    grids = [t for t in markers(fig) if len(t.x) > 10]
    assert min(grids[0].x) > 5.72 > max(grids[1].x)


def test_random_assignment_is_the_same_for_the_same_seed_only() -> None:
    def rows(seed: int) -> list[list[float]]:
        fig = assignments.boundary_zoom(example("tutorial"), TUTORIAL, 5.721, 0.5, 1, seed)
        return [t.x.tolist() for t in markers(fig)]

    assert rows(3) == rows(3)
    assert rows(3) != rows(4)


def test_zoom_holds_a_hundred_values_and_the_probabilities_at_its_ends() -> None:
    fig = assignments.boundary_zoom(example("tutorial"), TUTORIAL, 5.75, 0.5)
    assert sum(len(t.x) for t in markers(fig)) == 101
    assert {"P(2) = 99.6\u202f%", "P(1) = 99.9\u202f%"} <= set(words(fig))


def test_drawn_points_that_left_their_most_probable_component_are_ringed() -> None:
    values = np.random.default_rng(0).normal(2, 1, (300, 2))
    fig = assignments.drawn_map(Dataset.from_values(values, ["x", "y"]), PLANE, (0, 1), 1.0, 0)
    rings = [width for t in markers(fig) for width in t.marker.line.width]
    assert 0 < sum(width > 0 for width in rings) < 150
    calm = assignments.drawn_map(Dataset.from_values(values, ["x", "y"]), PLANE, (0, 1), 0, 0)
    assert not any(width for t in markers(calm) for width in t.marker.line.width)


def test_large_table_draws_few_points() -> None:
    values = np.random.default_rng(0).normal(6, 4, 20_000)
    fig = membership.main_figure(Dataset.from_values(values), TUTORIAL)
    assert sum(len(t.x) for t in markers(fig)) == 1500


def test_every_pair_of_columns_shows_each_point_in_its_components_colour() -> None:
    iris = example("iris")
    locs = iris.values[[0, 60, 120]]
    point = Parameters(np.full(3, 1 / 3), locs, np.stack([np.eye(4)] * 3))
    fig = membership.every_pair(iris, point, (2, 3))
    assert len([a for a in fig.layout.to_plotly_json() if a.startswith("xaxis")]) == 10
    nearest = ((iris.values[:, None] - locs) ** 2).sum(axis=2).argmin(axis=1)
    panels = [t for t in fig.data if t.type == "scatter"]
    assert len(panels) == 3 * 6
    for k in range(3):
        mine = [t for t in panels if t.marker.color == style.component_style(k, 3).colour]
        points = {(x, y) for x, y in iris.values[nearest == k][:, [0, 1]]}
        assert {(x, y) for x, y in zip(mine[0].x, mine[0].y, strict=True)} == points


def test_the_main_figures_columns_are_among_the_pairs_of_wide_data() -> None:
    wide = Dataset.from_values(np.random.default_rng(0).normal(size=(30, 8)))
    point = Parameters(np.ones(1), np.zeros((1, 8)), np.eye(8)[None])
    fig = membership.every_pair(wide, point, (5, 7))
    assert all(name in fig.layout.meta["alt"] for name in ("x1", "x2", "x3", "x6", "x8"))


def test_a_class_has_the_colour_of_the_component_that_stands_for_it() -> None:
    iris = example("iris")
    locs = iris.values[[120, 0]]  # component 1 is virginica, component 2 setosa
    point = Parameters(np.full(2, 0.5), locs, np.stack([np.eye(4)] * 2))
    (species,) = class_columns(iris)
    assert class_colours(iris, point, species)[0] == 1
    assert sorted(class_colours(iris, point, species)) == [0, 1, 2]
    for fig in (
        membership.main_figure(iris, point, (2, 3), species),
        membership.every_pair(iris, point, (2, 3), species),
    ):
        setosa = next(t for t in fig.data if t.name == "setosa")
        assert setosa.marker.color == style.component_style(1).colour
        assert len(setosa.x) == 50
        assert "50 versicolor" in fig.layout.meta["alt"]
