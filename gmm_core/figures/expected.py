"""What a mixture expects of one column along another: the mean, a band, and the data."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.figures import style
from gmm_core.formatting import number
from gmm_core.mixture import Parameters
from gmm_core.mixture.expectation import expectation

_GRID = 81
_POINTS = 1500


def expected(dataset: Dataset, parameters: Parameters, given: int, of: int, at: float) -> go.Figure:
    """Draw the mean and the central 90 % of one column along another, marked at one value.

    All is in the units of the table, `at` too.
    """
    x, y = (in_table(dataset, c, dataset.values[:, c]) for c in (given, of))
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    grid = np.linspace(min(low, at), max(high, at), _GRID)
    conditional_mean = expectation(parameters, given, grid, of, dataset=dataset)
    marked = expectation(parameters, given, [at], of, dataset=dataset)
    names = [style.escape(table_columns(dataset)[c], 40) for c in (given, of)]
    fig = style.figure(
        f"What it expects of {names[1]}",
        names[0],
        names[1],
        alt=f"Mean and central 90 % of {names[1]} along {names[0]}; at {number(at)} the mean is "
        f"{number(float(marked.mean[0]))}, and 90 % lie between {number(float(marked.low[0]))} and "
        f"{number(float(marked.high[0]))}.",
        height=340,
    )
    shown = np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int)
    fig.add_scatter(
        x=np.concatenate([grid, grid[::-1]]),
        y=np.concatenate([conditional_mean.low, conditional_mean.high[::-1]]),
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=style.fade(style.PALETTE[0], 0.14),
        name="central 90 %",
        hoverinfo="skip",
    )
    fig.add_scatter(
        x=x[shown],
        y=y[shown],
        mode="markers",
        marker={"size": 4, "color": style.fade(style.INK, 0.4)},
        name="data",
        hovertemplate="%{x:.5g}, %{y:.5g}<extra>data</extra>",
    )
    fig.add_scatter(
        x=grid,
        y=conditional_mean.mean,
        mode="lines",
        line={"color": style.PALETTE[0], "width": 2},
        name="mean",
        hovertemplate=f"%{{y:.5g}} at %{{x:.5g}}<extra>mean of {names[1]}</extra>",
    )
    fig.add_scatter(
        x=[at, at],
        y=[float(marked.low[0]), float(marked.high[0])],
        mode="lines+markers",
        line={"color": style.PALETTE[1], "width": 2},
        name="here",
        hovertemplate="%{y:.5g}<extra></extra>",
    )
    fig.update_layout(showlegend=False)
    return fig
