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
from gmm_core.mixture import Mixture, Parameters, e_step, log_density, responsibilities
from gmm_core.posterior.bootstrap import Bootstrap
from gmm_core.runs.options import BootstrapOptions, LikelihoodRatioOptions
from gmm_core.runs.progress import OnProgress, Patch, Reporter

ENGINES = [
    {
        "kind": "bootstrap",
        "name": "compiled",
        "packages": ("numba", "scipy"),
        "per_evaluation": 1e-06,
        "per_number": 4e-09,
    },
    {
        "kind": "likelihood_ratio",
        "name": "compiled",
        "packages": ("numba", "scipy"),
        "per_evaluation": 1e-06,
        "per_number": 4e-09,
    },
]

Array = NDArray[np.float64]

# Numbers that the climbs of a group look at in one pass, of some ten: a tenth of a second.
_AT_ONCE = 1_000_000


def made(point: Parameters, n: int, rng: np.random.Generator) -> Array:
    """Draw n values [n, D] from a mixture."""
    of = rng.choice(len(point.weights), size=n, p=point.weights / point.weights.sum())
    z = rng.normal(size=(n, point.locs.shape[1]))
    return np.asarray(point.locs[of] + np.einsum("nij,nj->ni", point.scale_tril[of], z))


def _by_points(values: Array, point: Parameters, rng: np.random.Generator) -> Replicate:
    N = len(values)
    often = np.bincount(rng.integers(N, size=N), minlength=N)
    return Replicate(values, often.astype(np.float64), rng)


def _by_weights(values: Array, point: Parameters, rng: np.random.Generator) -> Replicate:
    # In proportion they are a draw of the flat Dirichlet (Rubin 1981); their mean is one, so that
    # priors weigh against as many points as there are.
    weights = rng.exponential(size=len(values))
    return Replicate(values, weights / weights.mean(), rng)


def _parametric(values: Array, point: Parameters, rng: np.random.Generator) -> Replicate:
    return Replicate(made(point, len(values), rng), None, rng)


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
    own = responsibilities(best, values)
    B, K, D = len(replicates), *best.locs.shape
    draws = {n: np.full((B, *s), np.nan) for n, s in Parameters.shapes(K, D).items()}
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
        drawn = [
            DRAW[options.by](values, best, np.random.default_rng([options.seed, b])) for b in some
        ]
        refit = search_each(
            units.dataset, units.mixture, drawn, options.starts, [[best]] * len(drawn)
        )
        begin, done = some[0] - replicates[0], some[-1] + 1 - replicates[0]
        changed[begin:done], failed[begin:done] = refit.other_basin, refit.failed
        points = units.point(_matched(own, refit.points, values))
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

    shared = own.T @ np.swapaxes(e_step(points, values)[1], 1, 2)
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
    statistic = _statistic(units.dataset.values, null, other)
    N, S = len(dataset.values), options.starts
    ratios = np.full(len(replicates), np.nan)
    larger_inside = units.mixture.model_copy(update={"n_components": larger.n_components})
    for some in _groups(replicates, units.dataset, larger, S + mixture.n_components):
        rngs = [np.random.default_rng([options.seed, b]) for b in some]
        drawn = [Replicate(made(null, N, rng), None, rng) for rng in rngs]
        small = search_each(units.dataset, units.mixture, drawn, S, [[null]] * len(drawn))
        nulls = list(small.points)
        large = search_each(
            units.dataset, larger_inside, drawn, S, [splits(point) for point in nulls]
        )
        begin, done = some[0] - replicates[0], some[-1] + 1 - replicates[0]
        for i in np.flatnonzero(~small.failed & ~large.failed):
            ratios[begin + i] = _statistic(drawn[i].values, nulls[i], large.points[int(i)])

        def news(done: int = done) -> dict[str, Patch]:
            return {"replicates": Patch((options.replicates,), (replicates[0],), ratios[:done])}

        report(done, len(replicates), news)
    report.flush()
    return statistic, ratios


def _statistic(values: Array, small: Parameters, large: Parameters) -> float:
    """Twice the difference of log likelihoods, which is none where the larger fits no better."""
    gain = log_density(large, values).sum() - log_density(small, values).sum()
    return max(0.0, 2 * float(gain))
