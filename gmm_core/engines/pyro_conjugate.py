"""The conjugate prior of locs and covariances in the Pyro model, which defines it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pyro
import pyro.distributions as dist
import torch

from gmm_core.mixture import Mixture
from gmm_core.mixture.conjugate import conjugate_prior

Tensor = torch.Tensor


def believe(mixture: Mixture, values: dict[str, Tensor], locs: Tensor, volume: bool) -> None:
    """Add the log density of locs [K, D] and of covariances made of `values` to the model.

    Parameters
    ----------
    volume : whether the density is per unit of the sites, as sampling needs it, or per unit of
        covariance, as its mode is defined.
    """
    D = locs.shape[-1]
    prior, family = conjugate_prior(mixture, D), mixture.family
    if prior is None:
        return
    factors = family.factor(torch, values, mixture.n_components, D)
    if prior.shrinkage is not None:
        about = torch.tensor(prior.mean)
        normal = dist.MultivariateNormal(about, scale_tril=factors / math.sqrt(prior.shrinkage))
        pyro.factor("locs_prior", normal.log_prob(locs).sum())
    if prior.freedom is None:
        return
    own = factors[: prior.n_covariances]
    half, scale = prior.freedom / 2, torch.tensor(prior.scale)
    variances = own.diagonal(dim1=-2, dim2=-1) ** 2
    if family.balls:
        density = dist.InverseGamma(half, D * scale[0, 0] / 2).log_prob(variances[:, 0])
    elif family.diagonal(D):
        density = dist.InverseGamma(half, scale.diagonal() / 2).log_prob(variances)
    else:
        # Of the precision, which is Wishart, and the volume of covariances that belongs to it.
        wishart = dist.Wishart(
            torch.tensor(prior.freedom), covariance_matrix=scale.inverse(), validate_args=False
        )
        density = wishart.log_prob(torch.cholesky_inverse(own))
        density = density - (D + 1) * variances.log().sum(-1)
    pyro.factor("covariances_prior", density.sum())
    if volume:
        pyro.factor("volume", _log_volume(values, D))


def _log_volume(values: Mapping[str, Tensor], D: int) -> Tensor:
    """Log of the volume of covariances per unit of the sites.

    Variances are squares of scales; with correlations R = F F', the volume of these per unit of F
    is the product of F_ii^(D - i) (Lewandowski, Kurowicka and Joe 2009), and a covariance is s R s.
    """
    scale = values["scale"]
    total = (2 * scale).log().sum()
    if "correlation" in values:
        total = total + (D - 1) * scale.log().sum()
        lengths = values["correlation"].diagonal(dim1=-2, dim2=-1)
        total = total + (lengths.log() * torch.arange(D - 1, -1, -1)).sum()
    return total
