"""Figures of the data: every point is counted, few are drawn, and names are only text."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core.data.class_columns import class_columns
from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example
from gmm_core.figures import data as figures
from gmm_core.figures import style


def data(values, columns=None) -> Dataset:
    return Dataset.from_values(values, columns)


@pytest.mark.parametrize(
    "values",
    [
        [5.0],
        [5.0, 5.0, 5.0],
        [1e308, -1e308, 0.0],
        [1e-300, 2e-300],
        [0.0] * 50 + [1.0],
        [1e17, 1e17],
        np.random.default_rng(0).standard_cauchy(10_000),
    ],
)
def test_histogram_counts_every_point_whatever_the_scale(values):
    fig = figures.histogram(data(values))
    bars = fig.data[0]
    assert sum(bars.y) == len(values)
    assert 1 <= len(bars.y) <= 120
    assert np.isfinite(np.asarray(bars.x)).all()


def test_bins_are_no_fewer_than_freedman_and_diaconis_have_or_than_the_root_of_the_count():
    skewed = np.random.default_rng(1).exponential(size=1000) ** 2
    assert len(figures.histogram(data(skewed)).data[0].y) == 120  # their rule asks for 168
    normal = np.random.default_rng(1).normal(size=1000)
    assert len(figures.histogram(data(normal)).data[0].y) == 32


def test_three_modes_of_few_points_are_three_hills():
    glucose = np.concatenate(
        [np.random.default_rng(2).normal(m, 8, 50) for m in (80.0, 130.0, 190.0)]
    )
    counts = np.array(figures.histogram(data(glucose)).data[0].y)
    low = counts < 0.25 * counts.max()
    hills = np.count_nonzero(~low[1:] & low[:-1]) + int(not low[0])
    assert hills == 3


def test_bins_of_rounded_values_hold_whole_steps():
    rng = np.random.default_rng(3)
    rounded = np.round(rng.uniform(0, 4, size=4000), 1)
    bars = figures.histogram(data(rounded)).data[0]
    values, counts = np.unique(rounded, return_counts=True)
    steps = np.asarray(bars.y) / counts.mean()
    assert len(bars.y) in (len(values), -(-len(values) // 2))
    assert (np.abs(steps[1:-1] / np.median(steps) - 1) < 0.5).all()


def test_rug_shows_few_points_and_not_many():
    few, many = example("tutorial"), data(np.arange(1000.0))
    assert list(figures.histogram(few).data[1].x) == [0, 1, 10, 11, 12]
    assert len(figures.histogram(many).data) == 1


def test_look_chooses_the_figure_by_the_number_of_columns():
    assert {trace.type for trace in figures.preview(example("galaxies")).data} == {"bar", "scatter"}
    assert [trace.type for trace in figures.preview(example("faithful")).data] == ["scatter"]
    kinds = [trace.type for trace in figures.preview(example("iris")).data]
    assert (kinds.count("bar"), kinds.count("scatter")) == (4, 6)
    wide = data(np.random.default_rng(0).normal(size=(10, 200)))
    assert [trace.type for trace in figures.preview(wide).data].count("bar") == 5


def test_matrix_puts_each_pair_where_its_row_and_column_say():
    iris = example("iris")
    fig = figures.matrix(iris, [3, 1, 0])
    pair = fig.data[4]  # row 3, column 2
    np.testing.assert_array_equal(pair.y, iris.values[:, 0])
    np.testing.assert_array_equal(pair.x, iris.values[:, 1])
    assert fig.layout.yaxis5.matches == "y4"


def test_names_below_a_matrix_are_short_enough_to_stand_side_by_side_on_a_phone():
    names = [f"a column with a long name {i}" for i in range(5)]
    values = np.random.default_rng(0).normal(size=(30, 5))
    fig = figures.matrix(Dataset.from_values(values, names), range(5))
    below = [fig.layout[f"xaxis{i}"].title.text for i in range(11, 16)]
    assert all(name.endswith("…") for name in below)
    assert sum(map(len, below)) <= 48


def test_large_data_is_drawn_as_a_sample_and_says_so():
    x = np.random.default_rng(0).normal(size=(50_000, 2))
    fig = figures.scatter(data(x))
    assert len(fig.data[0].x) == 2000
    assert "a sample of 2,000 of 50,000 points" in fig.layout.title.text
    assert "2,000 of 50,000 points" in fig.layout.meta["alt"]
    five = figures.matrix(data(np.random.default_rng(0).normal(size=(50_000, 5))))
    assert sum(len(trace.x) for trace in five.data if trace.type == "scatter") <= 6000


def test_names_are_text_in_titles_axes_and_hovers():
    names = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "%{x} & <b>"]
    fig = figures.preview(data(np.arange(9.0).reshape(3, 3), names))
    shown = fig.to_json().replace("\\u003c", "<")
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "%{x} &" not in shown
    assert all(name in style.alternative(fig) for name in names)  # read aloud as they are


def test_spark_and_thumbnail_are_small_and_without_axes():
    for fig in (figures.spark(example("galaxies")), figures.thumbnail(example("iris"))):
        assert fig.layout.height <= 80
        assert not fig.layout.xaxis.visible
        assert fig.layout.meta["alt"]


@pytest.mark.parametrize(
    ("columns", "message"), [([4], "no column 4"), ([], "2 to 5"), (range(6), "6 came")]
)
def test_columns_that_cannot_be_drawn_are_refused(columns, message):
    wide = data(np.zeros((2, 4))) if 4 in columns and len(columns) == 1 else data(np.zeros((2, 9)))
    with pytest.raises(ValueError, match=message):
        figures.preview(wide, columns)


def test_scatter_of_three_columns_is_refused():
    with pytest.raises(ValueError, match="needs two columns, but 3 came"):
        figures.scatter(example("iris"), (0, 1, 2))


@pytest.mark.parametrize("columns", [[0, 2], [0, 1, 2]])
def test_points_are_coloured_by_class_and_each_class_is_named_once(columns):
    iris = example("iris")
    (species,) = class_columns(iris)
    plain, fig = (figures.preview(iris, columns, classes=c) for c in (None, species))
    points = [t for t in fig.data if t.type == "scatter"]
    pairs = len(columns) * (len(columns) - 1) // 2
    assert len(points) == 3 * pairs
    first = next(t for t in points if t.name == "versicolor")
    of_class = np.array([c == "versicolor" for c in iris.classes])
    assert np.array_equal(first.x, iris.values[of_class, 0])
    assert first.marker.color == style.PALETTE[1]
    assert sorted(t.name for t in fig.data if t.showlegend) == list(species.names)
    assert "Coloured by known classes: 50 setosa, 50 versicolor" in fig.layout.meta["alt"]
    assert fig.layout.height - fig.layout.margin.t == plain.layout.height - 44


def test_points_of_unknown_class_lie_below_and_names_are_text():
    iris = example("iris")
    classes = ["<b>%{x}</b>" if n % 2 else None for n in range(150)]
    some = Dataset.from_values(iris.values[:, :2], classes=classes)
    fig = figures.preview(some, classes=class_columns(some)[0])
    assert [t.name for t in fig.data] == ["unknown", "&lt;b&gt;&#37;{x}&lt;/b&gt;"]
    assert [len(t.x) for t in fig.data] == [75, 75]
    one = Dataset.from_values(iris.values[:, 0], classes=iris.classes)
    fig = figures.preview(one, classes=class_columns(one)[0])
    bars = [trace for trace in fig.data if trace.type == "bar"]
    assert [(bar.name, sum(bar.y)) for bar in bars] == [
        ("setosa", 50),
        ("versicolor", 50),
        ("virginica", 50),
    ]
    whole = figures.histogram(one).data[0]
    np.testing.assert_array_equal(np.sum([bar.y for bar in bars], axis=0), whole.y)
    assert fig.layout.barmode == "stack"
    assert len({bar.marker.color for bar in bars}) == 3
    assert "Coloured by known classes: 50 setosa" in fig.layout.meta["alt"]


def test_bars_of_classes_count_weights_and_leave_out_holes():
    x = [1.0, 2.0, 2.0, 9.0]
    one = Dataset.from_values(x, weights=[1, 2, 0, 4], classes=["a", "b", "a", None])
    fig = figures.preview(one, classes=class_columns(one)[0])
    assert {t.name: sum(t.y) for t in fig.data if t.type == "bar"} == {"unknown": 4, "a": 1, "b": 2}
