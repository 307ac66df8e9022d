"""Whether draws can be trusted: chains compared on what labels cannot spoil, and how each went.

R-hat and effective sample sizes of raw labels describe how often chains jump between mirror
images, not whether they have converged. Here they are of quantities that no permutation changes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.figures.style import number
from gmm_core.invariants import log_densities
from gmm_core.posterior_summary import Named, SummaryRow, equal, summary_row
from gmm_core.results import Posterior

Array = NDArray[np.float64]

E_BFMI = 0.3
"""Below this the momenta do not reach the tails: Betancourt (2016), arXiv:1604.00695."""

RANK_BINS = 20

_SORTED = 6  # sorted locs with a row of their own


class ChainRow(NamedTuple):
    """How one chain went. `e_bfmi` is the energy's Bayesian fraction of missing information."""

    draws: int
    divergences: int
    acceptance: float
    tree_depth: float
    e_bfmi: float
    step_size: float


def invariant_draws(dataset: Dataset, posterior: Posterior, column: int = 0) -> list[Named]:
    """Draws [C, S] of quantities that do not change when the components of a draw are permuted.

    The log joint, the log density at the lowest, the middle and the highest data point, the locs
    in ascending order along the column, the largest weight, and the scale along the column (the
    smallest and the largest where components have their own).
    """
    C, S, K = posterior.draws["weights"].shape
    values = dataset.values
    N, D = values.shape
    by_value = np.argsort(values[:, column], kind="stable")
    rows = list(dict.fromkeys(int(by_value[i]) for i in (0, (N - 1) // 2, N - 1)))
    density = log_densities(posterior.parameters, values[rows]).reshape(C, S, -1)
    found = [Named("log joint", posterior.stats["log_joint"])]
    for i, row in enumerate(rows):
        where = number(float(values[row, 0]), 4) if D == 1 else f"row {row + 1}"
        found.append(Named(f"log density at {where}", density[..., i]))
    locs = np.sort(posterior.draws["locs"][..., column], axis=-1)
    if K == 1:
        found.append(Named("loc", locs[..., 0]))
    elif K <= _SORTED:
        found += [Named(f"{_place(k, K)} loc", locs[..., k]) for k in range(K)]
    else:
        found += [Named("lowest loc", locs[..., 0]), Named("highest loc", locs[..., -1])]
    if K > 1:
        found.append(Named("largest weight", posterior.draws["weights"].max(axis=-1)))
    scales = np.sqrt((posterior.draws["scale_tril"][..., column, :] ** 2).sum(axis=-1))
    if equal(scales, axis=-1):
        found.append(Named("scale", scales[..., 0]))
    else:
        found.append(Named("smallest scale", scales.min(axis=-1)))
        found.append(Named("largest scale", scales.max(axis=-1)))
    return found


def invariant_rows(dataset: Dataset, posterior: Posterior, column: int = 0) -> list[SummaryRow]:
    """Summarise the `invariant_draws`, with R-hat, effective sample sizes and MCSE."""
    return [summary_row(e.name, e.draws) for e in invariant_draws(dataset, posterior, column)]


def rank_counts(draws: Array, bins: int = RANK_BINS) -> Array:
    """Share of each chain's draws in bins of their rank among all draws, times `bins` [C, B].

    Chains that draw from the same distribution have 1 in every bin, up to chance. Vehtari et al.
    (2021), section 4.2.
    """
    from scipy.stats import rankdata

    C, S = draws.shape
    rank = rankdata(draws.ravel(), method="ordinal").reshape(C, S) - 1
    bin_of = (rank * bins) // (C * S)
    counts = np.array([np.bincount(row, minlength=bins) for row in bin_of])
    return counts * bins / S


def _place(k: int, K: int) -> str:
    if k in (0, K - 1):
        return "highest" if k else "lowest"
    return f"{k + 1}{ {2: 'nd', 3: 'rd'}.get(k + 1, 'th') } lowest" if K > 3 else "middle"


def chain_rows(stats: dict[str, Array]) -> list[ChainRow]:
    """Say how each chain went, from the statistics of a posterior or of a running chain so far.

    What is not known, such as the energy of a running chain, is NaN.
    """
    diverging = np.asarray(stats["diverging"], dtype=np.float64)
    C, S = diverging.shape
    nothing = np.full((C, S), np.nan)
    rows = []
    for c in range(C):
        known = np.isfinite(diverging[c])
        n = int(known.sum())

        def mean(name: str, c: int = c, known: NDArray[np.bool_] = known) -> float:
            chosen = np.asarray(stats.get(name, nothing)[c], dtype=np.float64)[known]
            return float(chosen.mean()) if chosen.size else float("nan")

        energy = np.asarray(stats.get("energy", nothing)[c], dtype=np.float64)[known]
        spread = energy.var() if n > 1 else 0.0
        # Betancourt (2016), arXiv:1604.00695: below 0.3 the momenta do not reach the tails.
        e_bfmi = float((np.diff(energy) ** 2).mean() / spread) if spread > 0 else float("nan")
        step = stats.get("step_size", np.full(C, np.nan))
        rows.append(
            ChainRow(
                n,
                int(np.nansum(diverging[c])),
                mean("acceptance"),
                mean("tree_depth"),
                e_bfmi,
                float(step[c]),
            )
        )
    return rows
