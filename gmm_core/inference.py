"""Runs a specification: chooses the engine, splits the work into parts, judges what came back.

A run has one part, or one for each chain of a posterior and each mixture of a comparison, so that
each can have a process of its own. Calling `fit_map` and its like runs the parts here, one after
the other; `jobs` runs them on workers. The engines are imported when they are needed.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Sequence
from math import comb
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gmm_core import comparison
from gmm_core.comparison import Comparison, ComparisonRow
from gmm_core.dataset import Dataset
from gmm_core.diagnostics import CONVERGED, POLISHED, basins, is_collapsed
from gmm_core.mixture import COVARIANCES, Mixture, Parameters, Priors
from gmm_core.options import CompareOptions, EmOptions, GuideOptions, MapOptions, NutsOptions
from gmm_core.progress import Cancelled, OnProgress, Patch, Progress
from gmm_core.results import EmFit, GuideFit, MapFit, Posterior
from gmm_core.specification import Specification
from gmm_core.units import suited

Result = MapFit | GuideFit | Posterior | Comparison | EmFit
SomeOptions = TypeVar("SomeOptions", MapOptions, GuideOptions, NutsOptions, EmOptions)


def fit_map(
    dataset: Dataset,
    mixture: Mixture,
    options: MapOptions | None = None,
    *,
    engine: str = "compiled",
    on_progress: OnProgress | None = None,
) -> MapFit:
    """Find the most probable parameters (MAP, in constrained space) by Adam from many starts.

    Parameters
    ----------
    options : restarts, steps and the rest; the tutorial's by default.
    engine : "compiled", or "pyro", the reference; their curves agree to rounding.
    on_progress : called with `Progress` now and then; raising `Cancelled` in it stops the run.

    Raises
    ------
    ValueError
        When the mixture cannot be fitted to the data, or an option is out of range.
    """
    spec = Specification(
        dataset=dataset, mixture=mixture, options=_options(MapOptions, options), engine=engine
    )
    return _run(spec, on_progress)


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
        options=_options(GuideOptions, options),
        parameters=parameters,
    )
    return _run(spec, on_progress)


def sample_posterior(
    dataset: Dataset,
    mixture: Mixture,
    options: NutsOptions | None = None,
    *,
    engine: str = "nutpie",
    on_progress: OnProgress | None = None,
) -> Posterior:
    """Draw from the posterior by NUTS, assignments summed out.

    Parameters
    ----------
    options : draws, warm-up, chains, seed and adaptation.
    engine : "nutpie" on the compiled kernel, or "pyro", the reference.
    on_progress : as in `fit_map`. `Cancelled` leaves with the draws so far as its `partial`.

    Raises
    ------
    ValueError
        When a prior is flat, or the mixture does not fit the data.
    """
    spec = Specification(
        dataset=dataset, mixture=mixture, options=_options(NutsOptions, options), engine=engine
    )
    return _run(spec, on_progress)


def compare(
    dataset: Dataset,
    n_components: int | Iterable[int] = range(1, 7),
    covariances: str | Iterable[str | tuple[str, bool]] | None = None,
    priors: Priors | None = None,
    *,
    restarts: int = 20,
    first_seed: int = 0,
    start: str = "kmeans++",
    on_progress: OnProgress | None = None,
) -> list[ComparisonRow]:
    """Fit every K with every covariance, each from many starts, and judge them by BIC and others.

    Parameters
    ----------
    n_components : the K to try.
    covariances : names ("spherical", "diag", "full": tied and untied) or pairs (name, tied); all
        six for None.
    priors : None for none at all, which is maximum likelihood.
    restarts, first_seed, start : as in `MapOptions`. Every start is trained and polished, and the
        best sound optimum is taken.
    on_progress : as in `fit_map`. `Cancelled` leaves with the finished rows as its `partial`.

    Returns
    -------
    A row for each cell, by K and then in the order of `COVARIANCES`. A cell without an optimum
    says why, has NaN as its criteria, and is never `comparison.best`.

    Raises
    ------
    ValueError
        When an option is out of range, or the data cannot be fitted by any mixture.
    """
    single = isinstance(n_components, int | np.integer)
    named = isinstance(covariances, str)
    options = CompareOptions(
        n_components=(n_components,) if single else tuple(n_components),  # type: ignore[arg-type]
        covariances=(covariances,) if named else tuple(covariances or COVARIANCES),  # type: ignore[arg-type]
        restarts=restarts,
        first_seed=first_seed,
        start=start,  # type: ignore[arg-type]  # checked by the options
    )
    mixture = Mixture(n_components=1, priors=Priors.flat() if priors is None else priors)
    spec = Specification(dataset=dataset, mixture=mixture, options=options)
    try:
        found: Comparison = _run(spec, on_progress)
    except Cancelled as cancelled:
        rows = [] if cancelled.partial is None else list(cancelled.partial.rows)
        raise Cancelled(str(cancelled), rows) from None
    return list(found.rows)


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
        options=_options(EmOptions, options),
        parameters=parameters,
    )
    return _run(spec, on_progress)


def n_parts(spec: Specification) -> int:
    """Count the parts that can run at the same time: chains, mixtures of a comparison, else one."""
    if isinstance(spec.options, CompareOptions):
        return len(comparison.models(spec.options, spec.dataset.values.shape[1]))
    return spec.options.chains if isinstance(spec.options, NutsOptions) else 1


def run_part(spec: Specification, part: int = 0, on_progress: OnProgress | None = None) -> Any:
    """Run one part of a specification; `combine` makes the result of all parts."""
    dataset, mixture, options = spec.dataset, spec.mixture, spec.options
    if isinstance(options, MapOptions):
        module = {"compiled": "compiled_engine", "pyro": "pyro_engine"}[spec.engine]
        units = suited(dataset, mixture)
        if units is None:
            training = _engine(module).fit_map(dataset, mixture, options, on_progress)
        else:
            report = units.progress(on_progress)
            found = _engine(module).fit_map(units.dataset, units.mixture, options, report)
            training = units.training(found)
        return _judge(dataset, options, training)
    if isinstance(options, GuideOptions):
        engine = _engine("pyro_engine")
        return engine.fit_guide(dataset, mixture, spec.parameters, options, on_progress)
    if isinstance(options, CompareOptions):
        return _fit_cells(spec, options, part, on_progress)
    if isinstance(options, EmOptions):
        engine = _engine("em_engine")
        return engine.fit_em(dataset, mixture, spec.parameters, options, on_progress)
    module = {"nutpie": "compiled_nuts", "pyro": "pyro_nuts"}[spec.engine]
    return _engine(module).sample_chain(dataset, mixture, options, part, on_progress)


def _fit_cells(
    spec: Specification, options: CompareOptions, part: int, on_progress: OnProgress | None
) -> Comparison:
    """Fit one mixture of a comparison and report its row for every cell that is this mixture."""
    data, R = spec.dataset, options.restarts
    every = comparison.cells(options)
    group = comparison.models(options, data.values.shape[1])[part]
    mixture = comparison.mixture_of(every[group[0]], spec.mixture)

    def report(progress: Progress) -> None:
        if on_progress is not None and progress.total:
            # Polishing is about as much work as Adam, and says nothing of how far it is.
            on_progress(Progress(R * progress.done // (2 * progress.total), R))

    began = time.perf_counter()
    try:
        mixture.check(data)
        fit = fit_map(data, mixture, options.map_options, on_progress=report)
        row = comparison.fitted_row(data, mixture, fit, time.perf_counter() - began)
    except (ValueError, ArithmeticError) as error:
        row = comparison.unfitted_row(data, mixture, "failed", str(error), R)
    rows = []
    for i in group:
        rows.append(row._replace(**every[i]._asdict()))
        if on_progress is not None:
            numbers = comparison.reported(rows[-1])
            shape = (len(every),)
            news = {name: Patch(shape, (i,), np.array([v])) for name, v in numbers.items()}
            on_progress(Progress(R, R, news))
    return Comparison(tuple(rows))


def _engine(module: str) -> Any:
    return importlib.import_module(f"gmm_core.engines.{module}")


def combine(spec: Specification, parts: Sequence[Any]) -> Result:
    """Make the result of all parts: chains side by side, cut to the shortest when cancelled.

    Raises
    ------
    ValueError
        When there is no part with anything in it.
    """
    if isinstance(spec.options, CompareOptions):
        return comparison.merged(spec.options, [part for part in parts if part is not None])
    if not isinstance(spec.options, NutsOptions):
        return parts[0]
    chains = [chain for chain in parts if chain is not None and chain.n_draws > 0]
    if not chains:
        raise ValueError("No chain has a draw yet: every one was stopped during its warm-up.")
    shortest = min(chain.n_draws for chain in chains)

    def beside(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        # Per-chain numbers such as the step size are [1]; draws are [1, S, ...].
        return np.concatenate([a if a.ndim == 1 else a[:, :shortest] for a in arrays])

    first = chains[0]
    return Posterior(
        {name: beside([chain.draws[name] for chain in chains]) for name in first.draws},
        {name: beside([chain.stats[name] for chain in chains]) for name in first.stats},
    )


def _options(kind: type[SomeOptions], options: SomeOptions | None) -> SomeOptions:
    """Return the options, the defaults for None; refuse those of another kind of run."""
    if options is None:
        return kind()
    if not isinstance(options, kind):
        raise ValueError(
            f"The options came as {type(options).__name__}. Give gmm.{kind.__name__}(...)."
        )
    return options


def _run(spec: Specification, on_progress: OnProgress | None) -> Any:
    """Run all parts here, one after the other."""
    total = n_parts(spec)
    parts: list[Any] = []
    for part in range(total):

        def report(progress: Progress, part: int = part) -> None:
            if on_progress is not None:
                done = part * progress.total + progress.done
                on_progress(Progress(done, total * progress.total, progress.snapshot))

        try:
            parts.append(run_part(spec, part, report if on_progress else None))
        except Cancelled as cancelled:
            parts.append(cancelled.partial)
            if total > 1 and any(part is not None for part in parts):
                raise Cancelled(str(cancelled), combine(spec, parts)) from None
            raise
    return combine(spec, parts)


def _distinct_mixtures(spec: Specification, options: CompareOptions) -> list[Mixture]:
    """List the mixtures of a comparison that are fitted, each once."""
    every = comparison.cells(options)
    groups = comparison.models(options, spec.dataset.values.shape[1])
    return [comparison.mixture_of(every[group[0]], spec.mixture) for group in groups]


def _judge(dataset: Dataset, options: MapOptions, training: Any) -> MapFit:
    """Give every restart its verdict, group them by optimum, and choose the one to show."""
    points: Parameters = training.points
    tolerance = POLISHED if options.polish else CONVERGED
    R = options.restarts
    verdict = np.full(R, "untrained", dtype="<U9")
    verdicts: dict[bytes, str] = {}
    for r in map(int, np.flatnonzero(training.trained)):
        # Restarts that are permutations of one another share loss and verdict.
        key = training.loss[r].tobytes()
        if key not in verdicts:
            if is_collapsed(dataset, training.mixture, points[r]):
                verdicts[key] = "collapsed"
            elif training.broken[r]:
                verdicts[key] = "failed"
            else:
                settled = training.gradient[r] <= tolerance
                verdicts[key] = "converged" if settled else "moving"
        verdict[r] = verdicts[key]
    sound = np.isin(verdict, ("converged", "moving"))
    if options.choose == "initial":
        chosen = int(np.flatnonzero(training.trained)[0])
    else:
        # A collapsed loss has no lower bound, so it is no measure: sound ones come first.
        order = {"converged": 0, "moving": 0, "collapsed": 1, "failed": 2}
        if options.polish and np.any(verdict == "converged"):
            # What still moves after polishing runs down a slope without an end, such as towards a
            # singular covariance: where it was stopped is no measure either.
            order["moving"] = 1
            sound = verdict == "converged"
        rank = [order[v] for v in verdict]
        chosen = int(np.lexsort((np.nan_to_num(training.final_loss, nan=np.inf), rank))[0])
    return MapFit(
        loss=training.loss,
        final_loss=training.final_loss,
        gradient_norm=training.gradient_norm,
        points=points,
        chosen=chosen,
        trajectory=training.trajectories[chosen],
        verdict=verdict,
        basin=basins(training.final_loss, points, sound),
    )


def estimate_seconds(spec: Specification) -> float:
    """Estimate how long a run takes on one core, to the nearest factor of two or three.

    Per step of the Pyro engine 3 ms, and 30 ns for each point, component and column (times D for
    full covariances), as measured on two cores; of the compiled engines 1 us and 4 ns, and as
    much again as 2 us where Python calls it. NUTS takes eight gradients a draw.
    """
    N, D = spec.dataset.values.shape
    per_number = D if spec.mixture.has_correlations(D) else 1
    numbers = N * spec.mixture.n_components * D * per_number
    pyro = spec.engine == "pyro"
    step = 3e-3 + 30e-9 * numbers if pyro else 1e-6 + 4e-9 * numbers
    options = spec.options
    if isinstance(options, CompareOptions):
        return sum(
            10e-3  # to hand a part over and keep its row
            + estimate_seconds(
                spec.model_copy(update={"mixture": m, "options": options.map_options})
            )
            for m in _distinct_mixtures(spec, options)
        )
    if isinstance(options, EmOptions):
        return 200 * (1e-3 + 30e-9 * numbers)
    if isinstance(options, MapOptions):
        # Starts on the same points are trained once; what an end is judged by costs a millisecond.
        distinct = min(options.restarts, comb(N, spec.mixture.n_components))
        trained = distinct if options.choose == "final" else 1
        polishing = trained * (100 * step + 3e-3) if options.polish else 0.0
        return step * (distinct + trained * options.steps) + 1e-3 * trained + polishing
    if isinstance(options, GuideOptions):
        return step * options.steps
    begin, draw = (10.0, 8 * step) if pyro else (0.1, 8 * (step + 2e-6) + 2e-5)
    return begin + draw * (options.draws + options.warmup) * max(1, (options.chains + 1) // 2)
