"""Which point belongs where, for a whole table: counted once, small enough to draw and to say.

`responsibilities` answers for each point. A page wants to know how many points are certain,
which one is the most doubtful, and which few of a million to draw; and it takes new points as
people type them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, boundaries, log_joint, responsibilities

Array = NDArray[np.float64]
_Key = tuple[tuple[str, tuple[int, ...], bytes], ...]

CERTAIN = 0.999
"""A point whose most probable component has at least this probability is called certain."""

DOUBTFUL = 0.9
"""Below this it is called doubtful: one such point in ten is expected in another component."""

DRAWN = 1500
"""Every point drawn is a node of the page; beyond some 2,000 a browser becomes slow."""

MOST_DOUBTFUL = 500
"""Of a large table these are drawn in any case: they are what the page is about."""


_CHUNK = 100_000  # rows at once, so that a million rows by 64 components fit in memory


@dataclass(frozen=True, eq=False)
class Overview:
    """How surely the points of a dataset belong to their components.

    Attributes
    ----------
    n_points : N.
    certain, doubtful : how many points reach `CERTAIN`, how many stay below `DOUBTFUL`.
    sizes : [K], with noise [K + 1], points whose most probable component is k.
    component : [N], the most probable component of each point; K is the noise.
    rows : [M] row numbers, from 0, ascending, of the points to draw; all of them when they are
        few, else the most doubtful ones and a random sample of the others.
    probs : [M, K] responsibilities of those.
    weakest : row number of the most doubtful point.
    weakest_probs : [K], its responsibilities.
    """

    n_points: int
    certain: int
    doubtful: int
    sizes: NDArray[np.int64]
    component: NDArray[np.int16]
    rows: NDArray[np.int64]
    probs: Array
    weakest: int
    weakest_probs: Array

    @property
    def sampled(self) -> bool:
        """Whether not all points are drawn."""
        return len(self.rows) < self.n_points


def overview(dataset: Dataset, parameters: Parameters) -> Overview:
    """Count certain and doubtful points, and choose those to draw.

    Raises
    ------
    ValueError
        When data and parameters differ in their number of columns.
    """
    return _overview(dataset, _key(parameters))


def map_loss(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> float:
    """Minus the log joint: what the enumerating guide's loss comes down to, and no further."""
    return _map_loss(dataset, mixture, _key(parameters))


# A page asks several times in one run, and again at every tick while a guide is running.
@functools.lru_cache(maxsize=16)
def _overview(dataset: Dataset, key: _Key) -> Overview:
    parameters = _point(key)
    values = dataset.values
    N, W = len(values), parameters.every_weight.shape[-1]
    certainty = np.empty(N)
    component = np.empty(N, dtype=np.int16)
    for begin in range(0, N, _CHUNK):
        probs = responsibilities(parameters, values[begin : begin + _CHUNK])
        certainty[begin : begin + _CHUNK] = probs.max(axis=1)
        component[begin : begin + _CHUNK] = probs.argmax(axis=1)
    sizes = np.bincount(component, minlength=W)
    weakest = int(np.argmin(certainty))
    if N <= DRAWN:
        rows = np.arange(N)
    else:
        doubtful = np.argpartition(certainty, MOST_DOUBTFUL)[:MOST_DOUBTFUL]
        others = np.setdiff1d(np.arange(N), doubtful)
        sample = np.random.default_rng(0).choice(others, DRAWN - MOST_DOUBTFUL, replace=False)
        rows = np.sort(np.concatenate([doubtful, sample]))
    return Overview(
        n_points=N,
        certain=int((certainty >= CERTAIN).sum()),
        doubtful=int((certainty < DOUBTFUL).sum()),
        sizes=sizes,
        component=component,
        rows=rows,
        probs=responsibilities(parameters, values[rows]),
        weakest=weakest,
        weakest_probs=responsibilities(parameters, values[[weakest]])[0],
    )


@functools.lru_cache(maxsize=16)
def _map_loss(dataset: Dataset, mixture: Mixture, key: _Key) -> float:
    return -log_joint(dataset, mixture, _point(key))


def _key(parameters: Parameters) -> _Key:
    return tuple((name, a.shape, a.tobytes()) for name, a in parameters.arrays().items())


def _point(key: _Key) -> Parameters:
    return Parameters.of({name: np.frombuffer(data).reshape(shape) for name, shape, data in key})


def visible_range(dataset: Dataset, column: int = 0) -> tuple[float, float]:
    """Range of a column with a quarter of its length on either side: 0..12 becomes -3..15."""
    values = dataset.values[:, column]
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.25 * (high - low) or max(1.0, 1e-6 * abs(low))
    return low - margin, high + margin


def zoom_width(parameters: Parameters, boundary: float) -> float:
    """Width around a boundary in which the change from one component to the next is seen.

    From where the leading component has about 99 % to where the next one has: 9.2 in log odds,
    divided by their slope at the boundary and rounded to one digit.

    Parameters
    ----------
    parameters : K components in one column.
    boundary : one of `boundaries(parameters)`.
    """
    scales = parameters.scale_tril[:, 0, 0]
    # The slope of log w_k N(x | k), for the two components that meet there.
    slopes = (parameters.locs[:, 0] - boundary) / scales**2
    two = np.argsort(-responsibilities(parameters, [boundary])[0])[:2]
    slope = abs(float(slopes[two[0]] - slopes[two[-1]]))
    width = 9.2 / slope if slope > 0 else float("inf")
    width = min(width, 8 * float(scales.max()))
    unit = 10.0 ** np.floor(np.log10(width))
    return float(np.ceil(width / unit) * unit)


def largest_difference(values: Array, expected: Array) -> float:
    """Largest absolute difference of two tables [N, K]; NaN while nothing is known."""
    gap = np.abs(np.asarray(values) - np.asarray(expected))
    return float(np.nanmax(gap)) if np.isfinite(gap).any() else float("nan")


def inner_boundaries(dataset: Dataset, parameters: Parameters) -> Array:
    """Boundaries inside the visible range of a single column [B]; none for more columns."""
    if parameters.locs.shape[1] != 1:
        return np.empty(0)
    low, high = visible_range(dataset)
    edges = boundaries(parameters)
    return edges[(edges > low) & (edges < high)]
