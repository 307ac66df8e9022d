"""Where restarts begin: the tutorial's start, its two alternatives, for every covariance.

A start is a point given as the model's sites. Weights begin equal, the scale at
sqrt(unbiased variance / 2) of the data, correlations at none, axes of a family that has own ones at
the data's; only the locs differ from restart to restart, so two restarts with the same set of locs
are the same up to permutation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines.beginnings import beside_noise, tree
from gmm_core.engines.far_apart import far_apart
from gmm_core.mixture import Mixture, Parameters, sites
from gmm_core.mixture.observation import observed
from gmm_core.runs.options import MapOptions

Array = NDArray[np.float64]


def start_sites(
    dataset: Dataset, mixture: Mixture, locs: Array, start_scale: float = 1.0
) -> dict[str, Array]:
    """Return the start with the given locs [K, D] as the model's sites."""
    K = mixture.n_components
    if dataset.weights is None and not dataset.incomplete:
        variance = dataset.values.var(axis=0, ddof=1)
    else:
        count = np.maximum(dataset.counts(), 2.0)
        variance = dataset.moments()[1] * count / (count - 1)
    covariances = mixture.family.start(variance / 2, K, _correlation(dataset))
    covariances["scale"] = start_scale * covariances["scale"]
    weights = beside_noise(mixture, np.full(K, 1 / K))
    return {"weights": weights, "locs": locs} | covariances


def _correlation(dataset: Dataset) -> Array:
    """Return the columns' correlations [D, D]; a missing value stands at its column's mean."""
    mean, variance = dataset.moments()
    z = (dataset.values - mean) / np.sqrt(variance)
    if dataset.incomplete:
        z = np.nan_to_num(z)
    if dataset.weights is None:
        return np.asarray(z.T @ z / len(z))
    return np.asarray((z.T * dataset.weights) @ z / dataset.total)


def begin(
    dataset: Dataset, mixture: Mixture, options: MapOptions, start: Parameters | None = None
) -> tuple[dict[str, Array], list[tuple[int, NDArray[np.intp]]]]:
    """Return where every restart begins, and which of them begin alike.

    Parameters
    ----------
    start : the point to begin at, for `start="given"`.

    Returns
    -------
    The model's sites with a leading [R], and what `duplicate_starts` says of them.
    """
    if options.start in _POINTS:
        points = [
            _POINTS[options.start](dataset, mixture, (options.first_seed + r) % 2**32, start)
            for r in range(options.restarts)
        ]
        by_restart = [sites(mixture, point) for point in points]
        # Another weight or covariance is another start: they are taken as they come.
        alike = [(r, np.arange(mixture.n_components)) for r in range(options.restarts)]
        return {name: np.stack([one[name] for one in by_restart]) for name in by_restart[0]}, alike
    locs = known_locs(dataset, mixture, start_locs(dataset, mixture.n_components, options))
    one = start_sites(dataset, mixture, locs[0], options.start_scale)
    starts = {n: np.broadcast_to(v, (len(locs), *v.shape)) for n, v in one.items()}
    return starts | {"locs": locs}, duplicate_starts(list(locs))


def start_locs(dataset: Dataset, n_components: int, options: MapOptions) -> Array:
    """Draw the locs of every restart [R, K, D] from the data, each restart by a seed of its own.

    Two components that begin on equal values would stay one. Where rows repeat one another and such
    a start is drawn, it is drawn once more from the different values, if they are enough.
    """
    x, weights = _drawn_from(dataset, n_components)
    K = n_components
    draw, redraw, distinct = _DRAW[options.start](x, weights), None, x
    locs = []
    for r in range(options.restarts):
        seed = (options.first_seed + r) % 2**32
        rows = x[draw(K, seed)]
        if len({row.tobytes() for row in rows + 0.0}) < K:
            if redraw is None:
                distinct = np.unique(x, axis=0)
                redraw = _DRAW[options.start](distinct, None)
            if len(distinct) >= K:
                rows = distinct[redraw(K, seed)]
        locs.append(rows)
    return np.stack(locs)


def in_order_of_classes(dataset: Dataset, mixture: Mixture, point: Parameters) -> Parameters:
    """Return a point with the components nearest to the known classes in their order."""
    if observed(dataset, mixture).component is None:
        return point
    from scipy.optimize import linear_sum_assignment

    unit = np.sqrt(dataset.moments()[1])
    means = known_locs(dataset, mixture, point.locs[None])[0, : len(dataset.class_names)]
    apart = (((means[:, None] - point.locs[None]) / unit) ** 2).sum(axis=-1)
    first = linear_sum_assignment(apart)[1]
    rest = np.setdiff1d(np.arange(len(point.weights)), first)
    return point.permuted(np.concatenate([first, rest]))


