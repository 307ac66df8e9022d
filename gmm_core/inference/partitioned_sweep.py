"""Mixtures of data that stays on the workers: searched on a sample, compared on all of it."""

from __future__ import annotations

import time
from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_core.comparison.criteria import CRITERIA, At
from gmm_core.comparison.sweep import (
    Cell,
    Comparison,
    ComparisonRow,
    canonical,
    mixture_of,
    reported,
)
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.inference.cost import CLIMB
from gmm_core.inference.partitioned import CORESET, before, boxed, climb
from gmm_core.inference.run import run_here
from gmm_core.mixture import Mixture, Priors, log_prior_terms
from gmm_core.mixture.observation import EVERYTHING
from gmm_core.partitions.held import Held, held
from gmm_core.partitions.opened import all_rows
from gmm_core.runs import kinds
from gmm_core.runs.options import CompareOptions
from gmm_core.runs.progress import OnProgress, Patch, Progress
from gmm_core.runs.specification import Specification

if TYPE_CHECKING:
    from distributed import Client

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
        climbs=1,
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
) -> list[ComparisonRow]:
    """Compare mixtures on all the data, as `sweep.compare` does.

    Each mixture is searched on the sample and climbs on the full data from its optimum there.

    Parameters
    ----------
    options : what is compared, and how the sample is searched.
    priors : None for none at all.
    labels, noise : as in `Mixture`.
    steps : the most passes over the full data of each mixture.
    client, on_progress : as in `held`, and as in `fit_map`; progress is told with each pass.

    Returns
    -------
    Rows as of `compare`, with every criterion at full size but for the evidence. How a search has
    found an optimum is told of the sample.

    Raises
    ------
    ValueError
        As `held` and `sweep.compare` say.
    """
    with held(data, client, before(1, on_progress)) as there:
        sample = there.coreset(data.columns, data.name, CORESET, options.first_seed)
        base = Mixture(
            n_components=max(1, len(sample.class_names)) if labels == "fix" else 1,
            priors=Priors.flat() if priors is None else priors,
            noise=noise,
            labels=labels,  # type: ignore[arg-type]  # checked by the mixture
        )
        base = boxed(base, there)
        spec = Specification(dataset=sample, mixture=base, options=options)
        return _climbed(there, spec, steps, on_progress)


def run(spec: Specification, on_progress: OnProgress | None = None) -> Comparison:
    """Compare mixtures on all the rows that a dataset is a sample of, as `compare` does."""
    with all_rows(spec.dataset, tell=before(1, on_progress)) as there:
        sample, base = replace(spec.dataset, whole=None), boxed(spec.mixture, there)
        there_spec = Specification(dataset=sample, mixture=base, options=spec.options)
        return Comparison(tuple(_climbed(there, there_spec, CLIMB, on_progress)))


def _climbed(
    there: Held, spec: Specification, steps: int, on_progress: OnProgress | None
) -> list[ComparisonRow]:
    """Compare mixtures on the sample, and take each on to all the rows.

    Half of the progress is of the sample, whose sweep says how far it is, half of the rows.
    """
    half = len(spec.options.n_components) * len(spec.options.covariances) * steps

    def searched(progress: Progress) -> None:
        if on_progress is not None:
            on_progress(Progress(int(half * progress.done / max(progress.total, 1)), 2 * half))

    rows = run_here(spec, searched).rows
    climbed: dict[Cell, ComparisonRow] = {}
    finished: list[ComparisonRow] = []
    for turn, row in enumerate(rows):

        def tell(progress: Progress, turn: int = turn) -> None:
            if on_progress is not None:
                on_progress(Progress(half + turn * steps + progress.done, 2 * half))

        # Cells that are the same mixture climb once.
        same = canonical(row.cell, len(spec.dataset.columns))
        if same not in climbed:
            climbed[same] = _at_full_size(there, row, spec.mixture, steps, tell)
        finished.append(climbed[same]._replace(**row.cell._asdict()))
        if on_progress is not None:
            numbers = reported(finished[-1])
            news = {n: Patch((len(rows),), (turn,), np.array([v])) for n, v in numbers.items()}
            on_progress(Progress(half + (turn + 1) * steps, 2 * half, news))
    return finished


def _at_full_size(
    there: Held, row: ComparisonRow, base: Mixture, steps: int, tell: OnProgress
) -> ComparisonRow:
    """Climb from a cell's optimum on the sample, and judge where that ends."""
    row = row._replace(higher=())
    if row.parameters is None:
        return row
    began = time.perf_counter()
    mixture, N = mixture_of(row.cell, base), there.whole.total
    fit = climb(there, mixture, row.parameters.reshape(1), steps, tell)
    point = fit.parameters
    unsure = there.doubt(point, mixture.labels == "fix")
    prior = float(sum(log_prior_terms(mixture, point).values()))
    at = At(-float(fit.final_loss[0]) - prior, row.n_parameters, N, unsure.entropy, unsure.doubt)
    judged: dict[str, Any] = {
        name: each.value(at) for name, each in CRITERIA.items() if each.value is not None
    }
    K = mixture.n_weights
    return row._replace(
        **judged,
        parameters=point,
        verdict=str(fit.verdict[0]),
        smallest=float(point.weights.min() * N),
        seconds=row.seconds + time.perf_counter() - began,
        entropy=1 - unsure.entropy / (N * log(K)) if K > 1 else 1.0,
        class_probability=unsure.class_probability,
    )
