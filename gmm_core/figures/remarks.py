"""Small pieces that figures of draws share: remarks, ticks of the data, limits with a width."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.figures import style

RUG = 100
"""Data points with a tick each; more are a black bar."""


def rug(fig: go.Figure, x: NDArray[np.float64]) -> None:
    """Draw the data [N] as ticks on the axis; of many points so many quantiles."""
    shown = x if len(x) <= RUG else np.quantile(x, np.linspace(0, 1, RUG))
    fig.add_scatter(
        x=shown,
        y=np.zeros(len(shown)),
        mode="markers",
        marker={"symbol": "line-ns", "size": 14, "line": {"color": style.INK, "width": 2}},
        hovertemplate="%{x:.6g}<extra>data</extra>",
        cliponaxis=False,
    )


def corner(fig: go.Figure, text: str, colour: str, below: bool = False, row: int = 0) -> None:
    """Write a remark into a corner on the right, `row` lines down."""
    fig.add_annotation(
        x=1,
        y=0 if below else 1,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="bottom" if below else "top",
        yshift=-18 * row,
        text=text,
        showarrow=False,
        bgcolor=style.fade(style.BACKGROUND, 0.7),
        font={"color": style.readable(colour), "size": 12},
    )


def widened(limits: tuple[float, float]) -> tuple[float, float]:
    """Give limits that are equal a width."""
    low, high = limits
    return (low, high) if high > low else (low - 0.5, high + 0.5)
