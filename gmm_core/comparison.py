"""Which K and which covariance: the cells of a sweep, their criteria, and the best of them.

A cell is one mixture, fitted from many starts. A sweep's result is a row for each cell, also for
one that could not be fitted: it says why, has no criteria, and never wins.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, component_log_densities
from gmm_core.options import CompareOptions
from gmm_core.results import MapFit

Array = NDArray[np.float64]
Criterion = Literal["bic", "aic", "icl", "log_likelihood"]

CRITERIA: tuple[Criterion, ...] = ("bic", "aic", "icl", "log_likelihood")
VERDICTS = ("converged", "moving", "collapsed", "failed")


class Cell(NamedTuple):
    """One mixture of a sweep: K and the form of its covariances."""

    n_components: int
    covariance: str
    tied: bool


class ComparisonRow(NamedTuple):
    """What became of one cell.

    log_likelihood : at the optimum found, in natural units; NaN where there is none.
    n_parameters : free numbers of the mixture, the p of the criteria.
    bic, aic, icl : smaller is better; see `criteria`.
    verdict : "converged"; "moving" when no start reached an optimum; "collapsed" when all starts
        did; "failed" when the mixture cannot be fitted to this data.
    parameters : the optimum; None where there is none, and while a sweep is under way.
    agree, restarts : so many of the starts found this optimum.
    smallest : points of the smallest component, the sum of its responsibilities.
    reason : why there is no optimum; "" where there is one.
    seconds : how long the cell took.
    """

    n_components: int
    covariance: str
    tied: bool
    log_likelihood: float
    n_parameters: int
    bic: float
    aic: float
    icl: float
    verdict: str
    parameters: Parameters | None
    agree: int
    restarts: int
    smallest: float
    reason: str
    seconds: float

    @property
    def cell(self) -> Cell:
        """Which cell it is."""
        return Cell(self.n_components, self.covariance, self.tied)

    @property
    def sound(self) -> bool:
        """Whether it has an optimum, and so may win."""
        return self.verdict == "converged"


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of a sweep: a row for each cell, by K and then in the order of the covariances.

    A cancelled sweep has the rows of the cells that were finished.
    """

    rows: tuple[ComparisonRow, ...]

    def __post_init__(self) -> None:
        # Rows come back from the store as plain tuples.
        object.__setattr__(self, "rows", tuple(ComparisonRow(*row) for row in self.rows))


def cells(options: CompareOptions) -> list[Cell]:
    """List the cells of a sweep, by K and then in the order of the covariances."""
    return [
        Cell(K, covariance, tied)
        for K in options.n_components
        for covariance, tied in options.covariances
    ]


def models(options: CompareOptions, n_columns: int) -> list[list[int]]:
    """Group the cells that are the same mixture; each group is fitted once.

    With K = 1 there is nothing to share, and with a single column every covariance is a variance.

    Returns
    -------
    Indices into `cells(options)`, in the order of the first of each group.
    """
    groups: dict[Cell, list[int]] = {}
    for i, cell in enumerate(cells(options)):
        groups.setdefault(canonical(cell, n_columns), []).append(i)
    return list(groups.values())


def canonical(cell: Cell, n_columns: int) -> Cell:
    """Return the one cell that stands for all that are the same mixture."""
    K, covariance, tied = cell
    return Cell(K, covariance if n_columns > 1 else "spherical", tied or K == 1)


def mixture_of(cell: Cell, base: Mixture) -> Mixture:
    """Return the mixture of a cell, with the priors of `base`."""
    return Mixture(
        n_components=cell.n_components,
        covariance=cell.covariance,  # type: ignore[arg-type]  # the options have checked it
        tied=cell.tied,
        priors=base.priors,
    )


def criteria(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> dict[str, float]:
    """Log likelihood, number of parameters and information criteria at a point.

    Returns
    -------
    "log_likelihood" log L, "n_parameters" p, "bic" = -2 log L + p log N (Schwarz 1978),
    "aic" = -2 log L + 2 p (Akaike 1974), and "icl" = bic + 2 H, with H the entropy of the
    responsibilities, -sum_nk r_nk log r_nk (Biernacki, Celeux and Govaert 2000, in the form of
    McLachlan and Peel 2000, sec. 6.10.3). Smaller is better. mclust has all with the other sign,
    and an ICL from the most probable component of each point.

    Notes
    -----
    At a MAP fit they are taken as they are, in place of the maximum of the likelihood (Fraley and
    Raftery 2007).
    """
    N, D = dataset.values.shape
    joint = component_log_densities(parameters, dataset.values)
    top = joint.max(axis=1, keepdims=True)
    log_density = top[:, 0] + np.log(np.exp(joint - top).sum(axis=1))
    log_r = joint - log_density[:, None]
    r = np.exp(log_r)
    # r log r is 0 where r is: a component without weight has a log of -inf there.
    entropy = -float((r * np.where(r > 0, log_r, 0.0)).sum())
    L, p = float(log_density.sum()), mixture.n_parameters(D)
    bic = -2 * L + p * float(np.log(N))
    return {
        "log_likelihood": L,
        "n_parameters": p,
        "bic": bic,
        "aic": -2 * L + 2 * p,
        "icl": bic + 2 * entropy,
    }


def fitted_row(dataset: Dataset, mixture: Mixture, fit: MapFit, seconds: float) -> ComparisonRow:
    """Return the row of a cell from its fit."""
    verdict, R = str(fit.verdict[fit.chosen]), len(fit.loss)
    if verdict in ("collapsed", "failed"):
        return unfitted_row(dataset, mixture, verdict, _reason(fit), R, seconds)
    found = criteria(dataset, mixture, fit.parameters)
    joint = component_log_densities(fit.parameters, dataset.values)
    points = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True)).sum(axis=0)
    return ComparisonRow(
        n_components=mixture.n_components,
        covariance=mixture.covariance,
        tied=mixture.tied,
        log_likelihood=found["log_likelihood"],
        n_parameters=int(found["n_parameters"]),
        bic=found["bic"],
        aic=found["aic"],
        icl=found["icl"],
        verdict=verdict,
        parameters=fit.parameters,
        agree=int((fit.basin == fit.basin[fit.chosen]).sum()),
        restarts=R,
        smallest=float(points.min()),
        reason="" if verdict == "converged" else _reason(fit),
        seconds=seconds,
    )


