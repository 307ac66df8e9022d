"""What a missing value would be, from the rest of its row and the component that the row is in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, moments_in_table
from gmm_core.mixture import Parameters, assign
from gmm_core.mixture.observation import patterns

Array = NDArray[np.float64]

_NINETIETH = np.array([[-1.6448536269514722], [0.0], [1.6448536269514722]])
"""Standard deviations from a normal's mean to its 5 %, 50 % and 95 % quantiles."""


@dataclass(frozen=True, eq=False)
class Imputed:
    """The M missing values of a dataset, row by row.

    rows, columns : [M], where each is, from 0.
    component : [M], the most probable one of the row; K for noise.
    mean, sd, low, median, high : [M], of the value given what is there of its row and the
        component, in the units of the person's table; 90 % lie between low and high. NaN in the
        noise, which says nothing of a value.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    component: NDArray[np.int64]
    mean: Array
    sd: Array
    low: Array
    median: Array
    high: Array


def imputed(dataset: Dataset, parameters: Parameters) -> Imputed:
    """Say of each missing value what it would be, by regression within its row's component.

    Notes
    -----
    With what is there first, a component's covariance is [[A, B'], [B, C]]: mean m + B A^-1 (x -
    m_there), covariance C - B A^-1 B' (Ghahramani and Jordan 1994, Supervised learning from
    incomplete data via an EM approach, section 3). It is one guess for each, and less spread than
    the values themselves: draw from its distribution rather than fill it in for a variance. Of a
    transformed column all this is normal there, and is taken to the table from there.
    """
    values = dataset.values
    K = len(parameters.weights)
    component = assign(parameters, values)
    mean, sd = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    missing = np.isnan(values)
    for present, rows in patterns(missing):
        if present.all():
            continue
        for k in np.unique(component[rows]):
            if k == K:
                continue
            members = rows[component[rows] == k]
            covariance, loc = parameters.covariances[k], parameters.locs[k]
            slope = np.linalg.solve(
                covariance[present][:, present], covariance[present][:, ~present]
            )
            gap = values[members][:, present] - loc[present]
            rest = covariance[~present][:, ~present] - covariance[~present][:, present] @ slope
            mean[np.ix_(members, ~present)] = loc[~present] + gap @ slope
            sd[np.ix_(members, ~present)] = np.sqrt(np.diagonal(rest))
    rows, columns = np.nonzero(missing)
    normal = np.array([mean[missing], sd[missing]])
    in_units = np.empty((5, len(rows)))
    for d in range(values.shape[1]):
        m, s = normal[:, columns == d]
        in_units[:2, columns == d] = moments_in_table(dataset, d, m, s)
        in_units[2:, columns == d] = in_table(dataset, d, m + _NINETIETH * s)
    return Imputed(rows, columns, component[rows], *in_units)
