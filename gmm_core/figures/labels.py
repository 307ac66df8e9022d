"""Figures of the labels: two locs together with their mirror image, and which orders were seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from gmm_core.figures import style
from gmm_core.figures.remarks import corner, widened
from gmm_core.formatting import MINUS, number, percent, rounded
from gmm_core.posterior.summary import BINS, central_range, densest

Array = NDArray[np.float64]

HEIGHT = 360
_SHOWN = 0.97  # of the draws; an empty component's loc follows its wide prior


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
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    n = len(x)
    both = "  (with its mirror image)" if symmetrised else ""
    alt = f"Histogram of {n:,} draws of {names[0]} and {names[1]} in {BINS} × {BINS} bins."
    fig = style.figure(f"Two locs together, {n:,} draws{both}", *names, alt=alt, height=height)
    if not n:
        fig.update_xaxes(range=[0, 1], showticklabels=False, ticks="")
        fig.update_yaxes(range=[0, 1], showticklabels=False, showgrid=False)
        return fig
    if mirrored:
        limits = [widened(central_range(np.concatenate([x, y]), _SHOWN))] * 2
    else:
        limits = [widened(central_range(values, _SHOWN)) for values in (x, y)]
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
        for place, share_here, remark in (
            (mode, 1 - seen, "mode A"),
            (mode[::-1], seen, "its mirror, as probable"),
        ):
            where = ", ".join(_coordinate(v, span / 5) for v in place)
            visited = f"{percent(share_here)} of draws" if share_here else "not visited"
            _remark(fig, place, f"<b>{remark}</b><br>({where}) · {visited}", limits[0])
        fig.layout.meta["alt"] += (
            f" Mode near ({number(mode[0])}, {number(mode[1])}) with "
            f"{percent(1 - seen)} of the draws, and its mirror image, as probable, with "
            f"{percent(seen)}."
        )
    if outside:
        remark = "1 draw lies" if outside == 1 else f"{outside:,} draws lie"
        corner(fig, f"{remark} outside", style.MUTED)
    fig.update_xaxes(range=limits[0])
    fig.update_yaxes(range=limits[1], showgrid=False)
    return fig


def occupancy(
    orders: Sequence[Sequence[int]], shares: Array, numbers: Sequence[int] | None = None
) -> go.Figure:
    """Draw the share of draws in each label order beside the equal shares that symmetry demands.

    Parameters
    ----------
    orders : [K!] orders, each K component numbers counted from 0.
    shares : [C, K!], of each chain's draws.
    numbers : of the chains, counted from 0, where they are some of a run's.
    """
    C, n = shares.shape
    own = range(C) if numbers is None else numbers
    names = [" ".join(str(k + 1) for k in order) for order in orders]
    mean = shares.mean(axis=0)
    alt = (
        f"Share of draws in each of {n} label orders, between {percent(float(mean.min()))} "
        f"and {percent(float(mean.max()))}; symmetry gives each {percent(1 / n)}."
    )
    fig = style.figure(
        "Which label order the draws are in",
        "raw labels of the components, heaviest first",
        "share of draws",
        alt=alt,
        height=HEIGHT,
    )
    for c in range(C):
        fig.add_bar(
            x=names,
            y=shares[c] / C,
            marker={
                "color": style.fade(style.PALETTE[0], 0.75 if c % 2 == 0 else 0.45),
                "line": {"width": 0},
            },
            customdata=shares[c],
            hovertemplate=(
                f"chain {own[c] + 1}: %{{customdata:.1%}} of its draws<extra>%{{x}}</extra>"
            ),
        )
    fig.update_layout(
        barmode="stack",
        bargap=0.35,
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 1 / n,
                "y1": 1 / n,
                "line": {"color": style.INK, "width": 1.5, "dash": "dash"},
            }
        ],
    )
    top = max(1.3 * float(mean.max()), 1.45 / n)
    corner(fig, f"dashed: {percent(1 / n)} each, as symmetry demands", style.INK)
    if C > 1:
        corner(fig, "one block for each chain", style.MUTED, row=1)
    if n <= 6:
        for name, share in zip(names, mean, strict=True):
            label = percent(float(share))
            fig.add_annotation(x=name, y=float(share), text=label, showarrow=False, yshift=10)
    # Orders are names, even where they look like numbers.
    fig.update_xaxes(type="category", tickangle=0 if n <= 6 else -90)
    fig.update_yaxes(range=[0, top], tickformat=".0%", showgrid=False)
    return fig


def _remark(
    fig: go.Figure, place: tuple[float, float], text: str, limits: tuple[float, float]
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
        text=text,
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
    text = rounded(v, scale)
    return text if text.strip(MINUS + "0.") else text.lstrip(MINUS)


def _shades() -> list[list[float | str]]:
    """Transparent where no draw is, so that the least count is already seen."""
    blue = style.PALETTE[0]
    stops = ((0, 0.0), (0.002, 0.06), (0.05, 0.2), (0.3, 0.6), (1, 1.0))
    return [[at, style.fade(blue, alpha)] for at, alpha in stops]
