"""Mixtures of data that stays on the workers: searched on a sample, compared on all of it."""

from __future__ import annotations

import time
from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_core.comparison.criteria import CRITERIA, At
from gmm_core.comparison.sweep import (
    Comparison,
    ComparisonRow,
    cells,
    fitted_row,
    merged,
    mixture_of,
    unfitted_row,
)
from gmm_core.data.dataset import Dataset
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.inference import course
from gmm_core.inference.cost import CLIMB, PASSES
from gmm_core.inference.partitioned import CORESET, before, best_few, boxed, climb
from gmm_core.mixture import Mixture, Priors, fewest_components, log_prior_terms
from gmm_core.mixture.observation import EVERYTHING
from gmm_core.partitions.held import Held, held
from gmm_core.partitions.opened import all_rows
from gmm_core.partitions.surrogate import Surrogate
from gmm_core.runs import kinds
from gmm_core.runs.options import CompareOptions
from gmm_core.runs.progress import OnProgress, Progress
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification

if TYPE_CHECKING:
    from distributed import Client

FEWEST, EACH = 5_000, 40
"""Rows that all starts of a search go by: so many, or so many for each free number of the largest
mixture, if the sample has them. Only the best few ends look at the whole sample."""

_UNITS = 100
"""Of progress in each mixture, half for the sample and half for the passes over all rows."""

ENGINES = [
    kinds.Engine(
        kind="compare",
        name="partitions",
        module=__name__,
        packages=("numba", "distributed"),
        per_evaluation=1e-2,
        per_density=3e-9,
        per_number=3e-10,
        warm=False,
        observes=EVERYTHING,
        passes=PASSES,
        suggests={"start": "search"},
    ),
]


def compare(
    data: PartitionedDataset,
    options: CompareOptions,
    priors: Priors | None = None,
    labels: str = "ignore",
    *,
    noise: bool = False,
    steps: int = CLIMB,
    client: Client | None = None,
    on_progress: OnProgress | None = None,
) -> Comparison:
    """Compare mixtures on all the data, as `sweep.compare` does.

    Each mixture is searched on some rows of the sample. The best few optima there go on to the
    whole sample, and the best of these to the full data.

    Parameters
    ----------
    options : what is compared, and how the sample is searched.
    priors : None for none at all.
    labels, noise : as in `Mixture`.
    steps : the most passes over the full data of each mixture.
    client, on_progress : as in `held`, and as in `fit_map`; progress is told with each pass.

    Returns
    -------
    As of a run, with every criterion at full size but for the evidence. How a search has
    found an optimum is told of the search.

    Raises
    ------
    ValueError
        As `held` and `sweep.compare` say.
    """
    with held(data, client, before(on_progress)) as rows:
        sample = rows.coreset(data.columns, data.name, CORESET, options.first_seed)
        base = Mixture(
            n_components=fewest_components(sample, labels),
            priors=Priors.flat() if priors is None else priors,
            noise=noise,
            labels=labels,  # type: ignore[arg-type]  # checked by the mixture
        )
        base = boxed(base, rows)
        spec = Specification(dataset=sample, mixture=base, options=options)
        return _climbed(rows, spec, steps, on_progress)


def run(spec: Specification, on_progress: OnProgress | None = None) -> Comparison:
    """Compare mixtures on all the rows that a dataset is a sample of, as `compare` does."""
    with all_rows(spec.dataset, tell=before(on_progress)) as rows:
        sample, base = replace(spec.dataset, whole=None), boxed(spec.mixture, rows)
        there_spec = Specification(dataset=sample, mixture=base, options=spec.options)
        return _climbed(rows, there_spec, CLIMB, on_progress)


def _climbed(
    held_rows: Held, spec: Specification, steps: int, on_progress: OnProgress | None
) -> Comparison:
    """Search each mixture on a few rows of the sample, and take it on to all the rows."""
    few = _few(spec)

    def fitted(mixture: Mixture, optima: course.Optima, report: OnProgress) -> ComparisonRow:
        began = time.perf_counter()

        def passed(progress: Progress) -> None:
            report(Progress(progress.total + progress.done, progress.total))

        try:
            sample_fit = course.fit_from_optima(few, mixture, spec.options, optima, report)
            row = fitted_row(few, mixture, sample_fit, 0.0)
            if row.parameters is not None:
                start = Surrogate(mixture, spec.dataset, held_rows.whole.total).best(
                    best_few(sample_fit)
                )
                fit = climb(held_rows, mixture, start.reshape(1), spec.dataset, steps, passed)
                row = _at_full_size(held_rows, row, mixture, fit)
            return row._replace(seconds=time.perf_counter() - began)
        except (ValueError, ArithmeticError) as error:
            return unfitted_row(few, mixture, "failed", str(error), spec.options.restarts)

    groups = [group for part in course.groups(spec) for group in part]
    rows = course.swept(spec, groups, fitted, on_progress, _UNITS)
    return merged(spec.options, [rows])


def _few(spec: Specification) -> Dataset:
    """Return the rows of the sample that all starts go by: enough for the largest mixture."""
    sample: Dataset = spec.dataset
    N, D = sample.values.shape
    largest = max(mixture_of(cell, spec.mixture).n_parameters(D) for cell in cells(spec.options))
    step = max(1, N // max(FEWEST, EACH * largest))
    some = np.arange(N) % step == 0
    some[: len(sample.class_names)] = True  # the first of each class, which give them their order
    return sample.take(some)


def _at_full_size(rows: Held, row: ComparisonRow, mixture: Mixture, fit: MapFit) -> ComparisonRow:
    """Judge a mixture where its climb on all the rows has ended."""
    N, point = rows.whole.total, fit.parameters
    unsure = rows.doubt(point, mixture.classes_fixed)
    prior = float(sum(log_prior_terms(mixture, point).values()))
    at = At(-float(fit.final_loss[0]) - prior, row.n_parameters, N, unsure.entropy, unsure.doubt)
    judged: dict[str, Any] = {
        name: entry.value(at) for name, entry in CRITERIA.items() if entry.value is not None
    }
    K = mixture.n_weights
    return row._replace(
        **judged,
        parameters=point,
        verdict=str(fit.verdict[0]),
        higher=(),
        smallest=float(point.weights.min() * N),
        entropy=1 - unsure.entropy / (N * log(K)) if K > 1 else 1.0,
        class_probability=unsure.class_probability,
    )
