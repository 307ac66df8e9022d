"""Which point belongs where, for a whole table: counted once, small enough to draw and to say.

`responsibilities` answers for each point. A page wants to know how many points are certain,
which one is the most doubtful, and which few of a million to draw; and it takes new points as
people type them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset, listing
from gmm_core.mixture import Mixture, Parameters, boundaries, log_joint, responsibilities
from gmm_core.reading import Reading

Array = NDArray[np.float64]
_Key = tuple[tuple[tuple[int, ...], bytes], ...]

CERTAIN = 0.999
"""A point whose most probable component has at least this probability is called certain."""

DOUBTFUL = 0.9
"""Below this it is called doubtful: one such point in ten is expected in another component."""

DRAWN = 1500
"""Every point drawn is a node of the page; beyond some 2,000 a browser becomes slow."""

MOST_DOUBTFUL = 500
"""Of a large table these are drawn in any case: they are what the page is about."""

TYPED = 10_000
"""Rows that may be typed or pasted; more come in a file."""

_CHUNK = 100_000  # rows at once, so that a million rows by 64 components fit in memory


@dataclass(frozen=True, eq=False)
class Overview:
    """How surely the points of a dataset belong to their components.

    Attributes
    ----------
    n_points : N.
    certain, doubtful : how many points reach `CERTAIN`, how many stay below `DOUBTFUL`.
    sizes : [K], points whose most probable component is k.
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
    N, K = len(values), len(parameters.weights)
    certainty = np.empty(N)
    sizes = np.zeros(K, dtype=np.int64)
    for begin in range(0, N, _CHUNK):
        probs = responsibilities(parameters, values[begin : begin + _CHUNK])
        certainty[begin : begin + _CHUNK] = probs.max(axis=1)
        sizes += np.bincount(probs.argmax(axis=1), minlength=K)
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
        rows=rows,
        probs=responsibilities(parameters, values[rows]),
        weakest=weakest,
        weakest_probs=responsibilities(parameters, values[[weakest]])[0],
    )


@functools.lru_cache(maxsize=16)
def _map_loss(dataset: Dataset, mixture: Mixture, key: _Key) -> float:
    return -log_joint(dataset, mixture, _point(key))


def _key(parameters: Parameters) -> _Key:
    arrays = (parameters.weights, parameters.locs, parameters.scale_tril)
    return tuple((array.shape, array.tobytes()) for array in arrays)


def _point(key: _Key) -> Parameters:
    return Parameters(*(np.frombuffer(data).reshape(shape) for shape, data in key))


def visible_range(dataset: Dataset, column: int = 0) -> tuple[float, float]:
    """Range of a column with a quarter of its length on either side: 0..12 becomes -3..15."""
    values = dataset.values[:, column]
    low, high = float(values.min()), float(values.max())
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


def parse_values(text: str, columns: Sequence[str]) -> Array:
    """Read numbers as people type them.

    Parameters
    ----------
    text : for one column, numbers separated by commas, semicolons, spaces or lines; for more
        columns, one point per line, its numbers separated in the same way.
    columns : D names of the columns, for the messages.

    Returns
    -------
    [n, D].

    Raises
    ------
    ValueError
        When something is not a finite number, a line has another number of numbers than there
        are columns, or nothing or more than 10,000 points were typed.
    """
    D = len(columns)
    # Some 100 characters for each number are more than anybody types.
    if len(text) > 100 * TYPED * D:
        raise ValueError(_too_many())
    rows: list[list[float]] = []
    for n, line in enumerate(text.splitlines(), start=1):
        cells = [cell for cell in re.split(r"[\s,;]+", line) if cell]
        if not cells:
            continue
        numbers = [_number(cell, n) for cell in cells]
        if D == 1:
            rows += [[x] for x in numbers]
        elif len(numbers) == D:
            rows.append(numbers)
        else:
            came = "1 number" if len(numbers) == 1 else f"{len(numbers)} numbers"
            raise ValueError(
                f"Line {n} has {came}, but a point has {D}: {listing(columns)}. "
                "Write one point per line, in this order."
            )
        if len(rows) > TYPED:
            raise ValueError(_too_many())
    if not rows:
        raise ValueError("No number was typed. Type at least one, such as 5.7.")
    return np.array(rows)


def match_columns(reading: Reading, columns: Sequence[str]) -> Dataset:
    """Take the columns of these names from a file, in this order, rows without a hole only.

    For a single column a file with a single column of numbers will do, whatever its name.

    Raises
    ------
    ValueError
        When the file lacks a column, or no row is left.
    """
    lacking = [name for name in columns if name not in reading.columns]
    if not lacking:
        return reading.dataset(list(columns))
    if len(columns) == 1 and len(reading.default) == 1:
        taken = reading.dataset(reading.default)
        return Dataset.from_values(taken.values, columns, taken.name)
    raise ValueError(
        f"The file has no column of numbers named {listing(lacking)}, but the fit uses "
        f"{listing(columns)}. It has {listing(reading.columns)}. Rename its columns."
    )


def largest_difference(found: Array, expected: Array) -> float:
    """Largest absolute difference of two tables [N, K]; NaN while nothing is known."""
    gap = np.abs(np.asarray(found) - np.asarray(expected))
    return float(np.nanmax(gap)) if np.isfinite(gap).any() else float("nan")


def inner_boundaries(dataset: Dataset, parameters: Parameters) -> Array:
    """Boundaries inside the visible range of a single column [B]; none for more columns."""
    if parameters.locs.shape[1] != 1:
        return np.empty(0)
    low, high = visible_range(dataset)
    edges = boundaries(parameters)
    return edges[(edges > low) & (edges < high)]


def _too_many() -> str:
    return (
        f"More than {TYPED:,} points came, and at most {TYPED:,} can be typed. "
        "Put them into a file and upload it."
    )


def _number(cell: str, line: int) -> float:
    shown = cell if len(cell) <= 40 else cell[:39] + "…"
    try:
        x = float(cell.replace("−", "-")) if "_" not in cell else None
    except ValueError:
        x = None
    if x is None:
        raise ValueError(
            f'"{shown}" in line {line} is not a number. Write numbers such as 5.7 or -1e3, '
            "separated by spaces, commas or lines."
        )
    if not np.isfinite(x):
        raise ValueError(f'"{shown}" in line {line} is not a finite number. Leave it out.')
    return x
