"""Figures of data that the model would make: beside the data itself, and before any data."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import table_columns
from gmm_core.figures import style
from gmm_core.figures.in_table import in_table_units
from gmm_core.figures.remarks import corner, rug
from gmm_core.formatting import number, percent
from gmm_core.mixture import Parameters
from gmm_core.posterior.invariants import densities
from gmm_core.posterior.pit import Pit
from gmm_core.posterior.predictive import CURVES, PredictiveCheck

Array = NDArray[np.float64]

HEIGHT = 340
_GRID = 200


def replicated_densities(dataset: Dataset, check: PredictiveCheck, column: int = 0) -> go.Figure:
    """Draw kernel densities of replicated data sets, thin, and of the data, thick."""
    name = style.escape(table_columns(dataset)[column])
    R = len(check.densities)
    alt = f"Kernel density of the data along {name} over those of {R} replicated data sets."
    fig = style.figure("Density of replicated data", name, "density", alt=alt, height=HEIGHT)
    style.density_ticks(fig)
    _thin_lines(fig, check.grid, check.densities)
    fig.add_scatter(
        x=check.grid,
        y=check.density,
        mode="lines",
        line={"color": style.INK, "width": 2.5},
        hovertemplate="%{y:.3g} at %{x:.4g}<extra>data</extra>",
    )
    corner(fig, "data", style.INK)
    corner(fig, f"{R} replicated data sets", style.PALETTE[0], row=1)
    # One replicate with all points on one place would flatten all else.
    top = max(float(np.quantile(check.densities.max(axis=1), 0.9)), float(check.density.max()))
    fig.update_yaxes(range=[0, 1.1 * top])
    fig.update_xaxes(range=[check.grid[0], check.grid[-1]])
    return in_table_units(fig, dataset, column, density=True)


def ecdf_band(dataset: Dataset, check: PredictiveCheck, column: int = 0) -> go.Figure:
    """Draw the share of values up to each place: the data over bands of replicated data."""
    name = style.escape(table_columns(dataset)[column])
    q5, q25, _, q75, q95 = check.band
    outside = float(np.mean((check.ecdf < q5) | (check.ecdf > q95)))
    alt = (
        f"Cumulative distribution of {name}: the data leaves the 90 % band of "
        f"{check.n_replicates:,} replicated data sets over {percent(outside)} of the range."
    )
    fig = style.figure("Cumulative distribution", name, "share of values", alt=alt, height=HEIGHT)
    for lower, upper, shade in ((q5, q95, 0.15), (q25, q75, 0.3)):
        fig.add_scatter(
            x=np.r_[check.grid, check.grid[::-1]],
            y=np.r_[upper, lower[::-1]],
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=style.fade(style.PALETTE[0], shade),
            hoverinfo="skip",
        )
    fig.add_scatter(
        x=check.grid,
        y=check.ecdf,
        mode="lines",
        line={"color": style.INK, "width": 2, "shape": "hv"},
        hovertemplate="%{y:.1%} up to %{x:.4g}<extra>data</extra>",
    )
    corner(fig, "data", style.INK, below=True)
    corner(fig, "50 and 90 % of replicated data", style.PALETTE[0], below=True, row=-1)
    fig.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    fig.update_xaxes(range=[check.grid[0], check.grid[-1]])
    return in_table_units(fig, dataset, column)


def pit_figure(transform: Pit) -> go.Figure:
    """Draw how the points' places among what the others foretell differ from uniform ones."""
    values = np.sort(transform.values[~np.isnan(transform.values)])
    N = len(values)
    alt = (
        f"Share of {N} points up to each place, less the place itself: at most "
        f"{number(transform.gap, 2)} from zero, where 95 % of uniform samples stay below "
        f"{number(transform.limit, 2)}."
    )
    fig = style.figure(
        "Places of the points, against uniform ones",
        "place among what the others foretell (PIT)",
        "share of points − place",
        alt=alt,
        height=HEIGHT,
    )
    fig.add_scatter(
        x=[0, 1, 1, 0],
        y=[-transform.limit, -transform.limit, transform.limit, transform.limit],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=style.fade(style.PALETTE[0], 0.15),
        hoverinfo="skip",
    )
    # Both sides of each step.
    share = np.arange(N + 1) / N
    fig.add_scatter(
        x=np.r_[0.0, np.repeat(values, 2), 1.0],
        y=np.r_[0.0, np.column_stack([share[:-1] - values, share[1:] - values]).ravel(), 0.0],
        mode="lines",
        name="points",
        line={"color": style.INK, "width": 2},
        hovertemplate="%{y:.3f} at %{x:.3f}<extra></extra>",
    )
    corner(fig, "points", style.INK)
    corner(fig, "95 % of uniform samples stay inside", style.PALETTE[0], row=1)
    fig.update_xaxes(range=[0, 1])
    return fig


def prior_draws(
    dataset: Dataset, draws: Parameters, column: int = 0, height: int = HEIGHT
) -> go.Figure:
    """Draw the densities of mixtures drawn from the priors over the data, before any fit.

    Parameters
    ----------
    draws : `predictive.prior_draws`, a sequence of points; the first 40 are drawn.
    """
    x = dataset.seen(column)
    name = style.escape(dataset.columns[column])
    some = min(len(draws), CURVES)
    # Twice the data's range on either side: priors that are too wide must be seen to be.
    margin = 1.0 * (np.ptp(x) or 1.0)
    low, high = float(x.min() - margin), float(x.max() + margin)
    grid = np.linspace(low, high, _GRID)
    curves = densities(draws[:some], grid, column)
    alt = (
        f"Densities of {some} mixtures drawn from the priors along {name}, over the data from "
        f"{number(float(x.min()))} to {number(float(x.max()))}."
    )
    fig = style.figure(
        "What the priors expect, before the data", name, "density", alt=alt, height=height
    )
    style.density_ticks(fig)
    _thin_lines(fig, grid, curves)
    rug(fig, x)
    corner(fig, f"{some} draws from the priors", style.PALETTE[0])
    corner(fig, "ticks: the data", style.INK, row=1)
    # Needles of the narrowest scales would flatten all else.
    top = float(np.quantile(curves.max(axis=1), 0.6))
    fig.update_yaxes(range=[0, 1.2 * top if top > 0 else 1.0])
    fig.update_xaxes(range=[low, high])
    return fig


def _thin_lines(fig: go.Figure, grid: Array, curves: Array) -> None:
    """Draw many curves as one trace: one node of the page, with gaps between them."""
    x = np.concatenate([np.r_[grid, np.nan] for _ in curves])
    y = np.concatenate([np.r_[curve, np.nan] for curve in curves])
    fig.add_scatter(
        x=x,
        y=y.round(6 if np.nanmax(y) > 1e-3 else 12),
        mode="lines",
        line={"color": style.fade(style.PALETTE[0], 0.3), "width": 1},
        hoverinfo="skip",
    )
