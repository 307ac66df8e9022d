"""One look for every figure: quiet ink, one colour per component, words before boxes.

Figures are drawn for a light page. The colours that must differ on a dark page are exact tokens
(`INK`, `MUTED`, ...): whoever shows a figure replaces each token of `themes()` in its JSON, so a
figure does not need to know on which page it will be seen.
"""

from __future__ import annotations

import functools
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from gmm_core.figures.colours import channels, ramp, until_readable
from gmm_core.figures.plotly_internals import unchecked

# Okabe & Ito (2008), grey for black: distinguishable with colour-blindness, on light and on dark.
PALETTE = [
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
    "#F0E442",
]
COLLAPSED = "#B00020"
NOISE = "#8D8D8D"

# ColorBrewer's BuPu (Harrower and Brewer 2003), safe with colour-blindness: of each page the end
# that stands out from it by 3 : 1 at least, faintest first.
_K_LIGHT = ("#8690C3", "#8C6BB1", "#88419D", "#810F7C", "#4D004B")
_K_DARK = ("#8C6BB1", "#8C96C6", "#9EBCDA", "#BFD3E6")
_K_STEPS = 12  # as many K as a slider has at first

# Tokens: no other colour of a figure may be equal to one of them.
INK = "#1F2934"
MUTED = "#5B6673"
GRID = "#E3E6EA"
BACKGROUND = "#FEFEFF"

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_PATTERNS = ("", "/", ".", "x", "\\", "-")
_LIGHT_PAGE, _DARK_PAGE = "#FFFFFF", "#11161C"
FONT_SIZE = 13
TITLE_SIZE = 15
# A log axis sets its powers of ten 1.25 times larger than the size asked for.
_POWER_SIZE = 10.5


@dataclass(frozen=True)
class ComponentStyle:
    """How component k is drawn, everywhere: a colour, and a dash and a pattern from k = 8 on."""

    colour: str
    dash: str
    pattern: str


def component_style(k: int, n_components: int | None = None) -> ComponentStyle:
    """Colour, line dash and fill pattern of component `k`, counted from 0.

    What comes behind the last of `n_components` is the noise, grey and dotted.

    Raises
    ------
    ValueError
        When `k` is negative.
    """
    if k < 0:
        raise ValueError(f"Component numbers count from 0, but {k} came. Pass k >= 0.")
    if k == n_components:
        return ComponentStyle(NOISE, "dot", "")
    turn = k // len(PALETTE)
    return ComponentStyle(
        colour=PALETTE[k % len(PALETTE)],
        dash=_DASHES[turn % len(_DASHES)],
        pattern=_PATTERNS[turn % len(_PATTERNS)],
    )


def k_colour(K: int, among: Sequence[int]) -> str:
    """Colour of a number of components `K`: the more among those of a sweep, the stronger.

    K is a quantity and no component, whose colours stand for one each. The colours are tokens.

    Raises
    ------
    ValueError
        When K is not among those of the sweep.
    """
    order = sorted(set(among))
    if K not in order:
        raise ValueError(f"K = {K} is not among {order}. Pass all K of the sweep.")
    share = order.index(K) / (len(order) - 1) if len(order) > 1 else 1.0
    return ramp(_K_LIGHT, _K_STEPS)[round(share * (_K_STEPS - 1))]


def fade(colour: str, alpha: float) -> str:
    """Return the hex `colour` at an opacity of `alpha`, as rgba(...); tokens stay tokens."""
    red, green, blue = channels(colour)
    return f"rgba({red},{green},{blue},{alpha:g})"


@functools.cache
def readable(colour: str) -> str:
    """Darken the hex `colour` until text in it can be read on a light page (contrast 4.5).

    Never quite a colour of the palette, so that on a dark page text can become lighter than the
    line it names.
    """
    if colour in (INK, MUTED, COLLAPSED):
        return colour
    return until_readable(colour, _LIGHT_PAGE, towards="#000000")


