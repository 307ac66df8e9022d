"""The objective at one point: log likelihood and one log prior term for each site."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture.conjugate import log_conjugate
from gmm_core.mixture.likelihood import log_likelihood
from gmm_core.mixture.model import Mixture
from gmm_core.mixture.parameters import Parameters, sites

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))


def log_joint_terms(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> dict[str, float]:
    """Split the log joint: "likelihood", and the log prior of each site that has one.

    All in constrained space, without a Jacobian. The keys of the priors are the sites' names,
    "weights", "locs", "scale", "correlation" and "shape", and "covariances" for a conjugate prior,
    whose density is per unit of covariance (`mixture.conjugate`). A flat prior has no term, and so
    has none the "direction", whose density is one by their uniform distribution.

    Notes
    -----
    Dirichlet, Normal, LogNormal, and for Cholesky factors of correlations the LKJ density of
    Lewandowski, Kurowicka and Joe (2009), as normalised on p. 1999 there.
    """
    terms = {"likelihood": float(log_likelihood(dataset, mixture, parameters))}
    return terms | {n: float(v) for n, v in log_prior_terms(mixture, parameters).items()}


def log_prior_terms(mixture: Mixture, parameters: Parameters) -> dict[str, Array]:
    """Log prior of each site that has one, at a point or at every point of a sequence [M].

    The priors' part of `log_joint_terms`; each term has the leading axes of `parameters`.
    """
    from scipy.special import gammaln

    D = parameters.locs.shape[-1]
    site = sites(mixture, parameters)
    priors, W = mixture.priors, mixture.n_weights
    lead = parameters.weights.ndim - 1
    terms: dict[str, Array] = {}

    def total(array: Array) -> Array:
        return array.sum(axis=tuple(range(lead, array.ndim)))

    c = priors.concentration
    if c is not None:
        with np.errstate(divide="ignore"):
            log_w = np.log(site["weights"])
        # (c - 1) * log 0 is nothing for c = 1.
        powers = np.zeros(log_w.shape[:-1]) if c == 1 else (c - 1) * log_w.sum(axis=-1)
        terms["weights"] = powers + gammaln(W * c) - W * gammaln(c)
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    if loc_mean is not None and loc_scale is not None:
        z = (site["locs"] - loc_mean) / loc_scale
        terms["locs"] = total(-0.5 * z**2 - np.log(loc_scale) - 0.5 * _LOG_2PI)
    for name in site:
        if name in LOG_PRIOR:
            log_prior = LOG_PRIOR[name](mixture, site[name], D)
            if log_prior is not None:
                terms[name] = total(log_prior)
    return terms | log_conjugate(mixture, parameters)


def _log_scale_prior(mixture: Mixture, scale: Array, D: int) -> Array | None:
    scale_prior = mixture.scale_prior(D)
    if scale_prior is None:
        return None
    log_mean, log_sd = scale_prior
    log_s = np.log(scale)
    z = (log_s - log_mean) / log_sd
    return -0.5 * z**2 - log_s - np.log(log_sd) - 0.5 * _LOG_2PI


def _log_shape_prior(mixture: Mixture, shape: Array, D: int) -> Array | None:
    prior = mixture.shape_prior(D)
    if prior is None:
        return None
    mean, sd = prior
    return -0.5 * ((shape - mean) / sd) ** 2 - np.log(sd) - 0.5 * _LOG_2PI


def _uniform(mixture: Mixture, value: Array, D: int) -> Array | None:
    return None


def _log_correlation_prior(mixture: Mixture, correlation: Array, D: int) -> Array | None:
    from scipy.special import gammaln, multigammaln

    eta = mixture.priors.correlation
    if eta is None:
        return None
    diagonal = np.diagonal(correlation, axis1=-2, axis2=-1)[..., 1:]
    powers: Array = np.log(diagonal) @ (2 * (eta - 1) + D - np.arange(2, D + 1))
    alpha = eta + 0.5 * (D - 1)
    log_volume = (
        0.5 * (D - 1) * np.log(np.pi) + multigammaln(alpha - 0.5, D - 1) - (D - 1) * gammaln(alpha)
    )
    return powers - log_volume


LOG_PRIOR: dict[str, Callable[[Mixture, Array, int], Array | None]] = {
    "scale": _log_scale_prior,
    "correlation": _log_correlation_prior,
    "shape": _log_shape_prior,
    "direction": _uniform,
}
"""Log prior of a site of covariances by its name, not yet summed; None where it is flat."""


def log_joint(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> float:
    """Log likelihood plus log priors at one point, in constrained space (no Jacobian)."""
    return float(sum(log_joint_terms(dataset, mixture, parameters).values()))
