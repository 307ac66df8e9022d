"""Figures of what the draws say whatever components are called: density, pairs, boundary, count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.figures import style
from gmm_core.figures.in_table import in_table_units
from gmm_core.figures.remarks import RUG, corner, rug
from gmm_core.formatting import number, percent
from gmm_core.mixture import Parameters
from gmm_core.posterior.invariants import Boundaries, density_band

Array = NDArray[np.float64]

HEIGHT = 360
_GRID = 240
_NAMED = 60  # points of a matrix whose pairs are named one by one
_NUMBERS = 16  # points of a matrix whose cells have room for a number


def density_bands(
    dataset: Dataset, draws: Parameters | None, column: int = 0, height: int = HEIGHT
) -> go.Figure:
    """Draw the posterior of the density along one column: median, 50 % and 90 % bands, data.

    Parameters
    ----------
    draws : a sequence of points, or None while there is none: the data alone.
    column : the column to look along; the others are integrated out.
    """
    x = dataset.seen(column)
    name = style.escape(table_columns(dataset)[column])
    margin = 0.25 * (np.ptp(x) or 1.0)
    low, high = float(x.min() - margin), float(x.max() + margin)
    ends = in_table(dataset, column, [x.min(), x.max()]).tolist()
    alt = f"{len(x):,} values of {name} from {number(ends[0])} to {number(ends[1])}."
    title = "The data"
    if draws is not None:
        title = "Posterior of the density"
        alt = (
            f"Median of the density over {len(draws):,} draws along {name}, "
            "with the band of half and of 90 % of them. " + alt
        )
    fig = style.figure(title, name, "density", alt=alt, height=height)
    style.density_ticks(fig)
    top = 0.0
    if len(x) > RUG:
        heights, edges = np.histogram(x, bins="auto" if np.ptp(x) > 0 else 10, density=True)
        if len(heights) > 80:
            heights, edges = np.histogram(x, bins=80, density=True)
        fig.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=heights,
            width=np.diff(edges),
            marker={"color": style.fade(style.PALETTE[5], 0.25), "line": {"width": 0}},
            hovertemplate="%{y:.3g} at %{x:.4g}<extra>data</extra>",
        )
        top = float(heights.max())
    if draws is not None:
        grid = np.unique(np.concatenate([np.linspace(low, high, _GRID), x[: RUG + 1]]))
        q5, q25, median, q75, q95 = density_band(draws, grid, column)
        for upper, lower, shade in ((q95, q5, 0.1), (q75, q25, 0.2)):
            _band(fig, grid, lower, upper, style.fade(style.INK, shade))
        fig.add_scatter(
            x=grid,
            y=median,
            mode="lines",
            line={"color": style.INK, "width": 2},
            hovertemplate="%{y:.4g} at %{x:.4g}<extra>median</extra>",
        )
        # A draw with a needle on one point would flatten all else.
        peak = float(np.quantile(q95, 0.995))
        top = max(top, min(float(q95.max()), 1.3 * peak, 8 * float(median.max())))
    if len(x) <= RUG:
        rug(fig, x)
    fig.update_xaxes(range=[low, high])
    if top > 0:
        fig.update_yaxes(range=[0, 1.08 * top])
    else:
        fig.update_yaxes(range=[0, 1], showticklabels=False, showgrid=False, title_text="")
    in_table_units(fig, dataset, column, density=top > 0)
    if draws is not None:
        outer, inner, middle = (t for t in fig.data if t.type == "scatter" and t.mode == "lines")
        _name_bands(fig, middle.x, middle.y, inner.y, outer.y, fig.layout.yaxis.range[1] / 1.08)
    return fig


def together(probs: Array, labels: Sequence[str], axis: str, subset: str = "") -> go.Figure:
    """Draw the probability that two points share a component as a matrix with numbers.

    Parameters
    ----------
    probs : [P, P].
    labels : [P] names of the points; plain or escaped.
    axis : what the labels are.
    subset : which points these are, when not all.
    """
    P = len(probs)
    apart = probs[~np.eye(P, dtype=bool)]
    alt = f"Probability that two of {P} points share a component"
    alt += f": between {apart.min():.2f} and {apart.max():.2f}." if apart.size else "."
    fig = style.figure(
        f"Probability that two points share a component{subset}", axis, axis, alt=alt, height=HEIGHT
    )
    numbered = P <= _NUMBERS
    place = list(range(P))
    named = P <= _NAMED
    fig.add_heatmap(
        x=place,
        y=place,
        # Of a large matrix whole percents, a byte each: the page carries a quarter of a million.
        z=probs.round(4) if named else np.rint(100 * probs).astype(np.uint8),
        zmin=0,
        zmax=1 if named else 100,
        xgap=2 if numbered else 0,
        ygap=2 if numbered else 0,
        colorscale=[[0, style.fade(style.PALETTE[0], 0.03)], [1, style.PALETTE[0]]],
        showscale=False,
        customdata=[[f"{i} and {j}" for j in labels] for i in labels] if named else None,
        hovertemplate="%{customdata}: %{z:.4f}<extra></extra>"
        if named
        else "%{z} %<extra></extra>",
    )
    if numbered:
        for i in place:
            for j in place:
                fig.add_annotation(
                    x=j,
                    y=i,
                    text=f"{probs[i, j]:.2f}",
                    showarrow=False,
                    # White on the full colour, the page's ink on what lets the page through.
                    font={"color": "#FFFFFF" if probs[i, j] > 0.6 else style.INK, "size": 12},
                )
    ticks = place if P <= 30 else place[:: max(1, P // 12)]
    axis_ticks = {"tickvals": ticks, "ticktext": [labels[i] for i in ticks], "ticks": ""}
    # Upright where they do not fit side by side: aslant they would hang over one another.
    fig.update_xaxes(range=[-0.5, P - 0.5], autotickangles=[0, 90], **axis_ticks)
    fig.update_yaxes(range=[P - 0.5, -0.5], showgrid=False, **axis_ticks)
    return fig


def boundary(
    dataset: Dataset, draws: Boundaries, low: float, high: float, column: int = 0
) -> go.Figure:
    """Draw where the most probable component changes, over draws, above the data.

    Parameters
    ----------
    draws : `boundary_draws` between `low` and `high`.
    """
    name = style.escape(dataset.columns[column])
    x = dataset.seen(column)
    n = len(draws.places)
    alt = f"Boundaries between components in {draws.draws:,} draws: "
    if n:
        places = in_table(dataset, column, draws.places)
        q5, middle, q95 = np.quantile(places, (0.05, 0.5, 0.95))
        alt += (
            f"half lie below {number(float(middle))}, 90 % between "
            f"{number(float(q5))} and {number(float(q95))}; "
        )
    alt += f"{percent(draws.none)} of the draws have none among the data."
    fig = style.figure("Where the most probable component changes", name, "density", alt=alt)
    style.density_ticks(fig)
    fig.update_layout(height=HEIGHT)
    if n:
        heights, edges = np.histogram(draws.places, bins=60, range=(low, high), density=True)
        fig.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=heights,
            width=np.diff(edges),
            marker={"color": style.fade(style.PALETTE[0], 0.6), "line": {"width": 0}},
            hovertemplate="%{y:.3g} near %{x:.4g}<extra>boundary</extra>",
        )
        fig.update_yaxes(range=[0, 1.15 * float(heights.max())])
    else:
        fig.update_yaxes(range=[0, 1], showticklabels=False, showgrid=False, title_text="")
    rug(fig, x)
    corner(fig, f"{percent(draws.none)} of draws have none here", style.MUTED)
    fig.update_xaxes(range=[low, high])
    return in_table_units(fig, dataset, column, density=n > 0)


def occupied(probs: Array, exact: Array | None = None) -> go.Figure:
    """Draw the posterior of the number of components that have a point.

    Parameters
    ----------
    probs : [K], of 1, ..., K occupied components.
    exact : [K], the exact ones where they are known.
    """
    K = len(probs)
    likely = int(np.argmax(probs)) + 1
    alt = (
        f"Posterior of the number of occupied components, 1 to {K}: {likely} with probability "
        f"{percent(float(probs[likely - 1]))}."
    )
    fig = style.figure(
        "How many components have a point", "occupied components", "probability", alt=alt
    )
    fig.update_layout(height=HEIGHT)
    occupied_counts = list(range(1, K + 1))
    fig.add_bar(
        x=occupied_counts,
        y=probs,
        width=0.6,
        marker={"color": style.fade(style.PALETTE[0], 0.6), "line": {"width": 0}},
        hovertemplate="%{x}: %{y:.4f}<extra>draws</extra>",
    )
    if exact is not None:
        fig.add_scatter(
            x=occupied_counts,
            y=exact,
            mode="markers",
            marker={
                "symbol": "line-ew",
                "size": 26,
                "line": {"color": style.INK, "width": 2},
            },
            hovertemplate="%{x}: %{y:.4f}<extra>exact</extra>",
        )
        corner(fig, "bars: draws · lines: exact", style.MUTED)
    for k, p in zip(occupied_counts, probs, strict=True):
        if K <= 12:
            top = max(p, 0.0 if exact is None else float(exact[k - 1]))
            style.label(fig, k, float(top), percent(float(p)), anchor="center", dy=10)
    fig.update_xaxes(range=[0.4, K + 0.6], dtick=1 if K <= 20 else 5)
    fig.update_yaxes(range=[0, 1.18 * max(float(probs.max()), 1e-9)], showgrid=False)
    return fig


def _band(fig: go.Figure, grid: Array, lower: Array, upper: Array, colour: str) -> None:
    fig.add_scatter(
        x=np.concatenate([grid, grid[::-1]]),
        y=np.concatenate([upper, lower[::-1]]),
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=colour,
        hoverinfo="skip",
    )


def _name_bands(
    fig: go.Figure, grid: Array, median: Array, inner: Array, outer: Array, top: float
) -> None:
    """Name the median and the bands, on the side of the tallest peak that has more room.

    Of the bands, [2 G], the upper ends come first.
    """
    peak = int(np.nanargmax(median))
    low, high = fig.layout.xaxis.range
    right = grid[peak] < low + 0.6 * (high - low)
    lines = (
        (outer, 0.97, "90 % of the draws"),
        (inner, 0.8, "half of them"),
        (median, 0.64, "median"),
    )
    for height, share, label in lines:
        level = share * min(float(height[peak]), top)
        side = range(peak, len(grid)) if right else range(peak, -1, -1)
        at = next((i for i in side if height[i] <= level), peak)
        style.label(
            fig,
            float(grid[at]),
            level,
            label,
            style.INK if label == "median" else style.MUTED,
            anchor="left" if right else "right",
            dx=6 if right else -6,
        )
        # On a band a veil would be a box.
        fig.layout.annotations[-1].bgcolor = "rgba(0,0,0,0)"
