"""The fitted density over the data: components, their sum, boundaries, contours, ellipses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table
from gmm_core.figures import style
from gmm_core.figures.bins import bin_edges
from gmm_core.figures.counts import counted, of_sample
from gmm_core.figures.in_table import in_table_units, place_in_table
from gmm_core.formatting import number, percent, rounded
from gmm_core.mixture import Parameters, assign, boundaries, component_log_densities, log_density
from gmm_core.partitions.opened import counts_of

Array = NDArray[np.float64]

# A rug of more points is a black bar: a histogram takes its place.
RUG = 100
HEIGHT = 360
_STEPS = 5000  # of its heights, far more than it has lines
_CELLS = 50  # along each axis of a contour plot: lines are smooth, and a slider moves quickly
_FINER = 8  # of the components narrower than a cell that get cells of their own, largest first
_SCATTER = 2000  # SVG points that a browser draws without stutter


def density(
    dataset: Dataset,
    parameters: Parameters | None,
    columns: Sequence[int] = (0,),
    height: int = HEIGHT,
    *,
    set_aside: str = "",
) -> go.Figure:
    """Draw the density over one column, or its contours over two, in the units of the table.

    Parameters
    ----------
    parameters : the point, or None while there is none: the data alone.
    columns : one or two columns of the data; the others are integrated out.
    set_aside : what is wrong with the point, such as "collapsed"; it is drawn in red then, and the
        title says so, since such a density is no answer.
    """
    fig = as_fitted(dataset, parameters, columns, height, set_aside=set_aside)
    x, *y = columns
    return in_table_units(fig, dataset, x, *y, density=not y)


def as_fitted(
    dataset: Dataset,
    parameters: Parameters | None,
    columns: Sequence[int] = (0,),
    height: int = HEIGHT,
    *,
    set_aside: str = "",
) -> go.Figure:
    """Draw what `density` does over the columns that were fitted, for whoever adds to it there."""
    if dataset.whole is not None:
        counts = counts_of(dataset, tuple(columns))
        if counts is not None:
            return _flagged(counted(counts, parameters, height), set_aside)
    whole = None
    if parameters is not None:
        whole = parameters.permuted(parameters.order)
        parameters = whole.marginal(columns)
    names = [style.escape(dataset.columns[c]) for c in columns]
    values = dataset.values[:, list(columns)]
    if len(columns) == 1:
        fig = _line(dataset, columns[0], parameters, names, height, bool(set_aside))
    else:
        shown = np.linspace(0, len(values) - 1, min(len(values), _SCATTER)).astype(int)
        # By all columns: a point may lie under one ellipse here and belong to another component.
        component = None if whole is None else assign(whole, dataset.values[shown])
        fig = _plane(values, parameters, names, height, shown, component, bool(set_aside))
    return _flagged(of_sample(fig, dataset), set_aside)


def _flagged(fig: go.Figure, set_aside: str) -> go.Figure:
    """Say in a figure's title what is wrong with its point, if anything is."""
    if set_aside:
        fig.layout.title.text = f"✕ {set_aside.capitalize()}: no density to go by"
        fig.layout.title.font.color = style.COLLAPSED
    return fig


def _colour(k: int, set_aside: bool, n_components: int | None = None) -> str:
    return style.COLLAPSED if set_aside else style.component_style(k, n_components).colour


