"""What became of a restart: its verdict, and which restarts found the same optimum."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, responsibilities

Array = NDArray[np.float64]

CONVERGED = 1e-4
"""Largest gradient norm per data point of a converged fit. Adam at a fixed rate wobbles about an
optimum at about this level; a polished fit has to reach `POLISHED`."""

POLISHED = 1e-6

_ENOUGH = 10_000  # rows that are looked at first where there are many


def is_collapsed(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> bool:
    """Whether a component lost its points, or shrank onto so few that its density is unbounded.

    An empty component: at an optimum the weight is (n_k + c - 1) / (N + K (c - 1)) with n_k the
    sum of its responsibilities and c the Dirichlet concentration. For c < 1 and n_k <= 1 - c there
    is none: the weight runs to zero and the density to infinity. For c >= 1 the component is
    merely unused, which one hundredth of a point tells.

    A singular component: no more than D points to itself and a scale under a thousandth of the
    data's, or any at all with a scale under 1e-8 of it.
    """
    c = mixture.priors.concentration
    N, D = dataset.values.shape
    # The smallest singular value of the factor in the data's units: the thinnest axis.
    spread = _spread(dataset)
    thin = np.linalg.svd(parameters.scale_tril / spread[:, None], compute_uv=False)[:, -1]
    # What a component has of some of the rows it has of all: if that is enough, the rest is not
    # looked at.
    some = responsibilities(parameters, dataset.values[:: max(1, N // _ENOUGH)]).sum(axis=0)
    if N >= 2 * _ENOUGH and np.all(some > D + 1) and np.all(thin > 1e-8):
        return False
    points = some if N < 2 * _ENOUGH else responsibilities(parameters, dataset.values).sum(axis=0)
    empty = points < max(1 - (1.0 if c is None else c), 0.01)
    singular = ((thin < 1e-3) & (points < D + 0.5)) | (thin < 1e-8)
    # With one component there is nothing to lose a point to.
    return bool(np.any(singular) or (mixture.n_components > 1 and np.any(empty)))


@lru_cache(maxsize=4)
def _spread(dataset: Dataset) -> Array:
    return dataset.values.std(axis=0)


def gradient_size(parameters: Parameters, gradient: dict[str, Array], n_points: int) -> float:
    """2-norm of the unconstrained gradient per data point, free of the data's units.

    The gradient of the locs is in 1 / units of the data; times the scales it is a number.
    """
    total = 0.0
    for name, g in gradient.items():
        total += float(((g * parameters.scales if name == "locs" else g) ** 2).sum())
    return float(np.sqrt(total)) / n_points


def basins(final_loss: Array, points: Parameters, sound: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Group restarts that ended in the same optimum up to permutation [R].

    0 is the best optimum, 1 the next, and so on; -1 where not `sound`. Two ends are the same when
    their losses agree to a thousandth and, after matching components, weights agree to 0.01 and
    locs to a tenth of the scale: far closer than optima lie to each other, and wider than Adam
    wobbles.
    """
    from scipy.optimize import linear_sum_assignment

    found = np.full(len(final_loss), -1, dtype=np.int64)
    heads: list[int] = []
    for r in np.argsort(np.where(sound, final_loss, np.inf), kind="stable"):
        if not sound[r]:
            continue
        for number, head in enumerate(heads):
            gap = final_loss[r] - final_loss[head]
            if gap > 1e-3 * max(1.0, abs(final_loss[head])):
                continue
            scale = points.scales[head][:, None, :]
            apart = points.locs[head][:, None, :] - points.locs[r][None]
            cost = np.abs(apart / scale).max(axis=-1) / 0.1
            weight_gap = points.weights[head][:, None] - points.weights[r][None]
            cost = np.maximum(cost, np.abs(weight_gap) / 0.01)
            rows, columns = linear_sum_assignment(cost)
            if cost[rows, columns].max() <= 1:
                found[r] = number
                break
        else:
            found[r] = len(heads)
            heads.append(int(r))
    return found
