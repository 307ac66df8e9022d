"""Figures of how chains went: traces with ranks, energy, tree depth, intervals.

Arrays of a running chain are partial, NaN where nothing is drawn yet; chains stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from gmm_core.figures import style
from gmm_core.figures.remarks import corner, widened
from gmm_core.formatting import number, percent
from gmm_core.posterior.summary import Named, central_range

Array = NDArray[np.float64]

HEIGHT = 360
_POINTS = 4000  # of all lines of a trace together; each is a node of an SVG path
_LINES = 12  # components with a line of their own; more cannot be told apart
_MARKS = 150  # divergences marked one by one
_NAMED = 8  # chains with a name above them
_IN_FULL = 4  # of more there is room on a phone for their numbers only
_FOREST = 24  # parameters of a forest; the table has them all
_SHOWN = 0.97  # of the draws; an empty component's loc follows its wide prior


def trace(
    draws: Array,
    name: str,
    *,
    title: str,
    diverging: ArrayLike | None = None,
    warmup: Array | None = None,
    labels: Sequence[str] | None = None,
    every: int = 1,
    numbers: Sequence[int] | None = None,
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
    every : of how many draws of its chain, and of its warm-up, each of these is one.
    numbers : of the C chains, counted from 0, where they are some of a run's.
    """
    own = draws.ndim == 3
    lines = draws if own else draws[..., None]
    C, S, K = lines.shape
    W = 0 if warmup is None else warmup.shape[1]
    W *= every
    length = W + S * every
    shown = min(K, _LINES)
    names = list(labels) if labels is not None else [f"component {k + 1}" for k in range(K)]
    n_draws = int(np.isfinite(lines[..., 0]).sum()) * every
    marks = _divergences(diverging)
    alt = (
        f"Trace of {name}: {n_draws:,} of {C * S * every:,} draws in {C} chain"
        f"{'' if C == 1 else 's'}, {len(marks):,} divergent."
    )
    if marks:
        title = f"{title}, ✕ {len(marks):,} divergent"
    fig = style.figure(title, "iteration" if W else "draw", name, alt=alt, height=height)
    limit = max(12, _POINTS // (C * shown * (2 if W else 1)))
    for k in range(shown):
        component = style.component_style(k)
        colour = component.colour if own else style.INK
        line = {"color": colour, "width": 1, "dash": component.dash if own else "solid"}
        hover = "%{y:.5g} in draw %{customdata}<extra>" + (names[k] if own else name) + "</extra>"
        if warmup is not None:
            x, y, draw = _side_by_side(warmup[..., k], 0, length, limit, every)
            fig.add_scatter(
                x=x,
                y=y,
                mode="lines",
                line=line,
                opacity=0.3,
                customdata=draw,
                hovertemplate=hover.replace("draw", "warm-up step"),
            )
        x, y, draw = _side_by_side(lines[..., k], W, length, limit, every)
        fig.add_scatter(x=x, y=y, mode="lines", line=line, customdata=draw, hovertemplate=hover)
    if marks:
        some = [
            marks[i] for i in np.linspace(0, len(marks) - 1, min(len(marks), _MARKS)).astype(int)
        ]
        fig.add_scatter(
            x=[c * length + W + s * every + 1 for c, s in some for _ in range(shown)],
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
            label = f"{(c if numbers is None else numbers[c]) + 1}"
            if c == 0 or C <= _IN_FULL:
                label = f"chain {label}"
            middle = c * length + (W + length if W else length) / 2
            style.label(fig, middle, 1.0, label, style.MUTED, anchor="center", dy=8, yref="paper")
    # Where the warm-up is narrow its name would cover the first chain's.
    if 0.15 * C * length < W:
        fig.add_annotation(
            x=W / 2,
            y=1,
            yref="paper",
            yshift=8,
            text="warm-up",
            showarrow=False,
            font={"color": style.MUTED, "size": 11},
        )
    if shown < K:
        corner(fig, f"the first {shown} of {K} components", style.MUTED, below=True)
    fig.update_xaxes(range=[0.5, C * length + 0.5])
    everything = (
        lines[..., :shown]
        if warmup is None
        else np.concatenate([warmup[..., :shown], lines[..., :shown]], axis=1)
    )
    low, high = central_range(everything, _SHOWN)
    low, high = widened((low, high))
    fig.update_yaxes(range=[low, high])
    if own and 1 < K <= 6:
        _name_ends(fig, lines, low, high, W, length, every)
    return fig


def ranks(counts: Array, name: str, numbers: Sequence[int] | None = None) -> go.Figure:
    """Draw how each chain's draws rank among all: level lines where the chains agree.

    Parameters
    ----------
    counts : [C, B], `trust.rank_counts`: one in every bin is even.
    name : of the quantity; plain or escaped.
    numbers : of the chains, as in `trace`.
    """
    C, B = counts.shape
    own = range(C) if numbers is None else numbers
    alt = (
        f"Ranks of {name} in {C} chains: shares of the draws in {B} bins of rank lie between "
        f"{number(float(counts.min()), 2)} and {number(float(counts.max()), 2)} times "
        "the even share."
    )
    fig = style.figure(
        f"Ranks of the {name}", "rank among all draws, %", "share / even share", alt=alt
    )
    fig.update_layout(height=HEIGHT)
    edges = np.linspace(0, 100, B + 1)
    for c in range(min(C, _NAMED)):
        fig.add_scatter(
            x=edges,
            y=np.r_[counts[c], counts[c, -1]],
            mode="lines",
            # Chains are not components: grey, told apart by their dash.
            line={
                "shape": "hv",
                "color": style.fade(style.INK, 0.7),
                "width": 1.3,
                "dash": ("solid", "dash", "dot", "dashdot")[c % 4],
            },
            hovertemplate=f"chain {own[c] + 1}: %{{y:.2f}}<extra></extra>",
        )
    fig.update_layout(
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 1,
                "y1": 1,
                "line": {"color": style.PALETTE[0], "width": 1.5},
            }
        ]
    )
    corner(fig, "level at 1: the chains see the same", style.MUTED)
    fig.update_xaxes(range=[0, 100])
    fig.update_yaxes(range=[0, max(2.0, 1.15 * float(counts.max()))])
    return fig