def _line(
    dataset: Dataset,
    column: int,
    parameters: Parameters | None,
    names: list[str],
    height: int,
    set_aside: bool,
) -> go.Figure:
    x, weights = dataset.values[:, column], dataset.weights
    present = ~np.isnan(x)
    x, weights = x[present], None if weights is None else weights[present]
    alt = f"The {len(x):,} values of {names[0]} lie between {x.min():.4g} and {x.max():.4g}."
    title = "The data"
    if parameters is not None:
        title = "Density of the mixture and its components"
        alt = "; ".join(
            f"component {k + 1} has weight {w:.3g} around {m:.4g} with standard deviation {s:.3g}"
            for k, (w, m, s) in enumerate(_rows(parameters))
        )
        alt = f"Density over {names[0]}: {alt}."
    fig = style.figure(title, names[0], "density", alt=alt, height=height)
    style.density_ticks(fig)
    grid, top = _grid(x, parameters), 0.0
    # With few points the rug says it all; with many a histogram does, on the density's scale.
    if len(x) > RUG:
        heights, edges = np.histogram(x, bins=bin_edges(x), weights=weights, density=True)
        top = float(heights.max())
        fig.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=heights,
            width=np.diff(edges),
            marker={"color": style.fade(style.INK, 0.13), "line": {"width": 0}},
            name="data",
            hovertemplate="%{y:.3g} at %{x:.4g}<extra>data</extra>",
        )
    if parameters is not None:
        parts = np.exp(component_log_densities(parameters, grid))
        total = np.exp(log_density(parameters, grid))
        # A fit to a single point is a needle that would flatten all else.
        top = (
            max(top, float(total.max()))
            if len(x) <= RUG
            else max(top, min(float(total.max()), 1.6 * top))
        )
        notes = []
        for k, (w, m, s) in enumerate(_rows(parameters)):
            component_look, colour = style.component_style(k), _colour(k, set_aside)
            fig.add_scatter(
                x=grid,
                y=parts[:, k],
                mode="lines",
                line={
                    "color": colour,
                    "width": 2,
                    "dash": "dot" if set_aside else component_look.dash,
                },
                fill="tozeroy",
                fillcolor=style.fade(colour, 0.12),
                name=f"component {k + 1}",
                hovertemplate="%{y:.4g} at %{x:.4g}<extra>component " + f"{k + 1}</extra>",
            )
            if k < 6 and w > 0.01:
                peak = float(np.exp(component_log_densities(parameters, [m])[0, k]))
                where = rounded(*place_in_table(dataset, column, m, s))
                label = f"<b>{k + 1}</b>  {percent(w)} near {where}"
                y = min(peak, top)
                notes.append(style.note(fig, m, y, label, colour, anchor="center", dy=13))
        if parameters.noise is not None:
            noise = total - parts.sum(axis=1)
            # At the end of the axis, where no component is, the mixture lies on top of it.
            label = f"noise  {percent(float(parameters.noise))}"
            notes.append(
                style.note(fig, grid[-1], noise[-1], label, style.NOISE, anchor="right", dy=11)
            )
            fig.add_scatter(
                x=grid,
                y=noise,
                mode="lines",
                line={"color": style.NOISE, "width": 2, "dash": "dot"},
                name="noise",
                hovertemplate="%{y:.4g} at %{x:.4g}<extra>noise</extra>",
            )
        fig.add_scatter(
            x=grid,
            y=total,
            mode="lines",
            line={"color": style.INK, "width": 1.5, "dash": "dash"},
            name="mixture",
            hovertemplate="%{y:.4g} at %{x:.4g}<extra>mixture</extra>",
        )
        inside = [float(b) for b in boundaries(parameters) if grid[0] <= b <= grid[-1]]
        for b in inside[:5]:
            # As `add_vline` draws it, which takes about as long as the rest of the figure.
            line = {"color": style.MUTED, "width": 1, "dash": "dot"}
            fig.add_shape(type="line", x0=b, x1=b, y0=0, y1=1, yref="y domain", line=line)
            label = f"boundary {number(float(in_table(dataset, column, b)), 3)}"
            notes.append(style.note(fig, b, top * 0.62, label, style.MUTED, dx=6))
        style.labels(fig, notes)
    if len(x) <= RUG:
        fig.add_scatter(
            x=x,
            y=np.zeros(len(x)),
            mode="markers",
            marker={"symbol": "line-ns", "size": 14, "line": {"color": style.INK, "width": 2}},
            name="data",
            hovertemplate="%{x:.6g}<extra>data</extra>",
            cliponaxis=False,
        )
    layout = fig.layout
    layout.bargap, layout.showlegend = 0, False
    layout.xaxis.range = [grid[0], grid[-1]]
    layout.yaxis.range = [0, top * 1.15 if top > 0 else 1]
    if not top > 0:
        layout.yaxis.showticklabels, layout.yaxis.title.text = False, ""
    return fig


