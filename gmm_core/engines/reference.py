"""A distribution to begin at that covers every mode of a posterior: multivariate t's and the prior.

A posterior of a mixture is the same under every order of its components. So only one of the K!
orders is sampled, that in which the components' locs ascend along a direction that tells them apart
(`Reference.direction`), and what is found there holds for all. A mode whose locs can be told apart
lies inside; one whose locs cannot reaches across the border, and then each of the orders in which
it reaches back inside has a t of its own. Components of known classes have their places; what is
said of orders is said of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import lgamma, log, pi

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import modes
from gmm_core.engines.modes import Mode
from gmm_core.engines.problem import Problem
from gmm_core.mixture import Mixture, Parameters, prior_draws, sites

Array = NDArray[np.float64]

DEGREES = 7.0
"""Degrees of freedom of the t's: tails that bound importance weights, yet a variance like the
posterior's."""

_WIDER = 1.15
# Modes share the reference by the square root of their masses: one whose mass Laplace's
# approximation has badly wrong still has its draws.
_POWER = 0.5
_LEAST = 1e-3
# Orders of a mode that hold a smaller share of its draws than this are left to the tails.
_RARE = 0.01
_ORDERS = 24
_LOOKED_AT = 400
_DIRECTIONS = 200
_SMALLEST = 1e-280


@dataclass(frozen=True, eq=False)
class Reference:
    """A normalised mixture of J multivariate t's, and the prior folded into the one order.

    locs : [J, P], in unconstrained coordinates.
    factors, inverse : [J + 1, P, P], Cholesky factors of the t's scale matrices, and inverses of
        these; the last is diagonal, of the prior's own spread.
    log_heights : [J + 1], log of weight times normalisation; the prior's is of its weight and the
        number of orders.
    weights : [J + 1], of the t's and of the prior.
    mode : [J], the number of the mode that each t is of, by mass, from 0.
    direction : [D], along which locs ascend; its first entry NaN says that there is one component.
    pinned : how many components are those of known classes, and have their places.
    added : how many modes were climbed from given points alone, and no search had found.
    """

    locs: Array
    factors: Array
    inverse: Array
    log_heights: Array
    weights: Array
    mode: NDArray[np.int64]
    direction: Array
    pinned: int
    added: int = 0

    def draws(self, problem: Problem, n: int, rng: np.random.Generator) -> Array:
        """Draw n points [n, P]; those of t's may lie in other orders than the one."""
        J, P = self.locs.shape
        which = rng.choice(J + 1, size=n, p=self.weights)
        z = rng.normal(size=(n, P))
        stretch = np.sqrt(DEGREES / rng.chisquare(DEGREES, size=n))
        of_prior = np.flatnonzero(which == J)
        q = np.empty((n, P))
        for j in range(J):
            of_mode = which == j
            q[of_mode] = self.locs[j] + (z[of_mode] @ self.factors[j].T) * stretch[of_mode, None]
        if len(of_prior):
            seed = int(rng.integers(2**32))
            q[of_prior] = prior_coordinates(
                problem, len(of_prior), seed, self.direction, self.pinned
            )
        return q


@lru_cache(maxsize=4)
def reference(
    dataset: Dataset,
    mixture: Mixture,
    prior_share: float,
    given: tuple[tuple[float, ...], ...] = (),
) -> Reference:
    """Build the reference of a posterior; data and priors in units of the data's spread.

    Parameters
    ----------
    prior_share : weight of the prior in it, for what no optimum tells of.
    given : points in unconstrained coordinates from which modes are climbed too.
    """
    K, D = mixture.n_components, dataset.values.shape[1]
    problem = Problem.of(dataset, mixture, "bijection", jacobian=True)
    points = modes.candidates(dataset, mixture)
    also = [problem.points(np.array(q)) for q in given]
    found_modes, given_modes = _climbed(problem, points), _climbed(problem, also)
    climbed = sorted(found_modes + given_modes, key=lambda mode: -mode.log_mass)
    direction = np.full(D, np.nan)
    first = pinned(dataset, mixture)
    if K - first > 1:
        direction = _direction(problem, climbed, first) if climbed else np.eye(D)[0]
    local_modes: list[Mode] = []
    of: list[int] = []
    shares: list[float] = []
    added: set[int] = set()
    rng = np.random.default_rng(0)
    for mode in climbed:
        share = float(np.exp(_POWER * (mode.log_mass - climbed[0].log_mass)))
        if share < _LEAST:
            break
        point = problem.points(mode.q)
        orders = _orders(problem, mode, direction, first, rng)
        parts = [
            modes.mode_at(problem, problem.unconstrain(sites(mixture, point.permuted(order))))
            for order in orders
        ]
        same = next(
            (i for i, other in enumerate(local_modes) if _same(problem, parts[0], other)), None
        )
        if same is not None:
            if mode in found_modes:
                added.discard(of[same])
            continue
        number = max(of, default=-1) + 1
        if mode in given_modes:
            added.add(number)
        local_modes += parts
        of += [number] * len(parts)
        shares += [share / len(parts)] * len(parts)
    whole = _assemble(problem, local_modes, of, shares, direction, first, prior_share)
    return replace(whole, added=len(added))


def _climbed(problem: Problem, points: list[Parameters]) -> list[Mode]:
    return [mode for point in points if (mode := modes.climb(problem, point)) is not None]


