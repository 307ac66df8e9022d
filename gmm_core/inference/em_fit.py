"""EM from a given point: a maximum of the likelihood by scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from math import log10

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import likelihood_shift
from gmm_core.inference.run import checked_options, run_here
from gmm_core.mixture import Mixture, Parameters, Priors
from gmm_core.runs import kinds
from gmm_core.runs.options import EmOptions
from gmm_core.runs.progress import Cancelled, OnProgress, shifted
from gmm_core.runs.results import EmFit
from gmm_core.runs.specification import Specification

_PER_DIGIT = 5
"""About how many iterations bring one more digit of the log likelihood: EM converges linearly."""


def fit_em(
    dataset: Dataset,
    mixture: Mixture,
    parameters: Parameters,
    options: EmOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> EmFit:
    """Maximise the likelihood by scikit-learn's EM from a given point.

    Parameters
    ----------
    mixture : with `Priors.flat()`: EM knows no priors.
    parameters : where it begins.
    options : when it ends.
    on_progress : as in `fit_map`. `Cancelled` leaves with the fit so far as its `partial`.

    Raises
    ------
    ValueError
        When there are priors, or parameters, mixture and data do not go together.
    """
    spec = Specification(
        dataset=dataset,
        mixture=mixture,
        options=checked_options(EmOptions, options),
        parameters=parameters,
    )
    return run_here(spec, on_progress)


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> EmFit:
    engine = kinds.engine_of(spec).load()
    shift = likelihood_shift(spec.dataset)
    report = shifted(on_progress, "log_likelihood", shift)
    try:
        fit: EmFit = engine.fit_em(
            spec.dataset, spec.mixture, spec.parameters, spec.options, report
        )
    except Cancelled as stopped:
        stopped.partial = stopped.partial and _shifted(stopped.partial, shift)
        raise
    return _shifted(fit, shift)


def _shifted(fit: EmFit, shift: float) -> EmFit:
    return replace(fit, log_likelihood=fit.log_likelihood + shift) if shift else fit


def _rule(spec: Specification) -> None:
    if spec.mixture.priors != Priors.flat():
        raise ValueError(
            "EM maximises the likelihood and knows no priors. Give a mixture with Priors.flat()."
        )


def _evaluations(spec: Specification) -> list[kinds.Evaluations]:
    """As many as bring the tolerance, at most the iterations; all of them for a tolerance of 0."""
    options: EmOptions = spec.options
    count = float(options.iterations)
    if options.tolerance > 0:
        count = min(count, 1 - _PER_DIGIT * log10(options.tolerance))
    return [kinds.Evaluations(spec.mixture, count)]


KIND = kinds.Kind(
    name="em",
    label="EM",
    options=EmOptions,
    results={"EmFit": "gmm_core.runs.results"},
    engine="scikit-learn",
    run=_run,
    evaluations=_evaluations,
    counts="iterations",
    fewer="fewer points, components or iterations",
    headline=lambda fit: f"log likelihood {fit.log_likelihood[-1]:.6g}",
    rule=_rule,
    starts_from_point=lambda options: True,
    likelihood=True,
)
