"""What the draws of a posterior say in numbers: each parameter, each pair of points, each chain.

The draws are taken as they are labelled. What does not depend on labels is in `invariants`, labels
are in `relabelling`, and whether the draws can be trusted is in `trust`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import parameter_columns, table_columns
from gmm_core.mixture import Parameters
from gmm_core.mixture.in_table import arrays_in_table, medians_in_table

if TYPE_CHECKING:
    from gmm_core.posterior.draws import Posterior

Array = NDArray[np.float64]

R_HAT = 1.01
"""Chains agree below this, ESS_EACH effective draws of each chain are needed to say so: Vehtari et
al. (2021), Rank-normalization, folding and localization, Bayesian Analysis 16(2)."""

ESS_EACH = 100

BINS = 20
"""Of the two-dimensional histogram along each axis, as in the tutorial."""

NOISE = "weight of the noise"
"""What the weight of the noise is called among the parameters."""

_DRAWS = 1000  # draws for averages over the posterior: their error is far below a pixel


class SummaryRow(NamedTuple):
    """One number of the posterior; diagnostics are None where they cannot be computed.

    `mcse` is the Monte Carlo standard error of the mean.
    """

    name: str
    mean: float
    sd: float
    q5: float
    q95: float
    ess_bulk: float | None
    ess_tail: float | None
    r_hat: float | None
    mcse: float | None = None


def thinned(posterior: Posterior, limit: int = _DRAWS) -> Parameters:
    """At most `limit` draws, evenly from all chains, as a sequence of points [M]."""
    return finite_draws(posterior.draws, limit)


def finite_draws(draws: dict[str, Array], limit: int = _DRAWS) -> Parameters:
    """At most `limit` of the draws that are known, as a sequence of points [M].

    Parameters
    ----------
    draws : {"weights": [C, S, K], "locs": [C, S, K, D], "scale_tril": [C, S, K, D, D]}, NaN
        where a running chain has not drawn yet.

    Raises
    ------
    ValueError
        When there is no draw.
    """
    weights = draws["weights"]
    flat = {name: a.reshape(-1, *a.shape[2:]) for name, a in draws.items()}
    finite = np.flatnonzero(np.isfinite(weights).all(axis=-1).ravel())
    if not finite.size:
        raise ValueError("There is no draw yet. Wait until the warm-up is over.")
    index = finite[np.linspace(0, len(finite) - 1, min(limit, len(finite))).astype(int)]
    return Parameters.of({name: array[index] for name, array in flat.items()})


class Named(NamedTuple):
    """Draws [C, S] of one parameter, its name, and the component that owns it."""

    name: str
    draws: Array
    component: int | None = None


def summary(
    posterior: Posterior, columns: Sequence[str] | Dataset | None = None, only: int | None = None
) -> list[SummaryRow]:
    """Summarise the log joint and every parameter of the draws as they are labelled.

    Parameters
    ----------
    columns : the data, which gives them names and the units of its table, as far as the numbers
        have an image there; or [D] names of the columns; numbers from 1 without them.
    only : leave out what does not concern the column of this number, counted from 0.

    Returns
    -------
    Rows for the log joint, weights, locs, scales (one where they are shared) and correlations; of
    data that was fitted as a logarithm or a square root also for the medians in the table.
    """
    return [summary_row(q.name, q.draws) for q in named_draws(posterior, columns, only)]


def named_draws(
    posterior: Posterior, columns: Sequence[str] | Dataset | None = None, only: int | None = None
) -> Iterator[Named]:
    """Go through the log joint and every parameter; see `summary` for the arguments."""
    drawn, medians = posterior.draws, {}
    if isinstance(columns, Dataset):
        drawn = arrays_in_table(columns, drawn)
        chosen = [name for d, name in enumerate(table_columns(columns)) if only in (None, d)]
        medians = {
            name: median
            for name, median in medians_in_table(columns, drawn["locs"]).items()
            if name in chosen
        }
        columns = parameter_columns(columns)
    weights, locs = drawn["weights"], drawn["locs"]
    K, D = locs.shape[-2:]
    names = list(columns) if columns is not None else [str(d + 1) for d in range(D)]
    if len(names) != D:
        raise ValueError(f"There are {len(names)} column names for {D} columns. Give one for each.")

    def of(*parts: str) -> str:
        return " ".join(part for part in parts if part)

    column = [name if D > 1 else "" for name in names]
    along = range(D) if only is None else [only]
    yield Named("log joint", posterior.stats["log_joint"])
    for k in range(K):
        yield Named(f"weight {k + 1}", weights[..., k], k)
    if "noise" in drawn:
        yield Named(NOISE, drawn["noise"])
    for k in range(K):
        for d in along:
            yield Named(of("loc", str(k + 1), column[d]), locs[..., k, d], k)
    for name, median in medians.items():
        for k in range(K):
            yield Named(of("median", str(k + 1), name), median[..., k], k)
    L = drawn["scale_tril"]
    scales = np.sqrt((L**2).sum(axis=-1))
    components = range(1 if equal(L, axis=-3) else K)
    label = [str(k + 1) if len(components) > 1 else "" for k in range(K)]
    owner = list(range(K)) if len(components) > 1 else [None] * K
    spherical = equal(scales, axis=-1) and not np.any(np.tril(L, -1))
    for k in components:
        for d in range(1) if spherical else along:
            name = of("scale", label[k], "" if spherical else column[d])
            yield Named(name, scales[..., k, d], owner[k])
    if np.any(np.tril(L, -1)):
        covariance = L @ np.swapaxes(L, -1, -2)
        for k in components:
            for i in range(D):
                for j in range(i):
                    if only not in (None, i, j):
                        continue
                    r = covariance[..., k, i, j] / (scales[..., k, i] * scales[..., k, j])
                    yield Named(of("correlation", label[k], names[j], names[i]), r, owner[k])


def summary_row(name: str, draws: Array) -> SummaryRow:
    """Summarise one number's draws [C, S]; diagnostics need two chains of four draws."""
    C, S = draws.shape
    q5, q95 = np.quantile(draws, (0.05, 0.95))
    sd = float(draws.std(ddof=1)) if draws.size > 1 else float("nan")
    diagnostics: list[float | None] = [None, None, None, None]
    if C >= 2 and S >= 4:
        # It loads xarray and pandas, which a page without a posterior does not need.
        from arviz_stats.base import array_stats

        axes = {"chain_axis": 0, "draw_axis": 1}
        # A parameter that does not vary has no R-hat: 0 / 0.
        with np.errstate(invalid="ignore", divide="ignore"):
            numbers = (
                array_stats.ess(draws, method="bulk", **axes),
                array_stats.ess(draws, method="tail", prob=(0.05, 0.95), **axes),
                array_stats.rhat(draws, method="rank", **axes),
                array_stats.mcse(draws, method="mean", **axes),
            )
        diagnostics = [float(v) if np.isfinite(v) else None for v in numbers]
    return SummaryRow(name, float(draws.mean()), sd, float(q5), float(q95), *diagnostics)


