"""The conjugate prior as lines of the exported script."""

from __future__ import annotations

import numpy as np

from gmm_core.mixture import Mixture
from gmm_core.mixture.conjugate import conjugate_prior
from gmm_core.sharing.literals import tensor
from gmm_core.sharing.script_sites import lines_of, spread


def conjugate_lines(mixture: Mixture, D: int, sampled: bool) -> list[str]:
    """Write the prior's log density into the model, where its sites have been drawn.

    Parameters
    ----------
    sampled : whether the density is per unit of the sites, as a sampler needs it; a fit's mode is
        that per unit of covariance.
    """
    prior, family = conjugate_prior(mixture, D), mixture.family
    if prior is None:
        return []
    lines = []
    scale = spread(mixture, D)
    if prior.shrinkage is not None:
        root = f"{prior.shrinkage!r} ** 0.5"
        about = f"dist.Normal({tensor(prior.mean)}, {scale} / {root})"
        if not family.diagonal(D):
            about = f"dist.MultivariateNormal({tensor(prior.mean)}, scale_tril={scale} / {root})"
        lines.append(f'pyro.factor("locs_prior", {about}.log_prob(locs).sum())')
    if prior.freedom is None:
        return lines
    half, scales = repr(prior.freedom / 2), np.diagonal(prior.scale)
    if family.balls:
        gamma = f"dist.InverseGamma({half}, {float(D * scales[0] / 2)!r}).log_prob(scale**2)"
        lines.append(f'pyro.factor("covariances_prior", {gamma}.sum())')
    elif family.diagonal(D):
        gamma = f"dist.InverseGamma({half}, {tensor(scales / 2)}).log_prob({scale}**2)"
        lines.append(f'pyro.factor("covariances_prior", {gamma}.sum())')
    else:
        lines += [
            f"wishart = dist.Wishart(torch.tensor({prior.freedom!r}), "
            f"covariance_matrix={tensor(np.linalg.inv(prior.scale))}, validate_args=False)",
            "logs = scale_tril.diagonal(dim1=-2, dim2=-1).log()",
            "inverse_wishart = wishart.log_prob(torch.cholesky_inverse(scale_tril))",
            "inverse_wishart = inverse_wishart - 2 * (D + 1) * logs.sum(-1)",
            'pyro.factor("covariances_prior", inverse_wishart.sum())',
        ]
    if sampled:
        volume = " + ".join(
            term for site_lines in lines_of(mixture, D) for term in site_lines.volume
        )
        lines.append(f'pyro.factor("volume", {volume})  # of covariances per unit of the sites')
    return lines
