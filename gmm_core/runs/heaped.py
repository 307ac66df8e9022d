"""What a collapsed component has shrunk onto: points that share a value, or a few of any."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters, e_step
from gmm_core.runs.results import MapFit
from gmm_core.runs.verdicts import held

_THIN = 0.05  # of a column's spread: a collapse is seen on the way, and a thinner one is ahead
_STARTS = 5  # collapsed restarts that are looked at
_ROWS = 10_000  # of larger data a sample is looked at
_COUNTED = 200_000  # beyond, counting what each component holds would keep a page waiting


class Heap(NamedTuple):
    """So many points have one value in a column, and a component lies on next to nothing else."""

    column: int
    value: float
    points: int


class Handful(NamedTuple):
    """So few points are all that a component holds that they span no covariance of its own."""

    points: int


def shrunk_onto(dataset: Dataset, fit: MapFit) -> Heap | Handful | None:
    """Return what collapsed restarts of a fit have shrunk onto, the chosen one if it is one.

    As most of those that are looked at have; None where components have lost their points.
    """
    collapsed = np.flatnonzero(fit.verdict == "collapsed")
    few = [fit.chosen] if fit.chosen in collapsed else collapsed[:_STARTS]
    found = [_shrunk(dataset, fit.points[r]) for r in few]
    sorts = [type(one) for one in found]
    return max(found, key=lambda one: sorts.count(type(one)), default=None)


def _shrunk(dataset: Dataset, parameters: Parameters) -> Heap | Handful | None:
    return heap_of(dataset, parameters) or handful_of(dataset, parameters)


def handful_of(dataset: Dataset, parameters: Parameters) -> Handful | None:
    """Return the few points that a component of one point holds, D at most; None where none does.

    A component without points holds no few; of very large data it is not counted.
    """
    N, D = dataset.values.shape
    if N > _COUNTED:
        return None
    fewest = float(held(parameters.reshape(1), dataset).min())
    return Handful(round(fewest)) if 0.5 <= fewest < D + 0.5 else None


def heap_of(dataset: Dataset, parameters: Parameters) -> Heap | None:
    """Return what a component of one point of a mixture has shrunk onto; None where none has.

    A component of no points, or on points that differ, is no heap.
    """
    x = dataset.values[:: max(1, len(dataset.values) // _ROWS)]
    thin = parameters.scales / np.sqrt(dataset.moments()[1])
    components = np.flatnonzero(thin.min(axis=1) < _THIN)
    if not components.size:
        return None
    K = len(parameters.weights)
    winner = e_step(parameters.reshape(1), x)[1][0][:K].argmax(axis=0)
    heaps = [heap for k in components if (heap := _heap(x[winner == k], int(thin[k].argmin())))]
    if not heaps:
        return None
    heap = max(heaps, key=lambda heap: heap.points)
    return heap._replace(points=int((dataset.values[:, heap.column] == heap.value).sum()))


def _heap(points: NDArray[np.float64], column: int) -> Heap | None:
    """Return the value that at least half of a component's points have in a column, if one is."""
    values = points[:, column]
    values = values[np.isfinite(values)]
    different, times = np.unique(values, return_counts=True)
    if len(values) < 2 or times.max() < max(2, len(values) / 2):
        return None
    return Heap(column, float(different[times.argmax()]), int(times.max()))
