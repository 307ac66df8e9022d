"""The course of a sweep: its mixtures in order, and what the ones hand on to the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gmm_core.comparison import sweep
from gmm_core.comparison.sweep import Cell, Comparison, ComparisonRow
from gmm_core.data.dataset import Dataset
from gmm_core.inference import map_fit
from gmm_core.mixture import Mixture, Parameters
from gmm_core.runs.options import CompareOptions
from gmm_core.runs.progress import Cancelled, OnProgress, Patch, Progress
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from gmm_core.runs.starts import STARTS

Optima = dict[Cell, Parameters]
"""The optimum of each mixture that a sweep has fitted, by its canonical cell."""


def swept(
    spec: Specification,
    groups: Sequence[Sequence[int]],
    fitted: Callable[[Mixture, Optima, OnProgress], ComparisonRow],
    on_progress: OnProgress | None,
    units: int,
) -> Comparison:
    """Fit a mixture for each group of cells, and report a row for every cell as it is known.

    What is found is handed on: a search takes from it what `fit_from_optima` says.

    Parameters
    ----------
    groups : indices into `cells(spec.options)` of cells that are the same mixture.
    fitted : makes the row of a mixture from the optima so far, and tells how far it is: twice its
        total is all of it.
    units : of progress in each mixture.
    """
    options: CompareOptions = spec.options
    data = spec.dataset
    every = sweep.cells(options)
    rows: list[ComparisonRow] = []
    optima: Optima = {}
    try:
        for turn, group in enumerate(groups):
            mixture = sweep.mixture_of(every[group[0]], spec.mixture)

            def report(progress: Progress, turn: int = turn) -> None:
                if on_progress is not None and progress.total:
                    # Polishing is about as much work as Adam, and says nothing of how far it is.
                    done = units * progress.done // (2 * progress.total)
                    on_progress(Progress(turn * units + done, len(groups) * units))

            row = fitted(mixture, optima, report)
            if row.sound and row.parameters is not None:
                optima[sweep.canonical(every[group[0]], data.values.shape[1])] = row.parameters
            for i in group:
                cell_row = row._replace(**every[i]._asdict())
                rows.append(cell_row)  # before it is told, which may end the sweep
                if on_progress is not None:
                    numbers = sweep.reported(cell_row)
                    shape = (len(every),)
                    news = {n: Patch(shape, (i,), np.array([v])) for n, v in numbers.items()}
                    on_progress(Progress((turn + 1) * units, len(groups) * units, news))
    except Cancelled as cancelled:
        raise Cancelled(str(cancelled), Comparison(tuple(rows)) if rows else None) from None
    return Comparison(tuple(rows))


def fit_from_optima(
    data: Dataset, mixture: Mixture, options: CompareOptions, optima: Optima, report: OnProgress
) -> MapFit:
    """Fit one mixture of a sweep; a search also begins at splits of K - 1 and nested families.

    Raises
    ------
    ValueError, ArithmeticError
        When the mixture cannot be fitted to the data.
    """
    mixture.check(data)
    if STARTS[options.start].search:
        more = _handed_on(data, mixture, optima)
        return map_fit.search(data, mixture, options.map_options, more, report)
    return map_fit.fit_map(data, mixture, options.map_options, on_progress=report)


def groups(spec: Specification) -> list[list[list[int]]]:
    """List for each part the groups of cells that it fits; see `sweep.models`.

    Every mixture is a part, but for a search, whose mixtures are one: by K, and nested families
    before those that they are nested in.
    """
    models = sweep.models(spec.options, spec.dataset.values.shape[1])
    if not STARTS[spec.options.start].search:
        return [[group] for group in models]
    every = sweep.cells(spec.options)

    def order(group: list[int]) -> tuple[int, int]:
        mixture = sweep.mixture_of(every[group[0]], spec.mixture)
        free = mixture.n_parameters(spec.dataset.values.shape[1])
        return mixture.n_components, free

    return [sorted(models, key=order)]


def _handed_on(data: Dataset, mixture: Mixture, optima: Optima) -> list[tuple[str, Parameters]]:
    """Return starts from what the sweep has found: splits of K - 1, and nested families."""
    from gmm_core.engines.beginnings import splits

    points: list[tuple[str, Parameters]] = []
    K = mixture.n_components
    for cell, point in optima.items():
        other = sweep.mixture_of(cell, mixture)
        # One component is of every family, and is kept as the first.
        same = other.family is mixture.family or cell.n_components == 1
        if cell.n_components == K - 1 and same:
            points += [("split", start) for start in splits(data, mixture, point)]
        elif cell.n_components == K and other.family.within(mixture.family):
            points.append(("nested", point))
    return points