@functools.cache
def themes() -> dict[str, dict[str, str]]:
    """Say what each token is called in the page's theme, and its colour on a dark page.

    Returns
    -------
    {"theme": {token: name of a theme colour}, "dark": {token: colour on a dark page}}; the
    tokens of "dark" are right as they stand on a light page.
    """
    numbers = dict(zip(ramp(_K_LIGHT, _K_STEPS), ramp(_K_DARK, _K_STEPS), strict=True))
    text = {
        readable(colour): until_readable(dark, _DARK_PAGE, towards="#FFFFFF")
        for colour, dark in [*zip(PALETTE, PALETTE, strict=True), *numbers.items()]
    }
    return {
        "theme": {INK: "text", BACKGROUND: "background"},
        "dark": text | numbers | {COLLAPSED: "#FF6B7A", MUTED: "#9AA5B1", GRID: "#2A323C"},
    }


def figure(
    title: str,
    x_title: str,
    y_title: str,
    *,
    alt: str,
    height: int = 320,
) -> go.Figure:
    """Return an empty figure in the common style.

    Parameters
    ----------
    title : what is seen, in a few words. Plain text, or text that went through `escape`.
    x_title, y_title : names of the axes with units, in the same form.
    alt : the text alternative: what a person who cannot see the figure must know.
    height : pixels; fixed, so that nothing moves when the figure is drawn.

    Raises
    ------
    ValueError
        When `alt` is empty.
    """
    if not alt.strip():
        raise ValueError("A figure needs a text alternative, but alt is empty. Say what it shows.")
    layout = {
        "title": {"text": title},
        "height": height,
        "meta": {"alt": alt},
        "uirevision": "kept",
        "xaxis": {"title": {"text": x_title}},
        "yaxis": {"title": {"text": y_title}},
        "template": _template(),
    }
    # The look was checked when it was made. To check it in each figure, or to let Plotly give the
    # figure its own first, took longer than to draw most of them.
    return unchecked(layout)


def alternative(fig: go.Figure) -> str:
    """Return the text alternative of a figure as plain text, for what reads no markup; "" for none.

    In the figure, names went through `escape`, as in all its strings.
    """
    meta = fig.layout.meta
    return html.unescape(str(meta.get("alt", "") if isinstance(meta, dict) else "")).strip()


def powers_of_ten(fig: go.Figure, axis: str = "y") -> go.Figure:
    """Make `axis` ("x" or "y") of `fig` logarithmic, with ticks at powers of ten."""
    axis_layout = fig.layout[f"{axis}axis"]
    axis_layout.type = "log"
    axis_layout.exponentformat, axis_layout.showexponent, axis_layout.minorloglabels = (
        "power",
        "all",
        "none",
    )
    axis_layout.nticks, axis_layout.tickfont.size = 6, _POWER_SIZE
    return fig


def density_ticks(fig: go.Figure) -> go.Figure:
    """Write ticks of the density along y as 0.0002 or a power of ten; Plotly would write 200µ."""
    fig.layout.yaxis.update(exponentformat="power", minexponent=5)
    return fig


def note(
    fig: go.Figure,
    x: float,
    y: float,
    text: str,
    colour: str = INK,
    *,
    anchor: str = "left",
    dx: float = 0,
    dy: float = 0,
    xref: str = "x",
    yref: str = "y",
) -> dict[str, Any]:
    """Return the annotation that writes `text` beside what it names, instead of in a legend.

    Parameters
    ----------
    x, y : the place in data units (also on a log axis), or in "paper" units by xref and yref.
    text : may contain Plotly's tags; user text in it goes through `escape` first.
    colour : that of the named thing; darkened as far as reading needs it.
    anchor : which end of the text stands at x: "left", "center" or "right".
    dx, dy : shift in pixels, to the right and up.
    """
    return {
        "x": _axis_value(fig, xref, x),
        "y": _axis_value(fig, yref, y),
        "text": text,
        "xref": xref,
        "yref": yref,
        "xanchor": anchor,
        "yanchor": "middle",
        "align": anchor,
        "xshift": dx,
        "yshift": dy,
        "showarrow": False,
        # A veil of the page's colour: the text stays readable where it crosses a line.
        "bgcolor": fade(BACKGROUND, 0.7),
        "borderpad": 0,
        "font": {"color": readable(colour)},
    }


def label(
    fig: go.Figure, x: float, y: float, text: str, colour: str = INK, **place: Any
) -> go.Figure:
    """Write `text` beside what it names; parameters are those of `note`."""
    return labels(fig, [note(fig, x, y, text, colour, **place)])


def labels(fig: go.Figure, notes: Sequence[dict[str, Any]]) -> go.Figure:
    """Write several notes at once: one by one, Plotly checks all before it again."""
    fig.layout.annotations = (*fig.layout.annotations, *notes)
    return fig


