"""Simulation-based calibration: parameters from the prior, data from them, ranks among the draws.

When a sampler draws from the posterior of the very mixture that made the data, the rank of any
true quantity among its drawn values is uniform (Talts, Betancourt, Simpson, Vehtari and Gelman
2018, arXiv:1804.06788). Only quantities that do not depend on labels are ranked. Those that look
at the data too (likelihood, log joint) see errors to which the others are blind (Modrák et al.
2023, doi:10.1214/23-BA1404).

The draws from the prior share nothing with the core: they are NumPy's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

import gmm_core as gmm
from gmm_core.inference.run import run_part
from gmm_core.mixture import from_sites
from gmm_core.posterior.calibration import QUANTITIES, p_values, quantities

__all__ = ["p_values", "prior_sites", "ranks"]

Array = NDArray[np.float64]
Sampler = Callable[[gmm.Dataset, gmm.Mixture, gmm.NutsOptions], gmm.Posterior]

LIMIT = 0.001
"""Smallest p-value of a quantity that passes."""

# Proper, and moderately tight: with few points the posterior has no modes that a chain cannot
# leave, other than those that differ in their labels.
PRIORS = gmm.Priors(concentration=2, loc_scale=5, scale_log_sd=0.5, correlation=2)
ONE_COLUMN = gmm.Mixture(n_components=2, covariance="spherical", tied=True, priors=PRIORS)
TWO_COLUMNS = gmm.Mixture(n_components=2, covariance="full", tied=False, priors=PRIORS)


@dataclass(frozen=True)
class Plan:
    """How each data set is made and sampled.

    `n_points` of `mixture` in `n_columns` columns; `warmup`, then `thin` times `kept` draws of one
    chain, of which every `thin`-th is kept: ranks are uniform for independent draws only.
    """

    n_columns: int = 1
    mixture: gmm.Mixture = ONE_COLUMN
    n_points: int = 10
    warmup: int = 300
    kept: int = 49
    thin: int = 60
    seed: int = 11


def prior_sites(mixture: gmm.Mixture, D: int, rng: np.random.Generator) -> dict[str, Array]:
    """Draw a point of a mixture with scalar priors, D = 1 or 2, from its prior."""
    p, K = mixture.priors, mixture.n_components
    sites = {
        "weights": rng.dirichlet(np.full(K, p.concentration)),
        "locs": rng.normal(p.loc_mean, p.loc_scale, (K, D)),
        "scale": np.exp(rng.normal(p.scale_log_mean, p.scale_log_sd, mixture.scale_shape(D))),
    }
    if mixture.has_correlations(D):
        # LKJ(eta) of two columns: (1 + r) / 2 ~ Beta(eta, eta).
        lead = () if mixture.tied else (K,)
        r = 2 * rng.beta(p.correlation, p.correlation, lead) - 1
        factor = np.zeros((*lead, 2, 2))
        factor[..., 0, 0], factor[..., 1, 0], factor[..., 1, 1] = 1, r, np.sqrt(1 - r**2)
        sites["correlation"] = factor
    return sites


def draw_with(
    engine: str, dataset: gmm.Dataset, mixture: gmm.Mixture, options: gmm.NutsOptions
) -> gmm.Posterior:
    """Sample with an engine of the core, as it is."""
    return gmm.sample_posterior(dataset, mixture, options, engine=engine)


def weighed(
    dataset: gmm.Dataset, mixture: gmm.Mixture, options: gmm.NutsOptions, **more: float
) -> gmm.Posterior:
    """Draw one population with its modes weighed, as many draws as the chain would have."""
    smc = gmm.SmcOptions(draws=options.draws, populations=2, seed=options.seed, **more)
    spec = gmm.Specification(dataset=dataset, mixture=mixture, options=smc)
    population: gmm.Posterior = run_part(spec, 0)
    return population


OWN: dict[str, Sampler] = {"smc": weighed}
"""Samplers that are no chain of NUTS, by the names of their engines."""


def ranks_of(number: int, plan: Plan, sampler: Sampler) -> dict[str, int]:
    """Rank of each true quantity among the kept draws of simulated data set `number`."""
    mixture = plan.mixture
    rng = np.random.default_rng((plan.seed, plan.n_columns, number))
    sites = prior_sites(mixture, plan.n_columns, rng)
    true = from_sites(mixture, sites)
    z = rng.choice(len(true.weights), size=plan.n_points, p=true.weights)
    noise = rng.normal(size=(plan.n_points, plan.n_columns))
    x = true.locs[z] + np.einsum("nij,nj->ni", true.scale_tril[z], noise)
    dataset = gmm.Dataset.from_values(x)
    options = gmm.NutsOptions(
        draws=plan.kept * plan.thin, warmup=plan.warmup, chains=1, seed=number
    )
    posterior = sampler(dataset, mixture, options)
    rows = slice(plan.thin - 1, None, plan.thin)
    draws = gmm.Parameters.of({name: array[0, rows] for name, array in posterior.draws.items()})
    middle = np.zeros(plan.n_columns)
    # The core's own log joint, at the truth and as the sampler reports it.
    true_values = np.append(
        quantities(true.reshape(1), x, middle)[:, 0], gmm.log_joint(dataset, mixture, true)
    )
    drawn_values = np.vstack([quantities(draws, x, middle), posterior.stats["log_joint"][0, rows]])
    below = (drawn_values < true_values[:, None]).sum(axis=1)
    return dict(zip(QUANTITIES, below.tolist(), strict=True))


def ranks(
    n_sets: int, plan: Plan, sampler: Sampler | str = "nutpie", n_processes: int = 1
) -> dict[str, NDArray[np.int64]]:
    """Rank of each quantity in each of `n_sets` simulated data sets, from 0 to `plan.kept`."""
    if isinstance(sampler, str):
        sampler = OWN.get(sampler) or partial(draw_with, sampler)
    work = partial(ranks_of, plan=plan, sampler=sampler)

    def stacked(rows: Iterator[dict[str, int]]) -> dict[str, NDArray[np.int64]]:
        listed = list(rows)
        return {name: np.array([row[name] for row in listed]) for name in listed[0]}

    if n_processes == 1:
        return stacked(map(work, range(n_sets)))
    # Spawned, for torch and numba do not survive a fork; and anew after some sets, for each model
    # that torch has traced stays in memory.
    with get_context("spawn").Pool(n_processes, maxtasksperchild=10) as pool:
        return stacked(pool.imap(work, range(n_sets), chunksize=5))
