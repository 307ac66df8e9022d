"""Figures of the posterior: traces, two locs together, the density's bands, who is with whom.

Arrays of a running chain are partial, NaN where nothing is drawn yet; chains stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from gmm_core.dataset import Dataset
from gmm_core.figures import style
from gmm_core.invariants import density_band
from gmm_core.mixture import Parameters
from gmm_core.posterior_summary import BINS, central_range, densest

Array = NDArray[np.float64]

HEIGHT = 360
_POINTS = 4000  # of all lines of a trace together; each is a node of an SVG path
_LINES = 12  # components with a line of their own; more cannot be told apart
_MARKS = 150  # divergences marked one by one
_NAMED = 8  # chains with a name above them
_RUG = 100  # data points with a tick each; more are a black bar
_GRID = 240
_SHOWN = 0.97  # of the draws; an empty component's loc follows its wide prior
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
    x = dataset.values[:, column]
    name = style.escape(dataset.columns[column])
    margin = 0.25 * (np.ptp(x) or 1.0)
    low, high = float(x.min() - margin), float(x.max() + margin)
    alt = f"{len(x):,} values of {name} from {style.number(x.min())} to {style.number(x.max())}."
    title = "The data"
    if draws is not None:
        title = "Posterior of the density"
        alt = (
            f"Median of the density over {len(draws):,} draws along {name}, "
            "with the band of half and of 90 % of them. " + alt
        )
    fig = style.figure(title, name, "density", alt=alt, height=height)
    top = 0.0
    if len(x) > _RUG:
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
        grid = np.unique(np.concatenate([np.linspace(low, high, _GRID), x[: _RUG + 1]]))
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
        _name_bands(fig, grid, median, q75, q95, top)
    if len(x) <= _RUG:
        fig.add_scatter(
            x=x,
            y=np.zeros(len(x)),
            mode="markers",
            marker={"symbol": "line-ns", "size": 14, "line": {"color": style.INK, "width": 2}},
            hovertemplate="%{x:.6g}<extra>data</extra>",
            cliponaxis=False,
        )
    fig.update_xaxes(range=[low, high])
    if top > 0:
        fig.update_yaxes(range=[0, 1.08 * top])
    else:
        fig.update_yaxes(range=[0, 1], showticklabels=False, showgrid=False, title_text="")
    return fig


def trace(
    draws: Array,
    name: str,
    *,
    title: str,
    diverging: ArrayLike | None = None,
    warmup: Array | None = None,
    labels: Sequence[str] | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """Draw the trace of one parameter of every component, chains side by side.

    Parameters
    ----------
    draws : [C, S, K], or [C, S] for a number that no component owns; NaN where not drawn yet.
    name : of the parameter with its unit; plain or escaped.
    diverging : [C, S], where the integrator lost the energy; NaN where not drawn yet.
    warmup : [C, W, K], shown muted before the draws of its chain.
    labels : names of the K lines; "component k" without them.
    """
    own = draws.ndim == 3
    lines = draws if own else draws[..., None]
    C, S, K = lines.shape
    W = 0 if warmup is None else warmup.shape[1]
    length = W + S
    shown = min(K, _LINES)
    names = list(labels) if labels is not None else [f"component {k + 1}" for k in range(K)]
    drawn = int(np.isfinite(lines[..., 0]).sum())
    marks = _divergences(diverging)
    alt = (
        f"Trace of {name}: {drawn:,} of {C * S:,} draws in {C} chain{'' if C == 1 else 's'}, "
        f"{len(marks):,} divergent."
    )
    fig = style.figure(title, "iteration" if W else "draw", name, alt=alt, height=height)
    limit = max(12, _POINTS // (C * shown * (2 if W else 1)))
    for k in range(shown):
        look = style.component_style(k)
        colour = look.colour if own else style.INK
        line = {"color": colour, "width": 1, "dash": look.dash if own else "solid"}
        hover = "%{y:.5g} in draw %{customdata}<extra>" + (names[k] if own else name) + "</extra>"
        if warmup is not None:
            x, y, number = _side_by_side(warmup[..., k], 0, length, limit)
            fig.add_scatter(
                x=x,
                y=y,
                mode="lines",
                line=line,
                opacity=0.3,
                customdata=number,
                hovertemplate=hover.replace("draw", "warm-up step"),
            )
        x, y, number = _side_by_side(lines[..., k], W, length, limit)
        fig.add_scatter(x=x, y=y, mode="lines", line=line, customdata=number, hovertemplate=hover)
    if marks:
        some = [
            marks[i] for i in np.linspace(0, len(marks) - 1, min(len(marks), _MARKS)).astype(int)
        ]
        fig.add_scatter(
            x=[c * length + W + s + 1 for c, s in some for _ in range(shown)],
            y=[float(lines[c, s, k]) for c, s in some for k in range(shown)],
            mode="markers",
            marker={
                "symbol": "x-thin",
                "size": 7,
                "line": {"color": style.COLLAPSED, "width": 1.5},
            },
            hovertemplate="%{y:.5g}<extra>divergent</extra>",
        )
    fig.update_layout(shapes=[_wall(c * length + 0.5) for c in range(1, C)])
    if C <= _NAMED:
        for c in range(C):
            said = f"chain {c + 1}"
            middle = c * length + (W + length if W else length) / 2
            style.label(fig, middle, 1.0, said, style.MUTED, anchor="center", dy=8, yref="paper")
    if W:
        fig.add_annotation(
            x=W / 2,
            y=1,
            yref="paper",
            yshift=8,
            text="warm-up",
            showarrow=False,
            font={"color": style.MUTED, "size": 11},
        )
    if marks:
        _corner(fig, f"✕ {len(marks):,} divergent", style.COLLAPSED)
    if shown < K:
        _corner(fig, f"the first {shown} of {K} components", style.MUTED, below=True)
    fig.update_xaxes(range=[0.5, C * length + 0.5])
    everything = (
        lines[..., :shown]
        if warmup is None
        else np.concatenate([warmup[..., :shown], lines[..., :shown]], axis=1)
    )
    low, high = central_range(everything, _SHOWN)
    low, high = _widened((low, high))
    fig.update_yaxes(range=[low, high])
    if own and 1 < K <= 6:
        _name_ends(fig, lines, low, high, W, length)
    return fig


def two_locs(
    a: ArrayLike,
    b: ArrayLike,
    names: tuple[str, str],
    *,
    mirrored: bool,
    symmetrised: bool = False,
    height: int = HEIGHT,
) -> go.Figure:
    """Draw the histogram of two locs together: 20 x 20 bins, contours of log(count + 3).

    Parameters
    ----------
    a, b : draws of each, of one shape; NaN where not drawn yet.
    names : of the axes; plain or escaped.
    mirrored : the two are the same column of two components, so that (b, a) is as probable as
        (a, b). Where two modes are apart, the picture says so.
    symmetrised : count each draw also as (b, a), which is what chains that mix would show.
    """
    x, y = np.ravel(np.asarray(a, float)), np.ravel(np.asarray(b, float))
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    n = len(x)
    both = "  (with its mirror image)" if symmetrised else ""
    alt = f"Histogram of {n:,} draws of {names[0]} and {names[1]} in {BINS} × {BINS} bins."
    fig = style.figure(f"Two locs together, {n:,} draws{both}", *names, alt=alt, height=height)
    if not n:
        fig.update_xaxes(range=[0, 1], showticklabels=False, ticks="")
        fig.update_yaxes(range=[0, 1], showticklabels=False, showgrid=False)
        return fig
    if mirrored:
        limits = [_widened(central_range(np.concatenate([x, y]), _SHOWN))] * 2
    else:
        limits = [_widened(central_range(values, _SHOWN)) for values in (x, y)]
    mode = densest(x, y, limits[0]) if mirrored else None
    share = float(np.mean((x > y) == (mode[0] > mode[1]))) if mode else 0.0
    if symmetrised:
        x, y = np.concatenate([x, y]), np.concatenate([y, x])
    counts, xs, ys = np.histogram2d(x, y, bins=BINS, range=limits)
    mid_x, mid_y = (xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2
    outside = n - int(counts.sum()) // (2 if symmetrised else 1)
    fig.add_heatmap(
        x=mid_x,
        y=mid_y,
        z=counts.T.astype(int),
        colorscale=_shades(),
        showscale=False,
        hovertemplate="%{z} draws near (%{x:.4g}, %{y:.4g})<extra></extra>",
    )
    fig.add_contour(
        x=mid_x,
        y=mid_y,
        z=np.log(counts.T + 3).round(4),
        ncontours=9,
        contours={"coloring": "none"},
        line={"color": style.fade(style.PALETTE[0], 0.6), "width": 1},
        showscale=False,
        hoverinfo="skip",
    )
    if mirrored:
        ends = [limits[0][0], limits[0][1]]
        fig.add_scatter(
            x=ends,
            y=ends,
            mode="lines",
            line={"color": style.MUTED, "width": 1, "dash": "dot"},
            hoverinfo="skip",
        )
    if mode:
        span = limits[0][1] - limits[0][0]
        seen = 0.5 if symmetrised else 1 - share
        for place, share_here, said in (
            (mode, 1 - seen, "mode A"),
            (mode[::-1], seen, "its mirror, as probable"),
        ):
            where = ", ".join(_coordinate(v, span / 5) for v in place)
            visited = f"{style.percent(share_here)} of draws" if share_here else "not visited"
            _remark(fig, place, f"<b>{said}</b><br>({where}) · {visited}", limits[0])
        fig.layout.meta["alt"] += (
            f" Mode near ({style.number(mode[0])}, {style.number(mode[1])}) with "
            f"{style.percent(1 - seen)} of the draws, and its mirror image, as probable, with "
            f"{style.percent(seen)}."
        )
    if outside:
        said = "1 draw lies" if outside == 1 else f"{outside:,} draws lie"
        _corner(fig, f"{said} outside", style.MUTED, below=True)
    fig.update_xaxes(range=limits[0])
    fig.update_yaxes(range=limits[1], showgrid=False)
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
    fig.add_heatmap(
        x=place,
        y=place,
        z=probs.round(4),
        zmin=0,
        zmax=1,
        xgap=2 if numbered else 0,
        ygap=2 if numbered else 0,
        colorscale=[[0, style.fade(style.PALETTE[0], 0.03)], [1, style.PALETTE[0]]],
        showscale=False,
        customdata=[[f"{i} and {j}" for j in labels] for i in labels],
        hovertemplate="%{customdata}: %{z:.4f}<extra></extra>",
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
    said = {"tickvals": ticks, "ticktext": [labels[i] for i in ticks], "ticks": ""}
    fig.update_xaxes(range=[-0.5, P - 0.5], **said)
    fig.update_yaxes(range=[P - 0.5, -0.5], showgrid=False, **said)
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
    fig: go.Figure, grid: Array, median: Array, q75: Array, q95: Array, top: float
) -> None:
    """Name the median and the bands, on the side of the tallest peak that has more room."""
    peak = int(np.argmax(median))
    right = grid[peak] < grid[0] + 0.6 * (grid[-1] - grid[0])
    lines = ((q95, 0.72, "90 % of the draws"), (q75, 0.8, "half of them"), (median, 0.75, "median"))
    for height, share, said in lines:
        level = share * min(float(height[peak]), top)
        side = range(peak, len(grid)) if right else range(peak, -1, -1)
        at = next((i for i in side if height[i] <= level), peak)
        style.label(
            fig,
            float(grid[at]),
            level,
            said,
            style.INK if said == "median" else style.MUTED,
            anchor="left" if right else "right",
            dx=6 if right else -6,
        )
        # On a band a veil would be a box.
        fig.layout.annotations[-1].bgcolor = "rgba(0,0,0,0)"


def _side_by_side(
    draws: Array, before: int, length: int, limit: int
) -> tuple[list[float], list[float | None], list[int]]:
    """Lay the chains [C, S] of one number side by side, thinned, with gaps between them."""
    xs: list[float] = []
    ys: list[float | None] = []
    numbers: list[int] = []
    for c, chain in enumerate(draws):
        known = np.flatnonzero(np.isfinite(chain))
        step, value = style.thin(known, chain[known], limit)
        xs += (c * length + before + step + 1).tolist()
        ys += value.tolist()
        numbers += (step + 1).tolist()
        if len(step):
            xs.append(xs[-1])
            ys.append(None)
            numbers.append(0)
    return xs, ys, numbers


def _name_ends(
    fig: go.Figure, lines: Array, low: float, high: float, before: int, length: int
) -> None:
    """Write each component's number behind its last draw, not on one another."""
    known = np.argwhere(np.isfinite(lines).all(axis=-1))
    if not known.size:
        return
    c, s = (int(v) for v in known[-1])
    ends = np.clip(lines[c, s], low, high)
    place, gap = -np.inf, 0.06 * (high - low)
    for k in np.argsort(ends, kind="stable"):
        place = max(float(ends[k]), place + gap)
        colour = style.component_style(int(k)).colour
        x = c * length + before + s + 1
        style.label(fig, x, place, f"<b>{k + 1}</b>", colour, dx=3)