def energy(values: Array, e_bfmi: Sequence[float]) -> go.Figure:
    """Draw the energy of the draws beside its change from one draw to the next.

    Parameters
    ----------
    values : [C, S] energies.
    e_bfmi : [C], of each chain.

    Notes
    -----
    Betancourt (2016), arXiv:1604.00695: where the changes are much narrower than the energies,
    the momenta do not reach the tails.
    """
    whole = (values - values.mean(axis=1, keepdims=True)).ravel()
    step = np.diff(values, axis=1).ravel()
    listed = ", ".join(number(float(v), 2) for v in e_bfmi[:_NAMED])
    alt = f"Energy and its change from draw to draw; E-BFMI of the chains: {listed}."
    fig = style.figure(f"Energy (E-BFMI {listed})", "energy about its mean", "density", alt=alt)
    fig.update_layout(height=HEIGHT)
    if step.size < 2:
        return fig
    high = float(np.quantile(np.abs(np.r_[whole, step]), 0.995)) or 1.0
    for array, colour, name in (
        (whole, style.PALETTE[0], "energy"),
        (step, style.PALETTE[1], "change from draw to draw"),
    ):
        heights, edges = np.histogram(array, bins=50, range=(-high, high), density=True)
        middle = (edges[1:] + edges[:-1]) / 2
        fig.add_scatter(
            x=middle,
            y=heights,
            mode="lines",
            line={"color": colour, "width": 2, "dash": "solid" if array is whole else "dash"},
            fill="tozeroy",
            fillcolor=style.fade(colour, 0.12),
            hovertemplate="%{y:.3g} at %{x:.3g}<extra>" + name + "</extra>",
        )
    corner(fig, "energy", style.PALETTE[0])
    corner(fig, "change from draw to draw", style.PALETTE[1], row=1)
    fig.update_xaxes(range=[-high, high])
    fig.update_yaxes(rangemode="tozero", showgrid=False)
    return fig


def depths(values: ArrayLike, limit: int) -> go.Figure:
    """Draw how deep the trees of NUTS were: a depth d is a path of up to 2^d steps.

    Parameters
    ----------
    values : [C, S] tree depths.
    limit : the largest depth allowed; draws there were cut short.
    """
    depth = np.ravel(np.asarray(values)).astype(np.int64)
    shares = np.bincount(depth, minlength=limit + 1) / max(1, len(depth))
    cut = float(shares[limit:].sum())
    alt = (
        f"Tree depths from {depth.min()} to {depth.max()}, most often {int(shares.argmax())}; "
        f"{percent(cut)} of the draws reached the limit of {limit}."
    )
    fig = style.figure("Tree depth", "depth d, up to 2ᵈ steps", "share of draws", alt=alt)
    fig.update_layout(height=HEIGHT)
    seen = np.arange(len(shares))
    fig.add_bar(
        x=seen,
        y=shares,
        width=0.7,
        marker={
            "color": [
                style.COLLAPSED if d >= limit else style.fade(style.PALETTE[0], 0.6) for d in seen
            ],
            "line": {"width": 0},
        },
        hovertemplate="depth %{x}: %{y:.1%} of draws<extra></extra>",
    )
    remark = f"{percent(cut)} of draws reached the limit of {limit}" if cut else ""
    if remark:
        corner(fig, remark, style.COLLAPSED)
    fig.update_xaxes(range=[-0.5, max(int(depth.max()) + 1.5, 6)], dtick=1)
    fig.update_yaxes(tickformat=".0%", showgrid=False, rangemode="tozero")
    return fig


