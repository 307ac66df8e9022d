"""Fits to resampled data, and to data that a fit would make: the bootstrap and the ratio test.

A replicate that only says how often each point counts is the same data with weights, so that a
point that is drawn twice is passed over once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines.best_optimum import splits, thorough
from gmm_core.engines.many_optima import Replicate, search_each
from gmm_core.engines.reference import reordered
from gmm_core.mixture import Mixture, Parameters, e_step, responsibilities
from gmm_core.mixture.likelihood import log_likelihood
from gmm_core.mixture.observation import observed
from gmm_core.posterior.bootstrap import Bootstrap
from gmm_core.runs.options import BootstrapOptions, LikelihoodRatioOptions
from gmm_core.runs.progress import OnProgress, Patch, Reporter

ENGINES = [
    {
        "kind": "bootstrap",
        "name": "compiled",
        "packages": ("numba", "scipy"),
        "observes": ("weights", "missing values", "known classes", "noise"),
        "per_evaluation": 1e-06,
        "per_density": 3e-09,
        "per_number": 3e-10,
    },
    {
        "kind": "likelihood_ratio",
        "name": "compiled",
        "packages": ("numba", "scipy"),
        "observes": ("weights", "missing values", "known classes"),
        "per_evaluation": 1e-06,
        "per_density": 3e-09,
        "per_number": 3e-10,
    },
]

Array = NDArray[np.float64]

# Numbers that the climbs of a group look at in one pass, of some ten: a tenth of a second.
_AT_ONCE = 1_000_000


def made(
    point: Parameters,
    n: int,
    rng: np.random.Generator,
    component: NDArray[np.int64] | None = None,
) -> Array:
    """Draw n values [n, D] from a mixture; `component` [n] is where known, -1 where not."""
    of = rng.choice(len(point.weights), size=n, p=point.weights / point.weights.sum())
    if component is not None:
        of = np.where(component >= 0, component, of)
    z = rng.normal(size=(n, point.locs.shape[1]))
    return np.asarray(point.locs[of] + np.einsum("nij,nj->ni", point.scale_tril[of], z))


def _fixed(dataset: Dataset, mixture: Mixture) -> tuple[str | None, ...] | None:
    """Return the classes [N] that hold components in their places, or None."""
    return dataset.classes if mixture.classes_fixed else None


def _by_points(
    dataset: Dataset, mixture: Mixture, point: Parameters, rng: np.random.Generator
) -> Replicate:
    N = len(dataset.values)
    if dataset.weights is None:
        often = np.bincount(rng.integers(N, size=N), minlength=N).astype(np.float64)
    else:
        # As if each row stood there as often as it counts.
        n = max(1, round(dataset.total))
        odds = dataset.weights / dataset.total
        often = (rng.multinomial(n, odds) * (dataset.total / n)).astype(np.float64)
    return Replicate(dataset.values, often, rng, _fixed(dataset, mixture))


def _by_weights(
    dataset: Dataset, mixture: Mixture, point: Parameters, rng: np.random.Generator
) -> Replicate:
    # In proportion they are a draw of the flat Dirichlet (Rubin 1981); their mean is one, so that
    # priors weigh against as many points as there are. A row that counts w times has the sum of w.
    if dataset.weights is None:
        weights = rng.exponential(size=len(dataset.values))
        weights /= weights.mean()
    else:
        weights = rng.gamma(dataset.weights)
        weights *= dataset.total / weights.sum()
    return Replicate(dataset.values, weights, rng, _fixed(dataset, mixture))


def _parametric(
    dataset: Dataset, mixture: Mixture, point: Parameters, rng: np.random.Generator
) -> Replicate:
    """Make as many points as the data counts as, with its classes and its missing values."""
    if mixture.noise:
        raise ValueError(
            "Noise has a density but no place in the model, so that no data can be made by it. "
            'Resample with by="points" or by="weights", or use noise=False.'
        )
    N, weights, rows = len(dataset.values), None, None
    if dataset.weights is not None:
        N = max(1, round(dataset.total))
        rows = rng.choice(len(dataset.values), size=N, p=dataset.weights / dataset.total)
        # Where what they count as is no whole number, each stands for a little more or less.
        weights = None if dataset.total == N else np.full(N, dataset.total / N)
    component, classes = observed(dataset, mixture).component, _fixed(dataset, mixture)
    holes = np.isnan(dataset.values) if dataset.incomplete else None
    if rows is not None:
        component = None if component is None else component[rows]
        classes = None if classes is None else tuple(classes[n] for n in rows)
        holes = None if holes is None else holes[rows]
    values = made(point, N, rng, component)
    if holes is not None:
        values[holes] = np.nan
    return Replicate(values, weights, rng, classes)


DRAW = {"points": _by_points, "weights": _by_weights, "parametric": _parametric}
"""How the data of a replicate is drawn, by the option `by`."""


def bootstrap(
    dataset: Dataset,
    mixture: Mixture,
    options: BootstrapOptions,
    replicates: range,
    on_progress: OnProgress | None = None,
) -> Bootstrap:
    """Fit some of the replicates. See `inference.bootstrap`.

    Replicate b depends on the seed and b alone.
    """
    report = Reporter(on_progress)
    units, best = thorough(dataset, mixture, options.starts)
    values = units.dataset.values
    B, K = len(replicates), len(best.weights)
    own = responsibilities(best, values)[:, :K]
    if dataset.weights is not None:
        own = own * dataset.weights[:, None]
    draws = {name: np.full((B, *a.shape), np.nan) for name, a in best.arrays().items()}
    changed, failed = np.zeros(B, dtype=np.bool_), np.zeros(B, dtype=np.bool_)
    sent = 0

    def news() -> dict[str, Patch]:
        nonlocal sent
        new, sent = slice(sent, done), done
        return {
            f"draws.{name}": Patch(
                (options.replicates, *array.shape[1:]),
                (replicates[0] + new.start, *[0] * (array.ndim - 1)),
                array[new],
            )
            for name, array in draws.items()
        }

    for some in _groups(replicates, units.dataset, mixture, options.starts):
        batch = [
            DRAW[options.by](
                units.dataset, units.mixture, best, np.random.default_rng([options.seed, b])
            )
            for b in some
        ]
        refit = search_each(
            units.dataset, units.mixture, batch, options.starts, [[best]] * len(batch)
        )
        begin, done = some[0] - replicates[0], some[-1] + 1 - replicates[0]
        changed[begin:done], failed[begin:done] = refit.other_basin, refit.failed
        points = refit.points
        if not mixture.classes_fixed:  # else they are in the order of the classes
            points = _matched(own, points, values)
        points = units.point(points)
        for name, array in points.arrays().items():
            draws[name][begin:done] = np.where(
                refit.failed.reshape(-1, *[1] * (array.ndim - 1)), np.nan, array
            )
        report(done, B, news)
    report.flush()
    return Bootstrap(units.point(best), draws, changed, failed, dataset.columns)


def _groups(replicates: range, dataset: Dataset, mixture: Mixture, starts: int) -> list[range]:
    """Cut replicates into groups that are searched together, each about a tenth of a second."""
    N, D = dataset.values.shape
    numbers = N * mixture.n_components * D * D * (starts + 1)
    size = int(np.clip(_AT_ONCE // numbers, 1, len(replicates)))
    return [replicates[i : i + size] for i in range(0, len(replicates), size)]


def _matched(own: Array, points: Parameters, values: Array) -> Parameters:
    """Return points [B] in the orders in which their components have the original ones' rows."""
    from scipy.optimize import linear_sum_assignment

    shared = own.T @ np.swapaxes(e_step(points, values)[1][:, : own.shape[1]], 1, 2)
    order = np.array([linear_sum_assignment(one, maximize=True)[1] for one in shared])
    return reordered(points, order)


