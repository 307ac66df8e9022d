"""Runs of every kind: what is computed, in which parts, by which engine."""

from gmm_core.inference.bootstrapping import bootstrap
from gmm_core.inference.calibrating import calibrate
from gmm_core.inference.cost import estimate_seconds
from gmm_core.inference.em_fit import fit_em
from gmm_core.inference.guide_fit import fit_guide
from gmm_core.inference.map_fit import fit_map
from gmm_core.inference.ratio_test import (
    likelihood_ratio_test,
    sequential_likelihood_ratio_tests,
)
from gmm_core.inference.run import combine, n_parts, run_part
from gmm_core.inference.sampling import sample_posterior
from gmm_core.inference.smc_sampling import evidence
from gmm_core.inference.sweep import compare

__all__ = [
    "bootstrap",
    "calibrate",
    "combine",
    "compare",
    "estimate_seconds",
    "evidence",
    "fit_em",
    "fit_guide",
    "fit_map",
    "likelihood_ratio_test",
    "n_parts",
    "run_part",
    "sample_posterior",
    "sequential_likelihood_ratio_tests",
]
