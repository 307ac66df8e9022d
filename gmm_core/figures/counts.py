"""Data that was counted where it lies: bars of one column, a map of two, and a mixture on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from gmm_core.figures import style
from gmm_core.formatting import number, percent
from gmm_core.mixture import Parameters, component_log_densities

if TYPE_CHECKING:
    from gmm_core.data.dataset import Dataset
    from gmm_core.partitions.counts import Counts

_GRID = 400  # points of a curve
_LABELS = 8


def counted(counts: Counts, parameters: Parameters | None = None, height: int = 380) -> go.Figure:
    """Draw how data is distributed, from counts.

    Parameters
    ----------
    counts : of one column, which are drawn as bars, or of two, as a map whose colour is the
        logarithm of the count; see `partitions.counts.count`.
    parameters : a mixture of all columns that is drawn over it: of one column each component's
        density, in rows a bar, and their sum; of two the ellipses of one and two scales.
    height : pixels.
    """
    point = None
    if parameters is not None:
        point = parameters.permuted(parameters.order).marginal(counts.places)
    draw = _bars if len(counts.columns) == 1 else _map
    return draw(counts, point, height)


def of_sample(fig: go.Figure, dataset: Dataset) -> go.Figure:
    """Say in a figure's title whether it is of the sample, as not all rows are counted there."""
    if dataset.whole is not None:
        n = len(dataset.values)
        fig.layout.title.text = f"By a weighted sample of {n:,} of {dataset.n:,} rows"
    return fig


def _bars(counts: Counts, point: Parameters | None, height: int) -> go.Figure:
    name, edges = style.escape(counts.columns[0], 40), counts.edges[0]
    middle, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    fig = style.figure(
        f"How {name} is distributed",
        name,
        "rows per bar",
        alt=f"Histogram of {counts.counts.sum():,.0f} rows by {name}: {number(edges[0])} to "
        f"{number(edges[-1])}, most around {number(middle[int(counts.counts.argmax())])}."
        + _mixture_words(point),
        height=height,
    )
    fig.add_bar(
        x=middle,
        y=counts.counts,
        width=0.94 * width,
        marker={"color": style.fade(style.INK, 0.2), "line": {"width": 0}},
        name="rows",
        hovertemplate="%{y:,} rows around %{x:.4g}<extra></extra>",
    )
    if point is not None:
        grid = np.linspace(edges[0], edges[-1], _GRID)
        rows = np.exp(component_log_densities(point, grid)) * width * counts.counts.sum()
        for k in range(len(point.weights)):
            line_style = style.component_style(k)
            fig.add_scatter(
                x=grid,
                y=rows[:, k],
                mode="lines",
                line={"color": line_style.colour, "width": 2, "dash": line_style.dash},
                name=f"component {k + 1}",
                hovertemplate="%{y:,.0f} at %{x:.4g}<extra>component " + f"{k + 1}</extra>",
            )
        fig.add_scatter(
            x=grid,
            y=rows.sum(axis=1),
            mode="lines",
            line={"color": style.INK, "width": 1.5},
            name="mixture",
            hovertemplate="%{y:,.0f} at %{x:.4g}<extra>mixture</extra>",
        )
    return fig


def _map(counts: Counts, point: Parameters | None, height: int) -> go.Figure:
    names = [style.escape(name, 40) for name in counts.columns]
    i, j = np.unravel_index(int(counts.counts.argmax()), counts.counts.shape)
    u, v = ((edges[:-1] + edges[1:]) / 2 for edges in counts.edges)
    rows = counts.counts.sum()
    fig = style.figure(
        f"{names[0]} and {names[1]}, {rows:,.0f} rows",
        names[0],
        names[1],
        alt=f"{names[1]} over {names[0]}, {rows:,.0f} rows counted in {counts.counts.size:,} "
        f"cells; the fullest, around ({number(u[i])}, {number(v[j])}), has "
        f"{counts.counts[i, j]:,.0f}." + _mixture_words(point),
        height=height + 80,
    )
    cells = counts.counts.T
    with np.errstate(divide="ignore"):
        shade = np.where(cells > 0, np.log10(cells), np.nan)
    fig.add_heatmap(
        x=u,
        y=v,
        z=shade,
        customdata=cells,
        colorscale=[[0, style.fade(style.INK, 0.06)], [1, style.fade(style.INK, 0.8)]],
        showscale=False,
        hoverongaps=False,
        hovertemplate="%{customdata:,} rows around (%{x:.4g}, %{y:.4g})<extra></extra>",
        name="rows",
    )
    if point is not None:
        turn = np.linspace(0, 2 * np.pi, 61)
        circle = np.stack([np.cos(turn), np.sin(turn)])
        for k in range(len(point.weights)):
            line_style = style.component_style(k)
            for radius in (1, 2):
                ring = point.locs[k][:, None] + radius * point.scale_tril[k] @ circle
                fig.add_scatter(
                    x=ring[0],
                    y=ring[1],
                    mode="lines",
                    line={"color": line_style.colour, "width": 3 - radius, "dash": line_style.dash},
                    name=f"component {k + 1}, {radius} {'scale' if radius == 1 else 'scales'}",
                    hoverinfo="name",
                )
            if k < _LABELS:
                style.label(
                    fig,
                    float(point.locs[k, 0]),
                    float(point.locs[k, 1] + 2 * point.scales[k, 1]),
                    f"<b>{k + 1}</b>  {percent(point.weights[k])}",
                    line_style.colour,
                    anchor="center",
                    dy=-10,
                )
    fig.layout.showlegend, fig.layout.hovermode = False, "closest"
    return fig


def _mixture_words(point: Parameters | None) -> str:
    if point is None:
        return ""
    return " " + "; ".join(
        f"component {k + 1} has weight {w:.3g} around ({', '.join(f'{m:.4g}' for m in loc)})"
        for k, (w, loc) in enumerate(zip(point.weights, point.locs, strict=True))
    )
