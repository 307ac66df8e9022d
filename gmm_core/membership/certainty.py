"""Which point belongs where, for a whole table: counted once, small enough to draw and to say.

`responsibilities` answers for each point. A page wants to know how many points are certain,
which one is the most doubtful, and which few of a million to draw; and it takes new points as
people type them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table
from gmm_core.mixture import Mixture, Parameters, boundaries, log_joint, responsibilities
from gmm_core.mixture.observation import box_of

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
    total : how many points they count as, by their weights.
    certain, doubtful : how many of these reach `CERTAIN`, how many stay below `DOUBTFUL`.
    sizes : [K], with noise [K + 1], how many of these have k as their most probable component.
    component : [N], the most probable component of each point; K is the noise.
    rows : [M] row numbers, from 0, ascending, of the points to draw; all of them when they are
        few, else the most doubtful ones and a random sample of the others.
    probs : [M, K] responsibilities of those.
    weakest : row number of the most doubtful point, of those that count.
    weakest_probs : [K], its responsibilities.
    """

    n_points: int
    total: int | float
    certain: int | float
    doubtful: int | float
    sizes: tuple[int | float, ...]
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
    """Minus the log joint: what the enumerating guide's loss comes down to, and no further.

    Each point counts once there: how often it does is nothing to its assignment.
    """
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
    w = np.ones(N) if dataset.weights is None else dataset.weights
    sizes = np.bincount(component, weights=w, minlength=W)
    weakest = int(np.argmin(np.where(w > 0, certainty, np.inf)))
    if N <= DRAWN:
        rows = np.arange(N)
    else:
        doubtful = np.argpartition(certainty, MOST_DOUBTFUL)[:MOST_DOUBTFUL]
        others = np.setdiff1d(np.arange(N), doubtful)
        sample = np.random.default_rng(0).choice(others, DRAWN - MOST_DOUBTFUL, replace=False)
        rows = np.sort(np.concatenate([doubtful, sample]))
    return Overview(
        n_points=N,
        total=_tally(w.sum()),
        certain=_tally(w[certainty >= CERTAIN].sum()),
        doubtful=_tally(w[certainty < DOUBTFUL].sum()),
        sizes=tuple(map(_tally, sizes.tolist())),
        component=component,
        rows=rows,
        probs=responsibilities(parameters, values[rows]),
        weakest=weakest,
        weakest_probs=responsibilities(parameters, values[[weakest]])[0],
    )


def _tally(weights: float) -> int | float:
    """Return a sum of weights as the count that it is, where it is one."""
    return int(weights) if float(weights).is_integer() else float(weights)


@functools.lru_cache(maxsize=16)
def _map_loss(dataset: Dataset, mixture: Mixture, key: _Key) -> float:
    if mixture.noise and mixture.noise_box is None:  # that of the data as it counts
        box = tuple(box_of(dataset.values, dataset.weights).tolist())
        mixture = mixture.model_copy(update={"noise_box": box})
    return -log_joint(replace(dataset, weights=None), mixture, _point(key))


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


def boundary_places(dataset: Dataset, edges: Array) -> list[tuple[float, float]]:
    """Return where boundaries [B] are in the table, each with the range of the data there."""
    seen = in_table(dataset, 0, dataset.values[:, 0])
    span = float(np.nanmax(seen) - np.nanmin(seen))
    return [(edge, span) for edge in in_table(dataset, 0, edges).tolist()]


def zoom_width(parameters: Parameters, boundary: float) -> float:
    """Width around a boundary in which the change from one component to the next is seen.

    From where the leading component has about 99 % to where the next one has: 9.2 in log odds,
    divided by their slope at the boundary and rounded to one digit.

    Parameters
    ----------
    parameters : K components in one column.
    boundary : one of `boundaries(parameters)`, of two components or of one and the noise.
    """
    scales = parameters.scale_tril[:, 0, 0]
    # The slope of log w_k N(x | k), for the two that meet there; that of the noise is zero.
    slopes = np.append((parameters.locs[:, 0] - boundary) / scales**2, 0.0)
    two = np.argsort(-responsibilities(parameters, [boundary])[0])[:2]
    slope = abs(float(slopes[two[0]] - slopes[two[-1]]))
    width = 9.2 / slope if slope > 0 else float("inf")
    return _one_digit(min(width, 8 * float(scales.max())))


def zoom_window(dataset: Dataset, parameters: Parameters, boundary: float) -> tuple[float, float]:
    """Where a boundary is in the table, and the width there that `zoom_width` has."""
    width = zoom_width(parameters, boundary)
    if dataset.transforms is None:
        return boundary, width
    ends = [boundary - width / 2, boundary, boundary + width / 2]
    low, centre, high = in_table(dataset, 0, ends).tolist()
    return centre, _one_digit(high - low)


def _one_digit(width: float) -> float:
    """Round up to one digit."""
    place = int(np.floor(np.log10(width)))
    return round(float(np.ceil(width / 10.0**place)) * 10.0**place, -place)


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
