"""Data sets that a mixture makes from its own priors, for simulation-based calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines.replicates import made
from gmm_core.mixture import Mixture, Parameters, prior_draws
from gmm_core.mixture.log_joint import log_joint
from gmm_core.posterior.calibration import KEPT, quantities
from gmm_core.posterior.draws import Posterior

ENGINES = [
    {
        "kind": "calibration",
        "name": "simulated",
        "packages": ("numba", "nutpie"),
        "begin": 0.1,
        "per_evaluation": 1e-05,
        "per_number": 4e-09,
    },
]

Array = NDArray[np.float64]


def simulate(dataset: Dataset, mixture: Mixture, seed: int, b: int) -> tuple[Parameters, Dataset]:
    """Draw a point from the priors, and as many values from it as the dataset has.

    Parameters
    ----------
    b : number of the simulated data set; each has random numbers of its own.
    """
    rng = np.random.default_rng([seed, b])
    N, D = dataset.values.shape
    point = prior_draws(mixture, D, 1, int(rng.integers(2**32)))[0]
    return point, Dataset(made(point, N, rng), dataset.columns)


def ranks(
    simulated: Dataset, mixture: Mixture, point: Parameters, posterior: Posterior, thin: int
) -> Array:
    """Rank the true quantities [Q] among every `thin`-th draw of the first chain."""
    rows = slice(thin - 1, KEPT * thin, thin)
    points = Parameters.of({name: array[0, rows] for name, array in posterior.draws.items()})
    x, D = simulated.values, simulated.values.shape[1]
    middle = mixture.priors.columns("loc_mean", D)
    assert middle is not None  # the priors are proper
    true_values = np.append(
        quantities(point.reshape(1), x, middle)[:, 0], log_joint(simulated, mixture, point)
    )
    draw_values = np.vstack([quantities(points, x, middle), posterior.stats["log_joint"][0, rows]])
    return (draw_values < true_values[:, None]).sum(axis=1).astype(np.float64)