def _divergences(diverging: ArrayLike | None) -> list[tuple[int, int]]:
    if diverging is None:
        return []
    found = np.nan_to_num(np.asarray(diverging, dtype=np.float64)) > 0
    return [(int(c), int(s)) for c, s in np.argwhere(found)]


def _wall(x: float) -> dict[str, object]:
    line = {"color": style.MUTED, "width": 1}
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "opacity": 0.5,
        "line": line,
    }


def _corner(fig: go.Figure, said: str, colour: str, below: bool = False) -> None:
    """Write a remark into a corner on the right."""
    fig.add_annotation(
        x=1,
        y=0 if below else 1,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="bottom" if below else "top",
        text=said,
        showarrow=False,
        bgcolor=style.fade(style.BACKGROUND, 0.7),
        font={"color": style.readable(colour), "size": 12},
    )


def _remark(
    fig: go.Figure, place: tuple[float, float], said: str, limits: tuple[float, float]
) -> None:
    """Point at a mode, with words where the picture has room: towards its middle."""
    low, high = limits
    across, up = ((v - low) / (high - low) for v in place)
    if place[1] > place[0] and across > 0.55:  # above the diagonal, with room on its left
        ax, ay, x_anchor, y_anchor = -26, 0, "right", "middle"
    else:
        below = up > 0.45 or (place[1] < place[0] and up > 0.28)
        ax, ay = 0, 34 if below else -34
        x_anchor = "right" if across > 0.6 else "left" if across < 0.35 else "center"
        y_anchor = "top" if below else "bottom"
    fig.add_annotation(
        x=place[0],
        y=place[1],
        ax=ax,
        ay=ay,
        text=said,
        align="left" if x_anchor == "left" else "right",
        xanchor=x_anchor,
        yanchor=y_anchor,
        showarrow=True,
        arrowhead=0,
        arrowwidth=1,
        arrowcolor=style.MUTED,
        standoff=3,
        bgcolor=style.fade(style.BACKGROUND, 0.8),
        font={"size": 12, "color": style.INK},
    )


def _coordinate(v: float, scale: float) -> str:
    said = style.rounded(v, scale)
    return said if said.strip(style.MINUS + "0.") else said.lstrip(style.MINUS)


def _widened(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _shades() -> list[list[float | str]]:
    """Transparent where no draw is, so that the least count is already seen."""
    blue = style.PALETTE[0]
    stops = ((0, 0.0), (0.002, 0.06), (0.05, 0.2), (0.3, 0.6), (1, 1.0))
    return [[at, style.fade(blue, alpha)] for at, alpha in stops]
