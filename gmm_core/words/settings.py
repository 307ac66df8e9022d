"""What a person reads in place of an option's name and of its values: one name on every page."""

from __future__ import annotations

from gmm_core.runs.methods import METHODS
from gmm_core.runs.starts import STARTS

NAMES = {
    "n_components": "Components K",
    "covariance": "Covariance",
    "covariances": "Covariances",
    "engine": "Engine",
    "restarts": "Starts",
    "first_seed": "First seed",
    "steps": "Steps",
    "learning_rate": "Learning rate",
    "betas": "Adam's betas",
    "betas.0": "Adam β₁",
    "betas.1": "Adam β₂",
    "choose": "Choose the start by",
    "start": "Starts begin at",
    "start_scale": "Starting scale",
    "polish": "Polish to the optimum",
    "method": "Method",
    "concentration": "Concentration",
    "loc_mean": "Prior mean of the locs",
    "loc_scale": "Prior spread of the locs",
    "scale_log_mean": "Prior mean of log scale",
    "scale_log_sd": "Prior spread of log scale",
    "correlation": "LKJ shape",
    "draws": "Draws per chain",
    "evidence": "Log evidence",
    "replicates": "Replicates",
    "by": "Data of a replicate",
    "populations": "Populations",
    "prior_share": "Share of the prior",
    "warmup": "Warm-up",
    "chains": "Chains",
    "seed": "Seed",
    "sets": "Simulated data sets",
    "sampler": "Sampler",
    "thin": "Draws for each that is kept",
    "target_accept": "Target acceptance",
    "max_tree_depth": "Largest tree depth",
}

VALUES = {
    "engine": {
        "pyro": "Pyro, the reference",
        "nutpie": "nutpie, compiled",
        "smc": "SMC, modes weighed",
        "partitions": "All rows, on the workers",
    },
    "start": {name: start.label for name, start in STARTS.items()},
    "method": {name: method.label for name, method in METHODS.items()},
    "by": {
        "points": "Points drawn again",
        "weights": "Weights drawn",
        "parametric": "Points of the fit",
    },
    "choose": {"initial": "Smallest initial loss", "final": "Smallest final loss"},
}


def name(field: str) -> str:
    """Name an option; one that has no name yet goes by that of its field."""
    return NAMES.get(field, field.replace("_", " ").capitalize())


def value(field: str, stored: str) -> str:
    """Name a value of an option."""
    return VALUES.get(field, {}).get(stored, stored)
