"""EM beside our own fit: whether it is the same optimum, and how each got there.

EM climbs the likelihood, our fit the log joint. Without priors they look for the same point; with
them ours stands a little lower on the likelihood, and that much the priors pull.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, Priors, log_density
from gmm_core.options import EmOptions
from gmm_core.results import MapFit
from gmm_core.specification import Specification

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


def specification(
    dataset: Dataset, mixture: Mixture, fit: MapFit, options: EmOptions | None = None
) -> Specification:
    """Return the run of EM from where the chosen restart of `fit` began."""
    return Specification(
        dataset=dataset,
        mixture=mixture.model_copy(update={"priors": Priors.flat()}),
        options=options or EmOptions(),
        parameters=fit.trajectory[1][0],
    )


def likelihood_path(
    dataset: Dataset, fit: MapFit, budget: int = 3_000_000
) -> tuple[NDArray[np.int64], Array]:
    """Return steps [M] and the log likelihood at them [M] along the chosen restart's way.

    Of long ways with much data fewer frames are taken, first and last always: the budget is the
    number of densities that may be evaluated, by default a tenth of a second's worth.
    """
    steps, points = fit.trajectory
    cost = dataset.values.shape[0] * points.weights.shape[-1]
    count = int(np.clip(budget // cost, 2, len(steps)))
    index = np.unique(np.linspace(0, len(steps) - 1, count).round().astype(int))
    values = [float(log_density(points[i], dataset.values).sum()) for i in map(int, index)]
    return steps[index], np.array(values)


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
        here, there = (point.correlations[k] for point in (ours, theirs))
        for i in range(len(dataset.columns)):
            for j in range(i):
                if here[i, j] or there[i, j]:
                    name = f"correlation {dataset.columns[j]}, {dataset.columns[i]}"
                    pairs.append((name, here[i, j], there[i, j]))
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
