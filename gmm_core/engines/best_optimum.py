"""The best optimum of a dataset from several starts.

Each start is climbed by L-BFGS on the compiled kernel until its gradient vanishes. Where the
optimum of other data is known, its climb is one more start, and says whether the best lies where
that leads. What everything is compared with begins at the end of a search as well.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import adam, compiled_engine, lbfgs
from gmm_core.engines.problem import Problem
from gmm_core.engines.search import leader
from gmm_core.engines.starts import known_locs, start_locs, start_sites
from gmm_core.mixture import Mixture, Parameters, sites
from gmm_core.mixture.matching import basins
from gmm_core.runs.options import SEARCH_STEPS, MapOptions
from gmm_core.runs.units import Units, spreads, standard
from gmm_core.runs.verdicts import collapsed

Array = NDArray[np.float64]

# Starts of the fit that everything is compared with: it has to be the best there is.
_THOROUGH = 30
_SEARCH = MapOptions(restarts=60, steps=SEARCH_STEPS, start="search", method="em")
# Two halves of a split component begin this many standard deviations from its loc.
_HALF = 0.5
_ROUNDING = 1e-9


class BestOptimum(NamedTuple):
    """The best optimum of a search.

    parameters : it; None where no start ended in a sound one.
    other_basin : whether it is another than the one that the given point leads to.
    """

    parameters: Parameters | None
    other_basin: bool


def search(
    dataset: Dataset, mixture: Mixture, starts: int, seed: int, also: list[Parameters] | None = None
) -> BestOptimum:
    """Climb from several starts, and from given points, and take the best sound optimum.

    Parameters
    ----------
    dataset : in units of its spread; see `units.standard`.
    starts : k-means++ starts, drawn by seeds from `seed` on.
    also : points to begin at as well, the first of them the one whose basin is asked about.
    """
    problem = Problem.of(dataset, mixture)
    options = MapOptions(restarts=starts, first_seed=seed, start="kmeans++")
    locs = known_locs(dataset, mixture, start_locs(dataset, mixture.n_components, options))
    one = start_sites(dataset, mixture, locs[0])
    fresh = {n: np.broadcast_to(v, (starts, *v.shape)) for n, v in one.items()} | {"locs": locs}
    begin = [problem.unconstrain(sites(mixture, point)) for point in also or []]
    q = np.concatenate([np.reshape(begin, (-1, problem.size)), problem.unconstrain(fresh)])
    points, values = polished(problem, q)
    best, other = best_of(points, values, collapsed(dataset, mixture, points), 0, bool(begin))
    return BestOptimum(points[best] if best >= 0 else None, other)


def polished(problem: Problem, q: Array) -> tuple[Parameters, Array]:
    """Climb from coordinates [R, P] by L-BFGS.

    Returns
    -------
    Where that ends [R], and the objective there [R], minus infinity where a climb has left the
    range of numbers.
    """
    p, R = problem, len(q)
    unit = np.ones(p.size)
    unit[p.slices["locs"]] = np.tile(spreads(p.spread, p.mixture.family), p.mixture.n_components)
    work, values = np.empty(p.work_size), np.empty(R)
    live, limit, most = np.ones(R, dtype=np.bool_), adam.limits(p), lbfgs.ITERATIONS
    seen = "correlation" in p.slices
    lbfgs.polish(0, R, live, unit, limit, seen, p.x, p.numbers, p.layout, work, most, q)
    adam.evaluate(0, R, q, p.x, p.numbers, p.layout, work, values, np.empty_like(q))
    sound = np.isfinite(values) & np.isfinite(q).all(axis=1)
    values[~sound] = -np.inf
    # What is no point stands there as another, which nobody takes.
    q = np.where(sound[:, None], q, 0.0)
    return p.points(q), values


def best_of(
    points: Parameters, values: Array, collapsed: NDArray[np.bool_], first: int, asked_about: bool
) -> tuple[int, bool]:
    """Choose the best of some ends that is an optimum.

    Parameters
    ----------
    points : [M], where climbs have ended; those in question begin at `first`.
    values, collapsed : [R], the objective there, and whether a component was lost.
    asked_about : whether the first is that of a given point, whose basin is asked about.

    Returns
    -------
    Its number of the R, -1 when there is none, and whether it is of another basin.
    """
    sound = np.isfinite(values) & ~collapsed
    if not sound.any():
        return -1, False
    best = int(np.where(sound, values, -np.inf).argmax())
    # As high but for rounding is the same optimum, and then in the given point's order.
    if asked_about and sound[0] and values[best] - values[0] <= _ROUNDING * abs(values[best]):
        best = 0
    if best == 0 or not asked_about:
        return best, False
    # A basin is one optimum up to the order of its components; 0 is the best of the two.
    two = np.array([best, 0])
    return best, bool(basins(-values[two], points[first + two], sound[two])[1] != 0)


@lru_cache(maxsize=8)
def thorough(
    dataset: Dataset, mixture: Mixture, starts: int, also: Parameters | None = None
) -> tuple[Units, Parameters]:
    """Find the best optimum of the data itself, in units of its spread.

    Parameters
    ----------
    also : an optimum of one component fewer, whose components are split in turn.

    Raises
    ------
    ValueError
        When no start ends in a sound optimum.
    """
    units = standard(dataset, mixture)
    found = compiled_engine.fit_map(units.dataset, units.mixture, _SEARCH)
    points = [found.points[leader(units.dataset, found)], *([] if also is None else splits(also))]
    optimum = search(units.dataset, units.mixture, max(starts, _THOROUGH), 0, points)
    if optimum.parameters is None:
        raise ValueError(
            f"No start of {mixture.label} ended in a sound optimum: a component lost its points, "
            "or shrank onto too few of them. Give priors, such as Priors.for_data(dataset), or "
            "fewer components."
        )
    return units, optimum.parameters


def splits(point: Parameters) -> list[Parameters]:
    """Return the points that have one component more, each component split in turn.

    Along its longest axis, in two of half the weight: so that a search with one component more
    never ends below the one with fewer.
    """
    points = []
    for k in range(len(point.weights)):
        axes, sizes, _ = np.linalg.svd(point.scale_tril[k])
        step = _HALF * sizes[0] * axes[:, 0]
        weights = np.append(point.weights, point.weights[k] / 2)
        weights[k] /= 2
        locs = np.concatenate([point.locs, [point.locs[k] + step]])
        locs[k] -= step
        factors = np.concatenate([point.scale_tril, point.scale_tril[[k]]])
        points.append(replace(point, weights=weights, locs=locs, scale_tril=factors))
    return points
