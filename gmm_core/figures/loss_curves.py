"""The loss of every start against the step."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.figures import style
from gmm_core.formatting import number

Array = NDArray[np.float64]

# A browser draws this many curves of 200 points without stutter; the best and worst are kept.
_CURVES = 60
# And so many points of them in all, each curve of at least the least and at most the most.
_POINTS, _LEAST, _MOST = 2_400, 30, 300
_BEYOND = 0.08  # of the steps: how long the segment is that stands for the polish


def losses(
    loss: Array,
    chosen: int | None = None,
    verdict: NDArray[np.str_] | None = None,
    beside: Array | None = None,
    height: int = 320,
    name: str = "chosen start",
    polished: Array | None = None,
    polishing: bool = False,
    beside_name: str = "Pyro",
    steps: NDArray[np.int64] | None = None,
) -> go.Figure:
    """Draw the loss of each trained start against the step; a click names the start.

    Parameters
    ----------
    loss : [R, C], NaN where there is nothing (yet).
    chosen : the start that is shown elsewhere, drawn in front; the longest curve when None.
    verdict : [R]; collapsed and failed starts are drawn in red.
    beside : [T], the loss of another engine or method from the chosen start, `beside_name`, laid
        over the curve.
    name : what the chosen start is called.
    polished : [R], the loss where each start ended when L-BFGS finished what Adam began; it is
        drawn as a last segment, so that the figure ends at the loss that the page speaks of.
    polishing : whether that is still to come: its segment has its place from the beginning, so
        that the axis stays as it is, or as somebody has zoomed it.
    steps : [C], the step that each column of `loss` comes before; 0, 1, 2 and so on when None.
    """
    R, C = loss.shape
    steps = np.arange(C) if steps is None else steps
    T = int(steps[-1]) + 1
    n_seen = np.isfinite(loss).sum(axis=1)
    if chosen is None:
        chosen = int(n_seen.argmax()) if R else 0
    trained = n_seen > 1 if verdict is None else (n_seen > 0) & (verdict != "untrained")
    if verdict is not None:
        # Methods that stop by themselves leave most of the steps empty that they were given.
        columns = n_seen.max(initial=2)
        steps, loss = steps[:columns], loss[:, :columns]
        T = max(int(steps[-1]) + 1, 0 if beside is None else int(np.isfinite(beside).sum()))
    bad = np.isin(verdict, ("collapsed", "failed")) if verdict is not None else np.zeros(R, bool)
    background = [r for r in np.flatnonzero(trained) if r != chosen]
    if len(background) > _CURVES:
        background = [
            background[i] for i in np.linspace(0, len(background) - 1, _CURVES).astype(int)
        ]
    points = int(np.clip(_POINTS // max(len(background), 1), _LEAST, _MOST))
    last = loss[chosen][np.isfinite(loss[chosen])]
    end = float(last[-1]) if last.size else np.nan
    beyond = T - 1 + max(round(_BEYOND * T), 1)  # where the last segment ends
    curves = int(trained.sum())
    title = "Loss" if curves <= 1 else f"Loss of {curves:,} starts"
    alt = f"Minus the log joint against the step, {curves} of {R} starts trained. "
    if np.isfinite(end):
        alt += f"The chosen one is at {end:.5g}. {int(bad.sum())} collapsed or failed."
    fig = style.figure(title, "step", "loss, −log joint", alt=alt, height=height)
    fig.layout.meta = {**fig.layout.meta, "customdata": "start"}
    for group, line in (
        ([r for r in background if not bad[r]], {"color": style.MUTED, "dash": "solid"}),
        ([r for r in background if bad[r]], {"color": style.COLLAPSED, "dash": "dot"}),
    ):
        if not group:
            continue
        # One trace with gaps: a trace for each start would take most of the page's time.
        pieces = [
            _with_polish(style.thin(steps, loss[r], points), polished, int(r), beyond)
            for r in group
        ]
        # Steps stay whole numbers, which take half the room: the gap is one of the losses.
        gap = np.array([np.nan])
        fig.add_scatter(
            x=np.concatenate([part for x, _ in pieces for part in (x, x[-1:])]),
            y=_five_digits(np.concatenate([part for _, y in pieces for part in (y, gap)])),
            customdata=np.repeat(group, [len(x) + 1 for x, _ in pieces]),
            mode="lines",
            line={"width": 1} | line,
            opacity=0.6,
            name="start",
            hovertemplate="%{y:.5g} before step %{x}<extra>start %{customdata}</extra>",
        )
    x, y = style.thin(steps, loss[chosen], 1000)
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": style.COLLAPSED if bad[chosen] else style.PALETTE[0], "width": 2.5},
        name=name,
        hovertemplate="%{y:.8g} before step %{x}<extra>" + f"{name}</extra>",
    )
    if beside is not None and np.isfinite(beside).any():
        x, y = style.thin(np.arange(len(beside)), beside, 300)
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": style.PALETTE[1], "width": 2, "dash": "dot"},
            name=beside_name,
            hovertemplate="%{y:.8g} before step %{x}<extra>" + f"{beside_name}</extra>",
        )
        first = float(beside[0])
        style.label(fig, 0, first, f"{beside_name}, dotted", style.PALETTE[1], dx=8, dy=8)
    fig.layout.showlegend = False
    polishing = polishing or polished is not None
    fig.layout.xaxis.range = [0, 1.02 * beyond if polishing else max(T - 1, 1)]
    at = float(steps[np.isfinite(loss[chosen])][-1]) if np.isfinite(end) else 0.0
    after = ""
    if polished is not None and np.isfinite(end) and np.isfinite(polished[chosen]):
        fig.add_scatter(
            x=[at, beyond],
            y=[end, polished[chosen]],
            mode="lines+markers",
            line={
                "color": style.COLLAPSED if bad[chosen] else style.PALETTE[0],
                "width": 2.5,
                "dash": "dot",
            },
            marker={"size": [0, 7]},
            name="L-BFGS",
            hovertemplate="%{y:.8g}<extra>after L-BFGS</extra>",
        )
        at, end, after = beyond, float(polished[chosen]), " after L-BFGS"
    if np.isfinite(end):
        agree = "now" if verdict is None else f"{name}:"
        style.label(
            fig,
            at,
            end,
            f"{agree} {number(end, 4)}{after}",
            style.COLLAPSED if bad[chosen] else style.PALETTE[0],
            anchor="right" if at > 0.3 * T else "left",
            dy=14,
        )
    if bad.sum() and verdict is not None:
        rows = np.flatnonzero(bad & trained)
        if rows.size and rows[0] != chosen:
            middle = int(n_seen[rows[0]] * 0.55)
            style.label(
                fig,
                float(steps[middle]),
                float(loss[rows[0], middle]),
                f"✕ {int(bad.sum())} collapsed",
                style.COLLAPSED,
                anchor="right",
                dy=-12,
                dx=-6,
            )
    fig.update_yaxes(showticklabels=bool(n_seen.any()))  # numbers beside nothing would be made up
    return fig


def _five_digits(y: Array) -> NDArray[np.floating]:
    """Round numbers to the digits that are shown, for the last ones would not pack.

    Where they differ by too little for that, they stay as they are.
    """
    seen = y[np.isfinite(y)]
    largest = float(np.abs(seen).max(initial=0.0))
    if not (1e-30 < largest < 1e30 and np.ptp(seen) > 1e-2 * largest):
        return y
    bits = y.astype(np.float32).view(np.uint32)
    rounded = ((bits + np.uint32(1 << 6)) >> np.uint32(7)) << np.uint32(7)
    return np.where(np.isfinite(y), rounded, bits).view(np.float32)


def _with_polish(
    curve: tuple[NDArray[Any], NDArray[Any]], polished: Array | None, r: int, beyond: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Add to a start's curve where L-BFGS took it."""
    if polished is None or not np.isfinite(polished[r]):
        return curve
    x, y = curve
    return np.append(x, beyond), np.append(y, polished[r])
