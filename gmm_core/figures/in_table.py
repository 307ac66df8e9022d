"""A figure drawn over transformed columns, taken to the units of the person's table.

Whoever draws, draws in the columns that were fitted, where a component is a Gaussian. One place
moves all that stands on the axes: points, lines, outlines, maps, marks, and densities by the slope
of the transform (change of variables).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, original, table_columns
from gmm_core.figures import style
from gmm_core.figures.bars import once

Array = NDArray[np.float64]

_ROOM = 0.05  # of the data's range, on either side of it
_BAND = 0.99  # of a band's heights are within the view: one draw with a needle is not
_LOOKUP = 513  # pixels of a wide figure, and a straight line between them
_FLAT = 1.6  # how far a curve may rise above the bars before the view ends


def in_table_units(
    fig: go.Figure, dataset: Dataset, x: int, y: int | None = None, *, density: bool = False
) -> go.Figure:
    """Take a figure to the units of the table, in place; without transforms it stays as it is.

    Parameters
    ----------
    x, y : the columns along the axes; y is None where something else stands there.
    density : whether that is the density of x. The heights of a map are one of both columns.
    """
    hows = dataset.transforms or (None,) * len(dataset.columns)
    if hows[x] is None and (y is None or hows[y] is None):
        return fig
    axes = [("x", x)] + ([("y", y)] if y is not None else [])
    for trace in _on_first_axes(fig):
        slopes = {axis: _slope(dataset, column, trace[axis]) for axis, column in axes}
        if trace.type == "contour":
            slopes = {
                axis: _grid(trace, axis, dataset, column, trace.z.shape[axis == "x"])
                for axis, column in axes
            }
            z = np.nan_to_num(trace.z * slopes["x"] * slopes["y"][:, None], posinf=0.0)
            trace.z = np.rint(z * (np.max(trace.z) / (np.max(z) or 1.0))).astype(np.int16)
            continue
        if trace.type == "bar":
            centre, width = np.asarray(trace.x), np.asarray(trace.width)
            low, high = (in_table(dataset, x, centre + side * width / 2) for side in (-1, 1))
            trace.x, trace.width = (low + high) / 2, high - low
            trace.y = np.asarray(trace.y) * width / np.where(high > low, high - low, np.inf)
            continue
        if density:
            trace.y = _steep(np.asarray(trace.y, dtype=np.float64), slopes["x"])
        for axis, column in axes:
            trace[axis] = in_table(dataset, column, trace[axis])
    for each in fig.layout.annotations:
        if density and _on(each, "y"):
            each.y = float(_steep(np.array([each.y]), _slope(dataset, x, [each.x]))[0])
        _move(each, dataset, axes, ("",))
    for each in fig.layout.shapes:
        _move(each, dataset, axes, ("0", "1"))
    for axis, column in axes:
        own = fig.layout[f"{axis}axis"]
        own.range = _range(dataset, column, own.range)
        own.title.text = style.escape(table_columns(dataset)[column])
    if density:
        _heights(fig)
    fig.layout.meta = {"alt": f"{fig.layout.meta['alt']} Axes are in the units of the table."}
    return fig


def as_table(dataset: Dataset) -> Dataset:
    """Return the dataset as it is in the person's table, made once; see `original`."""
    if dataset.transforms is None:
        return dataset
    return once(dataset, ("as the table",), lambda: original(dataset))


def place_in_table(dataset: Dataset, column: int, loc: float, scale: float) -> tuple[float, float]:
    """Return where a loc is in the table, and how far its scale reaches there."""
    low, middle, high = in_table(dataset, column, [loc - scale / 2, loc, loc + scale / 2]).tolist()
    return middle, high - low


