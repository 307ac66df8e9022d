"""The style of figures: colours by number, numbers for reading, safe text, thinned series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmm_core.data.dataset import Dataset
from gmm_core.figures import style
from gmm_core.figures.density import density
from gmm_core.figures.posterior import density_bands
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


def test_ticks_of_a_density_have_no_prefixes_of_units() -> None:
    flat = Dataset.from_values(np.random.default_rng(0).normal(0, 1e4, 300))
    for fig in (density(flat, None, [0]), density_bands(flat, None, 0)):
        assert fig.layout.yaxis.title.text == "density"
        assert (fig.layout.yaxis.exponentformat, fig.layout.yaxis.minexponent) == ("power", 5)


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


def contrast(colour: str, page: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def light(hexes: str) -> float:
        channels = (int(hexes[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(colour), light(page)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("most", [1, 2, 6, 12, 64])
def test_more_components_are_drawn_stronger_on_both_pages_and_not_as_a_component(most: int) -> None:
    among, dark = range(1, most + 1), style.themes()["dark"]
    colours = [style.k_colour(K, among) for K in among]
    for page, shown in (("#FFFFFF", colours), ("#11161C", [dark[c] for c in colours])):
        strength = [contrast(colour, page) for colour in shown]
        assert min(strength) >= 3  # WCAG 2.2, 1.4.11
        assert strength == sorted(strength)
        assert len(set(shown)) == min(most, 12)
        assert not set(shown) & {*style.PALETTE, style.INK, style.COLLAPSED}
    for colour in colours:
        assert contrast(style.readable(colour), "#FFFFFF") >= 4.5
        assert contrast(dark[style.readable(colour)], "#11161C") >= 4.5


def test_a_k_that_is_not_of_the_sweep_has_no_colour() -> None:
    with pytest.raises(ValueError, match=r"K = 4 is not among \[1, 3\]"):
        style.k_colour(4, (1, 3))


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
