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

from gmm_core.data.dataset import Dataset, Missing
from gmm_core.data.formats.numerals import typed_number
from gmm_core.data.table import Reading
from gmm_core.formatting import listing

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
        if row := line_numbers(line, f"Line {i}"):
            lines.append((i, row))
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


def table(
    rows: Rows,
    columns: Sequence[str],
    name: str,
    labels: Sequence[object] = (),
    *,
    weights: Sequence[object] | None = None,
    classes: Sequence[object] | None = None,
    missing: bool = False,
) -> Dataset:
    """Make a dataset of the rows of an edited table.

    Parameters
    ----------
    rows : N rows of D cells: numbers, text that is one, or None where nothing was typed.
    columns : D names.
    name : of the dataset.
    labels : what the N rows are called on the page; 1, 2, ... when there are none.
    weights : [N] cells that say how often each row counts; once where a cell is empty.
    classes : [N] cells that say what each row is known to be.
    missing : whether an empty cell is a value that is missing, to be integrated out.

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
            where = f'Row {label}, column "{column}"'
            values[i, j] = math.nan if missing and _empty(cell) else read_number(cell, where)
    counts = None
    if weights is not None:
        counts = [
            1.0 if _empty(cell) else read_number(cell, f"Row {label}, how often it counts")
            for label, cell in zip(names, weights, strict=True)
        ]
    return Dataset.from_values(
        values,
        columns,
        name,
        weights=counts,
        classes=classes,
        missing="keep" if missing else "refuse",
    )


def line_numbers(line: str, where: str) -> list[float]:
    """Read numbers that stand in one line, apart by spaces, commas or semicolons.

    Raises
    ------
    ValueError
        When a piece is no number: says `where` it stands.
    """
    return [read_number(piece, where) for piece in _GAP.split(line) if piece]


def read_number(cell: object, where: str) -> float:
    """Read one cell, or say what it holds instead of a number.

    Raises
    ------
    ValueError
        When it is empty or holds no finite number: says `where` it stands.
    """
    if _empty(cell):
        raise ValueError(f"{where}, is empty. Type a number, or delete the row.")
    value: float | None
    if isinstance(cell, str):
        value = typed_number(cell)
    else:
        try:
            value = float(cell)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            value = None
    if value is None or not math.isfinite(value):
        raise ValueError(
            f'{where}, is "{str(cell)[:40]}", but a finite number was expected. Write it such as '
            "5.7, -3 or 1e-3."
        )
    return value


def _empty(cell: object) -> bool:
    return (
        cell is None
        or (isinstance(cell, float) and math.isnan(cell))
        or str(cell).strip() in ("", "<NA>")
    )


TYPED = 10_000
"""Rows that may be typed or pasted; more come in a file."""


def parse_values(text: str, columns: Sequence[str]) -> Array:
    """Read numbers as people type them.

    Parameters
    ----------
    text : for one column, numbers separated by commas, semicolons, spaces or lines; for more
        columns, one point per line, its numbers separated in the same way.
    columns : D names of the columns, for the messages.

    Returns
    -------
    [n, D].

    Raises
    ------
    ValueError
        When something is not a finite number, a line has another number of numbers than there
        are columns, or nothing or more than 10,000 points were typed.
    """
    D = len(columns)
    # Some 100 characters for each number are more than anybody types.
    if len(text) > 100 * TYPED * D:
        raise ValueError(_too_many())
    rows: list[list[float]] = []
    for n, line in enumerate(text.splitlines(), start=1):
        numbers = line_numbers(line, f"Line {n}")
        if not numbers:
            continue
        if D == 1:
            rows += [[x] for x in numbers]
        elif len(numbers) == D:
            rows.append(numbers)
        else:
            amount = "1 number" if len(numbers) == 1 else f"{len(numbers)} numbers"
            raise ValueError(
                f"Line {n} has {amount}, but a point has {D}: {listing(columns)}. "
                "Write one point per line, in this order."
            )
        if len(rows) > TYPED:
            raise ValueError(_too_many())
    if not rows:
        raise ValueError("No number was typed. Type at least one, such as 5.7.")
    return np.array(rows)


def match_columns(
    reading: Reading, columns: Sequence[str], *, missing: Missing = "drop"
) -> Dataset:
    """Take the columns of these names from a file, in this order.

    Rows with a hole are left out, or kept by what they have, as `Reading.dataset` says.
    For a single column a file with a single column of numbers will do, whatever its name.

    Raises
    ------
    ValueError
        When the file lacks a column, or no row is left.
    """
    lacking = [name for name in columns if name not in reading.columns]
    if not lacking:
        return reading.dataset(list(columns), missing=missing)
    if len(columns) == 1 and len(reading.default) == 1:
        taken = reading.dataset(reading.default)
        return Dataset(taken.values, tuple(columns), taken.name, taken.rows)
    raise ValueError(
        f"The file has no column of numbers named {listing(lacking)}, but the fit uses "
        f"{listing(columns)}. It has {listing(reading.columns)}. Rename its columns."
    )


def _too_many() -> str:
    return (
        f"More than {TYPED:,} points came, and at most {TYPED:,} can be typed. "
        "Put them into a file and upload it."
    )
