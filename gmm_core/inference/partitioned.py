"""Fits to data that stays on the workers: points of the mixture go there, moments come back.

Starts and the search over them happen on a weighted sample, a coreset. The best few optima go on to
the full data by EM.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.inference.cost import PASSES
from gmm_core.inference.run import run_here
from gmm_core.mixture import Mixture, Parameters, sites
from gmm_core.mixture.likelihood import log_densities
from gmm_core.mixture.matching import basins
from gmm_core.mixture.observation import EVERYTHING
from gmm_core.partitions.ascent import Ascent
from gmm_core.partitions.box import box
from gmm_core.partitions.held import Held, held
from gmm_core.partitions.opened import SAMPLE, all_rows
from gmm_core.partitions.surrogate import Surrogate
from gmm_core.runs import kinds
from gmm_core.runs.options import MapOptions
from gmm_core.runs.progress import OnProgress, Progress
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification

if TYPE_CHECKING:
    from distributed import Client

CORESET = SAMPLE
"""Rows of the sample that is searched."""

BASINS = 3
"""Optima of the sample that go on to the full data: their order there may be another."""

_SURE = 6.0
"""Standard errors by which an optimum of the sample is behind that does not go on."""

_SEARCH = {
    "start": "search",
    "restarts": 20,
    "steps": 300,
    "method": "em",
    "choose": "final",
    "polish": False,
}

ENGINES = [
    kinds.Engine(
        kind="map",
        name="partitions",
        module=__name__,
        packages=("numba", "distributed"),
        per_evaluation=1e-2,
        per_density=3e-9,
        per_number=3e-10,
        warm=False,
        methods=("em",),
        observes=EVERYTHING,
        passes=BASINS * PASSES,
        suggests=_SEARCH,
    ),
]


def fit(
    data: PartitionedDataset,
    mixture: Mixture,
    options: MapOptions | None = None,
    *,
    start: Parameters | None = None,
    client: Client | None = None,
    on_progress: OnProgress | None = None,
) -> MapFit:
    """Find the most probable parameters of data in partitions.

    Parameters
    ----------
    options : of the search on the sample, which goes by EM; its `steps` are also the most passes
        over the full data. By default a search of 20 starts.
    start : the point to begin at, in place of a search.
    client, on_progress : as in `held`, and as in `fit_map`; progress is told with each pass.

    Returns
    -------
    A fit whose restarts are the optima of the sample that went on to the full data, the best three
    at most: those that are so far behind on the sample that all the rows cannot turn it do not.

    Raises
    ------
    ValueError
        As `held` says, and as `fit_map` does of options and mixture.
    """
    options = options or MapOptions.model_validate(_SEARCH)
    with held(data, client, before(on_progress)) as rows:
        sample = rows.coreset(data.columns, data.name, CORESET, options.first_seed)
        mixture = boxed(mixture, rows)
        mixture.check(sample)
        if start is not None:
            sites(mixture, start)  # says when it is not one of this mixture
            at = _at(start, mixture)
            return climb(rows, mixture, at, sample, options.steps, on_progress)
        searched = {"method": "em", "choose": "final"}
        full_options = MapOptions.model_validate(dict(options) | searched)
        return climb(
            rows,
            mixture,
            _searched(sample, mixture, full_options, stage(0, 2, on_progress)),
            sample,
            options.steps,
            stage(1, 2, on_progress),
        )


def run(spec: Specification, on_progress: OnProgress | None = None) -> MapFit:
    """Run a fit to all the rows that a dataset is a sample of, as `fit` does from that sample."""
    options: MapOptions = spec.options
    with all_rows(spec.dataset, tell=before(on_progress)) as rows:
        mixture, sample = boxed(spec.mixture, rows), replace(spec.dataset, whole=None)
        if spec.parameters is not None:
            starts = _at(spec.parameters, mixture)
            return climb(rows, mixture, starts, sample, options.steps, on_progress)
        starts = _searched(sample, mixture, options, stage(0, 2, on_progress))
        return climb(rows, mixture, starts, sample, options.steps, stage(1, 2, on_progress))


def before(on_progress: OnProgress | None) -> OnProgress | None:
    """Return who hears of what comes before the first stage: that nothing is made yet."""
    return None if on_progress is None else lambda _: on_progress(Progress(0, 100))


def stage(number: int, of: int, on_progress: OnProgress | None) -> OnProgress | None:
    """Return who hears of one of several stages, from 0, as a part of them all."""
    if on_progress is None:
        return None

    def report_stage(progress: Progress) -> None:
        on_progress(Progress(number * progress.total + progress.done, of * progress.total))

    return report_stage


def boxed(mixture: Mixture, rows: Held) -> Mixture:
    """Return the mixture, whose noise, where it has any, is in the box of all the data."""
    if not mixture.noise or mixture.noise_box is not None:
        return mixture
    return mixture.model_copy(update={"noise_box": tuple(box(rows).tolist())})


def climb(
    rows: Held,
    mixture: Mixture,
    starts: Parameters,
    sample: Dataset,
    steps: int,
    on_progress: OnProgress | None = None,
) -> MapFit:
    """Climb by EM from each of R points on the full data, and judge where they end.

    Between two passes the sample says where EM would lead.
    """
    fixed = mixture.classes_fixed
    leap = Surrogate(mixture, sample, rows.whole.total)
    ascent = Ascent(mixture, starts, rows.whole.total, steps, leap)
    while not ascent.over:
        now = Progress(int(ascent.share * ascent.most), ascent.most)
        ascent.advance(rows.moments(ascent.points, fixed, now, on_progress))
    if on_progress is not None:
        on_progress(Progress(ascent.most, ascent.most))
    order = {"converged": 0, "moving": 1, "collapsed": 2}
    loss, verdict = ascent.final_loss, ascent.verdict
    rank = np.array([order[word] for word in verdict.tolist()])
    chosen = int(np.lexsort((np.nan_to_num(loss, nan=np.inf), rank))[0])
    sound = verdict == "converged" if np.any(verdict == "converged") else verdict == "moving"
    return MapFit(
        loss=ascent.loss,
        final_loss=loss,
        gradient_norm={},
        points=ascent.ends,
        chosen=chosen,
        trajectory=ascent.trajectory(chosen),
        verdict=verdict,
        basin=basins(loss, ascent.ends, sound),
    )


def _at(point: Parameters, mixture: Mixture) -> Parameters:
    """Return the one point to begin at, whose noise is in the box of all the data."""
    boxed = {} if point.noise is None else {"box": np.array(mixture.noise_box)}
    return replace(point, **boxed).reshape(1)


def _searched(
    sample: Dataset, mixture: Mixture, options: MapOptions, on_progress: OnProgress | None
) -> Parameters:
    """Search the sample, and return one point of each of the optima that may be the best of all."""
    spec = Specification(dataset=sample, mixture=mixture, options=options)
    return close(best_few(run_here(spec, on_progress)), sample, mixture)


def best_few(fit: MapFit) -> Parameters:
    """Return one point of each of the best optima of a fit [R], the chosen one first."""
    chosen = int(fit.basin[fit.chosen])
    others = [b for b in range(BASINS) if b != chosen and b in fit.basin]
    rows = [fit.chosen, *(int(np.flatnonzero(fit.basin == b)[0]) for b in others)]
    return fit.points[rows[:BASINS]]


def close(points: Parameters, sample: Dataset, mixture: Mixture) -> Parameters:
    """Return those of points [R] that all the rows may prefer to the first, which comes first.

    A difference in log likelihood is a sum over rows, and the sample tells how unsure it is
    (Vuong 1989, Econometrica 57:307): where it is many times that, all the rows do not turn it.
    """
    density = log_densities(sample, mixture, points)
    weights = np.ones(len(sample.values)) if sample.weights is None else sample.weights
    behind = density[0] - density
    mean = behind @ weights / weights.sum()
    error = np.sqrt((behind - mean[:, None]) ** 2 @ weights**2)
    return points[np.flatnonzero(mean * weights.sum() <= _SURE * error)]