def escape(text: object, limit: int = 60) -> str:
    """User text made safe for Plotly, which reads tags, entities and %{...} in every string.

    Longer text than `limit` characters ends in an ellipsis.
    """
    plain = " ".join(str(text).split())
    if len(plain) > limit:
        plain = plain[: limit - 1].rstrip() + "…"
    return html.escape(plain, quote=False).replace("%{", "&#37;{")


def thin(
    x: ArrayLike, y: ArrayLike, limit: int = 2000
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """At most `limit` points of a series that draw the same line: ends and extremes are kept.

    The series is cut into runs of equal length, and of each the lowest and the highest point
    stay. Every point costs an SVG node, and browsers without a GPU draw SVG only.

    Parameters
    ----------
    x, y : [M] each.
    limit : the largest number of points to return, at least 4.

    Returns
    -------
    x, y of the points that stay, in their order.

    Raises
    ------
    ValueError
        When x and y are not two series of one length, or `limit` is below 4.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(
            f"A series needs as many x as y, but x is {list(x.shape)} and y {list(y.shape)}. "
            "Pass two arrays [M]."
        )
    if limit < 4:
        raise ValueError(f"limit must be at least 4, but {limit} came. Pass limit >= 4.")
    M = len(y)
    if limit >= M:
        return x, y
    runs = (limit - 2) // 2
    length = math.ceil((M - 2) / runs)
    # Padded with the last point, which stays anyway.
    index = np.minimum(np.arange(1, 1 + runs * length), M - 1).reshape(runs, length)
    values = y[index].astype(float)
    gap = np.isnan(values)
    rows = np.arange(runs)
    lowest = index[rows, np.argmin(np.where(gap, np.inf, values), axis=1)]
    highest = index[rows, np.argmax(np.where(gap, -np.inf, values), axis=1)]
    indices = np.unique(np.concatenate([[0, M - 1], lowest, highest]))
    return x[indices], y[indices]


def _axis_value(fig: go.Figure, ref: str, value: float) -> float:
    """Return where `value` stands for an annotation: log axes want its logarithm."""
    if ref[:1] not in ("x", "y"):
        return value
    axis = fig.layout[f"{ref[0]}axis{ref[1:]}"]
    return math.log10(value) if axis.type == "log" else value


@functools.cache
def _template() -> go.layout.Template:
    """Return the look as a Plotly template: the axes of every subplot follow it.

    Made once, for checking it takes Plotly longer than drawing a small figure; figures copy it.
    """
    axis = {
        "automargin": True,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickcolor": MUTED,
        "tickfont": {"color": MUTED},
        "title": {"font": {"size": 12, "color": MUTED}, "standoff": 8},
        "gridcolor": GRID,
    }
    spike = {"showspikes": False}
    axis_style: dict[str, Any] = {
        "layout": {
            "colorway": PALETTE,
            "font": {"size": FONT_SIZE, "color": INK},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "title": {
                "font": {"size": TITLE_SIZE, "color": INK, "weight": 700},
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"t": 6, "l": 0},
            },
            "margin": {"l": 8, "r": 12, "t": 44, "b": 8},
            "xaxis": axis | spike | {"showgrid": False, "ticks": "outside", "ticklen": 4},
            "yaxis": axis | spike | {"showgrid": True, "ticklabelstandoff": 4},
            "showlegend": False,
            "legend": {"bgcolor": "rgba(0,0,0,0)", "orientation": "h", "y": 1.02, "x": 0},
            "hovermode": "closest",
            "hoverlabel": {
                "bgcolor": BACKGROUND,
                "bordercolor": GRID,
                "font": {"size": 12, "color": INK},
                "align": "left",
            },
            "modebar": {
                "bgcolor": BACKGROUND,
                "color": MUTED,
                "activecolor": INK,
                "orientation": "h",
            },
        },
        "data": {
            kind: [{"type": kind, "colorscale": _blues()}]
            for kind in ("heatmap", "histogram2d", "contour", "histogram2dcontour")
        },
    }
    return go.layout.Template(axis_style)


def _blues() -> list[list[float | str]]:
    """From transparent to the first colour and beyond it: counts on any background."""
    return [[0.0, fade(PALETTE[0], 0.0)], [0.5, fade(PALETTE[0], 0.55)], [1.0, PALETTE[0]]]
