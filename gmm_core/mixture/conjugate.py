"""The normal-inverse-Wishart prior of locs and covariances, which no data can drive to collapse.

A covariance counts as one seen before in so many points: its determinant to a power, and a scale
matrix that keeps it from shrinking, whatever values repeat. Its density is that of the covariance
itself, so that its mode is that of Fraley and Raftery; a sampler, whose coordinates are others,
adds the volume of covariances that belongs to them.

Notes
-----
Fraley and Raftery (2007), Bayesian regularization for normal mixture estimation and model-based
clustering, Journal of Classification 24. Covariances along the data's axes have an inverse gamma
prior for each variance, balls one for their only one. A family that shares only some of size, shape
and direction has the product over its components, whose integral is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gmm_core.mixture.family import Family
    from gmm_core.mixture.model import Mixture
    from gmm_core.mixture.parameters import Parameters

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, eq=False)
class Conjugate:
    """What a mixture of one family in D columns has of the prior.

    Attributes
    ----------
    mean : [D], of locs.
    shrinkage : how many points the mean counts as; None where locs have another prior.
    freedom : degrees of freedom; None where covariances have another prior.
    scale : [D, D], the matrix whose trace with a precision is the exponent's; as the family has it.
    power : of the variance along an axis; a covariance's density has its determinant to minus half.
    n_covariances : how many of them have the prior: each component's, or the one that all share.
    normalised : whether the density's integral over the family is one.
    """

    mean: Array
    shrinkage: float | None
    freedom: float | None
    scale: Array
    power: float
    n_covariances: int
    normalised: bool

    @property
    def root(self) -> Array:
        """Cholesky factor [D, D] of the scale matrix."""
        factor: Array = np.asarray(np.linalg.cholesky(self.scale), dtype=np.float64)
        return factor

    def _marginal(self, family: Family) -> tuple[float, Array]:
        """Degrees of freedom and scales [D] of the inverse gamma that each variance has by itself.

        A variance under an inverse Wishart keeps all degrees of freedom but those of the columns
        besides (Mardia, Kent and Bibby 1979, section 3.4).
        """
        assert self.freedom is not None
        D, scales = len(self.mean), np.diagonal(self.scale)
        if family.balls:
            return self.freedom, D * scales
        return self.freedom - (0 if family.diagonal(D) else D - 1), scales

    def variances(self, family: Family, shares: Array) -> Array:
        """Quantiles of each column's variance [S, D], at the shares [S] of what is believed."""
        from scipy.special import chdtri

        degrees, scales = self._marginal(family)
        return scales / chdtri(degrees, shares)[:, None]

    def reach(self, family: Family, share: float) -> Array:
        """How far from the mean a loc's columns [D] lie at most, with this share of belief."""
        from scipy.special import stdtrit

        assert self.shrinkage is not None
        degrees, scales = self._marginal(family)
        return np.asarray(
            stdtrit(degrees, (1 + share) / 2) * np.sqrt(scales / degrees / self.shrinkage)
        )

    def constant(self, balls: bool, diagonal: bool) -> float:
        """Log of what normalises the density of one covariance."""
        from scipy.special import gammaln, multigammaln

        if self.freedom is None:
            return 0.0
        half, D = self.freedom / 2, len(self.mean)
        if balls:
            return float(half * np.log(D * self.scale[0, 0] / 2) - gammaln(half))
        if diagonal:
            return float((half * np.log(np.diagonal(self.scale) / 2) - gammaln(half)).sum())
        log_det = 2 * np.log(np.diagonal(self.root)).sum()
        return float(half * log_det - half * D * np.log(2) - multigammaln(half, D))


def conjugate_prior(mixture: Mixture, n_columns: int) -> Conjugate | None:
    """Return the mixture's prior of this kind in D columns, or None where it has none.

    Raises
    ------
    ValueError
        When its numbers do not fit the columns, or are no distribution.
    """
    priors, family, K, D = mixture.priors, mixture.family, mixture.n_components, n_columns
    if priors.shrinkage is None and priors.freedom is None:
        return None
    mean = priors.columns("loc_mean", D)
    assert mean is not None
    scale, power, freedom = np.eye(D), 0.0, priors.freedom
    n_covariances = K if family.own(D) else 1
    if freedom is not None:
        scale = priors.scale_matrix(D)
        if priors.scale_per_component:
            scale = scale / K ** (2 / D)
        if family.balls:
            # One variance, with the columns' average for its scale; each axis has a share of it.
            scale, power = np.eye(D) * np.trace(scale) / D**2, (freedom + 2) / D
        elif family.diagonal(D):
            scale, power = np.diag(np.diagonal(scale)), freedom + 2
        else:
            if freedom <= D - 1:
                raise ValueError(
                    f"The prior has {freedom:g} degrees of freedom, but covariances of {D} columns "
                    f"need more than {D - 1}. Give {D + 2}, which is usual."
                )
            power = freedom + D + 1
    normalised = freedom is None or D == 1 or family.plain
    return Conjugate(mean, priors.shrinkage, freedom, scale, power, n_covariances, normalised)


def log_conjugate(mixture: Mixture, parameters: Parameters) -> dict[str, Array]:
    """Log prior of locs and of covariances, where they have one of this kind.

    Returns
    -------
    {"locs": [...], "covariances": [...]}, with the leading axes of `parameters`: log densities, the
    latter per unit of covariance.
    """
    D = parameters.locs.shape[-1]
    prior = conjugate_prior(mixture, D)
    if prior is None:
        return {}
    factors, terms = parameters.scale_tril, {}
    log_det = 2 * np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(-1)  # [..., K]
    if prior.shrinkage is not None:
        gap = (parameters.locs - prior.mean)[..., None]
        squares = (np.linalg.solve(factors, gap) ** 2).sum((-2, -1))
        logs = prior.shrinkage * squares + log_det - D * np.log(prior.shrinkage) + D * _LOG_2PI
        terms["locs"] = -0.5 * logs.sum(-1)
    if prior.freedom is not None:
        J, family = prior.n_covariances, mixture.family
        root = np.broadcast_to(prior.root, factors.shape)
        traces = (np.linalg.solve(factors, root) ** 2).sum((-2, -1))
        logs = prior.constant(family.balls, family.diagonal(D)) - 0.5 * (
            prior.power * log_det + traces
        )
        terms["covariances"] = logs[..., :J].sum(-1)
    return terms
