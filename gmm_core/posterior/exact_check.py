"""The exact posterior beside the draws of a sampler: the same quantities, with their error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table
from gmm_core.mixture import Mixture, Parameters, e_step
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.exact import (
    ExactPosterior,
    blocks_of,
    exact_posterior,
    log_evidence,
    reason_against,
)
from gmm_core.posterior.invariants import coclustering
from gmm_core.posterior.summary import summary_row

Array = NDArray[np.float64]

SHOWN = 6
"""Partitions in the table: the most probable ones."""

_AFFORDABLE = 3000  # partitions that a page sums in a blink
_UP_TO = 5  # components of the evidence over K
_CHUNK = 2_000_000  # numbers at once, 16 MB


class ExactRow(NamedTuple):
    """One quantity: exact, as the mean of the draws, and the Monte Carlo error of that mean."""

    name: str
    exact: float
    drawn: float
    mcse: float | None
    blocks: tuple[tuple[int, ...], ...] = ()

    @property
    def errors(self) -> float | None:
        """How many Monte Carlo standard errors the draws are away."""
        return abs(self.drawn - self.exact) / self.mcse if self.mcse else None


@dataclass(frozen=True, eq=False)
class ExactComparison:
    """The exact posterior beside the draws.

    Attributes
    ----------
    partitions : the most probable ones, with their probabilities.
    numbers : the mean scale and the sorted locs.
    together : [N, N], the draws' probability that two points share a component.
    evidence : (K, log evidence) for K = 1 up to five, as far as they can be summed.
    """

    exact: ExactPosterior
    partitions: tuple[ExactRow, ...]
    numbers: tuple[ExactRow, ...]
    together: Array
    evidence: tuple[tuple[int, float], ...]


def summable(dataset: Dataset, mixture: Mixture) -> Mixture | None:
    """Return the spherical form of a mixture whose exact posterior takes a blink, or None.

    With one column every covariance is spherical.
    """
    same = mixture
    if dataset.values.shape[1] == 1 and not mixture.family.own(1):
        same = mixture.model_copy(update={"covariance": "spherical", "tied": True})
    if reason_against(dataset, same):
        return None
    few = count_partitions(len(dataset.values), mixture.n_components) <= _AFFORDABLE
    return same if few else None


def compare(dataset: Dataset, mixture: Mixture, posterior: Posterior) -> ExactComparison:
    """Compute the exact posterior and what the draws say of the same.

    Raises
    ------
    ValueError
        When there is no exact posterior; see `exact_posterior`.
    """
    exact = exact_posterior(dataset, mixture)
    return ExactComparison(
        exact,
        tuple(_partition_rows(dataset, posterior, exact)),
        tuple(_number_rows(posterior, exact)),
        coclustering(posterior.parameters, dataset.values),
        tuple(evidence_over(dataset, mixture)),
    )


def evidence_over(dataset: Dataset, mixture: Mixture) -> Iterator[tuple[int, float]]:
    """Go through K = 1 up to five, or the mixture's own, with the log evidence of each."""
    for K in range(1, max(_UP_TO, mixture.n_components) + 1):
        other = mixture.model_copy(update={"n_components": K})
        if len(dataset.values) >= K and summable(dataset, other) is not None:
            yield K, log_evidence(dataset, other)


def partition_probability(draws: Parameters, values: Array, labels: NDArray[np.int8]) -> Array:
    """Probability of one partition of the points in every draw [M].

    Given a draw the points are assigned independently: the sum over every way to give the blocks
    different components of the product of responsibilities.

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    values : [N, D].
    labels : [N], the block of each point.
    """
    K = draws.weights.shape[-1]
    blocks = blocks_of(labels)
    ways = np.array(list(permutations(range(K), len(blocks))))
    probability = np.empty(len(draws))
    step = max(1, _CHUNK // (len(ways) * len(blocks)))
    with np.errstate(divide="ignore"):
        log_r = np.log(e_step(draws, values)[1])
    by_block = np.stack([log_r[:, :, list(block)].sum(axis=-1) for block in blocks], axis=1)
    for first in range(0, len(draws), step):
        part = by_block[first : first + step]
        total = sum(part[:, b, ways[:, b]] for b in range(len(blocks)))
        probability[first : first + step] = np.exp(total).sum(axis=1)
    return probability


def count_partitions(N: int, K: int) -> int:
    """Count the partitions of N points into at most K blocks: a sum of Stirling numbers."""
    counted = 0
    for k in range(1, K + 1):
        total = sum((-1) ** i * math.comb(k, i) * (k - i) ** N for i in range(k + 1))
        counted += total // math.factorial(k)
    return counted


def _partition_rows(
    dataset: Dataset, posterior: Posterior, exact: ExactPosterior
) -> Iterator[ExactRow]:
    C, S = posterior.n_chains, posterior.n_draws
    shown_values = in_table(dataset, 0, dataset.values[:, 0])
    for labels, p in zip(exact.labels[:SHOWN], exact.probabilities[:SHOWN], strict=True):
        draws = partition_probability(posterior.parameters, dataset.values, labels)
        row = summary_row("", draws.reshape(C, S))
        blocks = blocks_of(labels)
        names = [" ".join(f"{shown_values[n]:.4g}" for n in block) for block in blocks]
        yield ExactRow(" | ".join(names), float(p), row.mean, row.mcse, blocks)


def _place(k: int, K: int) -> str:
    """Name the place of a loc among K in order: "smallest", "2nd smallest", "largest"."""
    if k in (0, K - 1):
        return "largest" if k else "smallest"
    ending = {1: "2nd", 2: "3rd"}.get(k, f"{k + 1}th")
    return f"{ending} smallest"


def _number_rows(posterior: Posterior, exact: ExactPosterior) -> Iterator[ExactRow]:
    row = summary_row("", posterior.draws["scale_tril"][:, :, 0, 0, 0])
    yield ExactRow("mean scale", exact.scale_mean, row.mean, row.mcse)
    locs = np.sort(posterior.draws["locs"][..., 0], axis=-1)
    for k, expected in enumerate(exact.sorted_loc_means):
        row = summary_row("", locs[..., k])
        K = len(exact.sorted_loc_means)
        name = "mean loc" if K == 1 else f"mean of the {_place(k, K)} loc"
        yield ExactRow(name, float(expected), row.mean, row.mcse)