def likelihood_ratios(
    dataset: Dataset,
    mixture: Mixture,
    options: LikelihoodRatioOptions,
    replicates: range,
    on_progress: OnProgress | None = None,
) -> tuple[float, Array]:
    """Return the statistic of the data, and those of some replicates made by the smaller mixture.

    NaN where one of the two mixtures has no sound optimum.
    """
    report = Reporter(on_progress)
    larger = mixture.model_copy(update={"n_components": mixture.n_components + 1})
    units, null = thorough(dataset, mixture, options.starts)
    _, other = thorough(dataset, larger, options.starts, null)
    larger_inside = units.mixture.model_copy(update={"n_components": larger.n_components})
    statistic = _statistic(units.dataset, units.mixture, null, larger_inside, other)
    S = options.starts
    ratios = np.full(len(replicates), np.nan)
    for some in _groups(replicates, units.dataset, larger, S + mixture.n_components):
        rngs = [np.random.default_rng([options.seed, b]) for b in some]
        batch = [_parametric(units.dataset, units.mixture, null, rng) for rng in rngs]
        small = search_each(units.dataset, units.mixture, batch, S, [[null]] * len(batch))
        nulls = list(small.points)
        large = search_each(
            units.dataset, larger_inside, batch, S, [splits(point) for point in nulls]
        )
        begin, done = some[0] - replicates[0], some[-1] + 1 - replicates[0]
        for i in np.flatnonzero(~small.failed & ~large.failed):
            simulated = batch[i].dataset(dataset.columns)
            ratios[begin + i] = _statistic(
                simulated, units.mixture, nulls[i], larger_inside, large.points[int(i)]
            )

        def news(done: int = done) -> dict[str, Patch]:
            return {"replicates": Patch((options.replicates,), (replicates[0],), ratios[:done])}

        report(done, len(replicates), news)
    report.flush()
    return statistic, ratios


def _statistic(
    dataset: Dataset, mixture: Mixture, small: Parameters, larger: Mixture, large: Parameters
) -> float:
    """Twice the difference of log likelihoods, which is none where the larger fits no better."""
    gain = log_likelihood(dataset, larger, large) - log_likelihood(dataset, mixture, small)
    return max(0.0, 2 * float(gain))
