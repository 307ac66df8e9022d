"""What is fitted: the mixture and its priors, one point of it, and what follows from a point.

A `Mixture` says how many Gaussian components there are, which covariances they may have and
what is believed of them beforehand. `Parameters` is one point of it. The functions are closed
forms: the engines find points, these say what a point means.
"""

from gmm_core.mixture.density import (
    assign,
    boundaries,
    component_log_densities,
    e_step,
    log_components,
    log_density,
    responsibilities,
)
from gmm_core.mixture.log_joint import log_joint, log_joint_terms, log_prior_terms
from gmm_core.mixture.model import COVARIANCES, MAX_COMPONENTS, Mixture, fewest_components
from gmm_core.mixture.parameters import Parameters, from_sites, sites, stacked
from gmm_core.mixture.prior_draws import prior_draws
from gmm_core.mixture.priors import Priors

__all__ = [
    "COVARIANCES",
    "MAX_COMPONENTS",
    "Mixture",
    "Parameters",
    "Priors",
    "assign",
    "boundaries",
    "component_log_densities",
    "e_step",
    "fewest_components",
    "from_sites",
    "log_components",
    "log_density",
    "log_joint",
    "log_joint_terms",
    "log_prior_terms",
    "prior_draws",
    "responsibilities",
    "sites",
    "stacked",
]
