"""The best optimum of each of many datasets that are alike, by EM that is compiled from end to end.

On small data a climb takes a tenth of a millisecond, and what Python does around it ten times that;
so all that can be is done for some replicates at once, and between two passes over the data there
is no Python. That is without priors, in the families whose M-step is a sum; elsewhere each dataset
is searched by itself (`best_optimum.search`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines.best_optimum import BestOptimum, best_of, polished, search
from gmm_core.engines.em_run import EmRun
from gmm_core.engines.problem import Problem
from gmm_core.engines.starts import start_sites
from gmm_core.mixture import Mixture, Parameters, log_prior_terms, sites, stacked
from gmm_core.mixture.observation import observed
from gmm_core.runs.options import MapOptions
from gmm_core.runs.verdicts import collapsed

Array = NDArray[np.float64]

# Points of EM, of which a hundred do for nine starts of ten; what is left is polished.
_STEPS = 500


class Replicate(NamedTuple):
    """One dataset of many.

    values : [N, D], NaN where a value is missing.
    weights : [N], how often each point counts; None when each counts once.
    rng : what its starts are drawn by.
    classes : [N], what each point is known to be, or None.
    """

    values: Array
    weights: Array | None
    rng: np.random.Generator
    classes: tuple[str | None, ...] | None = None

    def dataset(self, columns: tuple[str, ...]) -> Dataset:
        """Return it as a dataset of the points that count.

        Raises
        ------
        ValueError
            When a column has no value left.
        """
        holes = bool(np.isnan(self.values).any())
        whole = Dataset(
            self.values, columns, weights=self.weights, classes=self.classes, incomplete=holes
        )
        if self.weights is None:
            return whole
        rows = np.flatnonzero(self.weights > 0)
        if self.classes is not None:
            # Classes are numbered as they first appear, and have to keep their numbers.
            place = {name: k for k, name in enumerate((*whole.class_names, None))}
            rows = rows[np.argsort([place[self.classes[n]] for n in rows], kind="stable")]
        return whole.take(rows)


class Best(NamedTuple):
    """The best optimum of each of B datasets.

    points : [B]; where there is none, any point.
    failed : [B], whether there is none.
    other_basin : [B], whether it is another than the one that the first given point leads to.
    """

    points: Parameters
    failed: NDArray[np.bool_]
    other_basin: NDArray[np.bool_]


def search_each(
    dataset: Dataset,
    mixture: Mixture,
    replicates: Sequence[Replicate],
    starts: int,
    candidates: Sequence[Sequence[Parameters]],
) -> Best:
    """Search each of some replicates from k-means++ starts and from given points.

    Parameters
    ----------
    dataset : what the replicates are of, in units of its spread.
    replicates : all with weights, or none.
    candidates : for each replicate as many points, the first of which is asked about.
    """
    plain = mixture.family.plain and observed(dataset, mixture).plain
    if not plain or log_prior_terms(mixture, candidates[0][0]):
        optima = [
            _alone(dataset, mixture, replicate, starts, points)
            for replicate, points in zip(replicates, candidates, strict=True)
        ]
        return Best(
            stacked(
                [candidates[0][0] if one.parameters is None else one.parameters for one in optima]
            ),
            np.array([one.parameters is None for one in optima]),
            np.array([one.other_basin for one in optima]),
        )
    return _together(dataset, mixture, replicates, starts, candidates)


def _alone(
    dataset: Dataset,
    mixture: Mixture,
    replicate: Replicate,
    starts: int,
    candidates: Sequence[Parameters],
) -> BestOptimum:
    try:
        resampled = replicate.dataset(dataset.columns)
        mixture.check(resampled)
        degenerate = mixture.classes_fixed and resampled.class_names != dataset.class_names
    except ValueError:  # every row of a column is the same
        degenerate = True
    if degenerate:  # or a class has no point
        return BestOptimum(None, False)
    return search(resampled, mixture, starts, int(replicate.rng.integers(2**31)), list(candidates))


def _together(
    dataset: Dataset,
    mixture: Mixture,
    replicates: Sequence[Replicate],
    starts: int,
    candidates: Sequence[Sequence[Parameters]],
) -> Best:
    B, G, K = len(replicates), len(candidates[0]), mixture.n_components
    weighted = replicates[0].weights is not None
    whole = Dataset(dataset.values, dataset.columns, weights=np.ones(len(dataset.values)))
    problem = Problem.of(whole if weighted else dataset, mixture)
    site_values = sites(mixture, stacked([point for points in candidates for point in points]))
    locs = np.stack([_far_apart(replicate, K, starts) for replicate in replicates])
    fresh = start_sites(dataset, mixture, locs[0, 0]) | {"locs": locs}
    begin = {
        name: np.concatenate(
            [
                site_values[name].reshape(B, G, *site_values[name].shape[1:]),
                np.broadcast_to(values, (B, starts, *site_values[name].shape[1:])),
            ],
            axis=1,
        ).reshape(B * (G + starts), *site_values[name].shape[1:])
        for name, values in fresh.items()
    }
    R = G + starts
    options = MapOptions(restarts=1, steps=_STEPS, method="em")
    run = EmRun(problem, options, problem.unconstrain(begin), frames=0)
    for b, replicate in enumerate(replicates):
        x = replicate.values.T
        if replicate.weights is not None:
            x = np.concatenate([x, replicate.weights[None]])[:, replicate.weights > 0]
        run.settle(np.arange(b * R, (b + 1) * R), np.ascontiguousarray(x))
    ends, values = run.points_now(), -run.loss[np.arange(B * R), run.made - 1]
    values[run.collapsed | ~np.isfinite(values)] = -np.inf
    degenerate = collapsed(dataset, mixture, ends, run.sums[:, :K])
    arrays = {name: array.copy() for name, array in ends.arrays().items()}
    slow = run.unfinished() & np.isfinite(values) & ~degenerate
    for b in np.unique(np.flatnonzero(slow) // R):
        rows = b * R + np.flatnonzero(slow[b * R : (b + 1) * R])
        resampled = replicates[b].dataset(dataset.columns)
        own = Problem.of(resampled, mixture)
        further, values[rows] = polished(own, own.unconstrain(sites(mixture, ends[rows])))
        degenerate[rows] = collapsed(resampled, mixture, further)
        for name, array in further.arrays().items():
            arrays[name][rows] = array
    ends = Parameters.of(arrays)
    values, degenerate = values.reshape(B, R), degenerate.reshape(B, R)
    chosen = [best_of(ends, values[b], degenerate[b], b * R, asked_about=True) for b in range(B)]
    best = np.array([r for r, _ in chosen])
    return Best(
        ends[np.arange(B) * R + np.maximum(best, 0)],
        best < 0,
        np.array([other for _, other in chosen]),
    )


def _far_apart(replicate: Replicate, K: int, starts: int) -> Array:
    """Draw the locs of all starts [S, K, D] by k-means++, as `starts` does for one at a time."""
    x, weights, rng, _ = replicate
    spread = x.std(axis=0)
    z = x / np.where(spread > 0, spread, 1.0)
    even = np.ones(len(x)) if weights is None else weights
    rows = np.empty((starts, K), dtype=np.int64)
    nearest, share = np.full((starts, len(x)), np.inf), np.broadcast_to(even, (starts, len(x)))
    for k in range(K):
        reached = share.cumsum(axis=1)
        at = rng.random((starts, 1)) * reached[:, -1:]
        rows[:, k] = np.minimum((reached <= at).sum(axis=1), len(x) - 1)
        if k == K - 1:
            break
        apart = ((z - z[rows[:, k], None]) ** 2).sum(axis=2)
        nearest = np.minimum(nearest, apart)
        share = nearest * even
        # With fewer distinct points than components the rest is drawn evenly.
        share = np.where(share.sum(axis=1, keepdims=True) > 0, share, even)
    return x[rows]
