"""Whether draws can be trusted: chains compared on what labels cannot spoil, and how each went.

R-hat and effective sample sizes of raw labels describe how often chains jump between mirror
images, not whether they have converged. Here they are of quantities that no permutation changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, log_slopes
from gmm_core.formatting import number
from gmm_core.mixture import log_density
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.summary import ESS_EACH, NOISE, R_HAT, Named, SummaryRow, equal, summary_row

Array = NDArray[np.float64]

E_BFMI = 0.3
"""Below this the momenta do not reach the tails: Betancourt (2016), arXiv:1604.00695."""

RANK_BINS = 20

_FAR = 1.1  # R-hat (Gelman and Rubin 1992)
_COLUMNS = 8  # whose invariants are looked at together: some seconds of ranking at most

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

    The log joint, the log density (in the person's table) at the lowest, the middle and the
    highest data point, the locs in ascending order along the column, the largest weight and that
    of the noise, and the scale along the column (the smallest and the largest where components
    have their own).
    """
    C, S, K = posterior.draws["weights"].shape
    values = dataset.values
    # What is missing stands behind all values, and is not among them.
    N, D = len(dataset.seen(column)), values.shape[1]
    by_value = np.argsort(values[:, column], kind="stable")
    rows = list(dict.fromkeys(int(by_value[i]) for i in (0, (N - 1) // 2, N - 1)))
    density = log_density(posterior.parameters, values[rows]).reshape(C, S, -1)
    slopes = log_slopes(dataset)[rows]
    density = density + np.where(np.isfinite(slopes), slopes, 0.0)
    in_units = in_table(dataset, 0, values[rows, 0])
    quantities = [Named("log joint", posterior.stats["log_joint"])]
    for i, row in enumerate(rows):
        where = number(float(in_units[i]), 4) if D == 1 else f"row {row + 1}"
        quantities.append(Named(f"log density at {where}", density[..., i]))
    locs = np.sort(posterior.draws["locs"][..., column], axis=-1)
    if K == 1:
        quantities.append(Named("loc", locs[..., 0]))
    elif K <= _SORTED:
        quantities += [Named(f"{_place(k, K)} loc", locs[..., k]) for k in range(K)]
    else:
        quantities += [Named("lowest loc", locs[..., 0]), Named("highest loc", locs[..., -1])]
    if K > 1:
        quantities.append(Named("largest weight", posterior.draws["weights"].max(axis=-1)))
    if "noise" in posterior.draws:
        quantities.append(Named(NOISE, posterior.draws["noise"]))
    scales = np.sqrt((posterior.draws["scale_tril"][..., column, :] ** 2).sum(axis=-1))
    if equal(scales, axis=-1):
        quantities.append(Named("scale", scales[..., 0]))
    else:
        quantities.append(Named("smallest scale", scales.min(axis=-1)))
        quantities.append(Named("largest scale", scales.max(axis=-1)))
    return quantities


def invariant_rows(dataset: Dataset, posterior: Posterior, column: int = 0) -> list[SummaryRow]:
    """Summarise the `invariant_draws`, with R-hat, effective sample sizes and MCSE."""
    return [summary_row(e.name, e.draws) for e in invariant_draws(dataset, posterior, column)]


def every_invariant(dataset: Dataset, posterior: Posterior) -> list[SummaryRow]:
    """Summarise the invariants along every column, of the first eight, each of them once."""
    rows: dict[str, SummaryRow] = {}
    several = len(dataset.columns) > 1
    for d, column in enumerate(dataset.columns[:_COLUMNS]):
        for quantity in invariant_draws(dataset, posterior, d):
            shared = quantity.name.startswith("log ") or quantity.name in ("largest weight", NOISE)
            name = quantity.name if shared or not several else f"{quantity.name} of {column}"
            if name not in rows:
                rows[name] = summary_row(name, quantity.draws)
    return list(rows.values())


class ChainAgreement(NamedTuple):
    """Whether chains can be trusted.

    verdict : "unknown" with one chain or too few draws to compare; "apart" where R-hat of one
        quantity says that the chains have not all seen the same posterior; "few" where the draws
        of one are worth too few independent ones; else "agree".
    worst, least : the quantities of the largest R-hat and of the fewest effective draws.
    known : how many quantities have both.
    """

    verdict: Literal["unknown", "apart", "few", "agree"]
    worst: SummaryRow
    least: SummaryRow
    known: int

    @property
    def r_hat(self) -> float:
        """The largest R-hat; NaN where none is known."""
        return float("nan") if self.worst.r_hat is None else self.worst.r_hat

    @property
    def far(self) -> bool:
        """Whether chains keep to places of their own, which a longer run would only show again."""
        return self.verdict == "apart" and self.r_hat > _FAR

    @property
    def ess(self) -> float:
        """The fewest effective draws; NaN where none are known."""
        return float("nan") if self.least.ess_bulk is None else self.least.ess_bulk


def chain_agreement(rows: Sequence[SummaryRow], n_chains: int) -> ChainAgreement:
    """Judge chains by the quantity that speaks most against them."""
    compared = [row for row in rows if row.r_hat is not None and row.ess_bulk is not None]
    if n_chains < 2 or not compared:
        return ChainAgreement("unknown", rows[0], rows[0], 0)
    worst = max(compared, key=lambda row: row.r_hat or 0.0)
    least = min(compared, key=lambda row: row.ess_bulk or 0.0)
    if (worst.r_hat or 0.0) > R_HAT:
        return ChainAgreement("apart", worst, least, len(compared))
    enough = (least.ess_bulk or 0.0) >= ESS_EACH * n_chains
    return ChainAgreement("agree" if enough else "few", worst, least, len(compared))


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


def _e_bfmi(energy: Array) -> float:
    """Bayesian fraction of missing information of energies [S]; NaN where they do not vary."""
    if len(energy) < 2 or not energy.var() > 0:
        return float("nan")
    # It loads xarray and pandas, which a page without a posterior does not need.
    from arviz_stats.base import array_stats

    return float(array_stats.bfmi(energy[None])[0])


def chain_rows(stats: dict[str, Array]) -> list[ChainRow]:
    """Say how each chain went, from the statistics of a posterior or of a running chain so far.

    What is not known, such as the energy of a running chain, is NaN.
    """
    diverging = np.asarray(stats["diverging"], dtype=np.float64)
    C, S = diverging.shape
    nothing = np.full((C, S), np.nan)
    rows = []
    for c in range(C):
        finite = np.isfinite(diverging[c])
        n = int(finite.sum())

        def mean(name: str, c: int = c, finite: NDArray[np.bool_] = finite) -> float:
            chosen = np.asarray(stats.get(name, nothing)[c], dtype=np.float64)[finite]
            return float(chosen.mean()) if chosen.size else float("nan")

        energy = np.asarray(stats.get("energy", nothing)[c], dtype=np.float64)[finite]
        e_bfmi = _e_bfmi(energy)
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
