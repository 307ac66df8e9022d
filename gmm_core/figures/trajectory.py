"""How a fit got to its end: a figure that the browser plays back, frame by frame.

The figure shows the last frame. Beside it go the fit's parameters at every frame: a few numbers,
from which the browser draws densities and ellipses itself, without asking the server.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.figures import style
from gmm_core.figures.bins import bin_edges
from gmm_core.figures.density import RUG, _grid
from gmm_core.figures.in_table import in_table_units, lookup, slope
from gmm_core.mixture import Parameters, component_log_densities

Array = NDArray[np.float64]

HEIGHT = 430
_TURNS = 49  # points of an ellipse
_SCATTER = 1000
# Where the strip of the loss stands under the picture, in parts of the figure's height.
_STRIP, _PICTURE = (0.0, 0.2), (0.36, 1.0)


def trajectory(
    dataset: Dataset,
    steps: NDArray[np.int64],
    points: Parameters,
    loss: Array,
    columns: Sequence[int] = (0,),
    height: int = HEIGHT,
) -> tuple[go.Figure, str]:
    """Draw the last frame of a fit's trajectory, and say how the others differ from it.

    Parameters
    ----------
    steps : [M], the step before which each frame is.
    points : the fit's points, with a leading [M].
    loss : [M], at each frame.
    columns : one or two columns of the data to look along; the others are integrated out.

    Returns
    -------
    The figure, and JSON for `figure.show(..., frames=...)`: "steps" and "loss" [M], "weights"
    [M, K], "locs" [M, K, d], "scale_tril" [M, K, d, d], the "grid" that densities are drawn on,
    the "turns" of ellipses, and "traces", one entry for each trace of the figure: None for one
    that stands still, or what it shows. Where columns were transformed the figure stands in the
    units of the table, the points do not: "axes" is the way there of each column, or None, and
    "heights" what densities on the grid are multiplied by.
    """
    points = points.marginal(columns)
    points = points.permuted(points[-1].order)
    end, begin = points[-1], points[0]
    names = [style.escape(table_columns(dataset)[c]) for c in columns]
    ends = [
        [in_table(dataset, c, p.locs[:, d]) for d, c in enumerate(columns)] for p in (begin, end)
    ]
    alt = f"The fit from step {steps[0]} to {steps[-1]}: the loss goes from {loss[0]:.5g} to "
    alt += f"{loss[-1]:.5g}. " + " ".join(
        f"Component {k + 1} moves from {_at(ends[0], k)} to {_at(ends[1], k)}."
        for k in range(min(len(end.weights), 6))
    )
    y_name = "density" if len(columns) == 1 else names[1]
    fig = style.figure("The fit, step by step", names[0], y_name, alt=alt, height=height)
    fig.update_layout(
        yaxis={"domain": _PICTURE},
        xaxis2={"domain": [0, 1], "anchor": "y2", "title": {"text": "step"}},
        yaxis2={"domain": _STRIP, "anchor": "x2", "title": {"text": "loss"}, "nticks": 3},
        hovermode="closest",
    )
    moving: list[dict[str, Any] | None] = []
    x = dataset.values[:, list(columns)]
    if dataset.incomplete:
        x = x[~np.isnan(x).any(axis=1)]
    grid = _grid(x[:, 0], end) if len(columns) == 1 else np.empty(0)
    if len(columns) == 1:
        style.density_ticks(fig)
        _line(fig, moving, x[:, 0], points, grid)
    else:
        _plane(fig, moving, x, points)
    _strip(fig, moving, steps, loss)
    in_table_units(fig, dataset, *columns, density=len(columns) == 1)
    frames = {
        "steps": steps.tolist(),
        "loss": _short(loss),
        **{name: _short(array) for name, array in points.arrays().items()},
        "grid": _short(grid),
        "axes": [lookup(dataset, c) for c in columns],
        "heights": _short(slope(dataset, columns[0], grid)),
        "turns": _TURNS,
        "traces": moving,
    }
    return fig, json.dumps(frames, allow_nan=False, separators=(",", ":"))


def _line(
    fig: go.Figure, moving: list[dict[str, Any] | None], x: Array, points: Parameters, grid: Array
) -> None:
    """Draw the components' densities over one column, and their sum."""
    end = points[-1]
    parts = np.exp(component_log_densities(end, grid))
    top = float(parts.sum(axis=1).max())
    if len(x) > RUG:
        heights, edges = np.histogram(x, bins=bin_edges(x), density=True)
        # A component that is a needle would flatten all else.
        top = max(float(heights.max()), min(top, 1.6 * float(heights.max())))
        fig.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=heights,
            width=np.diff(edges),
            marker={"color": style.fade(style.INK, 0.13), "line": {"width": 0}},
            name="data",
            hoverinfo="skip",
        )
    else:
        fig.add_scatter(
            x=x,
            y=np.zeros(len(x)),
            mode="markers",
            marker={"symbol": "line-ns", "size": 14, "line": {"color": style.INK, "width": 2}},
            name="data",
            hoverinfo="skip",
            cliponaxis=False,
        )
    moving.append(None)
    for k in range(len(end.weights)):
        component = style.component_style(k)
        fig.add_scatter(
            x=grid,
            y=parts[:, k],
            mode="lines",
            line={"color": component.colour, "width": 2, "dash": component.dash},
            fill="tozeroy",
            fillcolor=style.fade(component.colour, 0.12),
            name=f"component {k + 1}",
            hovertemplate="%{y:.4g} at %{x:.4g}<extra>component " + f"{k + 1}</extra>",
        )
        moving.append({"is": "density", "of": [k]})
    fig.add_scatter(
        x=grid,
        y=parts.sum(axis=1),
        mode="lines",
        line={"color": style.INK, "width": 1.5, "dash": "dash"},
        name="mixture",
        hovertemplate="%{y:.4g} at %{x:.4g}<extra>mixture</extra>",
    )
    moving.append({"is": "density", "of": list(range(len(end.weights)))})
    fig.update_layout(
        bargap=0, xaxis={"range": [grid[0], grid[-1]]}, yaxis={"range": [0, 1.15 * top]}
    )


