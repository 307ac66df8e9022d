"""The MAP fit: Adam from many starts, each judged and the one to show chosen."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.inference.run import checked_options, run_here
from gmm_core.mixture import Mixture, Parameters
from gmm_core.mixture.matching import basins
from gmm_core.runs import kinds
from gmm_core.runs.methods import METHODS
from gmm_core.runs.options import MapOptions
from gmm_core.runs.progress import OnProgress
from gmm_core.runs.recorded import recorded_steps
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from gmm_core.runs.starts import STARTS
from gmm_core.runs.units import rescaled
from gmm_core.runs.verdicts import CONVERGED, POLISHED, collapsed, fewest_points, held

# Seconds to join rows into the trees of a search, for each pair of at most so many.
_TREES, _TREE_ROWS = 1.6e-8, 2000


def fit_map(
    dataset: Dataset | PartitionedDataset,
    mixture: Mixture,
    options: MapOptions | None = None,
    *,
    engine: str = "compiled",
    start: Parameters | None = None,
    on_progress: OnProgress | None = None,
) -> MapFit:
    """Find the most probable parameters (MAP, in constrained space) by Adam from many starts.

    Parameters
    ----------
    dataset : in partitions, it is fitted where workers hold it; see `partitioned.fit`.
    options : restarts, steps and the rest; the tutorial's by default.
    start : the point to begin at, with `start="given"` in the options.
    engine : "compiled", or "pyro", the reference; their curves agree to rounding.
    on_progress : called with `Progress` now and then; raising `Cancelled` in it stops the run.

    Raises
    ------
    ValueError
        When the mixture cannot be fitted to the data, or an option is out of range.
    """
    if isinstance(dataset, PartitionedDataset):
        from gmm_core.inference import partitioned  # clusters are heavy to load

        return partitioned.fit(dataset, mixture, options, start=start, on_progress=on_progress)
    spec = Specification(
        dataset=dataset,
        mixture=mixture,
        options=checked_options(MapOptions, options),
        engine=engine,
        parameters=start,
    )
    return run_here(spec, on_progress)


def _run(spec: Specification, part: int, on_progress: OnProgress | None) -> MapFit:
    more: dict[str, Any] = {} if spec.parameters is None else {"start": spec.parameters}
    engine = kinds.engine_of(spec).load()
    return _fit(engine, spec.dataset, spec.mixture, spec.options, on_progress, **more)


def search(
    dataset: Dataset,
    mixture: Mixture,
    options: MapOptions,
    more: Sequence[tuple[str, Parameters]] = (),
    on_progress: OnProgress | None = None,
) -> MapFit:
    """Search from more starts than the search's own, each with the name of its kind."""
    engine = next(e for e in kinds.engines("map") if e.fits_by(options.method)).load()
    return _fit(engine, dataset, mixture, options, on_progress, more=more)


def _fit(
    engine: Any,
    dataset: Dataset,
    mixture: Mixture,
    options: MapOptions,
    on_progress: OnProgress | None,
    **points: Any,
) -> MapFit:
    """Fit in units that suit the data, and judge in its own."""
    units = rescaled(dataset, mixture)
    if units is None:
        training = engine.fit_map(dataset, mixture, options, on_progress, **points)
    else:
        if "start" in points:
            points["start"] = units.inside(points["start"])
        if "more" in points:
            points["more"] = [(name, units.inside(point)) for name, point in points["more"]]
        report = units.progress(on_progress)
        trained = engine.fit_map(units.dataset, units.mixture, options, report, **points)
        training = units.training(trained)
    return _judge(dataset, options, training)


def _judge(dataset: Dataset, options: MapOptions, training: Any) -> MapFit:
    """Give every restart its verdict, group them by optimum, and choose the one to show."""
    points: Parameters = training.points
    # A polish stops where the gradient vanishes, as do methods that settle.
    tolerance = POLISHED if options.polish or METHODS[options.method].settles else CONVERGED
    R = len(training.loss)
    verdict = np.full(R, "untrained", dtype="<U9")
    trained = np.flatnonzero(training.trained)
    sizes = training.held[trained]
    is_collapsed = training.collapsed[trained]
    is_collapsed = is_collapsed | collapsed(dataset, training.mixture, points[trained], sizes)
    settled = np.where(training.gradient[trained] <= tolerance, "converged", "moving")
    verdict[trained] = np.where(
        is_collapsed, "collapsed", np.where(training.broken[trained], "failed", settled)
    )
    sound = np.isin(verdict, ("converged", "moving"))
    smallest, fewest = None, 0.0
    if not options.trains_all:
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
        if training.origin is not None:
            # What rests on a few points wins only where nothing else was found.
            fewest = fewest_points(dataset)
            smallest = np.full(R, np.nan)
            if np.any(unknown := np.isnan(sizes).any(axis=1)):
                sizes[unknown] = held(points[trained[unknown]], dataset)
            smallest[trained] = sizes.min(axis=1)
            rank = [2 * r + (s < fewest) for r, s in zip(rank, smallest, strict=True)]
        chosen = int(np.lexsort((np.nan_to_num(training.final_loss, nan=np.inf), rank))[0])
    if training.norms_along is not None:
        along = training.norms_along(chosen)
        for norm, values in zip(training.gradient_norm.values(), along, strict=True):
            norm[chosen] = values[training.recorded]
    whole = len(training.recorded) == options.steps
    return MapFit(
        loss=training.loss,
        final_loss=training.final_loss,
        gradient_norm=training.gradient_norm,
        points=points,
        chosen=chosen,
        trajectory=training.trajectories[chosen],
        verdict=verdict,
        basin=basins(training.final_loss, points, sound),
        origin=training.origin,
        smallest=smallest,
        fewest=fewest,
        recorded=None if whole else training.recorded,
        made=None if whole else training.made,
    )


