"""What the components of a draw are called, and how to give all draws the same names.

Labels are arbitrary: permuting the components changes no density, so the posterior has a mirror
image for every permutation, and a chain may jump between them. Means of raw draws then describe
nothing. Two ways give every draw the labels of the others: by its parameters (Celeux 1998, where
the data is not at hand) and by who it says each point belongs to (Stephens 2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations as orders_of
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters, e_step
from gmm_core.posterior.invariants import matrix_rows

if TYPE_CHECKING:
    from gmm_core.posterior.draws import Posterior

Array = NDArray[np.float64]
Order = NDArray[np.int64]
Going = Callable[[], object]

OCCUPANCY = 4
"""Components up to which all K! label orders are listed: 24 bars can still be read."""

_POINTS = 500  # data points that responsibilities are compared at
_NUMBERS = 20_000_000  # of all responsibilities together, 160 MB
_TINY = 1e-12  # in a logarithm: a probability of zero would rule a label out for ever
_TURNS = 100  # the cost falls at every turn, so it ends by itself; a few turns are the rule
_SOME = 1000  # draws that a running chain's labels are learnt from
_EACH = 5  # components up to which all K! assignments are compared at once
_SOON = 1.0  # seconds that people wait for a page
_COSTS = 1_000_000  # numbers that are compared at once: a part of a second, and 8 MB


def _go_on() -> None:
    """Nobody asks whether it is still wanted."""


@dataclass(frozen=True, eq=False)
class Labels:
    """How the labels of the draws behaved.

    Attributes
    ----------
    order : [C, S, K]; component order[c, s, k] of a draw is the one that is called k. By mean
        weight, largest first.
    jumps : draws whose labels differ from those of the draw before, in the same chain.
    permuted : draws whose labels are not the most frequent ones: those that had to be renamed.
    seen : how many orders of the labels were seen.
    """

    order: Order
    jumps: int
    permuted: int
    seen: int

    @classmethod
    def of(cls, order: Order) -> Labels:
        """Count what the orders [C, S, K] say."""
        moved = np.any(order[:, 1:] != order[:, :-1], axis=-1)
        _, counts = np.unique(order.reshape(-1, order.shape[-1]), axis=0, return_counts=True)
        return cls(order, int(moved.sum()), int(counts.sum() - counts.max()), len(counts))

    def occupancy(self) -> tuple[list[tuple[int, ...]], Array] | None:
        """Share of each chain's draws in each of the K! label orders, in lexicographic order.

        Returns
        -------
        orders [K!], shares [C, K!] whose rows sum to one; None for K = 1 or more than four.
        Symmetry gives every order the same probability 1 / K!.
        """
        K = self.order.shape[-1]
        if not 1 < K <= OCCUPANCY:
            return None
        orders = list(orders_of(range(K)))
        same = (self.order[:, :, None, :] == np.array(orders)).all(axis=-1)
        return orders, same.mean(axis=1)


def label_order(
    posterior: Posterior, dataset: Dataset | None = None, going: Going = _go_on
) -> Order:
    """Return the order of each draw's components that matches the others [C, S, K].

    The one that is kept with the draws, if there is one; else by Stephens' method where the data is
    given, or by the parameters alone. In that order the components are by their mean weight, the
    largest first.

    Parameters
    ----------
    going : called every part of a second; what it raises ends the search.
    """
    C, S, K = posterior.draws["weights"].shape
    if posterior.order is not None:
        order = posterior.order.reshape(-1, K).astype(np.int64)
        return _by_weight(order, posterior.parameters.weights).reshape(C, S, K)
    if K == 1 or dataset is None:
        return permutations(posterior, going)
    return stephens(posterior, dataset, going)


def with_order(posterior: Posterior, dataset: Dataset, going: Going = _go_on) -> Posterior:
    """Return the same draws, with the order of `label_order` kept beside them."""
    if posterior.draws["weights"].shape[-1] == 1:
        return posterior
    return replace(posterior, order=label_order(posterior, dataset, going).astype(np.int8))


def seconds_to_order(n_draws: int, n_components: int, n_points: int) -> float:
    """Estimate how long `label_order` takes on one core, to about a factor of three."""
    if n_components == 1:
        return 0.0
    K, compared = n_components, min(n_points, _POINTS) / _POINTS
    return n_draws * (4e-6 + 1e-6 * K**2 + 50e-6 * K * compared)


def soon(posterior: Posterior, dataset: Dataset) -> Posterior:
    """Return draws that `label_order` takes a second for: all, or every n-th of each chain.

    A run that came to its end has its labels with it. One that was stopped has none, nor has one of
    an earlier version, and the more draws, components and points, the longer it takes to find them.
    """
    C, S, K = posterior.draws["weights"].shape
    labelled = posterior.order is not None
    seconds = 0.0 if labelled else seconds_to_order(C * S, K, len(dataset.values))
    every = min(math.ceil(seconds / _SOON), S)
    if every <= 1:
        return posterior
    draws = {name: array[:, ::every] for name, array in posterior.draws.items()}
    stats = {name: a[:, ::every] if a.ndim > 1 else a for name, a in posterior.stats.items()}
    return replace(posterior, draws=draws, stats=stats, every=every * posterior.every)


def relabelled(posterior: Posterior, dataset: Dataset | None = None) -> Posterior:
    """Return the same draws with the labels of `label_order`: largest mean weight first."""
    return reordered(posterior, label_order(posterior, dataset))


def ordered(posterior: Posterior, column: int = 0) -> Posterior:
    """Return the same draws with the components of each by their loc along a column, ascending.

    A constraint that makes labels unique, and wrong where components overlap along the column:
    the lowest of two that differ in weight or scale only is sometimes one, sometimes the other.
    """
    return reordered(posterior, np.argsort(posterior.draws["locs"][..., column], axis=-1))


def reordered(posterior: Posterior, order: Order) -> Posterior:
    """Return the same draws with the components of each in the given order [C, S, K]."""

    def taken(array: Array) -> Array:
        index = order.reshape(*order.shape, *(1,) * (array.ndim - 3))
        return np.take_along_axis(array, index, axis=2)

    K, D = posterior.draws["locs"].shape[2:]
    of_components = Parameters.shapes(K, D)
    draws = {n: taken(a) if n in of_components else a for n, a in posterior.draws.items()}
    return replace(posterior, draws=draws, order=None)


def stephens(posterior: Posterior, dataset: Dataset, going: Going = _go_on) -> Order:
    """Match components by whom they are responsible for [C, S, K].

    Notes
    -----
    Stephens (2000), Dealing with label switching in mixture models, JRSS B 62(4), algorithm 2:
    alternate the mean Q of the permuted responsibilities P and, for each draw, the permutation of
    the smallest Kullback-Leibler divergence sum_nk p_nk log(p_nk / q_nk), which is a linear
    assignment problem. It starts from the labels of the parameters alone and from the draw of
    the largest log joint, and the smaller divergence wins. Of many points 500 along the data are
    compared, fewer for very many draws.
    """
    C, S, K = posterior.draws["weights"].shape
    draws = posterior.parameters
    M = C * S
    limit = max(20, min(_POINTS, _NUMBERS // (M * K)))
    _, P = e_step(draws, dataset.values[matrix_rows(dataset.values, limit)])
    P = P[:, :K]  # the noise has one label, whatever the components are called
    entropy = (P * np.log(np.maximum(P, _TINY))).sum(axis=-1)[:, None, :]

    def divergence(Q: Array, rows: slice) -> Array:
        return entropy[rows] - np.einsum("kn,mjn->mkj", np.log(np.maximum(Q, _TINY)), P[rows])

    def mean(order: Order) -> Array:
        return np.take_along_axis(P, order[:, :, None], axis=1).mean(axis=0)

    by_parameters = permutations(posterior, going).reshape(M, K)
    pivot = int(np.argmax(posterior.stats["log_joint"].ravel()))
    alternatives = [
        _alternate(divergence, mean, start, M, going=going)
        for start in (mean(by_parameters), P[pivot])
    ]
    order = min(alternatives, key=lambda pair: pair[0])[1]
    return _by_weight(order, draws.weights).reshape(C, S, K)


def permutations(posterior: Posterior, going: Going = _go_on) -> Order:
    """Match components by their parameters [C, S, K].

    Notes
    -----
    As Celeux (1998) in batch: the sum of squared distances to the mean of every label, with a
    linear assignment for each draw, from means to matches until nothing changes. Distances
    are between locs in units of the typical scale, weights as 2 asin(sqrt(w)) and, where
    components have their own, log scales. It starts once from the draw of the largest log joint
    and once from that of the median, since the largest may be at an empty component, where
    Dirichlet densities below concentration 1 are infinite. The closer match wins.
    """
    C, S, K = posterior.draws["weights"].shape
    if K == 1:
        return np.zeros((C, S, 1), dtype=np.int64)
    draws = posterior.parameters
    features = _features(draws)
    by_height = np.argsort(posterior.stats["log_joint"].ravel(), kind="stable")
    starts = dict.fromkeys((int(by_height[-1]), int(by_height[len(by_height) // 2])))
    alternatives = [_match(features, features[start], going=going) for start in starts]
    order = min(alternatives, key=lambda pair: pair[0])[1]
    return _by_weight(order, draws.weights).reshape(C, S, K)


def jumps_so_far(draws: dict[str, Array]) -> int:
    """Count the label jumps of running chains, by their parameters and in three turns at most.

    Parameters
    ----------
    draws : {"weights": [C, S, K], "locs": ..., "scale_tril": ...}, NaN where not drawn yet.
    """
    C, S, K = draws["weights"].shape
    finite = np.isfinite(draws["weights"]).all(axis=-1)
    if K == 1 or finite.sum() < 2:
        return 0
    points = Parameters.of({name: array[finite] for name, array in draws.items()})
    some = np.linspace(0, len(points) - 1, min(_SOME, len(points))).astype(int)
    # The means come from some draws, so that a frame of a long run costs as much as of a short one.
    part = points[some]
    features = _features(part)
    _, order = _match(features, features[len(features) // 2], turns=3)
    mean = np.take_along_axis(features, order[:, :, None], axis=1).mean(axis=0)
    _, order = _match(_features(points, part), mean, turns=1)
    chain = np.broadcast_to(np.arange(C)[:, None], (C, S))[finite]
    moved = np.any(order[1:] != order[:-1], axis=1) & (chain[1:] == chain[:-1])
    return int(moved.sum())


def assigned(cost: Array) -> Order:
    """For each matrix of costs [M, K, K] the column of each row of the cheapest assignment.

    Few components are matched by comparing all K! assignments of all matrices at once; more by
    one `scipy.optimize.linear_sum_assignment` for each.
    """
    K = cost.shape[-1]
    if K > _EACH:
        from scipy.optimize import linear_sum_assignment

        return np.array([linear_sum_assignment(matrix)[1] for matrix in cost], dtype=np.int64)
    every = np.array(list(orders_of(range(K))), dtype=np.int64)
    total = np.zeros((len(cost), math.factorial(K)))
    for k in range(K):
        total += cost[:, k, every[:, k]]
    return every[total.argmin(axis=1)]


def _features(points: Parameters, like: Parameters | None = None) -> Array:
    """Describe every component by numbers whose differences count alike [M, K, F].

    The units and limits are those of the points `like`, or their own.
    """
    own = points if like is None else like
    unit = np.median(own.scales, axis=(0, 1))
    tied = np.allclose(own.scales, own.scales[:, :1], rtol=1e-9, atol=0)

    def described(draws: Parameters) -> Array:
        parts = [draws.locs / unit]
        parts.append(2 * np.arcsin(np.sqrt(np.minimum(draws.weights, 1.0)))[..., None])
        if not tied:
            parts.append(np.log(draws.scales))
        return np.concatenate(parts, axis=-1)

    features = described(own)
    # A loc far outside says that its component is empty, not how far apart two labels are.
    low, high = np.quantile(features, (0.01, 0.99), axis=(0, 1))
    return np.clip(features if like is None else described(points), low, high)


def _match(
    features: Array, reference: Array, turns: int = _TURNS, going: Going = _go_on
) -> tuple[float, Order]:
    """Alternate matching every draw to the means and averaging; return cost and orders [M, K]."""
    squares = (features**2).sum(axis=-1)[:, None, :]

    def gaps(means: Array, rows: slice) -> Array:
        gap = squares[rows] - 2 * np.einsum("kf,mjf->mkj", means, features[rows])
        return gap + (means**2).sum(axis=-1)[None, :, None]

    def mean(order: Order) -> Array:
        return np.take_along_axis(features, order[:, :, None], axis=1).mean(axis=0)

    return _alternate(gaps, mean, reference, len(features), turns, going)


def _alternate(
    cost: Callable[[Array, slice], Array],
    mean: Callable[[Order], Array],
    reference: Array,
    n_draws: int,
    turns: int = _TURNS,
    going: Going = _go_on,
) -> tuple[float, Order]:
    """From the reference to the cheapest orders, from these to their mean, until they stay.

    Parameters
    ----------
    cost : of a reference and some of the draws [m, K, K]; of all of them it may fill the memory.
    """
    order, total = np.empty((0, 0), dtype=np.int64), np.inf
    at_once = max(1, _COSTS // len(reference) ** 2)
    for _turn in range(turns):
        total, blocks = 0.0, []
        for first in range(0, n_draws, at_once):
            going()
            each = cost(reference, slice(first, first + at_once))
            blocks.append(assigned(each))
            total += float(np.take_along_axis(each, blocks[-1][:, :, None], axis=2).sum())
        new = np.concatenate(blocks)
        if np.array_equal(new, order):
            break
        order = new
        reference = mean(order)
    return total, order


def _by_weight(order: Order, weights: Array) -> Order:
    """Call the component of the largest mean weight the first, and so on."""
    mean = np.take_along_axis(weights, order, 1).mean(axis=0)
    return order[:, np.argsort(-mean, kind="stable")]
