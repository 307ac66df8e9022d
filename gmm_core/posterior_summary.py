"""What the draws of a posterior say: summaries, diagnostics, labels, who is with whom.

Labels are arbitrary: permuting the components changes no density, so the posterior has a mirror
image for every permutation, and a chain may jump between them. Means of raw draws then describe
nothing. What does not depend on labels (log joint, density, who shares a component with whom) can
be averaged as it is; for the rest `relabelled` gives every draw the labels of one reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.dataset import Dataset
from gmm_core.mixture import Parameters
from gmm_core.results import Posterior

Array = NDArray[np.float64]

R_HAT = 1.01
"""Chains agree below this, ESS_EACH effective draws of each chain are needed to say so: Vehtari et
al. (2021), Rank-normalization, folding and localization, Bayesian Analysis 16(2)."""

ESS_EACH = 100

BINS = 20
"""Of the two-dimensional histogram along each axis, as in the tutorial."""

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the density: the median inside a 50 % and a 90 % band."""

MATRIX = 60  # points that a matrix of pairs still shows apart

_DRAWS = 1000  # draws for averages over the posterior: their error is far below a pixel
_CHUNK = 4_000_000  # numbers at once, 32 MB
_LOG_2PI = float(np.log(2 * np.pi))


class SummaryRow(NamedTuple):
    """One number of the posterior; diagnostics are None where they cannot be computed."""

    name: str
    mean: float
    sd: float
    q5: float
    q95: float
    ess_bulk: float | None
    ess_tail: float | None
    r_hat: float | None


class ChainRow(NamedTuple):
    """How one chain went. `e_bfmi` is the energy's Bayesian fraction of missing information."""

    draws: int
    divergences: int
    acceptance: float
    tree_depth: float
    e_bfmi: float
    step_size: float


@dataclass(frozen=True, eq=False)
class Overview:
    """What a page says of a posterior.

    Attributes
    ----------
    jumps : draws whose labels differ from those of the draw before, in the same chain.
    labellings : how many orders of the labels were seen.
    divergences : draws where the integrator lost the energy.
    log_joint : its summary; it does not depend on labels.
    rows : [P] row numbers of the points in `together`, neighbours next to each other.
    together : [P, P], probability that two points share a component.
    """

    n_chains: int
    n_draws: int
    jumps: int
    labellings: int
    divergences: int
    log_joint: SummaryRow
    rows: NDArray[np.int64]
    together: Array


def overview(dataset: Dataset, posterior: Posterior) -> Overview:
    """Compute what a page says of a posterior, once."""
    order = permutations(posterior)
    moved = np.any(order[:, 1:] != order[:, :-1], axis=-1)
    rows = matrix_rows(dataset.values)
    together = coclustering(thinned(posterior), dataset.values[rows])
    if dataset.values.shape[1] > 1 and len(rows) > 2:
        leaves = _leaves(together)
        rows, together = rows[leaves], together[np.ix_(leaves, leaves)]
    return Overview(
        posterior.n_chains,
        posterior.n_draws,
        int(moved.sum()),
        len(np.unique(order.reshape(-1, order.shape[-1]), axis=0)),
        int(posterior.stats["diverging"].sum()),
        summary_row("log joint", posterior.stats["log_joint"]),
        rows,
        together,
    )


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
    known = np.flatnonzero(np.isfinite(weights).all(axis=-1).ravel())
    if not known.size:
        raise ValueError("There is no draw yet. Wait until the warm-up is over.")
    index = known[np.linspace(0, len(known) - 1, min(limit, len(known))).astype(int)]
    return Parameters(*(flat[name][index] for name in ("weights", "locs", "scale_tril")))


