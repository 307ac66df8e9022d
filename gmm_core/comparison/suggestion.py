"""The mixture that data is shown with when nobody has chosen one.

A short sweep over K and the covariances, by maximum likelihood and BIC, on as many points as a page
can wait for. It is a comparison like any other: its run is kept, and can be opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from gmm_core.comparison.sweep import ComparisonRow, distinct, ranked
from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Priors
from gmm_core.mixture.overlap import overlap
from gmm_core.runs.options import CompareOptions
from gmm_core.runs.specification import Specification

MOST_POINTS = 2_000
"""Points of the sweep: forms and numbers of components that matter show in a sample of so many."""

_MOST_COMPONENTS = 6
_RESTARTS = 16


class Suggestion(NamedTuple):
    """The mixture that a sweep suggests.

    best : its row. Of all optima the one with the smallest BIC whose every component holds enough
        points, see `enough_points`.
    runner_up : the second among those; None where there is none.
    rows : all rows of the sweep, for what another choice costs.
    """

    best: ComparisonRow
    runner_up: ComparisonRow | None
    rows: tuple[ComparisonRow, ...]

    def cost(self, mixture: Mixture) -> float | None:
        """How much larger the BIC of another mixture is; None where the sweep has no optimum.

        It has none of mixtures that it was not of: `compares`.
        """
        for row in self.rows if self.compares(mixture) else ():
            cell = (mixture.n_components, mixture.covariance, mixture.tied)
            if tuple(row.cell) == cell and row.sound:
                return row.bic - self.best.bic
        return None

    def compares(self, mixture: Mixture) -> bool:
        """Whether the sweep was of mixtures that explain the data as this one does.

        It is by maximum likelihood. Weak priors hardly move that, but conjugate ones have optima
        where it has none, on repeated values.
        """
        conjugate = mixture.priors.freedom is not None
        return not (mixture.noise or mixture.classes_fixed or conjugate)

    def columns(self) -> tuple[int, int]:
        """Return the two columns in which the best mixture's components overlap least.

        Where none is better than another, as with one component, the first two are as good as any.
        """
        point = self.best.parameters
        if point is None or point.locs.shape[-1] < 3:
            return 0, 1
        pairs = list(combinations(range(point.locs.shape[-1]), 2))
        over = [overlap(point.marginal(pair)) for pair in pairs]
        # Equal but for rounding is equal: the first of them.
        return next(p for p, o in zip(pairs, over, strict=True) if o <= min(over) * (1 + 1e-9))


def specification(dataset: Dataset, n_components: int = _MOST_COMPONENTS) -> Specification:
    """Return the sweep that suggests a mixture for these points.

    Of more than 2,000 points it takes 2,000, drawn with a fixed seed.

    Raises
    ------
    ValueError
        When no mixture can be fitted to the data.
    """
    N = len(dataset.values)
    if N > MOST_POINTS:
        chosen = np.sort(np.random.default_rng(0).choice(N, MOST_POINTS, replace=False))
        name = f"{dataset.name[:150]}, {MOST_POINTS:,} of {dataset.n:,} points"
        dataset = replace(dataset.take(chosen), name=name)
    dataset = replace(dataset, whole=None)  # where it is a sample, the sweep goes by that
    most = min(n_components, max(1, N // 2))
    return Specification(
        dataset=dataset,
        mixture=Mixture(n_components=1, priors=Priors.flat()),
        options=CompareOptions(
            n_components=tuple(range(1, most + 1)), restarts=_RESTARTS, start="search"
        ),
    )


def enough_points(row: ComparisonRow, n_columns: int) -> bool:
    """Whether every component holds at least 2 (D + 1) points, so that it is no accident of a few.

    A component through D + 1 points fits them exactly, and the likelihood has no bound there.
    """
    return row.smallest >= 2 * (n_columns + 1)


def suggest(rows: Sequence[ComparisonRow], n_columns: int) -> Suggestion | None:
    """Choose the mixture of a finished sweep; None where no mixture has an optimum.

    Where only one component would be large enough everywhere, the data is too small for the rule,
    and BIC decides alone.
    """
    different = distinct(list(rows), n_columns)
    order = [different[i] for i in ranked(different, "bic")]
    if not order:
        return None
    large = [row for row in order if enough_points(row, n_columns)]
    if any(row.n_components > 1 for row in large):
        order = large
    return Suggestion(order[0], order[1] if len(order) > 1 else None, tuple(rows))
