"""What became of a restart: its verdict, and which restarts found the same optimum."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, e_step

Array = NDArray[np.float64]

CONVERGED = 1e-4
"""Largest gradient norm per data point of a converged fit. Adam at a fixed rate wobbles about an
optimum at about this level; a polished fit has to reach `POLISHED`."""

POLISHED = 1e-6

_ENOUGH = 10_000  # rows that are looked at first where there are many
_NUMBERS = 2_000_000  # responsibilities that are held at a time, 16 MB


RULE_FROM = 5
"""Points, in D + 1, from which on `fewest_points` asks for some.

Found by trials: of two overlapping Gaussians in 1, 2 and 4 columns, 16 sets of each size, with 4
(D + 1) points the rule left two components in 1 of 48, with 5 (D + 1) in 16 of 48. From there on
the density of new points under the winner of a sweep over K = 1..3 was the higher with the rule, by
0.2 to 1.5 nats a point up to 6 (D + 1) points, by less than 0.2 from 8 (D + 1) on.
"""


def is_collapsed(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> bool:
    """Whether a component lost its points, or shrank onto so few that its density is unbounded.

    An empty component: at an optimum the weight is (n_k + c - 1) / (N + K (c - 1)) with n_k the
    sum of its responsibilities and c the Dirichlet concentration. For c < 1 and n_k <= 1 - c there
    is none: the weight runs to zero and the density to infinity. For c >= 1 the component is
    merely unused, which one hundredth of a point tells. Noise is lost for c < 1 only: unused, it is
    what data without outliers has.

    A singular component: no more than D points to itself and a scale under a thousandth of the
    data's, or any at all with a scale under 1e-8 of it.
    """
    return bool(collapsed(dataset, mixture, parameters.reshape(1))[0])


def collapsed(
    dataset: Dataset, mixture: Mixture, points: Parameters, known: Array | None = None
) -> NDArray[np.bool_]:
    """Tell of each point of a sequence [R] whether it `is_collapsed`.

    Parameters
    ----------
    known : [R, K], sums of responsibilities where they are known, else NaN.
    """
    c = mixture.priors.concentration
    N, D = dataset.values.shape
    # The smallest singular value of the factor in the data's units: the thinnest axis.
    spread = _spread(dataset)
    thin = np.linalg.svd(points.scale_tril / spread[:, None], compute_uv=False)[..., -1]
    # What a component has of some of the rows it has of all: if that is enough, the rest is not
    # looked at.
    some = np.full(points.weights.shape, np.nan) if known is None else known.copy()
    unknown = np.isnan(some).any(axis=1)
    if np.any(unknown):
        some[unknown] = held(points[unknown], dataset, max(1, N // _ENOUGH))
    unsure = np.full(len(points), True)
    if N >= 2 * _ENOUGH:
        unsure = ~(np.all(some > D + 1, axis=1) & np.all(thin > 1e-8, axis=1))
        if np.any(again := unsure & unknown):
            some[again] = held(points[again], dataset)
    empty = some < max(1 - (1.0 if c is None else c), 0.01)
    singular = ((thin < 1e-3) & (some < D + 0.5)) | (thin < 1e-8)
    # With one component there is nothing to lose a point to.
    degenerate = np.any(singular, axis=1) | ((mixture.n_components > 1) & np.any(empty, axis=1))
    fallen: NDArray[np.bool_] = degenerate & unsure
    if mixture.noise and c is not None and c < 1:
        fallen |= dataset.total - held(points, dataset).sum(axis=1) <= 1 - c
    return fallen


def fewest_points(dataset: Dataset) -> float:
    """Points that every component has to hold for an optimum to win: 2 (D + 1).

    A component through D + 1 points fits them exactly, and one on little more fits their accidents:
    the likelihood is high there, and the density of new points low. Where the data has fewer than
    `RULE_FROM` times D + 1 points the rule would leave one component only, right or not, and gives
    way to a warning: 0.
    """
    N, D = dataset.total, dataset.values.shape[1]
    return 2.0 * (D + 1) if N >= RULE_FROM * (D + 1) else 0.0


def held(points: Parameters, dataset: Dataset, step: int = 1) -> Array:
    """Sum the responsibilities of each component [R, K] over every `step`-th point of the data."""
    values, K = dataset.values[::step], points.weights.shape[1]
    weights = None if dataset.weights is None else dataset.weights[::step]
    some = max(1, _NUMBERS // (K * len(values)))
    counts = []
    for first in range(0, len(points), some):
        r = e_step(points[first : first + some], values)[1][:, :K]
        counts.append(r.sum(axis=-1) if weights is None else r @ weights)
    return np.concatenate(counts)


@lru_cache(maxsize=4)
def _spread(dataset: Dataset) -> Array:
    return np.sqrt(dataset.moments()[1])


def gradient_size(parameters: Parameters, gradient: dict[str, Array], n_points: float) -> float:
    """2-norm of the unconstrained gradient per data point, free of the data's units.

    The gradient of the locs is in 1 / units of the data; times the scales it is a number.
    """
    total = 0.0
    for name, g in gradient.items():
        total += float(((g * parameters.scales if name == "locs" else g) ** 2).sum())
    return float(np.sqrt(total)) / n_points
