"""Figures of the guide that enumerates: its loss, its gradient, and its probabilities.

Arrays may be partial, NaN where nothing is known yet. Components are drawn in the order they come
in.
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.figures import style
from gmm_core.figures.in_table import in_table_units
from gmm_core.figures.membership import along, marker
from gmm_core.formatting import member, number
from gmm_core.membership.certainty import inner_boundaries, largest_difference, overview
from gmm_core.mixture import Parameters, responsibilities

Array = NDArray[np.float64]


def loss(values: Array, optimum: float) -> go.Figure:
    """Loss of the enumerating guide, which comes down to the MAP loss and no further.

    Parameters
    ----------
    values : [T], NaN where not known yet; [0] before the first report.
    optimum : the MAP loss: what the guide's loss is at the exact membership.
    """
    steps = np.flatnonzero(np.isfinite(values))
    last = float(values[steps[-1]]) if steps.size else float("nan")
    fig = style.figure(
        "Loss of the enumerating guide",
        "step",
        "minus ELBO, nats",
        alt=(
            f"The guide's loss after {steps.size:,} steps is {number(last, 4)}; the MAP "
            f"loss, which it cannot fall below, is {number(optimum, 4)}."
            if steps.size
            else f"No step yet; the MAP loss is {number(optimum, 4)}."
        ),
        height=300,
    )
    x, thinned = style.thin(steps, values[steps])
    y = np.asarray(thinned, dtype=float)
    # A loss may be negative (densities above one): then there is no logarithm of it.
    if optimum > 0 and np.all(y > 0):
        style.powers_of_ten(fig)
        top = max(float(y.max()) if y.size else 0.0, 1.5 * optimum)
        if top < 100 * optimum:  # too few powers of ten to read a value from
            ticks = _round_ticks(optimum, top)
            fig.update_yaxes(
                tickvals=ticks, ticktext=[f"{t:g}" for t in ticks], tickfont={"size": 12}
            )
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": style.INK, "width": 2},
        hovertemplate="step %{x:,}: %{y:.8g}<extra></extra>",
    )
    T = max(len(values), 2)
    fig.add_scatter(
        x=[0, T - 1],
        y=[optimum, optimum],
        mode="lines",
        line={"color": style.MUTED, "width": 1, "dash": "dash"},
        hovertemplate=f"MAP loss {number(optimum, 6)}<extra></extra>",
    )
    style.label(fig, 0, optimum, f"MAP loss {number(optimum, 4)}", style.MUTED, dx=4, dy=-11)
    if steps.size:
        style.label(fig, float(steps[-1]), last, number(last, 4), anchor="right", dy=13, dx=0)
    fig.update_xaxes(range=[0, T - 1])
    return fig


def gradient(norm: Array) -> go.Figure:
    """Norm of the gradient of the guide's probabilities, step by step.

    Parameters
    ----------
    norm : [T], NaN where not known yet.
    """
    steps = np.flatnonzero(np.isfinite(norm) & (norm > 0))
    last = number(float(norm[steps[-1]])) if steps.size else "not known yet"
    fig = style.powers_of_ten(
        style.figure(
            "Gradient norm of the guide",
            "step",
            "2-norm",
            alt=(
                "2-norm of the gradient of the assignment probabilities in unconstrained space, "
                f"now {last}."
            ),
            height=300,
        )
    )
    x, y = style.thin(steps, norm[steps])
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": style.INK, "width": 1.5},
        hovertemplate="step %{x:,}: %{y:.4g}<extra></extra>",
    )
    fig.update_xaxes(range=[0, max(len(norm), 2) - 1])
    return fig


def probabilities(dataset: Dataset, parameters: Parameters, assignment_probs: Array) -> go.Figure:
    """Draw the guide's assignment probabilities beside the closed form.

    Along one column dots (guide) stand against curves (closed form); for more columns each dot
    stands at its closed form along x and at the guide's value along y, on the diagonal where
    they agree.

    Parameters
    ----------
    assignment_probs : [N, K], rows NaN where not known yet; [0, K] before the first report.
    """
    certainty = overview(dataset, parameters)
    K, D = parameters.locs.shape
    rows, drawn_probs = certainty.rows, np.full_like(certainty.probs, np.nan)
    if len(assignment_probs) == certainty.n_points:
        drawn_probs = assignment_probs[rows]
    gap = largest_difference(drawn_probs, certainty.probs)
    gap_text = "" if np.isnan(gap) else f" The largest difference is {number(gap)}."
    one = D == 1
    fig = style.figure(
        "Guide (dots) beside the closed form (lines)" if one else "Guide against the closed form",
        style.escape(dataset.columns[0]) if one else "closed form",
        "probability" if one else "guide",
        alt=f"The guide's probabilities of {len(rows):,} points beside the closed form.{gap_text}",
        height=300,
    )
    if one:
        grid = along(dataset, inner_boundaries(dataset, parameters))
        probs = responsibilities(parameters, grid)
        fig.update_xaxes(range=[grid[0], grid[-1]])
    else:
        fig.add_scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": style.MUTED, "width": 1, "dash": "dash"},
            hoverinfo="skip",
        )
        fig.update_xaxes(range=[-0.04, 1.04])
    finite = np.isfinite(drawn_probs).all(axis=1)
    # K dots for each point: all components of fewer points, so that the page stays quick.
    shown = np.flatnonzero(finite)[:: max(1, len(rows) * K // 2000)]
    for k in range(certainty.probs.shape[1]):
        if one:
            look_k = style.component_style(k, K)
            fig.add_scatter(
                x=grid,
                y=probs[:, k],
                mode="lines",
                line={"color": look_k.colour, "width": 1.5, "dash": look_k.dash},
                hoverinfo="skip",
            )
        fig.add_scatter(
            x=dataset.values[rows[shown], 0] if one else certainty.probs[shown, k],
            y=drawn_probs[shown, k],
            mode="markers",
            marker=marker(k, 8, n_components=K),
            customdata=np.stack([rows[shown] + 1, certainty.probs[shown, k]], axis=1),
            hovertemplate=(
                f"row %{{customdata[0]:,}}, {member(k, K)}: guide %{{y:.6g}}, "
                "closed form %{customdata[1]:.6g}<extra></extra>"
            ),
        )
    if gap_text:
        style.label(
            fig,
            1,
            0.5,
            f"largest difference {number(gap)}",
            style.MUTED,
            anchor="right",
            xref="paper",
            dx=-4,
        )
    fig.update_yaxes(range=[-0.06, 1.06], tickvals=[0, 0.5, 1])
    return in_table_units(fig, dataset, 0) if one else fig


def _round_ticks(low: float, high: float) -> list[float]:
    """Round values (1, 2, 5 times a power of ten) within a range."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [m * 10.0**p for p in powers for m in (1, 2, 5)]
    return [t for t in ticks if 0.9 * low <= t <= 1.1 * high]