def pinned(dataset: Dataset, mixture: Mixture) -> int:
    """Count the components, the first ones, whose classes are known and hold them in place."""
    return len(dataset.class_names) if mixture.classes_fixed else 0


def prior_coordinates(problem: Problem, n: int, seed: int, direction: Array, first: int) -> Array:
    """Draw from the prior [n, P], each draw's components in the one order."""
    D = problem.n_columns
    points = prior_draws(problem.mixture, D, n, seed)
    # A weight that has underflowed has no finite coordinate.
    weights = np.maximum(points.every_weight, _SMALLEST)
    weights /= weights.sum(axis=1, keepdims=True)
    points = Parameters.weighted(weights, points.locs, points.scale_tril)
    return problem.unconstrain(sites(problem.mixture, in_order(points, direction, first)))


def in_order(points: Parameters, direction: Array, first: int) -> Parameters:
    """Return a sequence of points with components from `first` on in the one order."""
    if np.isnan(direction[0]):
        return points
    return reordered(points, _ascending(points.locs @ direction, first))


def _ascending(along: Array, first: int) -> NDArray[np.intp]:
    """Return the orders [M, K] in which numbers [M, K] from `first` on ascend."""
    order = np.argsort(along[:, first:], axis=1) + first
    return np.concatenate([np.tile(np.arange(first), (len(along), 1)), order], axis=1)


def reordered(points: Parameters, order: NDArray[np.intp]) -> Parameters:
    """Return a sequence of points with components in orders of their own [M, K]."""
    arrays = points.arrays()
    for name in Parameters.shapes(1, 1):  # what the components have, not the noise
        index = order.reshape(*order.shape, *(1,) * (arrays[name].ndim - order.ndim))
        arrays[name] = np.take_along_axis(arrays[name], index, axis=1)
    return Parameters.of(arrays)


def _assemble(
    problem: Problem,
    local_modes: list[Mode],
    of: list[int],
    shares: list[float],
    direction: Array,
    first: int,
    prior_share: float,
) -> Reference:
    K, P, J = problem.mixture.n_components, problem.size, len(local_modes)
    share = np.array(shares)
    # Where no mode is known, the prior is all there is to begin at.
    of_t = (1 - prior_share) * share / share.sum() if J else np.empty(0)
    weights = np.append(of_t, prior_share if J else 1.0)
    prior = prior_coordinates(problem, 1000, 0, direction, first)
    spread = np.subtract(*np.quantile(prior, [0.84, 0.16], axis=0)) / 2
    factors = np.stack([*(_WIDER * mode.factor for mode in local_modes), np.diag(spread)])
    inverse = np.linalg.inv(factors)
    of_one = lgamma((DEGREES + P) / 2) - lgamma(DEGREES / 2) - 0.5 * P * log(DEGREES * pi)
    log_det = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    log_heights = np.log(weights)
    log_heights[:J] += of_one - log_det[:J]
    log_heights[J] += lgamma(K - first + 1)
    return Reference(
        np.array([mode.q for mode in local_modes]).reshape(J, P),
        factors,
        inverse,
        log_heights,
        weights / weights.sum(),
        np.array(of, dtype=np.int64),
        direction,
        first,
    )


def _direction(problem: Problem, climbed: list[Mode], first: int) -> Array:
    """Direction [D] in which the heaviest mode's locs are told apart best.

    Best by the smallest difference of two locs, in standard deviations of that difference.
    """
    mixture, D = problem.mixture, problem.n_columns
    K = mixture.n_components
    mode = climbed[0]
    where = problem.slices["locs"]
    locs = mode.q[where].reshape(K, D)
    covariance = (mode.factor @ mode.factor.T)[where, where].reshape(K, D, K, D)
    rng = np.random.default_rng(0)
    tried = np.concatenate([np.eye(D), rng.normal(size=(_DIRECTIONS if D > 1 else 0, D))])
    i, j = np.triu_indices(K - first, 1)
    i, j = i + first, j + first
    apart = (
        covariance[i, :, i] + covariance[j, :, j] - covariance[i, :, j] - covariance[j, :, i]
    )  # [pairs, D, D]
    gap = np.abs((locs[i] - locs[j]) @ tried.T)
    noise = np.sqrt(np.einsum("td,pde,te->pt", tried, apart, tried))
    best = int(np.argmax((gap / noise).min(axis=0)))
    return tried[best] / np.linalg.norm(tried[best])


def _orders(
    problem: Problem, mode: Mode, direction: Array, first: int, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """List the orders that the draws of a mode's t have along the direction, commonest first."""
    K, P = problem.mixture.n_components, problem.size
    if np.isnan(direction[0]):
        return [np.arange(K)]
    stretch = np.sqrt(DEGREES / rng.chisquare(DEGREES, size=(_LOOKED_AT, 1)))
    q = mode.q + _WIDER * stretch * (rng.normal(size=(_LOOKED_AT, P)) @ mode.factor.T)
    locs = q[:, problem.slices["locs"]].reshape(_LOOKED_AT, K, -1)
    orders, counts = np.unique(_ascending(locs @ direction, first), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_ORDERS]
    return [orders[i] for i in order if counts[i] > _RARE * _LOOKED_AT or i == order[0]]


def _same(problem: Problem, one: Mode, other: Mode) -> bool:
    """Whether two modes in the same order are one."""
    apart = np.linalg.solve(other.factor, one.q - other.q)
    return bool(np.abs(one.log_mass - other.log_mass) < 0.1 and apart @ apart < 0.05)