def forest(quantities: Sequence[Named], title: str) -> go.Figure:
    """Draw the 50 and 90 % intervals and the median of parameters in one unit, line by line.

    Parameters
    ----------
    quantities : parameters with their draws [C, S], first one on top; at most 24 are drawn.
    """
    rows = list(quantities)[:_FOREST]
    q = np.array([np.quantile(quantity.draws, (0.05, 0.25, 0.5, 0.75, 0.95)) for quantity in rows])
    intervals = "; ".join(
        f"{quantity.name} {number(m)} ({number(a)} to {number(b)})"
        for quantity, (a, _, m, _, b) in zip(rows[:6], q, strict=False)
    )
    fig = style.figure(
        title,
        "value; thick 50 %, thin 90 %",
        "",
        alt=f"Medians with 90 % intervals: {intervals}.",
        height=90 + 26 * len(rows),
    )
    for i, (quantity, (q5, q25, median, q75, q95)) in enumerate(zip(rows, q, strict=True)):
        k = quantity.component
        colour = style.INK if k is None else style.component_style(k).colour
        for low, high, width in ((q5, q95, 2), (q25, q75, 6)):
            fig.add_scatter(
                x=[low, high],
                y=[i, i],
                mode="lines",
                line={"color": colour, "width": width},
                hoverinfo="skip",
            )
        fig.add_scatter(
            x=[median],
            y=[i],
            mode="markers",
            marker={"size": 9, "color": style.BACKGROUND, "line": {"color": colour, "width": 2}},
            hovertemplate=f"median %{{x:.4g}}, 50 % {q25:.4g} to {q75:.4g}, "
            f"90 % {q5:.4g} to {q95:.4g}<extra></extra>",
        )
    fig.update_yaxes(
        range=[len(rows) - 0.4, -0.6],
        tickvals=list(range(len(rows))),
        ticktext=[style.escape(quantity.name, 28) for quantity in rows],
        showgrid=False,
        tickfont={"color": style.INK},
    )
    fig.update_xaxes(showgrid=True)
    return fig


def _side_by_side(
    draws: Array, before: int, length: int, limit: int, every: int = 1
) -> tuple[list[float], list[float | None], list[int]]:
    """Lay the chains [C, S] of one number side by side, thinned, with gaps between them."""
    xs: list[float] = []
    ys: list[float | None] = []
    numbers: list[int] = []
    for c, chain in enumerate(draws):
        steps = np.flatnonzero(np.isfinite(chain))
        step, value = style.thin(steps * every, chain[steps], limit)
        xs += (c * length + before + step + 1).tolist()
        ys += value.tolist()
        numbers += (step + 1).tolist()
        if len(step):
            xs.append(xs[-1])
            ys.append(None)
            numbers.append(0)
    return xs, ys, numbers


def _name_ends(
    fig: go.Figure,
    lines: Array,
    low: float,
    high: float,
    before: int,
    length: int,
    every: int,
) -> None:
    """Write each component's number behind its last draw, not on one another."""
    finite = np.argwhere(np.isfinite(lines).all(axis=-1))
    if not finite.size:
        return
    c, s = (int(v) for v in finite[-1])
    ends = np.clip(lines[c, s], low, high)
    place, gap = -np.inf, 0.06 * (high - low)
    for k in np.argsort(ends, kind="stable"):
        place = max(float(ends[k]), place + gap)
        colour = style.component_style(int(k)).colour
        x = c * length + before + s * every + 1
        style.label(fig, x, place, f"<b>{k + 1}</b>", colour, dx=3)


def _divergences(diverging: ArrayLike | None) -> list[tuple[int, int]]:
    if diverging is None:
        return []
    diverged = np.nan_to_num(np.asarray(diverging, dtype=np.float64)) > 0
    return [(int(c), int(s)) for c, s in np.argwhere(diverged)]


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
