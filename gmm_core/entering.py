"""From what a person types (a list of numbers, rows of a table) to data and mixtures.

Whatever cannot be read is answered with its place, so that a page can keep everything as it was
typed and say where to look.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.formats.numerals import NUMBER
from gmm_core.mixture import Parameters

Array = NDArray[np.float64]
Rows = Sequence[Sequence[object]]

_GAP = re.compile(r"[\s,;]+")


def numbers(text: str) -> Array:
    """Read points from typed text.

    Parameters
    ----------
    text : numbers with a decimal point, separated by spaces, commas, semicolons or lines. Several
        lines of the same number of numbers, two or more, are points in as many columns; anything
        else is a list of points in one column.

    Returns
    -------
    [N, D].

    Raises
    ------
    ValueError
        When there is no number, something is none, or lines differ in length.
    """
    lines = []
    for i, line in enumerate(text.splitlines(), start=1):
        pieces = [piece for piece in _GAP.split(line) if piece]
        if pieces:
            lines.append((i, [_number(piece, f"Line {i}") for piece in pieces]))
    if not lines:
        raise ValueError("There is no number yet. Type some, such as 0, 1, 10, 11, 12.")
    D = len(lines[0][1])
    if len(lines) == 1:
        return np.array(lines[0][1])[:, None]
    for i, row in lines:
        if len(row) != D:
            raise ValueError(
                f"Line {i} has {len(row)} numbers, but line {lines[0][0]} has {D}. "
                "Write the same number in each line, or all of them in one line."
            )
    return np.array([row for _, row in lines])


def table(rows: Rows, columns: Sequence[str], name: str, labels: Sequence[object] = ()) -> Dataset:
    """Make a dataset of the rows of an edited table.

    Parameters
    ----------
    rows : N rows of D cells: numbers, text that is one, or None where nothing was typed.
    columns : D names.
    name : of the dataset.
    labels : what the N rows are called on the page; 1, 2, ... when there are none.

    Raises
    ------
    ValueError
        When there is no row, or a cell holds no finite number: names row and column.
    """
    if not rows:
        raise ValueError("The table has no row. Add at least one point.")
    names = list(labels) or list(range(1, len(rows) + 1))
    values = np.empty((len(rows), len(columns)))
    for i, (label, row) in enumerate(zip(names, rows, strict=True)):
        for j, (column, cell) in enumerate(zip(columns, row, strict=True)):
            values[i, j] = _number(cell, f'Row {label}, column "{column}"')
    return Dataset.from_values(values, columns, name)


def mixture(rows: Rows, n_columns: int) -> Parameters:
    """Make the parameters of a mixture of the rows of a table, one row for each component.

    Parameters
    ----------
    rows : K rows: weight, D locs, D standard deviations, and for two columns the correlation.
    n_columns : D, 1 or 2.

    Returns
    -------
    Parameters with weights [K], divided by their sum, locs [K, D] and scale_tril [K, D, D].

    Raises
    ------
    ValueError
        When there is no row, a cell holds no number, a weight is negative or all are zero, a
        standard deviation is not positive, or a correlation is not between -1 and 1.
    """
    D = n_columns
    if D not in (1, 2):
        raise ValueError(f"{D} columns came, but a mixture is typed for 1 or 2. Choose one.")
    if not rows:
        raise ValueError("The table has no component. Add at least one row.")
    names = [""] if D == 1 else [" of x1", " of x2"]
    each = ["weight", *(f"loc{name}" for name in names)]
    each += [f"standard deviation{name}" for name in names] + ["correlation"] * (D - 1)
    cells = np.array(
        [
            [_number(cell, f"Component {k}, {what}") for what, cell in zip(each, row, strict=True)]
            for k, row in enumerate(rows, start=1)
        ]
    )
    K = len(cells)
    weights, locs, scales = cells[:, 0], cells[:, 1 : 1 + D], cells[:, 1 + D : 1 + 2 * D]
    for k in range(K):
        if weights[k] < 0:
            raise ValueError(
                f"Component {k + 1} has the weight {weights[k]:g}, but a number from 0 was "
                "expected. Correct it, or delete the row."
            )
        if (scales[k] <= 0).any():
            raise ValueError(
                f"Component {k + 1} has the standard deviation {scales[k].min():g}, but a number "
                "above 0 was expected. Correct it."
            )
        if D == 2 and not -1 < cells[k, 5] < 1:
            raise ValueError(
                f"Component {k + 1} has the correlation {cells[k, 5]:g}, but a number between "
                "−1 and 1 was expected. Correct it."
            )
    if weights.sum() == 0:
        raise ValueError("All weights are 0, so there is nothing to draw from. Raise one.")
    scale_tril = np.zeros((K, D, D))
    scale_tril[:, 0, 0] = scales[:, 0]
    if D == 2:
        r = cells[:, 5]
        scale_tril[:, 1, 0] = r * scales[:, 1]
        scale_tril[:, 1, 1] = np.sqrt(1 - r**2) * scales[:, 1]
    return Parameters(weights / weights.sum(), locs, scale_tril)


def _number(cell: object, where: str) -> float:
    """Read one cell, or say what it holds instead of a number."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or str(cell).strip() == "":
        raise ValueError(f"{where}, is empty. Type a number, or delete the row.")
    if isinstance(cell, str):  # as in files: float() takes "1_000" and the digits of any script
        cell = cell.strip().replace("\u2212", "-")
        value = float(cell) if NUMBER.fullmatch(cell) else math.nan
    else:
        try:
            value = float(cell)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f'{where}, is "{str(cell)[:40]}", but a finite number was expected. Correct it.'
        )
    return value
