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
from gmm_core.data.pieces import Content, Piece
from gmm_core.mixture import Mixture, Parameters, Priors
from gmm_core.mixture.observation import Observation

Array = NDArray[np.float64]

_ANY = 1024  # rows by which the layout of the pass is found: more than a block has
_OF_A_CLASS = 50  # rows that a sample has of each known class: that it has none is one in 10^21


@dataclass(frozen=True, eq=False)
class Partition:
    """Rows of the data as the compiled pass takes them.

    Attributes
    ----------
    x : [D + E, n], one column after the other, and behind the columns what else there is.
    where : rows of `x` that have weights, classes, and patterns of missing values; 0 where absent.
    digest : of the content.
    class_names : what the classes in `x` stand for, by number.
    """

    x: Array
    where: tuple[int, int, int]
    digest: str
    class_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: Content) -> Partition:
        """Lay the content of a piece out."""
        from gmm_core.engines.problem import _rows

        incomplete = bool(np.isnan(content.values).any())
        seen = Observation(content.weights, content.classes, None, incomplete)
        x, where = _rows(content.values, seen)
        return cls(x, where, content.digest, content.class_names)

    def __sizeof__(self) -> int:
        """Bytes, by which Dask knows that this is not to be moved from worker to worker."""
        return object.__sizeof__(self) + int(self.x.nbytes)

    @property
    def columns(self) -> Array:
        """The numbers that are fitted [D, n]."""
        return self.x[: len(self.x) - np.count_nonzero(self.where)]

    @property
    def weights(self) -> Array:
        """How often each row counts [n]."""
        row = self.where[0]
        return self.x[row] if row else np.ones(self.x.shape[1])

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """Which of `class_names` each row is known to be [n], -1 where unknown."""
        row = self.where[1]
        return self.x[row].astype(np.int64) if row else None

    def named(self, class_names: tuple[str, ...]) -> Partition:
        """Return the partition with classes numbered as in `class_names`, which has all of them."""
        if class_names == self.class_names or not self.where[1]:
            return self
        x, place = self.x.copy(), [*map(class_names.index, self.class_names), -1]
        x[self.where[1]] = np.array(place, dtype=float)[self.x[self.where[1]].astype(int)]
        return replace(self, x=x, class_names=class_names)


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over points for each of R points of the mixture.

    Attributes
    ----------
    value : [R], the log likelihood.
    counts : [R, K], with noise [R, K + 1], sums of responsibilities.
    means : [R, K, D], of the responsible points.
    scatter : [R, K, D, D], about these means.
    """

    value: Array
    counts: Array
    means: Array
    scatter: Array

    def __getitem__(self, r: int) -> Moments:
        """Return those of one of the points, with an axis [1] in front."""
        one = slice(r, r + 1)
        return Moments(self.value[one], self.counts[one], self.means[one], self.scatter[one])

    def __add__(self, other: Moments) -> Moments:
        """Add up two parts of the data (Chan, Golub and LeVeque 1979)."""
        counts = self.counts + other.counts
        nothing = np.zeros_like(counts)
        K = self.means.shape[-2]  # the noise behind them has no mean
        share = np.divide(other.counts, counts, out=nothing, where=counts > 0)[..., :K, None]
        step = other.means - self.means
        between = (self.counts[..., :K] * share[..., 0])[..., None, None]
        return Moments(
            self.value + other.value,
            counts,
            self.means + share * step,
            self.scatter + other.scatter + between * (step[..., :, None] * step[..., None, :]),
        )


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known of a partition, or of all.

    Attributes
    ----------
    rows, total : how many there are, and what they count as.
    counts : [D], what the values that are there count as.
    mean, squares : [D], of these values, and their squared distances from it.
    low, high : [D], the smallest and the largest.
    classes : what the rows of each known class count as.
    """

    rows: int
    total: float
    counts: Array
    mean: Array
    squares: Array
    low: Array
    high: Array
    classes: dict[str, float]

    def __add__(self, other: Summary) -> Summary:
        """Add up two parts of the data."""
        counts = self.counts + other.counts
        share = np.divide(other.counts, counts, out=np.zeros_like(counts), where=counts > 0)
        step = other.mean - self.mean
        names = sorted({*self.classes, *other.classes})
        return Summary(
            self.rows + other.rows,
            self.total + other.total,
            counts,
            self.mean + step * share,
            self.squares + other.squares + step**2 * (self.counts * share),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            {n: self.classes.get(n, 0.0) + other.classes.get(n, 0.0) for n in names},
        )


def load(piece: Piece) -> Partition:
    """Read a piece, and lay it out for the pass."""
    return Partition.of(piece.read())


