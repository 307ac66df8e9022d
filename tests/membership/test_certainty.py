"""Membership of a whole table: counts, what is drawn, and values as people type them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gmm_core as gmm
from gmm_core import Dataset, Mixture, Parameters, boundaries, responsibilities
from gmm_core.data.examples import example
from gmm_core.data.reading import read_table
from gmm_core.data.typed import match_columns, parse_values
from gmm_core.membership.certainty import (
    CERTAIN,
    DOUBTFUL,
    DRAWN,
    largest_difference,
    map_loss,
    overview,
    visible_range,
    zoom_width,
)

TUTORIAL = Parameters([0.625, 0.375], [[10.98446190], [0.49894133]], np.full((2, 1, 1), 0.65143370))


def test_overview_counts_what_a_loop_counts() -> None:
    data = Dataset.from_values(np.linspace(3, 8, 60))
    summary = overview(data, TUTORIAL)
    best = responsibilities(TUTORIAL, data.values).max(axis=1)
    assert summary.certain == sum(p >= CERTAIN for p in best)
    assert summary.doubtful == sum(p < DOUBTFUL for p in best)
    assert summary.weakest == best.argmin()
    assert list(summary.sizes) == [(data.values > 5.721).sum(), (data.values < 5.721).sum()]
    assert not summary.sampled


def test_large_table_is_thinned_and_its_most_doubtful_point_is_drawn() -> None:
    values = np.random.default_rng(1).normal(11, 0.5, size=250_000)
    values[123_456] = 5.72
    summary = overview(Dataset.from_values(values), TUTORIAL)
    assert len(summary.rows) == DRAWN
    assert summary.sampled
    assert summary.weakest == 123_456
    assert 123_456 in summary.rows
    assert sum(summary.sizes) == 250_000


def test_tutorial_is_seen_from_minus_3_to_15_and_zoomed_by_half_a_unit() -> None:
    assert visible_range(example("tutorial")) == (-3.0, 15.0)
    (boundary,) = boundaries(TUTORIAL)
    assert zoom_width(TUTORIAL, boundary) == pytest.approx(0.4)


def test_the_width_of_the_zoom_has_one_digit() -> None:
    for wide in range(1, 20):
        scales = np.full((2, 1, 1), 0.1 * wide)
        point = Parameters([0.5, 0.5], [[0.0], [5.0]], scales)
        width = zoom_width(point, 2.5)
        assert width == float(f"{width:.1g}")


def test_zoom_shows_the_change_from_end_to_end() -> None:
    point = Parameters([0.3, 0.7], [[0.0], [5e8]], np.array([[[1e7]], [[4e7]]]))
    for boundary in boundaries(point):
        half = zoom_width(point, boundary) / 2
        ends = responsibilities(point, [boundary - half, boundary + half])
        assert ends[0].argmax() != ends[1].argmax()
        assert ends.max(axis=1).min() > 0.95


def test_zoom_to_the_edge_of_the_noise_shows_it_from_end_to_end() -> None:
    point = Parameters(
        [0.6, 0.3], [[0.0], [9.0]], np.ones((2, 1, 1)), np.array(0.1), np.array([60.0])
    )
    edges = boundaries(point)
    assert len(edges) == 4
    for boundary in edges:
        half = zoom_width(point, boundary) / 2
        ends = responsibilities(point, [boundary - half, boundary + half])
        assert {*ends.argmax(axis=1)} in ({0, 2}, {1, 2})


def test_overview_of_weights_is_that_of_the_rows_repeated() -> None:
    values, weights = np.linspace(3, 8, 40), np.arange(40) % 3
    one = overview(Dataset.from_values(values, weights=weights), TUTORIAL)
    other = overview(Dataset.from_values(np.repeat(values, weights)), TUTORIAL)
    for name in ("total", "certain", "doubtful", "sizes"):
        assert getattr(one, name) == getattr(other, name)
    assert weights[one.weakest] > 0
    assert one.weakest_probs.tolist() == other.weakest_probs.tolist()


@pytest.mark.parametrize(
    "text", ["5.7 5.8\n1e1", "5.7,5.8,10", "5.7; 5.8;\n\n 10", "\t5.7\t5.8\t10 "]
)
def test_one_column_takes_numbers_however_they_are_separated(text: str) -> None:
    assert parse_values(text, ["value"]).tolist() == [[5.7], [5.8], [10.0]]


def test_more_columns_take_one_point_per_line() -> None:
    assert parse_values("1, 2\n\n3 −4", ["x", "y"]).tolist() == [[1, 2], [3, -4]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No number was typed"),
        (" \n,", "No number was typed"),
        ("5.7 five", 'Line 1, is "five", but a finite number was expected'),
        ("1\nnan", 'Line 2, is "nan", but a finite number was expected'),
        ("1e999", "a finite number was expected"),
        ("1_000", "a finite number was expected"),
        ("x" * 100, 'x{40}"'),
        ("1 " * 10_001, "upload it"),
    ],
)
def test_what_cannot_be_read_is_answered_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_values(text, ["value"])


def test_line_with_too_few_numbers_is_named() -> None:
    with pytest.raises(ValueError, match="Line 2 has 1 number, but a point has 2"):
        parse_values("1 2\n3", ["x", "y"])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_typed_numbers_come_back_exactly(values: list[float]) -> None:
    text = "\n".join(map(repr, values))
    assert parse_values(text, ["value"])[:, 0].tolist() == values


def test_columns_of_a_file_are_matched_by_name() -> None:
    reading = read_table(b"b,c,a\n1,2,3\n4,,6\n7,8,\n")
    taken = match_columns(reading, ["a", "b"])
    assert taken.columns == ("a", "b")
    assert taken.values.tolist() == [[3, 1], [6, 4]]


def test_single_column_of_another_name_will_do() -> None:
    taken = match_columns(read_table(b"length\n5.5\n6.5\n"), ["value"])
    assert (taken.columns, taken.values[:, 0].tolist()) == (("value",), [5.5, 6.5])


def test_file_without_the_columns_says_which_it_lacks() -> None:
    with pytest.raises(ValueError, match='no column of numbers named "x"'):
        match_columns(read_table(b"y,z\n1,2\n3,4\n"), ["x", "y"])


def test_guide_comes_down_to_the_map_loss() -> None:
    assert map_loss(example("tutorial"), Mixture(), TUTORIAL) == pytest.approx(17.44325488)


@pytest.mark.parametrize("kind", ["weights", "missing values", "known classes", "noise"])
def test_guide_comes_down_to_the_map_loss_of_every_kind_of_data(kind: str) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (12, 2)), rng.normal(5, 1, (12, 2))])
    kinds: dict[str, dict] = {
        "weights": {"weights": np.arange(24) % 3},
        "missing values": {"missing": "keep"},
        "known classes": {"classes": ["b"] + [None] * 12 + ["a"] * 11},
    }
    x[3, 0] = x[20, 1] = np.nan if kind == "missing values" else 4.0
    data = Dataset.from_values(x, **kinds.get(kind, {}))
    mixture = Mixture(
        n_components=2,
        covariance="diag",
        tied=False,
        noise=kind == "noise",
        labels="fix" if kind == "known classes" else "ignore",
        priors=gmm.Priors.for_data(data),
    )
    options = gmm.MapOptions(restarts=3, method="em", choose="final")
    point = gmm.fit_map(data, mixture, options).parameters
    guide = gmm.fit_guide(data, mixture, point, gmm.GuideOptions(steps=2000, learning_rate=0.1))
    assert guide.loss[-1] == pytest.approx(map_loss(data, mixture, point), abs=1e-3)


def test_difference_ignores_what_is_not_known_yet() -> None:
    expected = np.array([[0.9, 0.1], [0.5, 0.5]])
    probs = np.array([[0.8, 0.2], [np.nan, np.nan]])
    assert largest_difference(probs, expected) == pytest.approx(0.1)
    assert np.isnan(largest_difference(np.full((2, 2), np.nan), expected))
