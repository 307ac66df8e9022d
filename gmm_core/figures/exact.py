"""Figures of the exact posterior: the evidence over K, and how far the draws are from exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.figures import style
from gmm_core.figures.remarks import corner
from gmm_core.formatting import MINUS, number

Array = NDArray[np.float64]

HEIGHT = 340


def evidence(evidences: Sequence[tuple[int, float]], K: int) -> go.Figure:
    """Draw the log evidence over the number of components, the current one marked.

    Parameters
    ----------
    evidences : (K, log evidence), K ascending.
    K : the current number of components.
    """
    numbers = [k for k, _ in evidences]
    values = np.array([v for _, v in evidences])
    best = numbers[int(values.argmax())]
    values_in_words = "; ".join(f"K = {k}: {number(v, 6)}" for k, v in evidences)
    alt = (
        f"Exact log evidence by the number of components, highest at K = {best}. {values_in_words}."
    )
    fig = style.figure(
        "Exact log evidence by K", "components K", "log evidence", alt=alt, height=HEIGHT
    )
    fig.add_scatter(
        x=numbers,
        y=values,
        mode="lines+markers",
        line={"color": style.INK, "width": 1.5},
        marker={
            "size": [13 if k == K else 8 for k in numbers],
            "color": [style.PALETTE[0] if k == K else style.INK for k in numbers],
        },
        hovertemplate="K = %{x}: %{y:.5f}<extra></extra>",
    )
    for k, value in evidences:
        # Behind the point, where the line does not cross it.
        style.label(fig, k, value, f"{value:.4f}".replace("-", MINUS), anchor="center", dy=16)
    corner(fig, "higher is better: the data is more probable", style.MUTED, below=True)
    span = float(np.ptp(values)) or 1.0
    fig.update_yaxes(range=[values.min() - 0.3 * span, values.max() + 0.25 * span])
    fig.update_xaxes(range=[numbers[0] - 0.5, numbers[-1] + 0.5], dtick=1)
    return fig


def together_difference(
    estimated: Array, exact: Array, labels: Sequence[str], axis: str
) -> go.Figure:
    """Draw the sampler's probability that two points share a component minus the exact one.

    Parameters
    ----------
    estimated, exact : [P, P].
    labels : [P] names of the points; plain or escaped.
    axis : what the labels are.
    """
    P = len(exact)
    gap = estimated - exact
    largest = float(np.abs(gap).max())
    alt = (
        f"Difference of the draws from the exact probability that two of {P} points share a "
        f"component: at most {largest:.3f}."
    )
    fig = style.figure("Draws minus exact: sharing a component", axis, axis, alt=alt, height=HEIGHT)
    # A tenth is a large error of a probability; full colour is kept for it.
    scale = max(largest, 0.1)
    place = list(range(P))
    fig.add_heatmap(
        x=place,
        y=place,
        z=gap.round(5),
        zmin=-scale,
        zmax=scale,
        xgap=2,
        ygap=2,
        colorscale=[
            [0, style.PALETTE[1]],
            [0.5, style.fade(style.PALETTE[0], 0.03)],
            [1, style.PALETTE[0]],
        ],
        showscale=False,
        customdata=[
            [f"{a} and {b}: exact {exact[i, j]:.4f}" for j, b in enumerate(labels)]
            for i, a in enumerate(labels)
        ],
        hovertemplate="%{customdata}, draws %{z:+.4f}<extra></extra>",
    )
    if P <= 9:
        for i in place:
            for j in place:
                if i == j:
                    continue
                fig.add_annotation(
                    x=j,
                    y=i,
                    text=_signed(gap[i, j]),
                    showarrow=False,
                    font={"color": style.INK, "size": 12},
                    bgcolor=style.fade(style.BACKGROUND, 0.6),
                )
    ticks = {"tickvals": place, "ticktext": list(labels), "ticks": ""}
    fig.update_xaxes(range=[-0.5, P - 0.5], **ticks)
    fig.update_yaxes(range=[P - 0.5, -0.5], showgrid=False, **ticks)
    return fig


def _signed(v: float) -> str:
    """Three decimals with a sign, none where they are all zero."""
    text = f"{v:+.3f}"
    return "0" if float(text) == 0 else text.replace("-", MINUS)
