"""What the Pyro model sees of data with weights, known classes, noise or missing values.

The definition, in torch: the components' log densities at what is there of each point, with the
noise's behind them; minus infinity for the components that a point is known not to come from.
"""

from __future__ import annotations

import math

import numpy as np
import pyro
import pyro.distributions as dist
import torch

from gmm_core.mixture.observation import Observation, patterns

Tensor = torch.Tensor


def log_densities(locs: Tensor, factors: Tensor, data: Tensor, seen: Observation) -> Tensor:
    """Log density of every component, and of the noise, at each point [N, K (+ 1)].

    Parameters
    ----------
    locs, factors : [K, D] and [K, D, D].
    data : [N, D], NaN where a value is missing.
    """
    parts, rows = [], []
    for present, of_pattern in patterns(np.isnan(data.numpy())):
        factor, columns = factors, torch.tensor(np.flatnonzero(present))
        if not present.all():
            some = factors[:, columns]
            factor = torch.linalg.cholesky(some @ some.transpose(-1, -2))
        component = dist.MultivariateNormal(locs[:, columns], scale_tril=factor)
        density = component.log_prob(data[torch.tensor(of_pattern)][:, columns][:, None])
        if seen.box is not None:
            height = -math.fsum(np.log(seen.box[present]))
            density = torch.cat([density, torch.full_like(density[:, :1], height)], dim=1)
        parts.append(density)
        rows.append(of_pattern)
    joint = torch.cat(parts)[torch.tensor(np.argsort(np.concatenate(rows)))]
    if seen.component is not None:
        certain = torch.tensor(seen.component)[:, None]
        other = (certain >= 0) & (torch.arange(joint.shape[1]) != certain)
        joint = joint.masked_fill(other, -math.inf)
    return joint


def observe(weights: Tensor, joint: Tensor, seen: Observation) -> None:
    """Let the model come upon the data, by the log densities [N, K (+ 1)] of `log_densities`.

    Assignments are a site that is enumerated, of the points whose component is not known. A point
    that counts as another number than one has no single assignment, so where there are weights they
    are summed out here.
    """
    if seen.weights is not None:
        total = torch.logsumexp(joint + weights.log(), dim=1)
        pyro.factor("obs", (torch.tensor(seen.weights) * total).sum())
        return
    if seen.component is not None:
        component = torch.tensor(seen.component)
        certain = component >= 0
        pyro.factor("known", (joint + weights.log())[certain, component[certain]].sum())
        joint = joint[~certain]
        if not len(joint):
            return
    with pyro.plate("data", len(joint)):
        z = pyro.sample("assignment", dist.Categorical(weights))
        pyro.factor("obs", joint[torch.arange(len(joint)), z])
