"""The evidence: what the data as a whole says of a mixture, everything else integrated out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class LogEvidence(NamedTuple):
    """A log evidence and its Monte Carlo standard error, both in nats."""

    value: float
    mcse: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """Log evidence of a mixture, log p(x), estimated by several populations.

    Attributes
    ----------
    log_evidence, mcse : in nats, in the data's own units.
    populations : [C], the log of each population's estimate.
    pareto_k : [C], the shape of the tail of each one's first importance weights: below 0.5 they
        did alone, above it temperatures were needed.
    """

    log_evidence: float
    mcse: float
    populations: Array
    pareto_k: Array


def pooled(populations: ArrayLike) -> LogEvidence:
    """Return the log of the mean of independent unbiased estimates, given by their logs [C].

    The error is that of the mean, carried to its logarithm (delta method).
    """
    logs = np.asarray(populations, dtype=np.float64)
    top = float(logs.max())
    relative = np.exp(logs - top)
    mean = float(relative.mean())
    error = float(relative.std(ddof=1)) / (mean * np.sqrt(len(logs))) if len(logs) > 1 else np.nan
    return LogEvidence(top + float(np.log(mean)), error)


def probabilities(log_evidence: Sequence[float]) -> Array:
    """Probability of each mixture under equal prior odds, from their log evidences; NaN stays."""
    logs = np.asarray(log_evidence, dtype=np.float64)
    if np.isnan(logs).all():
        return logs
    relative = np.exp(logs - np.nanmax(logs))
    shares: Array = relative / np.nansum(relative)
    return shares