def lookup(dataset: Dataset, column: int) -> dict[str, Any] | None:
    """Return a column's way to the table as numbers, from which a browser interpolates it.

    Returns
    -------
    "from" and "step" of evenly spaced fitted values, and "to", what they are in the table, as far
    around the data as the data is long; None where the column is as it came.
    """
    if not dataset.transforms or dataset.transforms[column] is None:
        return None
    z = dataset.seen(column)
    span = float(np.ptp(z)) or 1.0
    grid = np.linspace(float(z.min()) - span, float(z.max()) + span, _LOOKUP)
    step = float(grid[1] - grid[0])
    return {"from": float(grid[0]), "step": step, "to": in_table(dataset, column, grid).tolist()}


def slope(dataset: Dataset, column: int, z: Array) -> Array:
    """Return what densities of a column at z [M] are multiplied by in the table."""
    return _steep(np.ones(len(z)), _slope(dataset, column, z))


def _on_first_axes(fig: go.Figure) -> list[Any]:
    """Return what is drawn over the columns; a strip below has axes of its own."""
    return [trace for trace in fig.data if getattr(trace, "xaxis", None) in (None, "x")]


def _slope(dataset: Dataset, column: int, z: Any) -> Array:
    """Slope of a column's transform at z [M]; 1 without."""
    how = dataset.transforms[column] if dataset.transforms else None
    values = np.asarray(z if z is not None else [], dtype=np.float64)
    return np.ones(len(values)) if how is None else np.exp(how.log_slope(values))


def _steep(y: Array, slope: Array) -> Array:
    """Heights in the table; without those where the slope is infinite, at the root of zero."""
    finite = np.where(np.isfinite(slope), slope, np.nan)
    return np.where(y == 0, 0.0, y * finite)


def _grid(trace: Any, axis: str, dataset: Dataset, column: int, size: int) -> Array:
    """Lay a map's grid where it is in the table, and return the slopes there."""
    z = trace[axis]
    if z is None:
        z = trace[f"{axis}0"] + trace[f"d{axis}"] * np.arange(size)
    trace[f"{axis}0"] = trace[f"d{axis}"] = None
    trace[axis] = in_table(dataset, column, z)
    return _slope(dataset, column, z)


def _move(mark: Any, dataset: Dataset, axes: list[tuple[str, int]], ends: tuple[str, ...]) -> None:
    for axis, column in axes:
        if _on(mark, axis):
            for end in ends:
                mark[axis + end] = float(in_table(dataset, column, mark[axis + end]))


def _on(mark: Any, axis: str) -> bool:
    """Whether an annotation or a shape stands on an axis, not on the paper."""
    return mark[f"{axis}ref"] in (None, axis)


def _range(dataset: Dataset, column: int, fitted: Any) -> list[float]:
    """Return the range of the data in the table, with some room, within what was drawn."""
    seen = in_table(dataset, column, dataset.seen(column))
    low, high = float(seen.min()), float(seen.max())
    room = _ROOM * ((high - low) or 1.0)
    limits = (-np.inf, np.inf) if fitted is None else in_table(dataset, column, fitted)
    return [max(low - room, float(limits[0])), min(high + room, float(limits[1]))]


def _heights(fig: go.Figure) -> None:
    """Show the heights within the view of x, and no needle far above the bars or of a band."""
    low, high = fig.layout.xaxis.range
    traces = _on_first_axes(fig)
    bars = [float(np.max(trace.y)) for trace in traces if trace.type == "bar"]
    tops = [
        float(np.nanquantile(seen, _BAND if trace.fill == "toself" else 1.0))
        for trace in traces
        if trace.type != "bar"
        and (seen := np.asarray(trace.y)[(trace.x >= low) & (trace.x <= high)]).size
        and not np.isnan(seen).all()
    ]
    top = max(tops, default=0.0)
    if bars:
        top = max(max(bars), min(top, _FLAT * max(bars)))
    fig.layout.yaxis.range = [0, 1.15 * top if top > 0 else 1]
    for annotation in fig.layout.annotations:
        if _on(annotation, "y"):
            annotation.y = min(annotation.y, top)
