"""Small pieces that figures of draws share: a remark in a corner, limits that are not empty."""

from __future__ import annotations

import plotly.graph_objects as go

from gmm_core.figures import style


def corner(fig: go.Figure, said: str, colour: str, below: bool = False, row: int = 0) -> None:
    """Write a remark into a corner on the right, `row` lines down."""
    fig.add_annotation(
        x=1,
        y=0 if below else 1,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="bottom" if below else "top",
        yshift=-18 * row,
        text=said,
        showarrow=False,
        bgcolor=style.fade(style.BACKGROUND, 0.7),
        font={"color": style.readable(colour), "size": 12},
    )


def widened(limits: tuple[float, float]) -> tuple[float, float]:
    """Give limits that are equal a width."""
    low, high = limits
    return (low, high) if high > low else (low - 0.5, high + 0.5)
