"""The inference core of Mixture Explorer: Gaussian mixtures fitted, sampled and explained.

It stands without Streamlit. The names below are loaded when they are first used, so that
importing this package costs next to nothing and loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "1.1.0"
"""The program's version: also the package's, and kept with the numbers of every run."""

_HOME = {
    "Bootstrap": "posterior.bootstrap",
    "BootstrapOptions": "runs.options",
    "Calibration": "posterior.calibration",
    "CalibrationOptions": "runs.options",
    "Cancelled": "runs.progress",
    "CompareOptions": "runs.options",
    "ComparisonRow": "comparison.sweep",
    "Dataset": "data.dataset",
    "Evidence": "posterior.evidence",
    "ExactPosterior": "posterior.exact",
    "EmFit": "runs.results",
    "EmOptions": "runs.options",
    "GuideFit": "runs.results",
    "GuideOptions": "runs.options",
    "LikelihoodRatio": "comparison.likelihood_ratio",
    "LikelihoodRatioOptions": "runs.options",
    "MapFit": "runs.results",
    "MapOptions": "runs.options",
    "MembershipsOptions": "runs.options",
    "Mixture": "mixture",
    "NutsOptions": "runs.options",
    "Parameters": "mixture",
    "Posterior": "posterior.draws",
    "Priors": "mixture",
    "Progress": "runs.progress",
    "SmcOptions": "runs.options",
    "Specification": "runs.specification",
    "agreement": "membership.agreement",
    "assign": "mixture",
    "bootstrap": "inference",
    "calibrate": "inference",
    "boundaries": "mixture",
    "compare": "inference",
    "conditional": "mixture.conditional",
    "evidence": "inference",
    "example": "data.examples",
    "examples": "data.examples",
    "exact_posterior": "posterior.exact",
    "fit_em": "inference",
    "fit_guide": "inference",
    "fit_map": "inference",
    "jobs": "jobs",
    "likelihood_ratio_test": "inference",
    "log_jacobian": "data.transformed",
    "original": "data.transformed",
    "sequential_likelihood_ratio_tests": "inference",
    "log_density": "mixture",
    "log_joint": "mixture",
    "read_dataset": "data.reading",
    "responsibilities": "mixture",
    "sample_posterior": "inference",
    "sample_rows": "partitions.opened",
    "transformed": "data.transformed",
    "write_memberships": "partitions.memberships",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from gmm_core import jobs
    from gmm_core.comparison.likelihood_ratio import LikelihoodRatio
    from gmm_core.comparison.sweep import ComparisonRow
    from gmm_core.data.dataset import Dataset
    from gmm_core.data.examples import example, examples
    from gmm_core.data.reading import read_dataset
    from gmm_core.data.transformed import log_jacobian, original, transformed
    from gmm_core.inference import (
        bootstrap,
        calibrate,
        compare,
        evidence,
        fit_em,
        fit_guide,
        fit_map,
        likelihood_ratio_test,
        sample_posterior,
        sequential_likelihood_ratio_tests,
    )
    from gmm_core.membership.agreement import agreement
    from gmm_core.mixture import (
        Mixture,
        Parameters,
        Priors,
        assign,
        boundaries,
        log_density,
        log_joint,
        responsibilities,
    )
    from gmm_core.mixture.conditional import conditional
    from gmm_core.partitions.memberships import write_memberships
    from gmm_core.partitions.opened import sample_rows
    from gmm_core.posterior.bootstrap import Bootstrap
    from gmm_core.posterior.calibration import Calibration
    from gmm_core.posterior.draws import Posterior
    from gmm_core.posterior.evidence import Evidence
    from gmm_core.posterior.exact import ExactPosterior, exact_posterior
    from gmm_core.runs.options import (
        BootstrapOptions,
        CalibrationOptions,
        CompareOptions,
        EmOptions,
        GuideOptions,
        LikelihoodRatioOptions,
        MapOptions,
        MembershipsOptions,
        NutsOptions,
        SmcOptions,
    )
    from gmm_core.runs.progress import Cancelled, Progress
    from gmm_core.runs.results import EmFit, GuideFit, MapFit
    from gmm_core.runs.specification import Specification


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_HOME[name]}")
    # `jobs` is public as a module. No other module may have the name of a public function: once
    # imported it would stand in its place.
    value = module if name == "jobs" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
