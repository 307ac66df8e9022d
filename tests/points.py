"""Random data and random points of any mixture, for tests of closed forms."""

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, from_sites
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.rotations import uniform

COVARIANCES = [(form, tied) for form in ("spherical", "diag", "full") for tied in (True, False)]
FOURTEEN = list(FAMILIES)


def random_dataset(N: int, D: int, seed: int = 0) -> Dataset:
    """Points around 3 with a spread of about 2, different in each column."""
    rng = np.random.default_rng(seed)
    return Dataset.from_values(3 + rng.normal(size=(N, D)) * (1 + np.arange(D)))


def random_point(mixture: Mixture, D: int, seed: int = 0) -> Parameters:
    rng = np.random.default_rng(seed)
    K = mixture.n_components
    values = {
        "weights": rng.dirichlet(np.full(K, 2.0)),
        "locs": rng.normal(3, 3, (K, D)),
        "scale": np.exp(rng.normal(0, 0.5, mixture.scale_shape(D))),
    }
    if mixture.has_correlations(D):
        lead = () if mixture.tied else (K,)
        factor = np.tril(rng.normal(size=(*lead, D, D)), -1) + np.eye(D)
        values["correlation"] = factor / np.linalg.norm(factor, axis=-1, keepdims=True)
    for site in mixture.sites(D):
        if site.name == "shape":
            values["shape"] = rng.normal(0, 0.5, site.shape)
        elif site.name == "direction":
            values["direction"] = uniform(rng, D, site.shape[:-2])
    return from_sites(mixture, values)