def central_range(draws: ArrayLike, share: float = 0.99) -> tuple[float, float]:
    """Return the range of the central `share` of the draws that are known, and a margin.

    An empty component's loc follows its prior, far outside of what is worth seeing.
    """
    values = np.asarray(draws, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.quantile(values, ((1 - share) / 2, (1 + share) / 2))
    margin = 0.08 * (high - low) or 0.5 * max(1.0, abs(low))
    return max(low - margin, values.min()), min(high + margin, values.max())


def densest(a: ArrayLike, b: ArrayLike, limits: tuple[float, float]) -> tuple[float, float] | None:
    """Where the pairs (a, b) of two components' locs are densest; None where that is at a = b.

    The middle of the fullest of `BINS` x `BINS` cells and its neighbours, with each pair counted
    also as (b, a), since labels are arbitrary: the answer lies on the side with more draws.
    """
    x, y = np.ravel(a), np.ravel(b)
    box = [limits, limits]
    counts, edges, _ = np.histogram2d(np.r_[x, y], np.r_[y, x], bins=BINS, range=box)
    i, j = np.unravel_index(int(counts.argmax()), counts.shape)
    width = edges[1] - edges[0]
    centre = np.array([edges[i], edges[j]]) + width / 2
    if counts.max() == 0 or abs(int(i) - int(j)) < 3:
        return None
    if ((x > y).sum() > (x < y).sum()) != (centre[0] > centre[1]):
        centre = centre[::-1]
    pairs = np.stack(
        [
            np.where(np.sign(x - y) == np.sign(centre[0] - centre[1]), x, y),
            np.where(np.sign(x - y) == np.sign(centre[0] - centre[1]), y, x),
        ]
    )
    near = np.all(np.abs(pairs - centre[:, None]) <= 1.5 * width, axis=0)
    middles = np.median(pairs[:, near], axis=1)
    return float(middles[0]), float(middles[1])


def equal(array: Array, axis: int) -> bool:
    """Whether all entries along an axis are the same in every draw."""
    first = np.take(array, [0], axis=axis)
    return bool(np.allclose(array, first, rtol=1e-9, atol=0))
