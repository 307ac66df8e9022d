"""What a worker does with a partition that it holds: the pass over it, and what is drawn from it.

A partition is the data of some rows, laid out for the compiled pass. Of it travel only moments. Two
partitions' moments are added about their common mean, so that data far from zero loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.pieces import Piece, digest
from gmm_core.mixture import Mixture, Parameters, Priors

Array = NDArray[np.float64]

_ANY = 1024  # rows by which the layout of the pass is found: more than a block has


@dataclass(frozen=True, eq=False)
class Partition:
    """Rows of the data, [D, n] and with weights [D + 1, n], one column after the other."""

    x: Array
    weighted: bool
    digest: str

    @property
    def weights(self) -> Array:
        """How often each row counts [n]."""
        return self.x[-1] if self.weighted else np.ones(self.x.shape[1])

    @property
    def columns(self) -> Array:
        """The numbers without the weights [D, n]."""
        return self.x[:-1] if self.weighted else self.x


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over points for each of R points of the mixture.

    Attributes
    ----------
    value : [R], the log likelihood.
    counts : [R, K], sums of responsibilities.
    means : [R, K, D], of the responsible points.
    scatter : [R, K, D, D], about these means.
    """

    value: Array
    counts: Array
    means: Array
    scatter: Array

    def __add__(self, other: Moments) -> Moments:
        """Add up two parts of the data (Chan, Golub and LeVeque 1979)."""
        counts = self.counts + other.counts
        nothing = np.zeros_like(counts)
        share = np.divide(other.counts, counts, out=nothing, where=counts > 0)[..., None]
        step = other.means - self.means
        between = (self.counts * share[..., 0])[..., None, None]
        return Moments(
            self.value + other.value,
            counts,
            self.means + share * step,
            self.scatter + other.scatter + between * (step[..., :, None] * step[..., None, :]),
        )


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known of a partition, or of all: rows, their weights' sum, mean and scatter [D]."""

    rows: int
    total: float
    mean: Array
    squares: Array
    low: Array
    high: Array

    def __add__(self, other: Summary) -> Summary:
        """Add up two parts of the data."""
        if not (self.total and other.total):
            return replace(self if self.total else other, rows=self.rows + other.rows)
        total = self.total + other.total
        step = other.mean - self.mean
        return Summary(
            self.rows + other.rows,
            total,
            self.mean + step * (other.total / total),
            self.squares + other.squares + step**2 * (self.total * other.total / total),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def load(piece: Piece) -> Partition:
    """Read a piece, and lay it out for the pass."""
    values = piece.read()
    return Partition(np.array(values.T, order="C"), piece.weighted, digest(values))


def summary(partition: Partition) -> tuple[str, Summary]:
    """Return a partition's digest, and what is known of it."""
    x, w = partition.columns, partition.weights
    x, w = x[:, w > 0], w[w > 0]
    D, n, total = len(x), x.shape[1], float(w.sum())
    if not n:
        nothing = np.zeros(D)
        return partition.digest, Summary(
            0, 0.0, nothing, nothing, nothing + np.inf, -np.inf + nothing
        )
    mean = (w * x).sum(axis=1) / total
    squares = (w * (x - mean[:, None]) ** 2).sum(axis=1)
    found = Summary(n, total, mean, squares, x.min(axis=1), x.max(axis=1))
    return partition.digest, found


def moments(partition: Partition, points: Parameters) -> Moments:
    """Pass over a partition once from each of R points, by the compiled pass."""
    from gmm_core.engines.moments import moments as over

    R, K, D = points.locs.shape
    found = Moments(np.zeros(R), np.zeros((R, K)), np.zeros((R, K, D)), np.zeros((R, K, D, D)))
    if not partition.x.shape[1]:
        return found
    arrays = [np.array(a) for a in (points.weights, points.locs, points.scale_tril)]
    results = (found.value, found.counts, found.means, found.scatter)
    layout = _layout(K, D, partition.weighted)
    over(0, R, np.arange(R), *arrays, partition.x, layout, *results)  # type: ignore[call-arg]
    return found


def coreset(partition: Partition, whole: Summary, size: int, seed: int) -> tuple[Array, Array]:
    """Draw rows [m, D] and their weights [m], so that about `size` come from all partitions.

    Each row is drawn by itself, half of the chance alike for all and half by its squared distance
    from the mean, in the columns' own spreads; its weight is what it counts over that chance.

    Notes
    -----
    Bachem, Lucic and Krause (2018), Scalable k-means clustering via lightweight coresets.
    """
    x, w = partition.columns, partition.weights
    spread = np.sqrt(whole.squares / whole.total)
    far = (((x - whole.mean[:, None]) / spread[:, None]) ** 2).mean(axis=0)
    chance = np.minimum(1.0, size * w * (0.5 + 0.5 * far) / whole.total)
    # By what is in it, so that another order or name of files draws the same.
    rng = np.random.default_rng([seed, int(partition.digest[:15], 16)])
    drawn = rng.random(len(chance)) < chance
    return x[:, drawn].T.copy(), w[drawn] / chance[drawn]


@lru_cache
def _layout(K: int, D: int, weighted: bool) -> NDArray[np.int64]:
    """Return the layout of the pass for K factors of their own; addresses in it are a process's."""
    from gmm_core.engines.problem import Problem

    some = np.arange(float(_ANY * D)).reshape(_ANY, D)
    dataset = Dataset.from_values(some, weights=np.ones(_ANY) if weighted else None)
    mixture = Mixture(n_components=K, covariance="full", tied=False, priors=Priors.flat())
    return Problem.of(dataset, mixture).layout