def _plane(
    fig: go.Figure, moving: list[dict[str, Any] | None], x: Array, points: Parameters
) -> None:
    """Draw the components' ellipses over two columns, and the ways that their locs went."""
    N, end = len(x), points[-1]
    shown = x[np.linspace(0, N - 1, min(N, _SCATTER)).astype(int)]
    fig.add_scatter(
        x=shown[:, 0],
        y=shown[:, 1],
        mode="markers",
        marker={"color": style.INK, "opacity": 0.4, "size": 5 if N < 500 else 3},
        name="data",
        hoverinfo="skip",
    )
    moving.append(None)
    turn = np.linspace(0, 2 * np.pi, _TURNS)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    for k in range(len(end.weights)):
        component = style.component_style(k)
        fig.add_scatter(
            x=points.locs[:, k, 0],
            y=points.locs[:, k, 1],
            mode="lines",
            line={"color": component.colour, "width": 1, "dash": "dot"},
            opacity=0.8,
            name=f"way of component {k + 1}",
            hoverinfo="name",
        )
        moving.append(None)
        for radius in (1, 2):
            ring = end.locs[k][:, None] + radius * end.scale_tril[k] @ circle
            fig.add_scatter(
                x=ring[0],
                y=ring[1],
                mode="lines",
                line={"color": component.colour, "width": 3 - radius, "dash": component.dash},
                fill="toself" if radius == 1 else "none",
                fillcolor=style.fade(component.colour, 0.1),
                name=f"component {k + 1}, {radius} {'scale' if radius == 1 else 'scales'}",
                hoverinfo="name",
            )
            moving.append({"is": "ellipse", "of": [k], "radius": radius})
    span = np.where(np.ptp(x, axis=0) > 0, np.ptp(x, axis=0), 1.0)
    low, high = x.min(axis=0) - 0.08 * span, x.max(axis=0) + 0.08 * span
    fig.update_layout(xaxis={"range": [low[0], high[0]]}, yaxis={"range": [low[1], high[1]]})


def _strip(
    fig: go.Figure, moving: list[dict[str, Any] | None], steps: NDArray[np.int64], loss: Array
) -> None:
    """Draw the loss against the step under the picture, with a cursor."""
    fig.add_scatter(
        x=steps,
        y=loss,
        mode="lines",
        line={"color": style.MUTED, "width": 1.75},
        name="loss",
        xaxis="x2",
        yaxis="y2",
        hovertemplate="%{y:.6g} at step %{x}<extra>loss</extra>",
    )
    moving.append(None)
    fig.add_scatter(
        x=[int(steps[-1])],
        y=[float(loss[-1])],
        mode="markers",
        marker={"color": style.PALETTE[0], "size": 11},
        name="now",
        xaxis="x2",
        yaxis="y2",
        hoverinfo="skip",
        cliponaxis=False,
    )
    moving.append({"is": "cursor"})
    fig.update_layout(xaxis2={"range": [0, max(int(steps[-1]), 1)]})


def _at(locs: Sequence[Array], k: int) -> str:
    numbers = [f"{along[k]:.4g}" for along in locs]
    return numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"


def _short(array: Array) -> Any:
    """Round to six significant digits, which no screen can show; None where not finite."""
    flat: list[Any] = [
        float(f"{v:.6g}") if np.isfinite(v) else None for v in array.ravel().tolist()
    ]
    for size in reversed(array.shape[1:]):
        flat = [flat[i : i + size] for i in range(0, len(flat), size)]
    return flat
