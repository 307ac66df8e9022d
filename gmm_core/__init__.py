"""The inference core of Mixture Explorer: Gaussian mixtures fitted, sampled and explained.

It stands without Streamlit. The names below are loaded when they are first used, so that
importing this package costs next to nothing and loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "Cancelled": "progress",
    "CompareOptions": "options",
    "ComparisonRow": "comparison",
    "Dataset": "dataset",
    "ExactPosterior": "exact",
    "EmFit": "results",
    "EmOptions": "options",
    "GuideFit": "results",
    "GuideOptions": "options",
    "MapFit": "results",
    "MapOptions": "options",
    "Mixture": "mixture",
    "NutsOptions": "options",
    "Parameters": "mixture",
    "Posterior": "results",
    "Priors": "mixture",
    "Progress": "progress",
    "Specification": "specification",
    "assign": "mixture",
    "boundaries": "mixture",
    "compare": "inference",
    "example": "example_data",
    "examples": "example_data",
    "exact_posterior": "exact",
    "fit_em": "inference",
    "fit_guide": "inference",
    "fit_map": "inference",
    "jobs": "jobs",
    "log_density": "mixture",
    "log_joint": "mixture",
    "read_dataset": "reading",
    "responsibilities": "mixture",
    "sample_posterior": "inference",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from gmm_core import jobs
    from gmm_core.comparison import ComparisonRow
    from gmm_core.dataset import Dataset
    from gmm_core.exact import ExactPosterior, exact_posterior
    from gmm_core.example_data import example, examples
    from gmm_core.inference import compare, fit_em, fit_guide, fit_map, sample_posterior
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
    from gmm_core.options import (
        CompareOptions,
        EmOptions,
        GuideOptions,
        MapOptions,
        NutsOptions,
    )
    from gmm_core.progress import Cancelled, Progress
    from gmm_core.reading import read_dataset
    from gmm_core.results import EmFit, GuideFit, MapFit, Posterior
    from gmm_core.specification import Specification


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
