"""Where restarts begin that have weights and covariances of their own, not only locs.

Each is made of shares of the points: the M-step of a rough clustering, of a tree, or of another
mixture whose component has been split. A point of another mixture can be a beginning as it is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, e_step

Array = NDArray[np.float64]

# Rows that a beginning is made of, where there are more: a tree takes the square of them.
MOST_ROWS = 2_000

# The weight that noise begins with, and the least where another optimum is the beginning: from
# next to nothing it would take hundreds of steps to grow.
_NOISE, _LEAST_NOISE = 0.05, 0.01


def beside_noise(mixture: Mixture, weights: Array, noise: float = _NOISE) -> Array:
    """Return weights [K], or where there is noise [K + 1] with its own behind them."""
    return np.append(weights * (1 - noise), noise) if mixture.noise else weights


def with_some_noise(point: Parameters) -> Parameters:
    """Return a point whose noise, where there is any, has a weight that can grow."""
    if point.noise is None or point.noise >= _LEAST_NOISE:
        return point
    weights = point.weights / point.weights.sum() * (1 - _LEAST_NOISE)
    return replace(point, weights=weights, noise=np.array(_LEAST_NOISE))


def of_shares(mixture: Mixture, x: Array, shares: Array, noise: float = _NOISE) -> Parameters:
    """Return the M-step of shares of the points [N, K], at least two columns wide nowhere.

    Every component gets D + 1 points more, spread evenly over its part of the data, so that one of
    a few points, or of equal ones, has a width to begin with. Noise has the weight `noise`.
    """
    N, D = x.shape
    K = shares.shape[1]
    counts = np.maximum(shares.sum(axis=0), 1e-9)
    locs = (shares.T @ x) / counts[:, None]
    away = x - locs[:, None]
    scatter = np.swapaxes(away * shares.T[..., None], 1, 2) @ away
    more = D + 1.0
    scatter += more * np.diag(x.var(axis=0)) / K ** (2 / D)
    covariances = mixture.family.m_step(scatter, counts + more, None)
    weights = (counts + 1) / (N + K)
    weights = beside_noise(mixture, weights / weights.sum(), noise)
    factors: Array = np.linalg.cholesky(covariances).astype(np.float64, copy=False)
    return Parameters.weighted(weights, locs, factors)


def of_labels(mixture: Mixture, x: Array, labels: NDArray[np.intp]) -> Parameters:
    """Return the M-step of a clustering, component k of the points with label k [N]."""
    return of_shares(mixture, x, (labels[:, None] == np.arange(mixture.n_components)) * 1.0)


def nearest(x: Array, locs: Array, *, sphered: bool = False) -> NDArray[np.intp]:
    """Label each point [N] with its nearest loc [K, D], in the units of `_units`."""
    units = _units(x, sphered)
    z, m = x @ units, locs @ units
    return np.argmin((m**2).sum(axis=1) - 2 * z @ m.T, axis=1)


def _units(x: Array, sphered: bool) -> Array:
    """Return what points are multiplied by [D, J] so that they spread by one along each axis.

    The axes are the columns, or where `sphered` the principal ones that the points extend along.
    """
    spread = x.std(axis=0)
    if not sphered:
        return np.diag(1 / spread)
    z = (x - x.mean(axis=0)) / spread
    values, axes = np.linalg.eigh(z.T @ z / len(z))
    wide = values > 1e-10 * values[-1]
    return np.asarray(axes[:, wide] / np.sqrt(values[wide]) / spread[:, None])


def sample(dataset: Dataset, seed: int, most: int = MOST_ROWS) -> Array:
    """Return the values, or of many rows so many that are drawn by the seed.

    A row stands there as often as it counts, and a missing value at the mean of its column.
    """
    values, weights = dataset.values, dataset.weights
    if dataset.incomplete:
        values = np.where(np.isnan(values), dataset.moments()[0], values)
    if weights is not None:
        whole = bool(np.all(weights == np.round(weights))) and weights.sum() <= most
        times = weights if whole else _shared_out(weights, most, seed)
        return np.repeat(values, times.astype(np.intp), axis=0)
    if len(values) <= most:
        return values
    return values[np.sort(np.random.default_rng(seed).choice(len(values), most, replace=False))]


def _shared_out(weights: Array, most: int, seed: int) -> Array:
    """Say how often each row [N] is taken when so many are drawn, evenly along the weights."""
    offset = np.random.default_rng(seed).uniform()
    ends = np.cumsum(weights) / weights.sum() * most
    return np.diff(np.floor(ends + offset), prepend=np.floor(offset))


def tree(dataset: Dataset, mixture: Mixture, seed: int) -> Parameters:
    """Cut Ward's tree of the points into K groups, and return their M-step.

    An even seed takes the columns in units of their spread, an odd one along their principal axes
    in units of the spread along these. Of many rows so many are drawn by half the seed.
    """
    x = sample(dataset, seed // 2)
    labels = _cut(_ward(dataset, seed), mixture.n_components)
    return of_labels(mixture, x, labels)


def _cut(tree: Array, K: int) -> NDArray[np.intp]:
    """Label the leaves of a tree [N - 1, 4] by its K groups: all its joins are made but K - 1.

    As `scipy.cluster.hierarchy.cut_tree` does, which goes through the tree in Python.
    """
    N = len(tree) + 1
    parent = np.arange(2 * N - 1)
    joins = N - K
    made = tree[:joins, :2].astype(np.intp)
    parent[made[:, 0]] = parent[made[:, 1]] = N + np.arange(joins)
    while np.any(parent != parent[parent]):
        parent = parent[parent]
    labels: NDArray[np.intp] = np.unique(parent[:N], return_inverse=True)[1]
    return labels


@lru_cache(maxsize=4)
def _ward(dataset: Dataset, seed: int) -> Array:
    """Ward's tree, which serves every K of a sweep."""
    from scipy.cluster.hierarchy import ward

    x = sample(dataset, seed // 2)
    z = (x - x.mean(axis=0)) @ _units(x, sphered=bool(seed % 2))
    merges: Array = ward(z)
    return merges


def splits(dataset: Dataset, mixture: Mixture, fewer: Parameters) -> list[Parameters]:
    """Split each component of an optimum of K - 1 along its longest axis.

    Its points go to the one half or the other by the side of its loc on which they lie.
    """
    x = sample(dataset, 0)
    shares = _shares(fewer, x)
    points = []
    for k, covariance in enumerate(fewer.covariances):
        axis = np.linalg.eigh(covariance)[1][:, -1]
        halves = _halved(x, shares, k, fewer.locs[k], axis)
        if min(halves[:, k].sum(), halves[:, -1].sum()) >= 1:
            points.append(of_shares(mixture, x, halves, _noise_of(fewer)))
    return points


def _shares(point: Parameters, x: Array) -> Array:
    """Share of each component in each point [N, K]."""
    return e_step(point, x)[1][: len(point.weights)].T


def _halved(x: Array, shares: Array, k: int, loc: Array, axis: Array) -> Array:
    """Give what lies above `loc` along `axis` of component k's shares to one more [N, K + 1]."""
    above = (x - loc) @ axis > 0
    halves = np.c_[shares, shares[:, k] * above]
    halves[:, k] *= ~above
    return halves


def _noise_of(point: Parameters) -> float:
    return _NOISE if point.noise is None else max(float(point.noise), _LEAST_NOISE)


def split_elsewhere(
    dataset: Dataset, mixture: Mixture, point: Parameters, rng: np.random.Generator
) -> Parameters:
    """Take a component away, and split what the others hold then along any of their axes.

    Another is drawn by its weight, and one of its principal axes in units of its columns' spread,
    each as likely: what tells two groups apart need not be where they extend farthest together.
    """
    K = len(point.weights)
    stay = np.delete(np.arange(K), int(rng.integers(K)))
    weights = point.weights[stay] * (point.weights.sum() / point.weights[stay].sum())
    fewer = replace(
        point, weights=weights, locs=point.locs[stay], scale_tril=point.scale_tril[stay]
    )
    x = sample(dataset, 0)
    shares = _shares(fewer, x)
    k = int(rng.choice(K - 1, p=weights / weights.sum()))
    held = np.maximum(shares[:, k], 1e-12)
    loc = held @ x / held.sum()
    away = x - loc
    spread = np.sqrt(held @ away**2 / held.sum())
    z = away / np.where(spread > 0, spread, 1.0)
    axes = np.linalg.eigh((z * held[:, None]).T @ z)[1]
    axis = axes[:, int(rng.integers(len(axes)))]
    halves = _halved(z, shares, k, np.zeros(len(axis)), axis)
    return of_shares(mixture, x, halves, _noise_of(fewer))


def swapped(
    dataset: Dataset, mixture: Mixture, point: Parameters, rng: np.random.Generator
) -> Parameters:
    """Take a component away and put it on a random point, beside the component that is there.

    It takes half the weight and the covariance of that one.
    """
    K = mixture.n_components
    arrays = {name: array.copy() for name, array in point.arrays().items()}
    weights, locs, factors = (arrays[name] for name in ("weights", "locs", "scale_tril"))
    removed = int(rng.integers(K))
    x = sample(dataset, 0)
    where = x[int(rng.integers(len(x)))]
    shares = e_step(point, where[None])[1][:K, 0]
    shares[removed] = -1
    whole = weights.sum()
    target = int(shares.argmax())
    weights[removed] = 0
    weights[removed] = weights[target] = weights[target] / 2
    weights *= whole / weights.sum()
    locs[removed], factors[removed] = where, factors[target]
    return Parameters.of(arrays)
