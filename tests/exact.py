"""The exact posterior of a few points in one column, by summing over every assignment.

Given an assignment and the scale everything is Gaussian; the scale is left for a grid. Nothing
here is shared with what it is an oracle for.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import gammaln, logsumexp
from scipy.stats import norm


@dataclass(frozen=True)
class Exact:
    """For K = 2 under the tutorial's priors."""

    log_evidence: float
    coclustering: np.ndarray  # [N, N]
    log_scale: np.ndarray  # [G], the grid
    mass: np.ndarray  # [G], posterior probability of each cell
    sorted_locs: np.ndarray  # [2], means of the lower and the upper
    lower_weight: float  # mean weight of the lower component

    @property
    def scale_mean(self) -> float:
        return float(self.mass @ np.exp(self.log_scale))

    def scale_quantile(self, q: float) -> float:
        return float(np.exp(np.interp(q, self.mass.cumsum() - self.mass / 2, self.log_scale)))


def exact_posterior(x: np.ndarray, concentration=0.5, loc_sd=10.0, log_sd=2.0) -> Exact:
    N = len(x)
    grid = np.linspace(-7, 7, 1401)
    log_prior = norm(0, log_sd).logpdf(grid) + np.log(grid[1] - grid[0])
    assignments = np.array(list(product((0, 1), repeat=N)))
    log_joint = np.empty((len(assignments), len(grid)))
    low, high, weight = (np.empty_like(log_joint) for _ in range(3))
    for a, z in enumerate(assignments):
        n = np.bincount(z, minlength=2)
        c = concentration
        log_p = gammaln(2 * c) - gammaln(N + 2 * c) + (gammaln(n + c) - gammaln(c)).sum()
        share = (n + c) / (N + 2 * c)
        s = np.exp(grid)[:, None]
        variance = 1 / (n / s**2 + 1 / loc_sd**2)
        mean = variance * np.array([x[z == k].sum() for k in (0, 1)]) / s**2
        # Normal data, normal locs: the locs integrate out of each component in closed form.
        log_x = -N * (0.5 * np.log(2 * np.pi) + grid) - 0.5 * (x**2).sum() * np.exp(-2 * grid)
        log_x += (0.5 * np.log(variance / loc_sd**2) + 0.5 * mean**2 / variance).sum(axis=1)
        log_joint[a] = log_p + log_x + log_prior
        # Mean of the smaller of two independent normals (Clark 1961).
        theta = np.sqrt(variance.sum(axis=1))
        gap = (mean[:, 1] - mean[:, 0]) / theta
        first_is_low = norm.cdf(gap)
        low[a] = mean[:, 0] * first_is_low + mean[:, 1] * (1 - first_is_low)
        low[a] -= theta * norm.pdf(gap)
        high[a] = mean.sum(axis=1) - low[a]
        weight[a] = share[0] * first_is_low + share[1] * (1 - first_is_low)
    log_evidence = logsumexp(log_joint)
    p = np.exp(log_joint - log_evidence)
    together = assignments[:, :, None] == assignments[:, None, :]
    return Exact(
        float(log_evidence),
        np.einsum("a,aij->ij", p.sum(axis=1), together),
        grid,
        p.sum(axis=0),
        np.array([(p * low).sum(), (p * high).sum()]),
        float((p * weight).sum()),
    )
