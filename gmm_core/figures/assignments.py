"""Figures of assignments to components: the most probable one, or one drawn at random."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import from_table, in_table
from gmm_core.figures import style
from gmm_core.figures.groups import marker
from gmm_core.figures.in_table import in_table_units
from gmm_core.figures.membership import mark_boundaries
from gmm_core.formatting import member, number, percent, place
from gmm_core.membership.certainty import inner_boundaries, overview, visible_range
from gmm_core.mixture import Parameters, assign, responsibilities

Array = NDArray[np.float64]

_ZOOM = 100  # the tutorial's: 5.5 to 6 in steps of 0.005


def assignments(
    dataset: Dataset, parameters: Parameters, temperature: float = 0, seed: int = 0
) -> go.Figure:
    """Draw the assignment of the data and of a grid along one column: most probable, or random."""
    K = len(parameters.weights)
    certainty = overview(dataset, parameters)
    low, high = visible_range(dataset)
    grid = np.linspace(low, high, 181)  # the tutorial's -3 to 15 in steps of 0.1
    fig = style.figure(
        f"{_assigned(temperature)}: large the points, small all values",
        style.escape(dataset.columns[0]),
        "component",
        alt=(
            f"{_assigned(temperature)} of {len(certainty.rows):,} points and of {len(grid)} values "
            f"from {number(low)} to {number(high)}, one row per component."
        ),
        height=300,
    )
    fig.update_xaxes(range=[low, high])
    edges = inner_boundaries(dataset, parameters)
    mark_boundaries(fig, edges, "", y=K + 0.42, values=in_table(dataset, 0, edges))
    _jittered(fig, parameters, grid, temperature, seed, lift=-0.16)
    values = dataset.values[certainty.rows]
    components = assign(parameters, values, temperature, seed)
    for k in range(parameters.every_weight.shape[-1]):
        members = components == k
        if members.any():
            fig.add_scatter(
                x=values[members, 0],
                y=k + 1 + 0.16 + 0.1 * _jitter(certainty.rows[members]) * (temperature > 0),
                mode="markers",
                marker=marker(k, 10, line=True, n_components=K),
                customdata=certainty.rows[members] + 1,
                hovertemplate=(
                    f"row %{{customdata:,}}: %{{x:.6g}} → {member(k, K)}<extra></extra>"
                ),
            )
    _component_rows(fig, K, parameters.noise is not None)
    return in_table_units(fig, dataset, 0)


def boundary_zoom(
    dataset: Dataset,
    parameters: Parameters,
    boundary: float,
    width: float,
    temperature: float = 0,
    seed: int = 0,
) -> go.Figure:
    """Draw the assignment of 100 values around one boundary: most probable, or random.

    Parameters
    ----------
    boundary, width : centre and length of the window, in the units of the table.
    """
    K = len(parameters.weights)
    low, high = boundary - width / 2, boundary + width / 2
    if dataset.transforms is not None:  # a logarithm has no place for what is not above zero
        low = max(low, float(in_table(dataset, 0, visible_range(dataset)[0])))
    edge, first, last = from_table(dataset, 0, [boundary, low, high]).tolist()
    grid = np.linspace(first, last, _ZOOM + 1)
    probs = responsibilities(parameters, grid)
    ends = [int(probs[0].argmax()), int(probs[-1].argmax())]
    centre = place(boundary, width)
    fig = style.figure(
        "Zoom to the boundary"
        + (f": drawn, T = {number(float(temperature), 2)}" if temperature else ""),
        style.escape(dataset.columns[0]),
        "component",
        alt=(
            f"{_assigned(temperature)} of {len(grid)} values from {place(low, width)} to "
            f"{place(high, width)}, around the boundary at {centre}. At the left end "
            f"{member(ends[0], K)} has probability {percent(float(probs[0, ends[0]]))}, at the "
            f"right end {member(ends[1], K)} has "
            f"{percent(float(probs[-1, ends[1]]))}."
        ),
        height=300,
    )
    fig.update_xaxes(range=[first, last])
    mark_boundaries(fig, np.array([edge]), "", y=K + 0.42, values=np.array([boundary]))
    _jittered(fig, parameters, grid, temperature, seed, lift=0.0, size=6)
    for end, anchor, x in ((0, "left", first), (-1, "right", last)):
        k = ends[end]
        style.label(
            fig,
            x,
            k + 1.32,
            f"P({'noise' if k == K else k + 1}) = {percent(float(probs[end, k]))}",
            style.component_style(k, K).colour,
            anchor=anchor,
            dx=4 if anchor == "left" else -4,
        )
    _component_rows(fig, K, parameters.noise is not None)
    return in_table_units(fig, dataset, 0)


def drawn_map(
    dataset: Dataset,
    parameters: Parameters,
    pair: tuple[int, int],
    temperature: float = 0,
    seed: int = 0,
) -> go.Figure:
    """Draw the assignment of the data in two columns, with a ring where it is not the likeliest."""
    certainty = overview(dataset, parameters)
    i, j = pair
    values = dataset.values[certainty.rows]
    components = assign(parameters, values, temperature, seed)
    moved = components != certainty.probs.argmax(axis=1)
    fig = style.figure(
        _assigned(temperature) + (": ringed where not the most probable" if moved.any() else ""),
        style.escape(dataset.columns[i]),
        style.escape(dataset.columns[j]),
        alt=(
            f"{_assigned(temperature)} of {len(values):,} points; {int(moved.sum()):,} of them "
            "are in another component than their most probable one."
        ),
        height=360,
    )
    K = len(parameters.weights)
    for k in range(parameters.every_weight.shape[-1]):
        members = components == k
        if members.any():
            ringed = marker(k, 8, n_components=K)
            ringed["line"] = {
                "color": style.INK,
                "width": np.where(moved[members], 2, 0).tolist(),
            }
            fig.add_scatter(
                x=values[members, i],
                y=values[members, j],
                mode="markers",
                marker=ringed,
                customdata=certainty.rows[members] + 1,
                hovertemplate=f"row %{{customdata:,}} → {member(k, K)}<extra></extra>",
            )
    fig.update_xaxes(range=list(visible_range(dataset, i)))
    fig.update_yaxes(range=list(visible_range(dataset, j)), showgrid=False)
    return in_table_units(fig, dataset, i, j)


def _jittered(
    fig: go.Figure,
    parameters: Parameters,
    grid: Array,
    temperature: float,
    seed: int,
    *,
    lift: float,
    size: float = 4,
) -> None:
    """Draw the assignment of a grid, spread a little where it is drawn at random."""
    components = assign(parameters, grid, temperature, seed)
    spread = 0.16 * _jitter(np.arange(len(grid))) * (temperature > 0)
    K = len(parameters.weights)
    for k in range(parameters.every_weight.shape[-1]):
        members = components == k
        if members.any():
            fig.add_scatter(
                x=grid[members],
                y=k + 1 + lift + spread[members],
                mode="markers",
                marker=marker(k, size, n_components=K),
                hovertemplate=f"%{{x:.6g}} → {member(k, K)}<extra></extra>",
            )


def _jitter(index: NDArray[np.int64]) -> Array:
    """Numbers from -1 to 1 that belong to the index, evenly spread (golden ratio)."""
    return 2 * np.mod(np.asarray(index) * 0.6180339887498949, 1.0) - 1


def _component_rows(fig: go.Figure, K: int, noise: bool) -> None:
    """Make y one row per component, the first at the bottom, and the noise's above them."""
    every = max(1, K // 8)
    ticks = list(range(1, K + 1, every))
    names = [str(k) for k in ticks]
    if noise:
        ticks, names = [*ticks, K + 1], [*names, "noise"]
    fig.update_yaxes(range=[0.5, K + noise + 0.6], tickvals=ticks, ticktext=names)


def _assigned(temperature: float) -> str:
    if temperature == 0:
        return "Most probable assignment"
    return f"Random assignment, T = {number(float(temperature), 2)}"
