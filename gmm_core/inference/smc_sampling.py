"""The posterior with its modes weighed, and the evidence: populations of particles, each a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import likelihood_shift
from gmm_core.inference.run import checked_options, run_here
from gmm_core.inference.sampling import (
    named_alike,
    ordering,
    refuse_flat,
    shown_now,
    soon_named,
    stacked,
)
from gmm_core.mixture import Mixture, Parameters
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.evidence import Evidence, pooled
from gmm_core.runs import kinds
from gmm_core.runs.options import SmcOptions
from gmm_core.runs.progress import OnProgress, shifted
from gmm_core.runs.specification import Specification

_PER_DRAW = 200
"""About how many evaluations a draw takes: 40 where importance weights do alone, 500 where it needs
many temperatures."""


def evidence(
    dataset: Dataset,
    mixture: Mixture,
    options: SmcOptions | None = None,
    *,
    start: Parameters | None = None,
    on_progress: OnProgress | None = None,
) -> Evidence:
    """Estimate the log evidence of a mixture, log p(x), everything integrated out.

    A mode in which a component has shrunk onto the copies of one value is left out, as
    `engines.modes` says; with conjugate priors there is none.

    Parameters
    ----------
    mixture : with proper priors; its evidence depends on them.
    options : draws, populations and seed.
    start : as in `sample_posterior`.
    on_progress : as in `fit_map`.

    Raises
    ------
    ValueError
        When a prior is flat, or the mixture does not fit the data.
    """
    spec = Specification(
        dataset=dataset,
        mixture=mixture,
        options=checked_options(SmcOptions, options),
        parameters=start,
    )
    posterior: Posterior = run_here(spec, on_progress)
    populations = posterior.stats["log_evidence"]
    value, mcse = pooled(populations)
    return Evidence(value, mcse, populations, posterior.stats["pareto_k"])


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> Posterior:
    more: dict[str, Any] = {} if spec.parameters is None else {"start": spec.parameters}
    engine = kinds.engine_of(spec).load()
    shift = likelihood_shift(spec.dataset)
    report = shifted(shown_now(spec, on_progress), "stats.log_evidence", shift)
    population: Posterior = engine.sample_population(
        spec.dataset, spec.mixture, spec.options, part, report, **more
    )
    if not shift:
        return population
    evidence = population.stats["log_evidence"] + shift
    return replace(population, stats={**population.stats, "log_evidence": evidence})


def _combine(spec: Specification, parts: Sequence[Posterior | None]) -> Posterior:
    populations = [part for part in parts if part is not None]
    if not populations:
        raise ValueError("No population has arrived at the posterior: all were stopped before.")
    return stacked(populations)


def _evaluations(spec: Specification) -> list[kinds.Evaluations]:
    options: SmcOptions = spec.options
    return [kinds.Evaluations(spec.mixture, options.populations * options.draws * float(_PER_DRAW))]


def _stored(spec: Specification) -> float:
    options: SmcOptions = spec.options
    D = spec.dataset.values.shape[1]
    numbers_per_draw = Parameters.size(spec.mixture.n_components, D)
    return float(options.populations * options.draws * numbers_per_draw)


def _headline(posterior: Posterior) -> str:
    evidence = posterior.log_evidence
    draws = posterior.n_chains * posterior.n_draws
    return f"{draws:,} draws" + (f", log evidence {evidence.value:.2f}" if evidence else "")


KIND = kinds.Kind(
    name="smc",
    label="Posterior, modes weighed",
    options=SmcOptions,
    results={"Posterior": "gmm_core.posterior.draws"},
    engine="smc",
    run=_run,
    parts=lambda spec: spec.options.populations,
    combine=_combine,
    evaluations=_evaluations,
    completed=named_alike,
    shown=soon_named,
    overhead=ordering,
    stored=_stored,
    counts="populations × draws",
    fewer="fewer points, components, populations or draws",
    headline=_headline,
    spare_components=True,
    rule=refuse_flat,
    starts_from_point=lambda options: options.start == "given",
    smallest=SmcOptions(draws=50, populations=2),
    # Pyro has no sampler that weighs modes, so no program for it repeats this.
    files=("data.csv", "draws.nc", "report.html"),
)