def _trained(spec: Specification) -> tuple[int, int]:
    """How many restarts differ, and how many of these are trained."""
    options: MapOptions = spec.options
    # Subsampled starts on the same points are trained once.
    N, K = len(spec.dataset.values), spec.mixture.n_components
    distinct = (
        min(options.restarts, comb(N, K)) if STARTS[options.start].repeats else options.restarts
    )
    return distinct, distinct if options.trains_all else 1


def _evaluations(spec: Specification) -> list[kinds.Evaluations]:
    options: MapOptions = spec.options
    distinct, trained = _trained(spec)
    method = METHODS[options.method]
    polishing = method.polishing if options.polish and not method.settles else 0
    steps = method.passes(options.steps) + polishing
    return [kinds.Evaluations(spec.mixture, distinct + trained * steps)]


def _curves(spec: Specification) -> tuple[int, int]:
    """Numbers of one restart's curves, its loss and each site's gradient norm: made, and kept."""
    D = spec.dataset.values.shape[1]
    curves = 4 if spec.mixture.family.diagonal(D) else 5
    kept = len(recorded_steps(spec.mixture, D, spec.options))
    return spec.options.steps * curves, kept * curves


def _overhead(spec: Specification) -> float:
    options: MapOptions = spec.options
    # What an end is judged by, per restart, and what a search joins into trees.
    trained, (made, kept) = _trained(spec)[1], _curves(spec)
    ends = trained * 2e-4
    if STARTS[options.start].search:
        ends += _TREES * min(len(spec.dataset.values), _TREE_ROWS) ** 2
    # Curves are laid out for every restart, trained or not; whole while they are made.
    return ends + (options.restarts * kept + trained * (made - kept)) * 12e-9


def _stored(spec: Specification) -> float:
    options: MapOptions = spec.options
    return float(_curves(spec)[1] * (options.restarts if options.trains_all else 1))


def _headline(fit: MapFit) -> str:
    return f"loss {fit.final_loss[fit.chosen]:.6g}"


def _rule(spec: Specification) -> None:
    engine, method = kinds.engine_of(spec), spec.options.method
    if not engine.fits_by(method):
        available = kinds.engines(spec.kind, sampled=spec.dataset.whole is not None)
        others = [other.name for other in available if other.fits_by(method)]
        raise ValueError(
            f"The engine {engine.name!r} does not fit by {method!r}. "
            f"Choose the engine {' or '.join(map(repr, others))}, "
            f"or the method {' or '.join(map(repr, engine.methods))}."
        )


def _has_begun_and_ended(fit: MapFit) -> bool:
    """Whether the way of the shown start is known from its beginning to a place."""
    steps, _ = fit.trajectory
    return int(steps[0]) == 0 and fit.verdict[fit.chosen] not in ("failed", "untrained")


def _final_state(fit: MapFit) -> tuple[str, str]:
    """Call a fit that diverged failed."""
    if str(fit.verdict[fit.chosen]) != "failed":
        return "done", ""
    loss = np.append(fit.loss[fit.chosen], fit.final_loss[fit.chosen])
    broken = np.flatnonzero(~np.isfinite(loss))
    if len(broken):
        step = int(fit.steps_made[fit.chosen])
        what_came = "NaN" if np.isnan(loss[broken[0]]) else "infinite"
        if broken[0] < len(fit.steps) and fit.steps[broken[0]] != step:
            what_came = "NaN or infinite"  # the step at which it did is not recorded
        what = f"The loss became {what_came} at step {step}"
    else:
        what = "The parameters left the range of numbers"
    return "failed", f"{what}: the fit diverged. Lower the learning rate and run it again."


KIND = kinds.Kind(
    name="map",
    label="Fit",
    options=MapOptions,
    results={"MapFit": "gmm_core.runs.results"},
    engine="compiled",
    run=_run,
    evaluations=_evaluations,
    overhead=_overhead,
    stored=_stored,
    counts="starts × steps",
    fewer="fewer points, components, starts or steps",
    headline=_headline,
    rule=_rule,
    starts_from_point=lambda options: STARTS[options.start].from_point,
    final_state=_final_state,
    smallest=MapOptions(restarts=1, steps=1),
    verb="fit",
    files=("script.py", "notebook.ipynb", "data.csv", "report.html"),
    savable=_has_begun_and_ended,
    compared=True,
)
