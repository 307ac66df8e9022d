"""Points and data drawn from what is believed before any data is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture.model import Mixture
from gmm_core.mixture.parameters import Parameters, from_sites

Array = NDArray[np.float64]


def prior_draws(mixture: Mixture, n_columns: int, n: int, seed: int = 0) -> Parameters:
    """Draw points of the mixture from its priors.

    Parameters
    ----------
    n_columns : D of the data.
    n : M, how many.
    seed : the same seed gives the same points.

    Returns
    -------
    A sequence of points: weights [M, K], locs [M, K, D], scale_tril [M, K, D, D].

    Raises
    ------
    ValueError
        When a prior is flat: there is no distribution to draw from.
    """
    priors, K, D = mixture.priors, mixture.n_components, n_columns
    concentration, eta = priors.concentration, priors.correlation
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    scale = mixture.scale_prior(D)
    if not priors.proper:
        raise ValueError(
            "A flat prior is no distribution to draw from. Give every prior: "
            "Priors.for_data(dataset) suits most data."
        )
    # For the type checker: a proper prior has them all.
    assert concentration is not None
    assert eta is not None
    assert scale is not None
    assert loc_mean is not None
    assert loc_scale is not None
    rng = np.random.default_rng(seed)
    # A Dirichlet by its gammas: below 1e-300 every one of a small concentration may be zero.
    log_gamma = _log_gamma(rng, concentration, (n, K))
    weights = np.exp(log_gamma - log_gamma.max(axis=-1, keepdims=True))
    site = {
        "weights": weights / weights.sum(axis=-1, keepdims=True),
        "locs": loc_mean + loc_scale * rng.normal(size=(n, K, D)),
        "scale": np.exp(scale[0] + scale[1] * rng.normal(size=(n, *mixture.scale_shape(D)))),
    }
    if mixture.has_correlations(D):
        lead = (n,) if mixture.tied else (n, K)
        site["correlation"] = _lkj_factor(rng, eta, D, lead)
    return from_sites(mixture, site)


def _log_gamma(rng: np.random.Generator, shape: float, size: tuple[int, ...]) -> Array:
    """Logarithm of gamma draws, exact for the smallest shapes.

    Gamma(a) is Gamma(a + 1) times U^(1/a) (Marsaglia and Tsang 2000, section 6).
    """
    uniform = 1 - rng.random(size)
    return np.log(rng.gamma(shape + 1, size=size)) + np.log(uniform) / shape


def _lkj_factor(rng: np.random.Generator, eta: float, D: int, lead: tuple[int, ...]) -> Array:
    """Cholesky factors [..., D, D] of LKJ(eta) correlations.

    The canonical partial correlations of column j are Beta(b, b) on (-1, 1) with
    b = eta + (D - 2 - j) / 2, independent of each other: Lewandowski, Kurowicka and Joe (2009),
    section 2.4, as the C-vine.
    """
    factor = np.zeros((*lead, D, D))
    rest = np.ones((*lead, D))
    for j in range(D - 1):
        b = eta + (D - 2 - j) / 2
        partial = 2 * rng.beta(b, b, size=(*lead, D - 1 - j)) - 1
        factor[..., j, j] = rest[..., j]
        factor[..., j + 1 :, j] = partial * rest[..., j + 1 :]
        rest[..., j + 1 :] *= np.sqrt(1 - partial**2)
    factor[..., D - 1, D - 1] = rest[..., D - 1]
    return factor