def _plane(
    x: Array,
    parameters: Parameters | None,
    names: list[str],
    height: int,
    shown: NDArray[np.intp],
    component: NDArray[np.int64] | None,
    set_aside: bool,
) -> go.Figure:
    N = len(x)
    thinned = "" if N <= _SCATTER else f", {len(shown):,} of {N:,} points shown"
    title = ("The data" if parameters is None else "Density of the mixture") + thinned
    alt = f"Scatter of {names[1]} against {names[0]}, {N:,} points."
    if parameters is not None:
        alt += " " + "; ".join(
            f"component {k + 1} has weight {w:.3g} around ({m[0]:.4g}, {m[1]:.4g})"
            for k, (w, m) in enumerate(zip(parameters.weights, parameters.locs, strict=True))
        )
    fig = style.figure(title, names[0], names[1], alt=alt, height=height + 80)
    n_components = None if parameters is None else len(parameters.weights)
    low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
    span = np.where(high > low, high - low, 1.0)
    low, high = low - 0.08 * span, high + 0.08 * span
    if parameters is not None:
        u, v = (_nodes(low[i], high[i], parameters.marginal([i])) for i in (0, 1))
        points = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
        fig.add_contour(
            **_axis("x", u),
            **_axis("y", v),
            # Only its lines are seen: a grid of whole numbers is a third as long.
            z=_whole(log_density(parameters, points)).reshape(len(v), len(u)),
            ncontours=12,
            contours={"coloring": "lines"},
            colorscale=[[0, style.MUTED], [1, style.MUTED]],
            line={"width": 1},
            opacity=0.5,
            showscale=False,
            hoverinfo="skip",
        )
    fig.add_scatter(
        x=x[shown, 0],
        y=x[shown, 1],
        mode="markers",
        marker={
            "color": style.INK
            if component is None
            else [_colour(int(k), set_aside, n_components) for k in component],
            "opacity": 0.5,
            "size": 5 if N < 500 else 3,
        },
        name="data",
        text=None if component is None else _names(component, n_components),
        hovertemplate="(%{x:.5g}, %{y:.5g})<extra>"
        + ("data</extra>" if component is None else "%{text}</extra>"),
    )
    if parameters is not None:
        turn = np.linspace(0, 2 * np.pi, 61)
        circle = np.stack([np.cos(turn), np.sin(turn)])
        for k in range(len(parameters.weights)):
            component_look, colour = style.component_style(k), _colour(k, set_aside)
            for radius in (1, 2):
                ring = parameters.locs[k][:, None] + radius * parameters.scale_tril[k] @ circle
                fig.add_scatter(
                    x=ring[0],
                    y=ring[1],
                    mode="lines",
                    line={
                        "color": colour,
                        "width": 3 - radius,
                        "dash": "dot" if set_aside else component_look.dash,
                    },
                    name=f"component {k + 1}, {radius} {'scale' if radius == 1 else 'scales'}",
                    hoverinfo="name",
                )
            if k < 8:
                # Above its ellipse where there is room: at its centre it would cover the points.
                top = float(parameters.locs[k, 1] + 2 * parameters.scales[k, 1])
                above = top <= high[1]
                style.label(
                    fig,
                    float(parameters.locs[k, 0]),
                    top if above else float(parameters.locs[k, 1] - 2 * parameters.scales[k, 1]),
                    f"<b>{k + 1}</b>  {percent(parameters.weights[k])}",
                    colour,
                    anchor="center",
                    dy=-10 if above else 10,
                )
    fig.layout.showlegend, fig.layout.hovermode = False, "closest"
    fig.layout.xaxis.range = [low[0], high[0]]
    fig.layout.yaxis.range = [low[1], high[1]]
    return fig


def _names(component: NDArray[np.int64], n_components: int | None) -> list[str]:
    """Say of each point what it most probably came from."""
    return ["noise" if k == n_components else f"component {k + 1}" for k in component.tolist()]


def _nodes(low: float, high: float, parameters: Parameters) -> Array:
    """Cover an axis evenly, and closely about each component that would lie between two nodes."""
    even = np.linspace(low, high, _CELLS)
    narrow = parameters.scales[:, 0] < even[1] - even[0]
    m, s = (of[narrow, :1][:_FINER] for of in (parameters.locs, parameters.scales))
    nodes = np.unique(np.concatenate([even, (m + s * np.linspace(-3, 3, 13)).ravel()]))
    return nodes[(nodes >= low) & (nodes <= high)]


def _axis(name: str, nodes: Array) -> dict[str, Any]:
    """Say where a map's nodes lie: in two numbers, where they are even."""
    if len(nodes) == _CELLS:
        return {f"{name}0": nodes[0], f"d{name}": nodes[1] - nodes[0]}
    return {name: nodes}


def _whole(log_heights: Array) -> NDArray[np.int16]:
    """Heights as whole numbers up to `_STEPS`, the highest's."""
    top = log_heights.max()
    if not np.isfinite(top):  # of a collapsed component
        return np.zeros(log_heights.shape, np.int16)
    return np.rint(_STEPS * np.exp(log_heights - top)).astype(np.int16)


def _rows(parameters: Parameters) -> list[tuple[float, float, float]]:
    columns = (parameters.weights, parameters.locs[:, 0], parameters.scales[:, 0])
    return [(float(w), float(m), float(s)) for w, m, s in zip(*columns, strict=True)]


def _grid(x: Array, parameters: Parameters | None) -> Array:
    """Cover data and components, evenly and densely about each narrow component."""
    low, high = float(x.min()), float(x.max())
    margin = 0.12 * ((high - low) or 1.0)
    if parameters is None:
        return np.array([low - margin, high + margin])
    heavy = parameters.weights > 1e-3
    m, s = parameters.locs[heavy, 0], parameters.scales[heavy, 0]
    reach = np.minimum(4 * s, high - low + margin)
    low = min(low - margin, float((m - reach).min()))
    high = max(high + margin, float((m + reach).max()))
    pieces = [np.linspace(low, high, 300)]
    pieces += [np.linspace(a - 4 * b, a + 4 * b, 61) for a, b in zip(m, s, strict=True)]
    grid = np.unique(np.concatenate(pieces))
    return grid[(grid >= low) & (grid <= high)]
