"""The modes of a posterior in unconstrained coordinates, each with its curvature and its mass.

A sampler that has to weigh modes against each other begins at all of them: at the optima that a
search of the log joint has found, and where some components are empty at those of fewer components
with the others where the prior has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines.chain_starts import optima
from gmm_core.engines.compiling import njit
from gmm_core.engines.intrinsics import bare
from gmm_core.engines.kernel import log_joint_in
from gmm_core.engines.layout import scratch
from gmm_core.engines.problem import Problem
from gmm_core.mixture import Mixture, Parameters, log_joint, sites
from gmm_core.runs.options import MapOptions

Array = NDArray[np.float64]

_SEARCH = MapOptions(restarts=60, steps=200, start="search", method="em", polish=True)
# An optimum's height says little of its mass, so only those that are far below are left out.
_WITHIN = 25.0
_MOST = 12
# Of the distance to the next value. Rounding by itself makes a scale of 0.29 of it.
_ON_ONE = 0.05
# With so many components empty, and no more: they lie alike, in as many orders as there are.
_EMPTY = 2
# Central differences of the gradient lose least at about the cube root of the machine's precision.
_STEP = 6e-6
# In units of the data no prior that says anything is wider than this many of them.
_WIDEST = 7.0
_NEWTON = 50
_SETTLED = 1e-8


@dataclass(frozen=True, eq=False)
class Mode:
    """One mode of the log joint in unconstrained coordinates.

    q : [P], where it is.
    factor : [P, P], Cholesky factor of the inverse of minus the Hessian there, held within what a
        prior may be wide.
    log_mass : Laplace's approximation of the log integral about it.
    """

    q: Array
    factor: Array
    log_mass: float


def distinct_optima(dataset: Dataset, mixture: Mixture) -> tuple[Parameters, ...]:
    """Find the distinct sound optima of the log joint, best first.

    Those on equal values are left out (`posterior.ties` tells of them): a component may shrink onto
    the copies of a value that rounding has made until a prior holds it, at any height, and such a
    mode says nothing of groups.
    """
    points = optima(dataset, mixture, _SEARCH, np.inf)
    sound = [point for point in points if not on_equal_values(dataset, point)]
    heights = [log_joint(dataset, mixture, point) for point in sound]
    return tuple(p for p, h in zip(sound, heights, strict=True) if h >= heights[0] - _WITHIN)


def on_equal_values(dataset: Dataset, point: Parameters) -> bool:
    """Tell whether a component lies on one value of a column, far narrower than to the next one."""
    for column, locs, scales in zip(dataset.values.T, point.locs.T, point.scales.T, strict=True):
        values = np.unique(column[~np.isnan(column)])
        if len(values) < 2:
            continue
        nearest = np.abs(values - locs[:, None]).argmin(axis=1)
        gap = np.diff(values, prepend=-np.inf, append=np.inf)
        if np.any(scales < _ON_ONE * np.minimum(gap[nearest], gap[nearest + 1])):
            return True
    return False


def candidates(dataset: Dataset, mixture: Mixture) -> list[Parameters]:
    """List the points from which modes are climbed: optima, also of fewer components.

    The data has to be in units of its spread. To an optimum of fewer components the others are
    added with what weight the prior gives them and the first one's covariance, in the middle of the
    locs' prior.
    """
    K, D = mixture.n_components, dataset.values.shape[1]
    c, middle = mixture.priors.concentration, mixture.priors.columns("loc_mean", D)
    assert c is not None
    assert middle is not None
    optima = list(distinct_optima(dataset, mixture))[:_MOST]
    classes = len(dataset.class_names) if mixture.classes_fixed else 0
    for occupied in range(max(1, classes, K - _EMPTY), K):
        fewer = mixture.model_copy(update={"n_components": occupied})
        for point in distinct_optima(dataset, fewer)[:_MOST]:
            empty = K - occupied
            share = np.full(empty, c / (dataset.total + mixture.n_weights * c))
            left = 1 - share.sum()
            weights = np.append(point.weights * left, share)
            locs = np.concatenate([point.locs, np.tile(middle, (empty, 1))])
            factors = np.concatenate([point.scale_tril, point.scale_tril[[0] * empty]])
            noise = None if point.noise is None else point.noise * left
            optima.append(Parameters(weights, locs, factors, noise, point.box))
    return optima


def climb(problem: Problem, point: Parameters) -> Mode | None:
    """Climb from a point to the mode nearby by Newton's method; None where it leads nowhere."""
    q = problem.unconstrain(sites(problem.mixture, point))
    value, gradient = problem.value_and_gradient(q)
    for _ in range(_NEWTON):
        if not np.isfinite(value):
            return None
        axes, curvature = _curvature(problem, q)
        way = axes @ ((axes.T @ gradient) / curvature)
        gain = float(way @ gradient)
        if gain < _SETTLED:
            break
        size = 1.0
        while size > 1e-6:
            candidate = q + size * way
            higher, slope = problem.value_and_gradient(candidate)
            if higher >= value + 1e-4 * size * gain:
                break
            size /= 2
        else:
            break
        q, value, gradient = candidate, higher, slope
    return mode_at(problem, q)


def mode_at(problem: Problem, q: Array) -> Mode:
    """Return the mode at this point, its curvature measured there."""
    axes, curvature = _curvature(problem, q)
    value, _ = problem.value_and_gradient(q)
    covariance = (axes / curvature) @ axes.T
    P = len(q)
    log_mass = value + 0.5 * P * log(2 * pi) - 0.5 * float(np.log(curvature).sum())
    return Mode(q, np.asarray(np.linalg.cholesky(covariance), dtype=np.float64), log_mass)


def _curvature(problem: Problem, q: Array) -> tuple[Array, Array]:
    """Axes [P, P] and curvatures [P] of minus the log joint, none below that of a wide prior."""
    hessian = np.empty((len(q), len(q)))
    differentiate(
        q.copy(), problem.x, problem.numbers, problem.layout, np.empty(problem.work_size), hessian
    )
    curvature, axes = np.linalg.eigh(-0.5 * (hessian + hessian.T))
    # Uphill in a direction that bends upwards as well, as Newton's method for saddles does.
    return axes, np.maximum(np.abs(curvature), _WIDEST**-2)


@njit(cache=True, nogil=True)
def differentiate(q, x, numbers, layout, work, hessian):
    """Second derivatives [P, P] of the log joint by central differences of its gradient."""
    P = len(q)
    cut = scratch(work, layout)
    above, below = np.empty(P), np.empty(P)
    point, above_, below_ = bare(q), bare(above), bare(below)
    x_, numbers_, layout_ = bare(x), bare(numbers), bare(layout)
    for p in range(P):
        at = q[p]
        h = _STEP * max(1.0, abs(at))
        q[p] = at + h
        log_joint_in(point, x_, numbers_, layout_, above_, *cut)
        q[p] = at - h
        log_joint_in(point, x_, numbers_, layout_, below_, *cut)
        q[p] = at
        for r in range(P):
            hessian[p, r] = (above[r] - below[r]) / (2 * h)
