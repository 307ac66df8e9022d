"""Which K and which covariance: the cells of a sweep, their criteria, and the best of them.

A cell is one mixture, fitted from many starts. A sweep's result is a row for each cell, also for
one that could not be fitted: it says why, has no criteria, and never wins.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.comparison.criteria import CRITERIA, class_probability, criteria
from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import likelihood_shift
from gmm_core.mixture import Mixture, Parameters
from gmm_core.mixture.covariance import FAMILIES, by_code
from gmm_core.mixture.family import Family
from gmm_core.mixture.likelihood import log_likelihood
from gmm_core.runs.options import CompareOptions
from gmm_core.runs.results import MapFit
from gmm_core.runs.search_report import search_report
from gmm_core.runs.verdicts import held

Array = NDArray[np.float64]
_NAN = float("nan")

VERDICTS = ("converged", "moving", "collapsed", "failed")


class Cell(NamedTuple):
    """One mixture of a sweep: K and the form of its covariances."""

    n_components: int
    covariance: str
    tied: bool | None

    @property
    def family(self) -> Family:
        """The entry of its covariances' family."""
        return FAMILIES[self.covariance, self.tied]


class ComparisonRow(NamedTuple):
    """What became of one cell.

    log_likelihood : at the optimum found, in natural units; NaN where there is none.
    n_parameters : free numbers of the mixture, the p of the criteria.
    bic, aic, icl, aicc, sabic, caic, icl_most_probable : smaller is better; see `criteria`.
    verdict : "converged"; "moving" when no start reached an optimum; "collapsed" when all starts
        did; "failed" when the mixture cannot be fitted to this data.
    parameters : the optimum; None where there is none, and while a sweep is under way.
    agree, restarts : so many of the starts found this optimum.
    smallest : points of the smallest component, the sum of its responsibilities.
    reason : why there is no optimum; "" where there is one.
    seconds : how long the cell took.
    entropy : relative entropy, 1 where no point is in doubt; see `criteria`.
    class_probability : average posterior probability of each class [K]; see there.
    found_by, kinds : of a search, which kind of start found this optimum (`engines.search`), and
        how many kinds did; "" and 0 where there was one kind only.
    swaps : how many components had been moved when it was found.
    fewest : points that a component has to hold for the optimum to win; see
        `verdicts.fewest_points`.
    higher : log likelihood and points of the smallest component of the best optimum that holds
        fewer; empty where none is higher than this one.
    log_evidence, evidence_error : log p(x) and its Monte Carlo standard error, where asked for.
    density : with them, the posterior's mean density of the first columns; see
        `odds.mean_density`.

    What was added later stands at its end and is NaN in runs of earlier versions.
    """

    n_components: int
    covariance: str
    tied: bool | None
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
    aicc: float = _NAN
    sabic: float = _NAN
    caic: float = _NAN
    icl_most_probable: float = _NAN
    entropy: float = _NAN
    class_probability: tuple[float, ...] = ()
    found_by: str = ""
    kinds: int = 0
    swaps: int = 0
    fewest: float = 0.0
    higher: tuple[float, ...] = ()
    log_evidence: float = _NAN
    evidence_error: float = _NAN
    density: tuple[float, ...] = ()

    @property
    def cell(self) -> Cell:
        """Which cell it is."""
        return Cell(self.n_components, self.covariance, self.tied)

    @property
    def sound(self) -> bool:
        """Whether it has an optimum."""
        return self.verdict == "converged"

    @property
    def may_win(self) -> bool:
        """Whether it has an optimum whose every component holds enough points."""
        return self.sound and not self.smallest < self.fewest


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
    family = by_code(cell.family.reduced(cell.n_components, n_columns))
    return Cell(cell.n_components, family.covariance, family.tied)


def mixture_of(cell: Cell, base: Mixture) -> Mixture:
    """Return the mixture of a cell, with what counts of `base`."""
    return Mixture(
        n_components=cell.n_components,
        covariance=cell.covariance,
        tied=cell.tied,
        priors=base.priors,
        noise=base.noise,
        noise_box=base.noise_box,
        labels=base.labels,
    )


def fitted_row(dataset: Dataset, mixture: Mixture, fit: MapFit, seconds: float) -> ComparisonRow:
    """Return the row of a cell from its fit."""
    verdict, R = str(fit.verdict[fit.chosen]), len(fit.loss)
    if verdict in ("collapsed", "failed"):
        return unfitted_row(dataset, mixture, verdict, _reason(fit), R, seconds)
    scores = criteria(dataset, mixture, fit.parameters)
    points = held(fit.parameters.reshape(1), dataset)
    return ComparisonRow(
        n_components=mixture.n_components,
        covariance=mixture.covariance,
        tied=mixture.tied,
        verdict=verdict,
        parameters=fit.parameters,
        agree=int((fit.basin == fit.basin[fit.chosen]).sum()),
        restarts=R,
        smallest=float(points.min()),
        reason="" if verdict == "converged" else _reason(fit),
        seconds=seconds,
        class_probability=class_probability(dataset, fit.parameters),
        **_searched(dataset, mixture, fit),  # type: ignore[arg-type]
        **scores,  # type: ignore[arg-type]  # by name, and p is whole
    )


