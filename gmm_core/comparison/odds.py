"""How probable mixtures are under equal prior odds of K, and the density averaged over all of them.

To take the best mixture alone is to be sure of it. The average weighs each by its probability, and
each one's density is itself the mean over its posterior.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.comparison.sweep import ComparisonRow, distinct
from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters
from gmm_core.posterior.evidence import probabilities
from gmm_core.posterior.invariants import densities

Array = NDArray[np.float64]

COLUMNS = 4
"""Columns, the first ones, whose density a sweep keeps."""

_GRID = 160
_MARGIN = 0.15


class AverageDensity(NamedTuple):
    """The density along one column, averaged over the mixtures of a sweep.

    grid : [G], in the column's units.
    density : [G], of all mixtures by their probabilities.
    by_k : for each K its probability, and the density [G] of its mixtures alone.
    """

    grid: Array
    density: Array
    by_k: dict[int, tuple[float, Array]]


def probability_of_k(rows: Sequence[ComparisonRow], n_columns: int) -> dict[int, float]:
    """Posterior probability p(K | data), from the log evidences of a sweep.

    Every K has the same prior probability, shared equally by its mixtures. Empty where no row has
    an evidence.

    Parameters
    ----------
    n_columns : D; cells that are the same mixture count once.
    """
    odds: dict[int, float] = {}
    for row, share in sorted(_probable(rows, n_columns), key=lambda pair: pair[0].n_components):
        odds[row.n_components] = odds.get(row.n_components, 0.0) + share
    return odds


def _probable(rows: Sequence[ComparisonRow], n_columns: int) -> list[tuple[ComparisonRow, float]]:
    """Return the different mixtures that have an evidence, each with its probability."""
    usable = [row for row in distinct(rows, n_columns) if row.log_evidence == row.log_evidence]
    if not usable:
        return []
    mixtures = Counter(row.n_components for row in usable)
    logs = [row.log_evidence - float(np.log(mixtures[row.n_components])) for row in usable]
    return list(zip(usable, probabilities(logs).tolist(), strict=True))


def grid(dataset: Dataset, column: int) -> Array:
    """Places [G] along a column at which a sweep keeps densities."""
    x = dataset.seen(column)
    margin = _MARGIN * (x.max() - x.min())
    return np.linspace(x.min() - margin, x.max() + margin, _GRID)


def mean_density(dataset: Dataset, draws: Parameters) -> tuple[float, ...]:
    """Mean over draws of the density along each of the first columns, one `grid` after the other.

    Parameters
    ----------
    draws : of the posterior, a sequence of points.
    """
    columns = range(min(COLUMNS, dataset.values.shape[1]))
    per_column = [densities(draws, grid(dataset, d), d).mean(axis=0) for d in columns]
    return tuple(np.concatenate(per_column).tolist())


def average_density(
    dataset: Dataset, rows: Sequence[ComparisonRow], column: int = 0
) -> AverageDensity | None:
    """Average the density along a column over the mixtures of a sweep, by their probabilities.

    Returns
    -------
    None where the sweep has no evidences, or no density of this column.
    """
    weighed = [pair for pair in _probable(rows, dataset.values.shape[1]) if pair[0].density]
    if not weighed or column >= COLUMNS:
        return None
    of_column = slice(column * _GRID, (column + 1) * _GRID)
    by_k: dict[int, tuple[float, Array]] = {}
    for K in sorted({row.n_components for row, _ in weighed}):
        of_k = [pair for pair in weighed if pair[0].n_components == K]
        share = sum(probability for _, probability in of_k)
        # Mixtures too improbable for a number of their own are as probable as each other.
        parts = np.array([p for _, p in of_k]) / share if share > 0 else 1 / len(of_k)
        lines = np.array([row.density[of_column] for row, _ in of_k])
        by_k[K] = share, np.sum(lines * np.reshape(parts, (-1, 1)), axis=0)
    total = sum(share for share, _ in by_k.values())
    density = np.sum([share / total * line for share, line in by_k.values()], axis=0)
    return AverageDensity(grid(dataset, column), density, by_k)
