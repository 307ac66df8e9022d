"""The guide that enumerates assignments: each point's probabilities, the learned point held."""

from __future__ import annotations

from gmm_core.data.dataset import Dataset
from gmm_core.inference.run import checked_options, run_here
from gmm_core.mixture import Mixture, Parameters
from gmm_core.runs import kinds
from gmm_core.runs.options import GuideOptions
from gmm_core.runs.progress import OnProgress
from gmm_core.runs.results import GuideFit
from gmm_core.runs.specification import Specification


def fit_guide(
    dataset: Dataset,
    mixture: Mixture,
    parameters: Parameters,
    options: GuideOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> GuideFit:
    """Fit each point's assignment probabilities by enumeration in the guide, globals held fixed.

    Parameters
    ----------
    parameters : the learned point; it is not changed.
    options : steps, learning rate and betas; the tutorial's by default.
    on_progress : as in `fit_map`.

    Raises
    ------
    ValueError
        When parameters, mixture and data do not go together.
    """
    spec = Specification(
        dataset=dataset,
        mixture=mixture,
        options=checked_options(GuideOptions, options),
        parameters=parameters,
    )
    return run_here(spec, on_progress)


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> GuideFit:
    engine = kinds.engine_of(spec).load()
    fit: GuideFit = engine.fit_guide(
        spec.dataset, spec.mixture, spec.parameters, spec.options, on_progress
    )
    return fit


def _headline(fit: GuideFit) -> str:
    return f"loss {fit.loss[-1]:.6g}" if len(fit.loss) else ""


KIND = kinds.Kind(
    name="guide",
    label="Membership",
    options=GuideOptions,
    results={"GuideFit": "gmm_core.runs.results"},
    engine="pyro",
    run=_run,
    evaluations=lambda spec: [kinds.Evaluations(spec.mixture, spec.options.steps)],
    stored=lambda spec: len(spec.dataset.values) * spec.mixture.n_components,
    counts="steps",
    fewer="fewer points, components or steps",
    headline=_headline,
    starts_from_point=lambda options: True,
    files=("script.py", "notebook.ipynb", "data.csv"),
)
