"""EM beside our own fit: whether it is the same optimum, and how each got there.

EM climbs the likelihood, our fit the log joint. Without priors they look for the same point; with
them ours stands a little lower on the likelihood, and that much the priors pull.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import likelihood_shift
from gmm_core.mixture import Mixture, Priors, log_density
from gmm_core.runs.options import EmOptions
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification

Array = NDArray[np.float64]


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
    w = np.ones(len(dataset.values)) if dataset.weights is None else dataset.weights
    values = [float(w @ log_density(points[i], dataset.values)) for i in map(int, index)]
    return steps[index], np.array(values) + likelihood_shift(dataset)
