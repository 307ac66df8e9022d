"""More free parameters than points: what that means for a fit, and which mixtures have fewer."""

from __future__ import annotations

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import COVARIANCES, Mixture
from gmm_core.words.comparison import covariances

_SIMPLER = 2
"""Simpler mixtures that are named at most."""


def too_many(dataset: Dataset, mixture: Mixture) -> bool:
    """Whether a mixture has more free parameters than the data has points, and nothing bounds it.

    Conjugate priors do, for any data. In a single column K alone makes many parameters.
    """
    D = len(dataset.columns)
    if D == 1 or mixture.priors.freedom is not None:
        return False
    return mixture.n_parameters(D) > _points(dataset)


def simpler(dataset: Dataset, mixture: Mixture) -> list[Mixture]:
    """Return mixtures with simpler covariances that have no more free parameters than points.

    The most general come first.
    """
    D = len(dataset.columns)
    others = [
        mixture.model_copy(update={"covariance": covariance, "tied": tied})
        for covariance, tied in reversed(COVARIANCES)
    ]
    fewer = [
        other
        for other in others
        if other.family.within(mixture.family) and other.n_parameters(D) <= _points(dataset)
    ]
    return sorted(fewer, key=lambda other: -other.n_parameters(D))[:_SIMPLER]


def caution(dataset: Dataset, mixture: Mixture) -> str:
    """Say that a mixture has more free parameters than points, and what helps; "" where not."""
    if not too_many(dataset, mixture):
        return ""
    D, N = len(dataset.columns), _points(dataset)
    others = [
        f"{covariances(other.covariance, other.tied)} {'has' if other.tied else 'have'} "
        f"{other.n_parameters(D):,}"
        for other in simpler(dataset, mixture)
    ]
    return (
        f"{mixture.n_parameters(D):,} free parameters are more than these {N:,.6g} points, so the "
        "best fit follows accidents. Conjugate priors keep it bounded for any data; "
        f"{', '.join([*others, 'fewer columns have fewer'])}."
    )


def _points(dataset: Dataset) -> float:
    """How many points a fit has: of data that stays with workers, all of them."""
    return dataset.total if dataset.whole is None else dataset.whole.total
