"""What a page says of a posterior, computed once: who is with whom, the labels, and the trust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.posterior.diagnostics import ChainAgreement, chain_agreement, every_invariant
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.evidence import LogEvidence
from gmm_core.posterior.invariants import coclustering, leaves, matrix_rows
from gmm_core.posterior.relabelling import Labels, label_order
from gmm_core.posterior.summary import SummaryRow, thinned

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overview:
    """What a page says of a posterior.

    Attributes
    ----------
    jumps : draws whose labels differ from those of the draw before, in the same chain.
    labellings : how many orders of the labels were seen.
    divergences : draws where the integrator lost the energy.
    invariants : summaries of what does not depend on labels, the log joint first.
    rows : [P] row numbers of the points in `together`, neighbours next to each other.
    together : [P, P], probability that two points share a component.
    labels : how the labels behaved, draw by draw.
    log_evidence, weights_of_modes : the posterior's, of a sampler that weighs modes.
    """

    n_chains: int
    n_draws: int
    jumps: int
    labellings: int
    divergences: int
    invariants: tuple[SummaryRow, ...]
    rows: NDArray[np.int64]
    together: Array
    labels: Labels | None = None
    log_evidence: LogEvidence | None = None
    weights_of_modes: dict[str, float] | None = None

    @property
    def agreement(self) -> ChainAgreement:
        """Whether the chains can be trusted, by the invariant that speaks most against it."""
        return chain_agreement(self.invariants, self.n_chains)


def overview(dataset: Dataset, posterior: Posterior) -> Overview:
    """Compute what a page says of a posterior, once."""
    labels = Labels.of(label_order(posterior, dataset))
    rows = matrix_rows(dataset.values)
    together = coclustering(thinned(posterior), dataset.values[rows])
    if dataset.values.shape[1] > 1 and len(rows) > 2:
        near = leaves(together)
        rows, together = rows[near], together[np.ix_(near, near)]
    return Overview(
        posterior.n_chains,
        posterior.n_draws,
        labels.jumps,
        labels.seen,
        int(np.sum(posterior.stats.get("diverging", 0))),
        tuple(every_invariant(dataset, posterior)),
        rows,
        together,
        labels,
        posterior.log_evidence,
        posterior.weights_of_modes,
    )