def known_locs(dataset: Dataset, mixture: Mixture, locs: Array) -> Array:
    """Let components of known classes begin at the mean of their points; `locs` [R, K, D].

    Where a class has no value in a column, it begins where it would without.
    """
    component = observed(dataset, mixture).component
    if component is None:
        return locs
    locs, present = locs.copy(), ~np.isnan(dataset.values)
    counts = present * point_counts(dataset)[:, None]
    for k in range(len(dataset.class_names)):
        rows = component == k
        count = counts[rows].sum(axis=0)
        counted = count > 0
        sums = np.where(present[rows], counts[rows] * dataset.values[rows], 0.0).sum(axis=0)
        locs[:, k, counted] = sums[counted] / count[counted]
    return locs


def _drawn_from(dataset: Dataset, K: int) -> tuple[Array, Array | None]:
    """Return values [n, D] to begin at and their weights: points that count and are complete.

    Where too few are complete, missing values stand at the mean of their column.
    """
    if dataset.weights is None and not dataset.incomplete:
        return dataset.values, None
    counted = dataset.take(point_counts(dataset) > 0)
    x, weights = counted.values, counted.weights
    if dataset.incomplete:
        whole = ~np.isnan(x).any(axis=1)
        if whole.sum() >= 3 * K:
            return x[whole], None if weights is None else weights[whole]
        x = np.where(np.isnan(x), dataset.moments()[0], x)
    return x, weights


def point_counts(dataset: Dataset) -> Array:
    """Return how often each point counts [N]."""
    return np.ones(len(dataset.values)) if dataset.weights is None else dataset.weights


def chain_seed(seed: int, chain: int) -> int:
    """Seed of one chain: the run's own for the first, an independent one for each other."""
    if chain == 0:
        return seed
    return int(np.random.SeedSequence((seed, chain)).generate_state(1)[0])


def duplicate_starts(all_locs: Sequence[Array]) -> list[tuple[int, NDArray[np.intp]]]:
    """For each restart the first with the same locs, and the order that brings that one here."""
    seen: dict[bytes, tuple[int, NDArray[np.intp]]] = {}
    firsts = []
    for r, locs in enumerate(all_locs):
        order = np.lexsort(locs.T[::-1])
        first, first_order = seen.setdefault(locs[order].tobytes(), (r, order))
        # Component order[i] here is component first_order[i] there.
        positions = np.empty_like(order)
        positions[order] = first_order
        firsts.append((first, positions))
    return firsts


Draw = Callable[[int, int], NDArray[np.int64]]
"""Draws K rows of the values that it was made for, by a seed."""


def _subsample(x: Array, weights: Array | None) -> Draw:
    """Draw without replacement as the tutorial does: torch's multinomial by its seed."""
    odds = torch.ones(len(x)) / len(x) if weights is None else torch.tensor(weights)

    def draw(K: int, seed: int) -> NDArray[np.int64]:
        generator = torch.Generator().manual_seed(seed)
        return torch.multinomial(odds, K, generator=generator).numpy()

    return draw


def _kmeans_plus_plus(x: Array, weights: Array | None) -> Draw:
    """Draw rows far from each other.

    Each is drawn with probability in proportion to the squared distance to the nearest row drawn
    before (Arthur and Vassilvitskii 2007), in units of the columns' standard deviations.
    """
    z = np.ascontiguousarray(x / x.std(axis=0))
    even = None if weights is None else weights / weights.sum()
    counts = np.empty(0) if weights is None else weights
    nearest = np.empty(len(z))

    def draw(K: int, seed: int) -> NDArray[np.int64]:
        rng = np.random.default_rng(seed)
        rows = np.empty(K, dtype=np.int64)
        rows[0] = rng.integers(len(z)) if even is None else rng.choice(len(z), p=even)
        if not far_apart(z, counts, rng.random(K - 1), nearest, rows):
            # With fewer distinct points than components some are drawn more than once.
            rows[1:] = rng.choice(len(z), K - 1, p=even)
        return rows

    return draw


def _quantile(x: Array, weights: Array | None) -> Draw:
    """Draw one row from each K-th of the data, cut along its first principal axis."""
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    axis = np.linalg.eigh(z.T @ z)[1][:, -1]
    order = np.argsort(z @ axis, kind="stable")

    def draw(K: int, seed: int) -> NDArray[np.int64]:
        rng = np.random.default_rng(seed)
        return np.array([rng.choice(part) for part in np.array_split(order, K)])

    return draw


def _tree(dataset: Dataset, mixture: Mixture, seed: int, start: Parameters | None) -> Parameters:
    return tree(dataset, mixture, seed)


def _given(dataset: Dataset, mixture: Mixture, seed: int, start: Parameters | None) -> Parameters:
    assert start is not None  # the specification has seen to it
    return start


_POINTS = {"tree": _tree, "given": _given}
_DRAW = {"subsample": _subsample, "kmeans++": _kmeans_plus_plus, "quantile": _quantile}
