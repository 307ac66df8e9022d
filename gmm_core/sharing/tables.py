"""Results as text files: CSV for tables, JSON for parameters, with exact numbers.

A number is written with as many digits as bring the same float64 back. Text that people or files
brought in (column names) is made harmless first: a spreadsheet that opens the file would take
`=cmd|...` for a formula.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import original, parameter_columns, table_columns, units
from gmm_core.data.transforms import dumped
from gmm_core.membership.imputing import imputed
from gmm_core.membership.scoring import Score
from gmm_core.mixture import Parameters, responsibilities
from gmm_core.mixture.in_table import arrays_in_table, medians_in_table, parameters_in_table
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.summary import NOISE
from gmm_core.runs.results import GuideFit, MapFit
from gmm_core.sharing.script_observed import columns_of_file

Array = NDArray[np.float64]

# Where a cell begins that a spreadsheet would take for a formula (OWASP, "CSV injection"): at the
# start of the text, and after what separates cells where a comma stands in decimal numbers. Quotes
# do not help there: only those at the very start of a cell count. With the full-width signs, which
# some spreadsheets read as the plain ones.
_FORMULA = re.compile(r"""(^|[;\t\r\n])(?=[\t\r\n]|[\s"]*[-=+@＝＋－＠])""")
_CHUNK = 50_000  # rows at once


def parameters_csv(dataset: Dataset, fit: MapFit | Parameters) -> str:
    """Write the parameters as CSV, one row per component, by weight, largest first.

    Columns: component, weight, the loc and the standard deviation along each column, and the
    covariance of each two columns, in the units of the table; of a column that was fitted as its
    logarithm or square root they are of that, as their names say, and its median in the table
    stands behind them.

    Parameters
    ----------
    dataset : what it was fitted to; its columns give the names.
    fit : its chosen restart, or one point.

    Raises
    ------
    ValueError
        When the data has another number of columns than the fit.
    """
    point = parameters_in_table(dataset, _ordered(fit))
    K, D = point.locs.shape
    names, medians = parameter_columns(dataset), medians_in_table(dataset, point.locs)
    pairs = [(i, j) for i in range(D) for j in range(i)]
    head = ["component", "weight"]
    head += [f"loc {name}" for name in names] + [f"sd {name}" for name in names]
    head += [f"covariance {names[j]}, {names[i]}" for i, j in pairs]
    head += [f"median {name}" for name in medians]
    scales, covariances = point.scales, point.covariances
    rows = (
        [
            k + 1,
            point.weights[k],
            *point.locs[k],
            *scales[k],
            *(covariances[k, i, j] for i, j in pairs),
            *(median[k] for median in medians.values()),
        ]
        for k in range(K)
    )
    return _csv(head, rows)


def data_csv(dataset: Dataset) -> str:
    """Write the data as CSV: the columns' names, then the numbers exactly, one row per point.

    A missing value is an empty cell. Behind the columns stand "weight" and "class", where there
    are any.
    """
    names, columns = columns_of_file(dataset)
    beside = zip(*columns, strict=True) if columns else [()] * len(dataset.values)
    rows = ([*row, *more] for row, more in zip(dataset.values.tolist(), beside, strict=True))
    return _csv([*dataset.columns, *names], rows)


def parameters_json(dataset: Dataset, fit: MapFit | Parameters) -> str:
    """Write the parameters as JSON: `Parameters(weights, locs, scale_tril)` gives them back.

    They are those of the columns as they were fitted; where some were transformed, "units" says
    what these are and "transforms" how they come about.

    Parameters
    ----------
    dataset : what it was fitted to; its columns give the names.
    fit : its chosen restart, or one point; components are written by weight, largest first.

    Raises
    ------
    ValueError
        When the data has another number of columns than the fit.
    """
    point = _ordered(fit)
    _check_columns(dataset, point.locs.shape[1])
    body = {
        "columns": list(dataset.columns),
        **(
            {"units": units(dataset), "transforms": dumped(dataset.transforms)}
            if dataset.transforms
            else {}
        ),
        **{name: array.tolist() for name, array in point.arrays().items()},
        "covariances": point.covariances.tolist(),
    }
    return json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def imputed_csv(dataset: Dataset, parameters: Parameters) -> str:
    """Write what each missing value would be as CSV.

    Columns: row (in the person's table, from 1 below its header), the columns of that table that
    were not fitted, the column whose value is missing, the row's most probable component, and mean,
    standard deviation, median and central 90 % of the value given the rest of its row and that
    component, all in the units of that table. In the noise these are empty.
    """
    point = _ordered(parameters)
    K, filled, names = len(point.weights), imputed(dataset, point), table_columns(dataset)
    head, cells_beside = _beside(dataset)
    head += ["column", "component", "mean", "standard deviation", "5 %", "median", "95 %"]
    numbers = np.stack([filled.mean, filled.sd, filled.low, filled.median, filled.high], axis=1)

    def rows() -> Iterable[list[object]]:
        places = zip(filled.rows.tolist(), filled.columns.tolist(), strict=True)
        entries = zip(places, filled.component.tolist(), numbers.tolist(), strict=True)
        for (n, d), k, row in entries:
            yield [*cells_beside(n), names[d], "noise" if k == K else k + 1, *row]

    return _csv(head, rows())


def memberships_csv(dataset: Dataset, parameters: Parameters) -> str:
    """Write the membership of each point as CSV.

    Columns: row (in the person's table, from 1 below its header), the columns of that table that
    were not fitted, those that were, in its units, the most probable component (from 1, by weight,
    largest first; "noise" where that is likelier than any), its probability, and that of each.

    Raises
    ------
    ValueError
        When data and parameters differ in their number of columns.
    """
    point = _ordered(parameters)
    K = len(point.weights)
    table = original(dataset)
    head_beside, cells_beside = _beside(table)
    head = [*head_beside, *table.columns, "component", "probability"]
    head += [f"probability of component {k + 1}" for k in range(K)]
    names: list[object] = [*range(1, K + 1)]
    if point.noise is not None:
        head.append("probability of noise")
        names.append("noise")

    def rows() -> Iterable[list[object]]:
        for begin in range(0, len(dataset.values), _CHUNK):
            chunk = slice(begin, begin + _CHUNK)
            probs = responsibilities(point, dataset.values[chunk])
            best = probs.argmax(axis=1)
            entries = zip(table.values[chunk].tolist(), best.tolist(), probs.tolist(), strict=True)
            for n, (x, k, p) in enumerate(entries, begin):
                cells = ["" if value != value else value for value in x]
                yield [*cells_beside(n), *cells, names[k], p[k], *p]

    return _csv(head, rows())


def scores_csv(dataset: Dataset, scores: Score) -> str:
    """Write the scores of points as CSV.

    Columns: row and the table's columns, as in `memberships_csv`, the most probable component (from
    1, or "noise"), its probability, the probability of each, the log density, and whether the point
    is an outlier (1 or 0); averaged over a posterior also the 5 % and 95 % quantiles of
    probabilities and log density. See `scoring.Score`.

    Raises
    ------
    ValueError
        When data and scores differ in their number of points.
    """
    N, W = scores.probs.shape
    if len(dataset.values) != N:
        raise ValueError(
            f"The data has {len(dataset.values)} points, but {N} were scored. "
            "Give the data that was scored."
        )
    ends = ("", ", 5 %", ", 95 %") if scores.n_draws > 1 else ("",)
    table = original(dataset)
    head_beside, cells_beside = _beside(table)
    head = [*head_beside, *table.columns, "component", "probability"]
    chances = [f"component {k + 1}" for k in range(scores.n_components)]
    chances += ["noise"] * (W - scores.n_components)
    head += [f"probability of {chance}{end}" for chance in chances for end in ends]
    head += [f"log density{end}" for end in ends] + ["outlier"]
    probs = np.stack([scores.probs, scores.probs_low, scores.probs_high], axis=2)
    densities = np.stack(
        [scores.log_density, scores.log_density_low, scores.log_density_high], axis=1
    )
    probs, densities = probs[:, :, : len(ends)].reshape(N, -1), densities[:, : len(ends)]
    best, outlier = scores.probs.max(axis=1).tolist(), scores.outlier.tolist()
    rows = (
        [
            *cells_beside(n),
            *table.values[n].tolist(),
            "noise" if scores.component[n] == scores.n_components else int(scores.component[n]) + 1,
            best[n],
            *probs[n].tolist(),
            *densities[n].tolist(),
            int(outlier[n]),
        ]
        for n in range(N)
    )
    return _csv(head, rows)


def curves_csv(fit: MapFit, first_seed: int = 0) -> str:
    """Write the curves of a MAP fit as CSV, a row per recorded step; empty where none was made.

    Columns: step (from 0), the loss before that step and the gradient norms of the chosen restart,
    and the loss of every restart, named by its seed.

    Parameters
    ----------
    first_seed : seed of restart 0.
    """
    norms = {name: norm[fit.chosen] for name, norm in fit.gradient_norm.items()}
    every = {f"loss seed {first_seed + r}": loss for r, loss in enumerate(fit.loss)}
    return _curves(fit.steps, fit.loss[fit.chosen], norms, every)


def guide_curves_csv(fit: GuideFit) -> str:
    """Write the curves of a guide as CSV: step (from 0), the loss before it, the gradient norm."""
    return _curves(np.arange(len(fit.loss)), fit.loss, fit.gradient_norm, {})


def _curves(
    steps: NDArray[np.int64], loss: Array, norms: dict[str, Array], others: dict[str, Array]
) -> str:
    series = {f"gradient norm {_plain(name)}": norm for name, norm in norms.items()} | others
    table = np.column_stack([loss, *series.values()])
    rows = ([t, *row.tolist()] for t, row in zip(steps.tolist(), table, strict=True))
    return _csv(["step", "loss", *series], rows)


def draws_csv(dataset: Dataset, posterior: Posterior) -> str:
    """Write the draws of a posterior as CSV, one row per draw.

    Columns: chain and draw (from 1), the weight, loc and Cholesky factor of each component as
    they were drawn (for one column the factor is the standard deviation), behind the weights that
    of the noise where there is any, and the sampler's statistics. In the units of the table, as in
    `parameters_csv`; behind the locs stand medians where those are of transformed columns.

    Parameters
    ----------
    dataset : what was sampled for; its columns give the names.

    Raises
    ------
    ValueError
        When the data has another number of columns than the draws.
    """
    draws = arrays_in_table(dataset, posterior.draws)
    weights, locs, factors = draws["weights"], draws["locs"], draws["scale_tril"]
    C, S, K, D = locs.shape
    names, medians = parameter_columns(dataset), medians_in_table(dataset, locs)
    lower = [(i, j) for i in range(D) for j in range(i + 1)]
    head = ["chain", "draw"] + [f"weight {k + 1}" for k in range(K)]
    shares = [weights]
    if "noise" in draws:
        head.append(NOISE)
        shares.append(draws["noise"][..., None])
    head += [f"loc {k + 1} {name}" for k in range(K) for name in names]
    head += [f"median {k + 1} {name}" for name in medians for k in range(K)]
    head += [
        f"sd {k + 1} {names[0]}" if D == 1 else f"factor {k + 1} {names[i]}, {names[j]}"
        for k in range(K)
        for i, j in lower
    ]
    stats = {n: s for n, s in posterior.stats.items() if s.shape == (C, S)}
    head += [_plain(name) for name in stats]
    i, j = (list(side) for side in zip(*lower, strict=True))

    def rows() -> Iterable[list[object]]:
        for c in range(C):
            table = np.column_stack(
                [
                    *(array[c] for array in shares),
                    locs[c].reshape(S, -1),
                    *(median[c] for median in medians.values()),
                    factors[c][:, :, i, j].reshape(S, -1),
                ]
                + [stat[c] for stat in stats.values()]
            )
            for s, row in enumerate(table):
                yield [c + 1, s + 1, *row.tolist()]

    return _csv(head, rows())


def safe(text: str) -> str:
    """Put an apostrophe wherever a spreadsheet would take the text, or its rest, for a formula."""
    return _FORMULA.sub(r"\1'", text)


def _beside(dataset: Dataset) -> tuple[list[str], Callable[[int], list[object]]]:
    """Return what stands in front of a table of points: row number, columns that are not fitted."""
    rows = dataset.rows
    if rows is None:
        return ["row"], lambda n: [n + 1]
    columns = [cells.tolist() for cells in rows.columns.values()]

    def cells(n: int) -> list[object]:
        row = (column[n] for column in columns)
        # An identifier is 100001, not 100001.0.
        whole = (int(c) if isinstance(c, float) and c.is_integer() else c for c in row)
        return [int(rows.numbers[n]), *whole]

    return ["row", *rows.columns], cells


def _csv(head: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """RFC 4180: commas, quotes doubled where needed, CRLF; NaN is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([safe(name) for name in head])
    # The writer prints a float by its repr: the shortest text that reads back as the same number.
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        # float() because NumPy's own repr is np.float64(...).
        return "" if value != value else float(value)
    return safe(value) if isinstance(value, str) else value


def _ordered(fit: MapFit | Parameters) -> Parameters:
    point = fit.parameters if isinstance(fit, MapFit) else fit
    return point.permuted(point.order)


def _check_columns(dataset: Dataset, D: int) -> None:
    if len(dataset.columns) != D:
        raise ValueError(
            f"The data has {len(dataset.columns)} columns, but the result has D = {D}. "
            "Give the data it was made of."
        )


def _plain(name: str) -> str:
    return name.replace("_", " ")
