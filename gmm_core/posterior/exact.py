"""The posterior of small data without sampling: a sum over every partition of the points.

Given who is with whom and the scale, locs and weights integrate out in closed form: normal data
with normal locs, counts with a Dirichlet. What is left is one integral over the logarithm of the
scale, whose integrand is analytic and falls off on both sides, so that the trapezoid rule
converges exponentially. Labels are arbitrary, so partitions are summed instead of the K**N
assignments, each as often as its blocks can be named.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture
from gmm_core.mixture.density import log_sum_exp
from gmm_core.mixture.observation import observed

Array = NDArray[np.float64]

MAX_ASSIGNMENTS = 10**6
"""K**N up to which every assignment is summed; beyond it the sum takes minutes."""

_LOG_2PI = float(np.log(2 * np.pi))
_EXTENT = 12.0  # standard deviations of the prior of the log scale: e^-72 of its height is left
_NEGLIGIBLE = 60.0  # in log: what lies e^-60 below the largest term changes no digit
# exp(-A / s^2) grows from pi / 4 off the real axis of log s on, so that a step h leaves an error of
# about exp(-pi^2 / 2 h), 1e-14 for this one.
_STEP = 0.15
_TAIL = 1e-9  # of the posterior that the means of sorted locs may leave out
_CHUNK = 2_000_000  # numbers at once, 16 MB


class Partition(NamedTuple):
    """Points in blocks, each block a component of its own; `blocks` holds row numbers."""

    blocks: tuple[tuple[int, ...], ...]
    probability: float


@dataclass(frozen=True, eq=False)
class ExactPosterior:
    """The posterior of a few points, as exact as floating point is.

    Attributes
    ----------
    log_evidence : log p(x), everything integrated out.
    coclustering : [N, N], probability that two points share a component.
    scale_mean : posterior mean of the shared scale, in units of the data.
    sorted_loc_means : [K], posterior means of the locs in ascending order, those of empty
        components included.
    occupied : [K], probability that 1, ..., K components have a point.
    labels : [P, N], the block of each point in every partition into at most K blocks, blocks
        numbered as they appear; most probable partition first.
    probabilities : [P], of the partitions.
    """

    log_evidence: float
    coclustering: Array
    scale_mean: float
    sorted_loc_means: Array
    occupied: Array
    labels: NDArray[np.int8]
    probabilities: Array

    @functools.cached_property
    def partitions(self) -> tuple[Partition, ...]:
        """All partitions with their probabilities, the most probable first."""
        return tuple(
            Partition(blocks_of(row), float(p))
            for row, p in zip(self.labels, self.probabilities, strict=True)
        )


def exact_posterior(dataset: Dataset, mixture: Mixture) -> ExactPosterior:
    """Compute the posterior of small data by summing over every partition of its points.

    Parameters
    ----------
    dataset : one column, and so few points that K**N <= 1e6.
    mixture : spherical and tied, with proper priors.

    Raises
    ------
    ValueError
        When the data has several columns or too many points, or the mixture has another
        covariance or a flat prior.

    Notes
    -----
    With n points in a block, their mean m and sum of squares Q about it, a loc ~ Normal(mu, tau)
    and a scale s, the block's marginal density is
    (2 pi)^(-n/2) s^-n (1 + n tau^2 / s^2)^(-1/2) times
    exp(-Q / 2 s^2 - n (m - mu)^2 / 2 (s^2 + n tau^2)), and that of the assignment is
    Dirichlet-multinomial; Murphy (2007), Conjugate Bayesian analysis of the Gaussian
    distribution, section 2.
    """
    sums = _Sums(dataset, mixture)
    log_p = np.concatenate([part for _, part in sums.chunks()])
    log_evidence = float(log_sum_exp(log_p.ravel()))
    p = np.exp(log_p - log_evidence)
    by_partition = p.sum(axis=1)
    order = np.argsort(-by_partition, kind="stable")
    labels, by_partition = sums.labels[order], by_partition[order]
    together = np.zeros((sums.N, sums.N))
    for block in range(sums.K):
        inside = (labels == block).astype(np.float64)
        together += inside.T @ (by_partition[:, None] * inside)
    blocks = labels.max(axis=1).astype(np.int64) + 1
    occupied = np.array([by_partition[blocks == b].sum() for b in range(1, sums.K + 1)])
    return ExactPosterior(
        log_evidence,
        np.clip(together, 0.0, 1.0),
        float(p.sum(axis=0) @ np.exp(sums.log_s)),
        sums.sorted_loc_means(p),
        occupied,
        labels,
        by_partition,
    )


def log_evidence(dataset: Dataset, mixture: Mixture) -> float:
    """Return the log evidence alone, log p(x); what it needs is said by `exact_posterior`."""
    sums = _Sums(dataset, mixture)
    return float(log_sum_exp(np.array([log_sum_exp(part.ravel()) for _, part in sums.chunks()])))


def reason_against(dataset: Dataset, mixture: Mixture) -> str:
    """Say why there is no exact posterior of this data and mixture, or "" when there is one."""
    N, D = dataset.values.shape
    K = mixture.n_components
    observed_extras = observed(dataset, mixture).named
    if observed_extras:
        return (
            f"The exact posterior is summed for complete points that count once, but there are "
            f"{' and '.join(observed_extras)}. Leave these out, or draw with sample_posterior."
        )
    if D != 1:
        return (
            f"The exact posterior is summed for one column, but the data has D = {D}. Keep one "
            "column, or draw from the posterior with sample_posterior."
        )
    if not mixture.family.balls or mixture.family.own(D):
        covariance = f"{mixture.covariance}, {'tied' if mixture.tied else 'not tied'}"
        return (
            "The exact posterior is summed for a spherical, tied covariance, but it is "
            f"{covariance}. "
            'Use covariance="spherical" and tied=True: with one column every form is spherical.'
        )
    if N * math.log(K) > math.log(MAX_ASSIGNMENTS) + 1e-9:
        return (
            f"N = {N} points have K**N = {K}**{N} assignments to K = {K} components, and up to "
            f"{MAX_ASSIGNMENTS:,} are summed. Lower K, take fewer points, or draw from the "
            "posterior with sample_posterior."
        )
    if not mixture.priors.proper:
        return (
            "Without priors there is no posterior to sum up. Use Priors.tutorial(), or "
            "Priors.for_data(dataset), which suit most data."
        )
    return ""


def partitions_up_to(N: int, K: int) -> NDArray[np.int8]:
    """Return all partitions of N points into at most K blocks [P, N].

    As restricted growth strings: point 0 is in block 0, and each next point in one of the blocks
    so far or in the next new one. Knuth, The Art of Computer Programming 4A, 7.2.1.5.
    """
    labels = np.zeros((1, 1), dtype=np.int8)
    for _ in range(1, N):
        options = np.minimum(labels.max(axis=1) + 2, K).astype(np.int64)
        first = np.repeat(np.cumsum(options) - options, options)
        new = (np.arange(len(first)) - first).astype(np.int8)
        labels = np.column_stack([np.repeat(labels, options, axis=0), new])
    return labels


def blocks_of(labels: Sequence[int] | NDArray[np.int8]) -> tuple[tuple[int, ...], ...]:
    """Turn labels [N] into blocks of row numbers: (0, 0, 1) -> ((0, 1), (2,))."""
    blocks: dict[int, list[int]] = {}
    for n, block in enumerate(labels):
        blocks.setdefault(int(block), []).append(n)
    return tuple(tuple(rows) for rows in blocks.values())


class _Sums:
    """The terms of the sum: one for each partition and each node of the log scale."""

    def __init__(self, dataset: Dataset, mixture: Mixture) -> None:
        mixture.check(dataset, spare_components=True)
        if reason := reason_against(dataset, mixture):
            raise ValueError(reason)
        self.x = dataset.values[:, 0]
        self.N, self.K = len(self.x), mixture.n_components
        priors = mixture.priors
        loc_mean, loc_scale = priors.columns("loc_mean", 1), priors.columns("loc_scale", 1)
        scale_prior = mixture.scale_prior(1)
        assert priors.concentration is not None
        assert loc_mean is not None
        assert loc_scale is not None
        assert scale_prior is not None
        self.concentration = float(priors.concentration)
        self.loc_mean, self.loc_scale = float(loc_mean[0]), float(loc_scale[0])
        self.log_mean, self.log_sd = (float(v) for v in np.ravel(scale_prior))
        self.labels = partitions_up_to(self.N, self.K)
        self._count_blocks()
        self.log_s = self._nodes()

    def _count_blocks(self) -> None:
        """Sizes, means and sums of squares of all blocks [P, K], and each partition's prior."""
        from scipy.special import gammaln

        P, K, c = len(self.labels), self.K, self.concentration
        self.n = np.zeros((P, K))
        self.mean = np.zeros((P, K))
        self.square = np.zeros((P, K))
        for k in range(K):
            inside = self.labels == k
            self.n[:, k] = inside.sum(axis=1)
            safe = np.maximum(self.n[:, k], 1)
            # About the blocks' own means: at locations of 1e8 raw squares have no digits left.
            self.mean[:, k] = (inside @ (self.x - self.x[0])) / safe + self.x[0]
            apart = np.where(inside, self.x - self.mean[:, k, None], 0.0)
            self.square[:, k] = (apart**2).sum(axis=1)
        used = (self.n > 0).sum(axis=1)
        ways = gammaln(K + 1) - gammaln(K - used + 1)
        seats = (gammaln(self.n + c) - gammaln(c)).sum(axis=1)
        self.log_prior = ways + seats + gammaln(K * c) - gammaln(self.N + K * c)

    def _nodes(self) -> Array:
        """Where the log scale is evaluated: evenly, over all that is not negligible."""
        low, high = self._reach()
        # The integrand is at least as wide as sqrt(1 / 2N): information of N points on log s.
        coarse = min(0.5, 2 / math.sqrt(2 * self.N + 1 / self.log_sd**2))
        grid = np.linspace(low, high, max(3, math.ceil((high - low) / coarse)))
        height = np.full(len(grid), -np.inf)
        for part in self._split(len(grid)):
            height = np.maximum(height, self._terms(part, grid).max(axis=0))
        near = np.flatnonzero(height > height.max() - _NEGLIGIBLE)
        low, high = grid[max(near[0] - 1, 0)], grid[min(near[-1] + 1, len(grid) - 1)]
        step = min(_STEP, 0.6 / math.sqrt(2 * self.N + 1 / self.log_sd**2))
        return np.linspace(low, high, max(3, math.ceil((high - low) / step)))

    def _reach(self) -> tuple[float, float]:
        """Bounds of the log scale that nothing worth counting lies beyond."""
        m, sd, N = self.log_mean, self.log_sd, self.N
        # The likelihood grows at most as s^-N towards zero, which moves the prior by N sd^2.
        low = m - N * sd**2 - _EXTENT * sd
        distinct = np.unique(self.x)
        if len(distinct) > self.K:
            # Some block holds two different points, and exp(-gap^2 / 4 s^2) beats every power.
            gap = float(np.diff(distinct).min())
            low = max(low, math.log(gap) - math.log(20 + 2 * math.sqrt(N) * (1 + sd)))
        high = m + _EXTENT * sd
        return min(low, high - 1), high

    def _split(self, nodes: int) -> list[slice]:
        step = max(1, _CHUNK // (nodes * self.K))
        return [slice(i, i + step) for i in range(0, len(self.labels), step)]

    def chunks(self) -> list[tuple[slice, Array]]:
        """Log of each term [P, S], weights of the quadrature included, in chunks of P."""
        width = math.log(self.log_s[1] - self.log_s[0])
        nodes = len(self.log_s)
        return [(part, self._terms(part, self.log_s) + width) for part in self._split(nodes)]

    def _terms(self, part: slice, log_s: Array) -> Array:
        """Log joint density of data, partition and log scale [P, S]."""
        s2 = np.exp(2 * log_s)
        z = (log_s - self.log_mean) / self.log_sd
        total = self.log_prior[part, None] - 0.5 * z**2 - math.log(self.log_sd) - 0.5 * _LOG_2PI
        total = total - self.N * (0.5 * _LOG_2PI + log_s)
        tau2 = self.loc_scale**2
        for k in range(self.K):
            n = self.n[part, k, None]
            away = n * (self.mean[part, k, None] - self.loc_mean) ** 2
            total -= 0.5 * np.log1p(n * tau2 / s2)
            total -= 0.5 * (self.square[part, k, None] / s2 + away / (s2 + n * tau2))
        return total

    def sorted_loc_means(self, p: Array) -> Array:
        """Posterior means of the order statistics of the locs [K], given all terms [P, S].

        Given partition and scale the locs are independent normals. For two of them the mean of
        the smaller is in closed form (Clark 1961, The greatest of a finite set of random
        variables, Operations Research 9(2)); for more, E[X_(j)] = b - integral of P(X_(j) <= x)
        up to b, where at least j of K lie below x with the Poisson-binomial probability.
        """
        flat = np.sort(p.ravel())
        least = flat[np.searchsorted(np.cumsum(flat), _TAIL)]
        rows, nodes = np.nonzero(p >= least)
        weight = p[rows, nodes] / p[rows, nodes].sum()
        s2 = np.exp(2 * self.log_s[nodes])[:, None]
        tau2 = self.loc_scale**2
        n = self.n[rows]
        share = n * tau2 / (s2 + n * tau2)
        mean = self.loc_mean + share * (self.mean[rows] - self.loc_mean)
        mean = np.where(n > 0, mean, self.loc_mean)
        sd = np.sqrt(tau2 * s2 / (s2 + n * tau2))
        if self.K == 1:
            return weight @ mean
        if self.K == 2:
            return weight @ _sorted_pair(mean, sd)
        return _order_statistics(mean, sd, weight)


def _sorted_pair(mean: Array, sd: Array) -> Array:
    """Means of the smaller and the larger of two independent normals [M, 2]."""
    from scipy.special import ndtr

    theta = np.sqrt((sd**2).sum(axis=1))
    gap = (mean[:, 1] - mean[:, 0]) / theta
    first = ndtr(gap)
    low = mean[:, 0] * first + mean[:, 1] * (1 - first)
    low -= theta * np.exp(-0.5 * gap**2 - 0.5 * _LOG_2PI)
    return np.column_stack([low, mean.sum(axis=1) - low])


def _order_statistics(mean: Array, sd: Array, weight: Array) -> Array:
    """Weighted sum of the means of K sorted normals [K]; mean and sd are [M, K].

    The integrand is smooth between points one standard deviation apart around each normal,
    however different their widths are: five Gauss-Legendre nodes between neighbouring points leave
    less than 1e-8 of one. Where the narrowest is not much narrower than the whole
    range, an even grid of 0.8 of its standard deviation needs fewer nodes and is as exact.
    """
    K = mean.shape[1]
    nodes, weights = np.polynomial.legendre.leggauss(5)
    steps = np.arange(-7.5, 8.0)
    limit = 5 * K * len(steps)
    low, high = (mean - 9 * sd).min(axis=1), (mean + 9 * sd).max(axis=1)
    even = (high - low) / (0.8 * sd.min(axis=1))
    total = np.zeros(K)
    # Rows of alike range and width share the number of nodes.
    order = np.argsort(even)
    first = 0
    while first < len(order):
        G = min(math.ceil(1.2 * even[order[first]]) + 2, limit)
        last = first + max(1, _CHUNK // (G * (K + 1)))
        part = order[first:last]
        if limit > G:
            part = part[even[part] <= G - 1]
            width = ((high[part] - low[part]) / (G - 1))[:, None]
            x = low[part, None] + width * np.arange(G)
            ends = np.ones(G)
            ends[[0, -1]] = 0.5
            width = width * ends
        else:
            points = mean[part][..., None] + sd[part][..., None] * steps
            cuts = np.sort(points.reshape(len(part), -1), axis=1)
            half = np.diff(cuts)[..., None] / 2
            x = ((cuts[:, 1:] + cuts[:, :-1])[..., None] / 2 + half * nodes).reshape(len(part), -1)
            width = (half * weights).reshape(len(part), -1)
            high[part] = cuts[:, -1]
        below = (_counts_below(mean[part], sd[part], x) * width).sum(axis=-1)
        total += (high[part] - below[:0:-1].cumsum(axis=0)[::-1]) @ weight[part]
        first += len(part)
    return total


def _counts_below(mean: Array, sd: Array, x: Array) -> Array:
    """Probability that exactly j of K normals lie below x [K + 1, M, G]; x is [M, G]."""
    from scipy.special import ndtr

    K = mean.shape[1]
    count = np.zeros((K + 1, *x.shape))
    count[0] = 1.0
    for k in range(K):
        p = ndtr((x - mean[:, k, None]) / sd[:, k, None])
        for j in range(k + 1, 0, -1):
            count[j] += p * (count[j - 1] - count[j])
        count[0] *= 1 - p
    return count
