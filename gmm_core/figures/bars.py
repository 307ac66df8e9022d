"""Histograms of a column: counted once, by weights where there are any, and drawn as quiet bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.figures import style
from gmm_core.figures.bins import bin_edges

Array = NDArray[np.float64]
T = TypeVar("T")

# A page draws its figures again at each turn of a knob, and of 10^6 points that takes a second:
# what was counted is kept as long as the dataset lives.
_counted: WeakKeyDictionary[Dataset, dict[tuple[object, ...], object]] = WeakKeyDictionary()

_BINS = 120  # narrower bars than 6 pixels are noise
_QUIET = style.fade(style.INK, 0.35)


def once(dataset: Dataset, key: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return what `make` makes of a dataset, made once."""
    cached = _counted.setdefault(dataset, {})
    if key not in cached:
        cached[key] = make()
    return cached[key]  # type: ignore[return-value]


def histogram_of(
    dataset: Dataset, column: int, most: int = _BINS
) -> tuple[NDArray[np.intp], Array]:
    """Count [B] points of a column between edges [B + 1]."""
    return once(
        dataset,
        ("histogram", column, most),
        lambda: _count_bins(dataset.values[:, column], most, dataset.weights),
    )


def _count_bins(
    x: Array, most: int, weights: Array | None = None
) -> tuple[NDArray[np.intp], Array]:
    """Count the values in at most `most` bins, see `bins.bin_edges`; by their weights, if any."""
    present = ~np.isnan(x)
    x, weights = x[present], None if weights is None else weights[present]
    low, high = float(x.min()), float(x.max())
    if low == high:
        half = 0.5 * max(abs(low) * 1e-3, 1.0 if abs(low) < 1e3 else 0.0)
        return np.array([len(x) if weights is None else weights.sum()]), np.array(
            [low - half, low + half]
        )
    # In the unit interval: neither 1e308 nor 1e-308 overflows there.
    scale = max(abs(low), abs(high))
    unit = (x / scale - low / scale) / (high / scale - low / scale)
    t = bin_edges(unit, most)
    counts, _ = np.histogram(unit, bins=t, weights=weights)
    return counts, low * (1 - t) + high * t


def shares(
    dataset: Dataset, column: int, members: NDArray[np.bool_], edges: Array
) -> NDArray[np.intp]:
    """Count those of the members [N] that lie between each two edges [B], by weights, if any."""
    x = dataset.values[:, column]
    mine = members & ~np.isnan(x)
    weights = None if dataset.weights is None else dataset.weights[mine]
    # By the edges in between, so that no rounding leaves the ends outside.
    bins = np.searchsorted(edges[1:-1], x[mine], side="right")
    return np.bincount(bins, weights=weights, minlength=len(edges) - 1)


def middles(edges: Array) -> Array:
    """Return the middle of each bin [B] between edges [B + 1]."""
    return edges[:-1] / 2 + edges[1:] / 2


def draw_bars(fig: go.Figure, counts: NDArray[np.intp], edges: Array, **place: int) -> None:
    """Draw counts [B] between edges [B + 1]; `place` is a panel of a figure with several."""
    fig.add_bar(**_bars(counts, edges, "points", _QUIET), **place)


def draw_shares(
    fig: go.Figure, counts: NDArray[np.intp], edges: Array, name: str, colour: str
) -> None:
    """Draw a group's counts [B] between edges [B + 1] on those of the groups before."""
    fig.add_bar(**_bars(counts, edges, name, style.fade(colour, 0.6)))
    fig.layout.barmode = "stack"


def _bars(counts: NDArray[np.intp], edges: Array, name: str, colour: str) -> dict[str, object]:
    return {
        "x": middles(edges),
        "y": counts,
        "width": 0.94 * np.diff(edges),
        "marker": {"color": colour, "line": {"width": 0}},
        "customdata": np.column_stack([edges[:-1], edges[1:]]),
        "hovertemplate": "%{customdata[0]:.4g} to %{customdata[1]:.4g}: %{y:,} "
        f"{name}<extra></extra>",
        "name": name,
    }
