"""The bootstrap: fits to replicates of the data, some of them a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.inference.run import checked_options, run_here
from gmm_core.mixture import Mixture, Parameters
from gmm_core.posterior.bootstrap import Bootstrap
from gmm_core.runs import kinds
from gmm_core.runs.options import BootstrapOptions
from gmm_core.runs.progress import OnProgress
from gmm_core.runs.specification import Specification

PART = 20
"""Replicates of a part: long enough to be worth handing over, short enough to share out."""

CLIMB = 60
"""About how many evaluations it takes to climb from a start to its optimum."""


def bootstrap(
    dataset: Dataset,
    mixture: Mixture,
    options: BootstrapOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> Bootstrap:
    """Fit the mixture to replicates of the data, for standard errors and intervals.

    Every replicate is searched from several starts and from the fit of the data itself, and takes
    the best sound optimum. Its components are matched to the fit's by the responsibilities of the
    original rows.

    Parameters
    ----------
    options : replicates, how they come about, seed and starts.
    on_progress : as in `fit_map`. `Cancelled` leaves with the finished parts as its `partial`.

    Raises
    ------
    ValueError
        When the data itself has no sound optimum, or an option is out of range.

    Notes
    -----
    Efron and Tibshirani (1993), An introduction to the bootstrap, chapters 6 and 13; of mixtures
    O'Hagan, Murphy, Scrucca and Gormley (2019), Investigation of parameter uncertainty in
    clustering using a Gaussian mixture model via jackknife, bootstrap and weighted likelihood
    bootstrap.
    """
    spec = Specification(
        dataset=dataset, mixture=mixture, options=checked_options(BootstrapOptions, options)
    )
    result: Bootstrap = run_here(spec, on_progress)
    return result


def parts_of(replicates: int) -> int:
    """Count the parts of so many replicates."""
    return -(-replicates // PART)


def of_part(part: int, replicates: int) -> range:
    """List the replicates of a part."""
    return range(part * PART, min((part + 1) * PART, replicates))


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> Bootstrap:
    engine, options = kinds.engine_of(spec).load(), spec.options
    result: Bootstrap = engine.bootstrap(
        spec.dataset, spec.mixture, options, of_part(part, options.replicates), on_progress
    )
    return result


def _combine(spec: Specification, parts: Sequence[Bootstrap | None]) -> Bootstrap:
    done = [part for part in parts if part is not None]
    if not done:
        raise ValueError("No replicate is finished: the run was stopped before.")
    return replace(
        done[0],
        draws={name: np.concatenate([part.draws[name] for part in done]) for name in done[0].draws},
        changed_basin=np.concatenate([part.changed_basin for part in done]),
        failed=np.concatenate([part.failed for part in done]),
    )


def _evaluations(spec: Specification) -> list[kinds.Evaluations]:
    options: BootstrapOptions = spec.options
    return [
        kinds.Evaluations(spec.mixture, float(CLIMB * options.replicates * (options.starts + 1)))
    ]


def _stored(spec: Specification) -> float:
    D = spec.dataset.values.shape[1]
    return float(spec.options.replicates * Parameters.size(spec.mixture.n_components, D))


def _headline(result: Bootstrap) -> str:
    B = len(result.failed)
    changed, failed = int(result.changed_basin.sum()), int(result.failed.sum())
    return f"{B:,} replicates, {changed:,} in another basin" + (
        f", {failed:,} without an optimum" if failed else ""
    )


KIND = kinds.Kind(
    name="bootstrap",
    label="Bootstrap",
    resamples="draws rows again and again",
    options=BootstrapOptions,
    results={"Bootstrap": "gmm_core.posterior.bootstrap"},
    engine="compiled",
    run=_run,
    parts=lambda spec: parts_of(spec.options.replicates),
    combine=_combine,
    evaluations=_evaluations,
    # Starts are drawn and judged in Python.
    overhead=lambda spec: 2e-3 * spec.options.replicates,
    stored=_stored,
    counts="replicates × starts",
    fewer="fewer points, components, replicates or starts",
    headline=_headline,
)
