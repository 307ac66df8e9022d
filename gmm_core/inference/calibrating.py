"""Simulation-based calibration of a sampler, some simulated data sets a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.inference.run import checked_options, run_here, run_part
from gmm_core.mixture import Mixture, prior_draws
from gmm_core.posterior.calibration import KEPT, QUANTITIES, Calibration
from gmm_core.runs import kinds
from gmm_core.runs.options import CalibrationOptions, NutsOptions, SmcOptions
from gmm_core.runs.progress import OnProgress, Patch, Progress, Reporter
from gmm_core.runs.specification import Specification

_PART = 10  # data sets of a part
_GRADIENTS = 8  # of a draw, about


def calibrate(
    dataset: Dataset,
    mixture: Mixture,
    options: CalibrationOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> Calibration:
    """Ask whether a sampler gives calibrated answers for this mixture and so many points.

    Points are drawn from the priors, and as many values as the dataset has from each; what is
    ranked is in `posterior.calibration`. Of the dataset only its shape and columns count, beside
    what the priors have taken from it.

    Parameters
    ----------
    options : how many data sets, the sampler, and how long its chains are.
    on_progress : as in `fit_map`. `Cancelled` leaves with the finished parts as its `partial`.

    Raises
    ------
    ValueError
        When a prior is no distribution to draw from, the data has weights, missing values, known
        classes or noise to mind, or there is no such sampler.
    """
    spec = Specification(
        dataset=dataset, mixture=mixture, options=checked_options(CalibrationOptions, options)
    )
    calibration: Calibration = run_here(spec, on_progress)
    return calibration


_ASKED: dict[str, Callable[[CalibrationOptions, int], Any]] = {
    "posterior": lambda asked, seed: NutsOptions(
        draws=KEPT * asked.thin, warmup=asked.warmup, chains=1, seed=seed
    ),
    # Its draws depend on each other through their resampling alone; there is no warm-up.
    "smc": lambda asked, seed: SmcOptions(draws=KEPT * asked.thin, populations=2, seed=seed),
}
"""The options of one chain, by the kind of run that a sampler computes."""


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> Calibration:
    engine, options = kinds.engine_of(spec).load(), spec.options
    report = Reporter(on_progress)
    kind = kinds.by_engine("posterior", options.sampler)
    sets = _of_part(part, options.sets)
    ranks = np.full((len(QUANTITIES), len(sets)), np.nan)

    def news() -> dict[str, Patch]:
        return {"ranks": Patch((len(QUANTITIES), options.sets), (0, sets[0]), ranks)}

    for i, b in enumerate(sets):

        def going_on(progress: Progress, i: int = i) -> None:
            report(i, len(sets), news)

        try:
            point, simulated = engine.simulate(spec.dataset, spec.mixture, options.seed, b)
            inner = Specification(
                dataset=simulated,
                mixture=spec.mixture,
                options=_ASKED[kind.name](options, b),
                engine=options.sampler,
            )
            posterior = run_part(inner, 0, going_on if on_progress else None)
            ranks[:, i] = engine.ranks(simulated, spec.mixture, point, posterior, options.thin)
        except ValueError:  # values or a posterior out of the range of numbers: counted, and said
            continue
        report(i + 1, len(sets), news)
    report.flush()
    return Calibration(ranks)


def _of_part(part: int, sets: int) -> range:
    return range(part * _PART, min((part + 1) * _PART, sets))


def _combine(spec: Specification, parts: Sequence[Calibration | None]) -> Calibration:
    done = [part for part in parts if part is not None]
    if not done:
        raise ValueError("No simulated data set is sampled yet: the run was stopped before.")
    return Calibration(np.concatenate([part.ranks for part in done], axis=1))


def _evaluations(spec: Specification) -> list[kinds.Evaluations]:
    options: CalibrationOptions = spec.options
    draws = options.warmup + KEPT * options.thin
    return [kinds.Evaluations(spec.mixture, float(options.sets * draws * _GRADIENTS))]


def _rule(spec: Specification) -> None:
    prior_draws(spec.mixture, spec.dataset.values.shape[1], 1)
    samplers = [e.name for kind in kinds.alike("posterior") for e in kinds.engines(kind.name)]
    if spec.options.sampler not in samplers:
        raise ValueError(
            f"There is no sampler {spec.options.sampler!r:.60}. "
            f"Choose {' or '.join(map(repr, samplers))}."
        )


def _headline(calibration: Calibration) -> str:
    sets = calibration.known.shape[1]
    return f"{sets:,} data sets" + (
        f", p = {calibration.p_value:.3g}" if calibration.n_bins else ""
    )


KIND = kinds.Kind(
    name="calibration",
    label="Calibration of a sampler",
    resamples="simulates as many rows as there are, again and again",
    options=CalibrationOptions,
    results={"Calibration": "gmm_core.posterior.calibration"},
    engine="simulated",
    run=_run,
    parts=lambda spec: -(-spec.options.sets // _PART),
    combine=_combine,
    evaluations=_evaluations,
    # What a sampler does before its first draw.
    overhead=lambda spec: 0.05 * spec.options.sets,
    counts="data sets × draws",
    fewer="fewer points, components, data sets or draws between two that are kept",
    headline=_headline,
    spare_components=True,
    rule=_rule,
    verb="calibrate",
    files=("data.csv", "report.html"),
)
