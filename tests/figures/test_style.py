"""The style of figures: colours by number, numbers for reading, safe text, thinned series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmm_core.figures import style
from gmm_core.formatting import number, percent


def test_component_keeps_its_colour_and_gets_a_pattern_after_the_palette_ends() -> None:
    first, ninth = style.component_style(0), style.component_style(8)
    assert first.colour == ninth.colour == "#0072B2"
    assert (first.dash, first.pattern) == ("solid", "")
    assert (ninth.dash, ninth.pattern) == ("dash", "/")
    assert len({style.component_style(k) for k in range(48)}) == 48


def test_negative_component_is_refused() -> None:
    with pytest.raises(ValueError, match="count from 0"):
        style.component_style(-1)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.65066, "0.651"),
        (10.98, "11.0"),
        (17443.2, "17,443"),
        (-1.5e-7, "−1.50×10⁻⁷"),
        (999.9, "1,000"),
        (5, "5"),
        (0.0, "0"),
        (2.5e9, "2.50×10⁹"),
        (float("nan"), "–"),
        (float("-inf"), "−∞"),
    ],
)
def test_number_has_three_significant_digits(x: float, text: str) -> None:
    assert number(x) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.6249, "62"),
        (0.999, "99.9"),
        (0.99962, ">\u202f99.9"),
        (1e-5, "<\u202f0.1"),
        (0.0, "0"),
        (1.0, "100"),
    ],
)
def test_percent_is_never_rounded_to_certainty(p: float, text: str) -> None:
    assert percent(p) == f"{text}\u202f%"


def test_escaped_text_has_nothing_that_plotly_would_read() -> None:
    assert style.escape("<b>%{x}\n& more") == "&lt;b&gt;&#37;{x} &amp; more"
    assert style.escape("a" * 100) == "a" * 59 + "…"


def test_figure_without_a_text_alternative_is_refused() -> None:
    with pytest.raises(ValueError, match="text alternative"):
        style.figure("title", "x", "y", alt=" ")


def test_label_stands_at_its_value_on_a_log_axis() -> None:
    fig = style.powers_of_ten(style.figure("title", "x", "y", alt="a curve"))
    style.label(fig, 3, 100.0, "here", style.PALETTE[0])
    (annotation,) = fig.layout.annotations
    assert (annotation.x, annotation.y) == (3, 2.0)


def test_text_colours_are_tokens_of_their_own() -> None:
    themes = style.themes()
    for colour in style.PALETTE:
        assert style.readable(colour) not in style.PALETTE
        assert style.readable(colour) in themes["dark"]


@given(
    st.lists(st.one_of(st.floats(allow_infinity=True), st.just(np.nan)), max_size=300),
    st.integers(4, 60),
)
def test_thinned_series_keeps_ends_and_extremes(values: list[float], limit: int) -> None:
    y = np.array(values)
    x, thinned = style.thin(np.arange(len(y)), y, limit)
    assert len(x) <= limit
    assert np.array_equal(thinned, y[x], equal_nan=True)
    if len(y):
        assert {0, len(y) - 1} <= set(x.tolist())
    if len(y) and not np.isnan(y).all():
        assert np.nanmin(thinned) == np.nanmin(y)
        assert np.nanmax(thinned) == np.nanmax(y)


def test_thinning_series_of_different_length_is_refused() -> None:
    with pytest.raises(ValueError, match="as many x as y"):
        style.thin([1, 2], [1])