def coclustering(draws: Parameters, values: ArrayLike) -> Array:
    """Probability that two points share a component [N, N], averaged over draws.

    The assignments of a draw are independent given its parameters, so the probability is the
    product of responsibilities summed over components: no assignment has to be drawn, and labels
    do not matter. A point is with itself for certain.

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    values : [N, D].
    """
    x = np.asarray(values, dtype=np.float64)
    N = len(x)
    M, K, D = draws.locs.shape
    total = np.zeros((N, N))
    step = max(1, _CHUNK // max(1, K * D * N))
    for first in range(0, M, step):
        part = slice(first, first + step)
        L, loc = draws.scale_tril[part], draws.locs[part]
        z = np.linalg.solve(L, np.swapaxes(x - loc[:, :, None, :], -1, -2))
        with np.errstate(divide="ignore", over="ignore"):
            log_p = (
                np.log(draws.weights[part])[..., None]
                - np.log(np.diagonal(L, axis1=-2, axis2=-1)).sum(-1)[..., None]
                - 0.5 * (z**2).sum(axis=-2)
            )
        log_p -= log_p.max(axis=1, keepdims=True)
        p = np.exp(log_p)
        p = (p / p.sum(axis=1, keepdims=True)).reshape(-1, N)
        total += p.T @ p
    together = total / M
    np.fill_diagonal(together, 1.0)
    return together


def density_band(
    draws: Parameters, grid: ArrayLike, column: int = 0, levels: Sequence[float] = LEVELS
) -> Array:
    """Pointwise quantiles of the density along one column, the others integrated out.

    Parameters
    ----------
    draws : a sequence of points, weights [M, K].
    grid : [G], in the units of the column.
    levels : [Q] probabilities.

    Returns
    -------
    [Q, G], in 1 / units of the column.
    """
    x = np.asarray(grid, dtype=np.float64)
    loc, scale = draws.locs[..., column], draws.scales[..., column]
    M, K = loc.shape
    density = np.zeros((M, len(x)))
    for k in range(K):
        z = (x - loc[:, k, None]) / scale[:, k, None]
        height = draws.weights[:, k, None] / scale[:, k, None]
        density += height * np.exp(-0.5 * z**2 - 0.5 * _LOG_2PI)
    return np.quantile(density, levels, axis=0)


def matrix_rows(values: Array, limit: int = MATRIX) -> NDArray[np.int64]:
    """Rows for a matrix of pairs: all when they are few, else evenly along the data."""
    N, D = values.shape
    order = np.argsort(values[:, 0], kind="stable") if D == 1 else np.arange(N)
    return order[np.linspace(0, N - 1, min(N, limit)).astype(int)]


def permutations(posterior: Posterior) -> NDArray[np.int64]:
    """For each draw the order of its components that matches the others [C, S, K].

    Component order[c, s, k] of a draw is the one that is called k. In that order the components
    are by their mean weight, largest first.

    Notes
    -----
    As Celeux (1998) in batch: the sum of squared distances to the mean of every label, with
    linear_sum_assignment for each draw, from means to matches until nothing changes. Distances
    are between locs in units of the typical scale, weights as 2 asin(sqrt(w)) and, where
    components have their own, log scales. It starts once from the draw of the largest log joint
    and once from that of the median, since the largest may be at an empty component, where
    Dirichlet densities below concentration 1 are infinite. The closer match wins.
    """
    C, S, K = posterior.draws["weights"].shape
    if K == 1:
        return np.zeros((C, S, 1), dtype=np.int64)
    weights = posterior.draws["weights"].reshape(-1, K)
    features = _features(posterior)
    log_joint = posterior.stats["log_joint"].ravel()
    by_height = np.argsort(log_joint, kind="stable")
    best: tuple[float, NDArray[np.int64]] | None = None
    for start in dict.fromkeys((int(by_height[-1]), int(by_height[len(by_height) // 2]))):
        cost, order = _match(features, features[start])
        if best is None or cost < best[0]:
            best = cost, order
    assert best is not None
    order = best[1]
    by_weight = np.argsort(-np.take_along_axis(weights, order, 1).mean(axis=0), kind="stable")
    return order[:, by_weight].reshape(C, S, K)


def relabelled(posterior: Posterior) -> Posterior:
    """Return the same draws with the labels of `permutations`: largest mean weight first."""
    order = permutations(posterior)

    def taken(array: Array) -> Array:
        index = order.reshape(*order.shape, *(1,) * (array.ndim - 3))
        return np.take_along_axis(array, index, axis=2)

    return Posterior({n: taken(a) for n, a in posterior.draws.items()}, dict(posterior.stats))


def summary(
    posterior: Posterior, columns: Sequence[str] | None = None, only: int | None = None
) -> list[SummaryRow]:
    """Summarise every parameter of the draws as they are labelled, and the log joint.

    Parameters
    ----------
    columns : [D] names of the columns; numbers from 1 without them.
    only : leave out what does not concern the column of this number, counted from 0.

    Returns
    -------
    Rows for the log joint, weights, locs, scales (one where they are shared) and correlations.
    """
    weights, locs = posterior.draws["weights"], posterior.draws["locs"]
    K, D = locs.shape[-2:]
    names = list(columns) if columns is not None else [str(d + 1) for d in range(D)]
    if len(names) != D:
        raise ValueError(f"There are {len(names)} column names for {D} columns. Give one for each.")

    def of(*parts: str) -> str:
        return " ".join(part for part in parts if part)

    column = [name if D > 1 else "" for name in names]
    along = range(D) if only is None else [only]
    rows = [summary_row("log joint", posterior.stats["log_joint"])]
    rows += [summary_row(f"weight {k + 1}", weights[..., k]) for k in range(K)]
    for k in range(K):
        for d in along:
            rows.append(summary_row(of("loc", str(k + 1), column[d]), locs[..., k, d]))
    L = posterior.draws["scale_tril"]
    scales = np.sqrt((L**2).sum(axis=-1))
    each = range(1 if _equal(L, axis=-3) else K)
    label = [str(k + 1) if len(each) > 1 else "" for k in range(K)]
    spherical = _equal(scales, axis=-1) and not np.any(np.tril(L, -1))
    for k in each:
        for d in range(1) if spherical else along:
            name = of("scale", label[k], "" if spherical else column[d])
            rows.append(summary_row(name, scales[..., k, d]))
    if np.any(np.tril(L, -1)):
        covariance = L @ np.swapaxes(L, -1, -2)
        for k in each:
            for i in range(D):
                for j in range(i):
                    if only not in (None, i, j):
                        continue
                    r = covariance[..., k, i, j] / (scales[..., k, i] * scales[..., k, j])
                    rows.append(summary_row(of("correlation", label[k], names[j], names[i]), r))
    return rows


def summary_row(name: str, draws: Array) -> SummaryRow:
    """Summarise one number's draws [C, S]; diagnostics need two chains of four draws."""
    C, S = draws.shape
    q5, q95 = np.quantile(draws, (0.05, 0.95))
    sd = float(draws.std(ddof=1)) if draws.size > 1 else float("nan")
    diagnostics: list[float | None] = [None, None, None]
    if C >= 2 and S >= 4:
        # It loads xarray and pandas, which a page without a posterior does not need.
        from arviz_stats.base import array_stats

        axes = {"chain_axis": 0, "draw_axis": 1}
        # A parameter that does not vary has no R-hat: 0 / 0.
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (
                array_stats.ess(draws, method="bulk", **axes),
                array_stats.ess(draws, method="tail", prob=(0.05, 0.95), **axes),
                array_stats.rhat(draws, method="rank", **axes),
            )
        diagnostics = [float(v) if np.isfinite(v) else None for v in found]
    return SummaryRow(name, float(draws.mean()), sd, float(q5), float(q95), *diagnostics)


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


def central_range(draws: ArrayLike, share: float = 0.99) -> tuple[float, float]:
    """Return the range of the central `share` of the draws that are known, and a margin.

    An empty component's loc follows its prior, far outside of what is worth seeing.
    """
    known = np.asarray(draws, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return 0.0, 1.0
    low, high = np.quantile(known, ((1 - share) / 2, (1 + share) / 2))
    margin = 0.08 * (high - low) or 0.5 * max(1.0, abs(low))
    return max(low - margin, known.min()), min(high + margin, known.max())


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
    found = np.median(pairs[:, near], axis=1)
    return float(found[0]), float(found[1])


def _features(posterior: Posterior) -> Array:
    """Describe every component by numbers whose differences count alike [M, K, F]."""
    draws = posterior.draws
    K, D = draws["locs"].shape[-2:]
    scales = np.sqrt((draws["scale_tril"] ** 2).sum(axis=-1)).reshape(-1, K, D)
    parts = [draws["locs"].reshape(-1, K, D) / np.median(scales, axis=(0, 1))]
    parts.append(2 * np.arcsin(np.sqrt(draws["weights"].reshape(-1, K)))[..., None])
    if not _equal(scales, axis=-2):
        parts.append(np.log(scales))
    # A loc far outside says that its component is empty, not how far apart two labels are.
    return np.clip(np.concatenate(parts, axis=-1), *_clip(parts))


def _clip(parts: list[Array]) -> tuple[Array, Array]:
    joined = np.concatenate(parts, axis=-1)
    low, high = np.quantile(joined, (0.01, 0.99), axis=(0, 1))
    return low, high


def _match(features: Array, reference: Array) -> tuple[float, NDArray[np.int64]]:
    """Alternate matching every draw to the means and averaging; return cost and orders [M, K]."""
    from scipy.optimize import linear_sum_assignment

    M, K, _ = features.shape
    order = np.full((M, K), -1, dtype=np.int64)
    squares = (features**2).sum(axis=-1)[:, None, :]
    cost = np.inf
    # The cost falls at every turn, so it ends by itself; a few turns are the rule.
    for _turn in range(100):
        gaps = squares - 2 * np.einsum("kf,mjf->mkj", reference, features)
        gaps += (reference**2).sum(axis=-1)[None, :, None]
        new = np.array([linear_sum_assignment(gap)[1] for gap in gaps])
        cost = float(np.take_along_axis(gaps, new[:, :, None], axis=2).sum())
        if np.array_equal(new, order):
            break
        order = new
        reference = np.take_along_axis(features, order[:, :, None], axis=1).mean(axis=0)
    return cost, order


def _leaves(together: Array) -> NDArray[np.int64]:
    """Order points so that those which share a component are neighbours [P]."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    apart = 1 - (together + together.T) / 2
    np.fill_diagonal(apart, 0.0)
    return leaves_list(linkage(squareform(np.maximum(apart, 0), checks=False), "average"))


def _equal(array: Array, axis: int) -> bool:
    """Whether all entries along an axis are the same in every draw."""
    first = np.take(array, [0], axis=axis)
    return bool(np.allclose(array, first, rtol=1e-9, atol=0))
