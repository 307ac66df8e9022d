"""The likelihood of a dataset: its points by their weights, known components and missing values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture.density import e_step, log_components, log_density, log_sum_exp
from gmm_core.mixture.model import Mixture
from gmm_core.mixture.observation import Observation, observed
from gmm_core.mixture.parameters import Parameters

Array = NDArray[np.float64]


def log_likelihood(dataset: Dataset, mixture: Mixture, points: Parameters) -> Array:
    """Log likelihood of a dataset at one point, or at each point of a sequence [M].

    Every point of the data counts by its weight; where its component is known, by the term of that
    component alone; what is missing of it is integrated out; noise is uniform over the data's box.
    """
    seen = observed(dataset, mixture)
    return _summed(_log_densities(dataset, seen, points), seen)


def log_densities(dataset: Dataset, mixture: Mixture, points: Parameters) -> Array:
    """Log density of each point of a dataset [..., N], as `log_likelihood` takes it, unweighted."""
    return _log_densities(dataset, observed(dataset, mixture), points)


def _log_densities(dataset: Dataset, seen: Observation, points: Parameters) -> Array:
    points = _with_box(points, seen)
    if seen.component is None:
        return log_density(points, dataset.values)
    joint = log_components(points, dataset.values)
    classified = np.flatnonzero(seen.component >= 0)
    density = log_sum_exp(joint, axis=-2)
    density[..., classified] = joint[..., seen.component[classified], classified]
    return density


def membership(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> tuple[float, Array]:
    """Return log likelihood and responsibilities [K, N], with noise [K + 1, N], at one point.

    A point of known component belongs to it.
    """
    seen = observed(dataset, mixture)
    parameters = _with_box(parameters, seen)
    density, r = e_step(parameters, dataset.values)
    if seen.component is not None:
        classified = np.flatnonzero(seen.component >= 0)
        own = log_components(parameters, dataset.values[classified])
        density[classified] = own[seen.component[classified], np.arange(len(classified))]
        r[:, classified] = np.arange(len(r))[:, None] == seen.component[classified]
    return float(_summed(density, seen)), r


def _with_box(points: Parameters, seen: Observation) -> Parameters:
    if seen.box is None:
        return points
    return replace(points, box=np.broadcast_to(seen.box, (*points.lead, len(seen.box))))


def _summed(density: Array, seen: Observation) -> Array:
    if seen.weights is None:
        return density.sum(axis=-1)
    counted = seen.weights > 0  # a point that is gone has no density, however far out it is
    return density[..., counted] @ seen.weights[counted]