def unfitted_row(
    dataset: Dataset,
    mixture: Mixture,
    verdict: str,
    reason: str,
    restarts: int,
    seconds: float = 0.0,
) -> ComparisonRow:
    """Return the row of a cell that has no optimum."""
    nan = float("nan")
    return ComparisonRow(
        n_components=mixture.n_components,
        covariance=mixture.covariance,
        tied=mixture.tied,
        log_likelihood=nan,
        n_parameters=mixture.n_parameters(dataset.values.shape[1]),
        bic=nan,
        aic=nan,
        icl=nan,
        verdict=verdict,
        parameters=None,
        agree=0,
        restarts=restarts,
        smallest=nan,
        reason=reason,
        seconds=seconds,
    )


def _reason(fit: MapFit) -> str:
    """Say why no start reached an optimum."""
    R = len(fit.loss)
    counts = {verdict: fit.count(verdict) for verdict in ("moving", "collapsed", "failed")}
    if counts["collapsed"] == R:
        whose = "The start" if R == 1 else f"All {R} starts"
        return f"{whose} collapsed: a component lost its points, or shrank onto too few of them."
    said = {
        "moving": "still moving after polishing",
        "collapsed": "collapsed",
        "failed": "lost in overflow",
    }
    parts = [f"{n} {said[verdict]}" for verdict, n in counts.items() if n]
    return f"No start of {R} reached an optimum: {', '.join(parts)}."


def best(rows: Sequence[ComparisonRow], criterion: Criterion = "bic") -> int | None:
    """Return the index of the best row by a criterion; None when no row has an optimum.

    Rows of the same mixture tie; the first of them is returned.
    """
    order = ranked(rows, criterion)
    return order[0] if order else None


def ranked(rows: Sequence[ComparisonRow], criterion: Criterion = "bic") -> list[int]:
    """Return indices of the rows that have an optimum, the best first."""
    sign = -1.0 if criterion == "log_likelihood" else 1.0
    sound = [i for i, row in enumerate(rows) if row.sound]
    return sorted(sound, key=lambda i: sign * getattr(rows[i], criterion))


def distinct(rows: Sequence[ComparisonRow], n_columns: int) -> list[ComparisonRow]:
    """Keep one row of each mixture, the first; see `models`."""
    found: dict[Cell, ComparisonRow] = {}
    for row in rows:
        found.setdefault(canonical(row.cell, n_columns), row)
    return list(found.values())


def rows_so_far(
    options: CompareOptions, n_columns: int, arrays: Mapping[str, Array]
) -> list[ComparisonRow]:
    """Make rows of what a sweep under way has reported: the finished cells, without parameters."""
    codes = arrays.get("verdict")
    if codes is None:
        return []
    rows = []
    for i, cell in enumerate(cells(options)):
        if np.isnan(codes[i]):
            continue
        numbers = {name: float(arrays[name][i]) for name in REPORTED[1:]}
        rows.append(
            ComparisonRow(
                *cell,
                n_parameters=mixture_of(cell, Mixture()).n_parameters(n_columns),
                verdict=VERDICTS[int(codes[i])],
                parameters=None,
                agree=int(numbers.pop("agree")),
                restarts=options.restarts,
                reason="",
                seconds=float("nan"),
                **numbers,  # type: ignore[arg-type]
            )
        )
    return rows


REPORTED = ("verdict", "log_likelihood", "bic", "aic", "icl", "agree", "smallest")
"""Names of the arrays [cells] that a sweep under way reports; "verdict" by number."""


def reported(row: ComparisonRow) -> dict[str, float]:
    """Return what is reported of a finished cell, as numbers."""
    numbers = {name: float(getattr(row, name)) for name in REPORTED[1:]}
    return {"verdict": float(VERDICTS.index(row.verdict)), **numbers}


def to_csv(rows: Iterable[ComparisonRow]) -> str:
    """Write a sweep as CSV with exact numbers, one row per cell; what is not known stays empty."""
    names = [name for name in ComparisonRow._fields if name != "parameters"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        values = [getattr(row, name) for name in names]
        writer.writerow(["" if v != v else repr(v) if isinstance(v, float) else v for v in values])
    return text.getvalue()


def merged(options: CompareOptions, parts: Iterable[Comparison]) -> Comparison:
    """Put the rows of finished parts into the order of the cells."""
    place = {cell: i for i, cell in enumerate(cells(options))}
    rows = [row for part in parts for row in part.rows]
    return Comparison(tuple(sorted(rows, key=lambda row: place[row.cell])))
