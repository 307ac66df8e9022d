"""Components of two points brought together, and points that are the same but for their order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture.parameters import Parameters

Array = NDArray[np.float64]


class Difference(NamedTuple):
    """One number of a component, here and there."""

    component: int
    name: str
    ours: float
    theirs: float

    @property
    def gap(self) -> float:
        """Theirs less ours."""
        return self.theirs - self.ours


def matched(reference: Parameters, other: Parameters) -> Parameters:
    """Return `other` with its components in the order that brings them nearest to `reference`.

    Nearest is the smallest sum of squared distances of locs, in units of the reference's scales,
    plus squared differences of log scales, by the Hungarian method. With unequal numbers of
    components the surplus ones of `other` come last.
    """
    from scipy.optimize import linear_sum_assignment

    unit = reference.scales
    apart = (reference.locs[:, None, :] - other.locs[None]) / unit[:, None, :]
    wider = np.log(other.scales)[None] - np.log(unit)[:, None, :]
    rows, columns = linear_sum_assignment((apart**2 + wider**2).sum(axis=-1))
    order = [int(c) for _, c in sorted(zip(rows, columns, strict=True))]
    order += [k for k in range(len(other.weights)) if k not in order]
    return other.permuted(order)


def differences(dataset: Dataset, ours: Parameters, theirs: Parameters) -> list[Difference]:
    """List weights, locs, scales and correlations of both, component by component.

    The components of `theirs` are matched first. Of unequal numbers only those in both are listed.
    """
    theirs = matched(ours, theirs)
    rows = []
    for k in range(min(len(ours.weights), len(theirs.weights))):
        pairs = [("weight", ours.weights[k], theirs.weights[k])]
        for i, column in enumerate(dataset.columns):
            pairs.append((f"loc {column}", ours.locs[k, i], theirs.locs[k, i]))
            pairs.append((f"scale {column}", ours.scales[k, i], theirs.scales[k, i]))
        in_ours, in_theirs = (point.correlations[k] for point in (ours, theirs))
        for i in range(len(dataset.columns)):
            for j in range(i):
                if in_ours[i, j] or in_theirs[i, j]:
                    name = f"correlation {dataset.columns[j]}, {dataset.columns[i]}"
                    pairs.append((name, in_ours[i, j], in_theirs[i, j]))
        rows += [Difference(k, name, float(a), float(b)) for name, a, b in pairs]
    return rows


def largest_gap(ours: Parameters, theirs: Parameters) -> float:
    """Return the largest difference of weights, and of locs and scales in units of the scales."""
    theirs = matched(ours, theirs)
    K = min(len(ours.weights), len(theirs.weights))
    unit = ours.scales[:K]
    gaps = (
        np.abs(ours.weights[:K] - theirs.weights[:K]),
        np.abs(ours.locs[:K] - theirs.locs[:K]) / unit,
        np.abs(unit - theirs.scales[:K]) / unit,
    )
    return float(max(gap.max() for gap in gaps))


def basins(final_loss: Array, points: Parameters, sound: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Group restarts that ended in the same optimum up to permutation [R].

    0 is the best optimum, 1 the next, and so on; -1 where not `sound`. Two ends are the same when
    their losses agree to a thousandth and, after matching components, weights agree to 0.01 and
    locs to a tenth of the scale: far closer than optima lie to each other, and wider than Adam
    wobbles.
    """
    from scipy.optimize import linear_sum_assignment

    numbers = np.full(len(final_loss), -1, dtype=np.int64)
    order = np.argsort(np.where(sound, final_loss, np.inf), kind="stable")
    left, scales = order[sound[order]], points.scales
    arange = np.arange(points.weights.shape[1])
    number = 0
    while len(left):
        # The best that is left leads a basin: whoever is near to no better one may be near to it.
        head = left[0]
        gap = final_loss[left] - final_loss[head]
        some = left[gap <= 1e-3 * max(1.0, abs(final_loss[head]))]
        apart = points.locs[head][:, None, :] - points.locs[some][:, None]
        cost = np.abs(apart / scales[head][:, None, :]).max(axis=-1) / 0.1
        weight_gap = points.weights[head][:, None] - points.weights[some][:, None]
        cost = np.maximum(cost, np.abs(weight_gap) / 0.01)
        # Where each has its own nearest, that is the best matching; where one has none near
        # enough, no matching is.
        near = cost.argmin(axis=2)
        same = cost.min(axis=2).max(axis=1) <= 1
        shared = same & np.any(np.sort(near, axis=1) != arange, axis=1)
        for i in np.flatnonzero(shared):
            rows, columns = linear_sum_assignment(cost[i])
            same[i] = cost[i, rows, columns].max() <= 1
        numbers[some[same]] = number
        numbers[head] = number
        left = left[numbers[left] < 0]
        number += 1
    return numbers