def _searched(dataset: Dataset, mixture: Mixture, fit: MapFit) -> dict[str, object]:
    """Say how a search has found its optimum, and what it has passed over."""
    search = search_report(fit)
    if search is None or fit.smallest is None:
        return {}
    passed: tuple[float, ...] = ()
    if search.higher is not None:
        likelihood = float(log_likelihood(dataset, mixture, fit.points[search.higher]))
        likelihood += likelihood_shift(dataset)
        passed = (likelihood, float(fit.smallest[search.higher]))
    return {
        "found_by": search.by,
        "kinds": search.kinds,
        "swaps": search.swaps,
        "fewest": fit.fewest,
        "higher": passed,
    }


def unfitted_row(
    dataset: Dataset,
    mixture: Mixture,
    verdict: str,
    reason: str,
    restarts: int,
    seconds: float = 0.0,
) -> ComparisonRow:
    """Return the row of a cell that has no optimum."""
    return ComparisonRow(
        n_components=mixture.n_components,
        covariance=mixture.covariance,
        tied=mixture.tied,
        log_likelihood=_NAN,
        n_parameters=mixture.n_parameters(dataset.values.shape[1]),
        bic=_NAN,
        aic=_NAN,
        icl=_NAN,
        verdict=verdict,
        parameters=None,
        agree=0,
        restarts=restarts,
        smallest=_NAN,
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
    reasons = {
        "moving": "still moving after polishing",
        "collapsed": "collapsed",
        "failed": "lost in overflow",
    }
    parts = [f"{n} {reasons[verdict]}" for verdict, n in counts.items() if n]
    return f"No start of {R} reached an optimum: {', '.join(parts)}."


def best(rows: Sequence[ComparisonRow], criterion: str = "bic") -> int | None:
    """Return the index of the best row by a criterion; None when no row has an optimum.

    Rows of the same mixture tie; the first of them is returned.
    """
    order = ranked(rows, criterion)
    return order[0] if order else None


def ranked(rows: Sequence[ComparisonRow], criterion: str = "bic") -> list[int]:
    """Return indices of the rows that may win and have the criterion, the best first.

    The evidence is no number of an optimum: by it every row may win that has one.
    """
    sign = -1.0 if CRITERIA[criterion].larger_is_better else 1.0
    of_fit = CRITERIA[criterion].value is not None
    may_win = [i for i in known(rows, criterion) if rows[i].may_win or not of_fit]
    return sorted(may_win, key=lambda i: sign * getattr(rows[i], criterion))


def known(rows: Sequence[ComparisonRow], criterion: str) -> list[int]:
    """Return indices of the rows that have a value of the criterion."""
    values = [getattr(row, criterion) for row in rows]
    of_fit = CRITERIA[criterion].value is not None
    return [i for i, row in enumerate(rows) if values[i] == values[i] and (row.sound or not of_fit)]


def distinct(rows: Sequence[ComparisonRow], n_columns: int) -> list[ComparisonRow]:
    """Keep one row of each mixture, the first; see `models`."""
    first_rows: dict[Cell, ComparisonRow] = {}
    for row in rows:
        first_rows.setdefault(canonical(row.cell, n_columns), row)
    return list(first_rows.values())


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
                restarts=int(numbers.pop("restarts")),
                reason="",
                seconds=float("nan"),
                **numbers,  # type: ignore[arg-type]
            )
        )
    return rows


REPORTED = (
    *("verdict", *CRITERIA, "agree", "restarts"),
    *("smallest", "entropy", "fewest", "evidence_error"),
)
"""Names of the arrays [cells] that a sweep under way reports; "verdict" by number."""


def reported(row: ComparisonRow) -> dict[str, float]:
    """Return what is reported of a finished cell, as numbers."""
    numbers = {name: float(getattr(row, name)) for name in REPORTED[1:]}
    return {"verdict": float(VERDICTS.index(row.verdict)), **numbers}


def to_csv(rows: Iterable[ComparisonRow]) -> str:
    """Write a sweep as CSV with exact numbers, one row per cell; what is not known stays empty."""
    names = [name for name in ComparisonRow._fields if name not in ("parameters", "density")]
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