def summary(partition: Partition) -> tuple[str, Summary]:
    """Return a partition's digest, and what is known of it."""
    x, w, classes = partition.columns, partition.weights, partition.classes
    D = len(x)
    counts, mean, squares = np.zeros(D), np.zeros(D), np.zeros(D)
    low, high = np.full(D, np.inf), np.full(D, -np.inf)
    for d, column in enumerate(x):  # one after the other, for the memory
        present = ~np.isnan(column)
        seen, counted = column[present], w[present]
        if seen.size:
            counts[d] = counted.sum()
            mean[d] = (counted * seen).sum() / counts[d]
            squares[d] = (counted * (seen - mean[d]) ** 2).sum()
            low[d], high[d] = seen.min(), seen.max()
    by_class = (
        {}
        if classes is None
        else {name: float(w[classes == k].sum()) for k, name in enumerate(partition.class_names)}
    )
    n, total = x.shape[1], float(w.sum())
    return partition.digest, Summary(n, total, counts, mean, squares, low, high, by_class)


def moments(partition: Partition, points: Parameters, fixed: bool = False) -> Moments:
    """Pass over a partition once from each of R points, by the compiled pass.

    With `fixed`, class j is known to be component j.
    """
    from gmm_core.engines.moments import moments as over

    R, K, D = points.locs.shape
    every = np.array(points.every_weight)
    means, scatter = np.zeros((R, K, D)), np.zeros((R, K, D, D))
    sums = Moments(np.zeros(R), np.zeros_like(every), means, scatter)
    if not partition.x.shape[1]:
        return sums
    arrays = [every, *(np.array(a) for a in (points.locs, points.scale_tril))]
    results = (sums.value, sums.counts, sums.means, sums.scatter)
    box = None if points.box is None else tuple(points.box[0].tolist())
    numbers, layout = _layout(K, D, partition.where, fixed, box)
    over(0, R, np.arange(R), *arrays, partition.x, numbers, layout, *results)  # type: ignore[call-arg]
    return sums


def coreset(
    partition: Partition, whole: Summary, size: int, seed: int
) -> tuple[Array, Array, NDArray[np.int64] | None]:
    """Draw rows [m, D], weights [m] and classes [m], so that about `size` come from all partitions.

    Each row is drawn by itself, half of the chance alike for all and half by its squared distance
    from the mean, in the columns' own spreads; its weight is what it counts over that chance. Of
    each known class come some dozens at least, or all.

    Notes
    -----
    Bachem, Lucic and Krause (2018), Scalable k-means clustering via lightweight coresets.
    """
    x, w, classes = partition.columns, partition.weights, partition.classes
    spread = np.sqrt(whole.squares / whole.counts)
    far, seen = np.zeros(len(w)), np.zeros(len(w))
    for column, mean, width in zip(x, whole.mean, spread, strict=True):
        present = ~np.isnan(column)
        far += np.where(present, ((column - mean) / width) ** 2, 0.0)
        seen += present
    far /= seen
    chance = size * w * (0.5 + 0.5 * far) / whole.total
    for k, name in enumerate(partition.class_names):
        if classes is not None and name in whole.classes:
            own = classes == k
            chance[own] = np.maximum(chance[own], _OF_A_CLASS * w[own] / whole.classes[name])
    chance = np.minimum(1.0, chance)
    # By what is in it, so that another order or name of files draws the same.
    rng = np.random.default_rng([seed, int(partition.digest[:15], 16)])
    chosen = rng.random(len(chance)) < chance
    chosen_classes = None if classes is None else classes[chosen]
    return x[:, chosen].T.copy(), w[chosen] / chance[chosen], chosen_classes


@lru_cache
def _layout(
    K: int, D: int, where: tuple[int, int, int], fixed: bool, box: tuple[float, ...] | None
) -> tuple[Array, NDArray[np.int64]]:
    """Return numbers and layout of the pass for K factors of their own, and noise in a box.

    Addresses in the layout are a process's.
    """
    from gmm_core.engines.layout import COMPONENT_ROW, PATTERN_ROW, WEIGHT_ROW
    from gmm_core.engines.problem import Problem

    some = np.arange(float(_ANY * D)).reshape(_ANY, D)
    noise = {} if box is None else {"noise": True, "noise_box": box}
    mixture = Mixture(n_components=K, covariance="full", tied=False, priors=Priors.flat(), **noise)
    problem = Problem.of(Dataset.from_values(some), mixture)
    layout = problem.layout
    weights, classes, patterns = where
    layout[[WEIGHT_ROW, PATTERN_ROW]] = weights, patterns
    layout[COMPONENT_ROW] = classes if fixed else 0
    return problem.numbers, layout
