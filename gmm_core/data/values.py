"""What may be the values of a dataset: real numbers in a table of bounded size."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 2_000_000
"""Twice the largest table promised to work (10^6 rows); its responsibilities fit in memory."""

MAX_COLUMNS = 256
"""A full covariance has D (D + 1) / 2 numbers per component: 32,896 here, past any picture."""

MAX_NUMBERS = 20_000_000
"""N * D in total: 160 MB as float64, of which a worker holds a handful of copies."""


def check_size(n: int, d: int) -> None:
    """Refuse a table that is larger than the limits of this module.

    Raises
    ------
    ValueError
        When N > 2,000,000, D > 256, or N * D > 20,000,000.
    """
    if n > MAX_POINTS:
        raise ValueError(
            f"The data has N = {n:,} points, but at most {MAX_POINTS:,} are accepted. "
            "Take a random sample of the rows."
        )
    if d > MAX_COLUMNS:
        raise ValueError(
            f"The data has D = {d:,} columns, but at most {MAX_COLUMNS} are accepted. "
            "Choose fewer columns."
        )
    if n * d > MAX_NUMBERS:
        raise ValueError(
            f"The data has N x D = {n:,} x {d} = {n * d:,} numbers, but at most {MAX_NUMBERS:,} "
            "are accepted. Choose fewer columns, or take a sample of the rows."
        )


def short(value: object) -> str:
    """Show a value of unknown size in a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def table(values: Any, incomplete: bool) -> NDArray[np.float64]:
    """Turn what came into a read-only [N, D] float64 table, or say why it is none."""
    if hasattr(values, "detach"):  # a torch tensor that carries a gradient refuses to be read
        values = values.detach().cpu()
    if isinstance(values, (str, bytes)) or values is None:
        raise ValueError(f"The values are {short(values)}, but a list of numbers was expected.")
    if np.ma.is_masked(values):
        if not incomplete:
            raise ValueError(
                f"{np.ma.count_masked(values)} values are masked, but every value must be a "
                'number. Drop these rows first, or keep them by missing="keep".'
            )
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError, RuntimeError, RecursionError) as error:
        raise ValueError(
            "The values are not a table: rows differ in length, or hold lists. "
            "Give N numbers, or N rows of D numbers each."
        ) from error
    if array.ndim == 0 or array.ndim > 2:
        raise ValueError(
            f"The values have {array.ndim} dimensions, but N numbers or a table of N rows by "
            "D columns was expected. Reshape them to [N] or [N, D]."
        )
    if array.ndim == 1:
        array = array[:, None]
    N, D = array.shape
    if N == 0 or D == 0:
        raise ValueError(
            f"The data is empty (N = {N}, D = {D}), but at least one point in one column is "
            "needed. Add data."
        )
    check_size(N, D)
    table = _as_float(array, incomplete)
    table += 0.0  # -0.0 + 0.0 is 0.0: equal numbers must have equal bytes
    finite = np.isfinite(table)
    if incomplete:
        lacking = np.isnan(table)
        table[lacking] = np.nan  # one of the many NaN, so that equal data has equal bytes
        finite |= lacking
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        many = int((~finite).sum())
        raise ValueError(
            f"{many:,} of {table.size:,} values {'is' if many == 1 else 'are'} not finite; the "
            f"first is {table[row, column]} in row {row + 1}, column {column + 1}. "
            + (
                "Remove these rows, or correct the values."
                if incomplete
                else "Remove these rows, fill the values in, or keep them as missing values "
                '(missing="keep").'
            )
        )
    table.setflags(write=False)
    return table


def _as_float(array: NDArray[Any], incomplete: bool) -> NDArray[np.float64]:
    """Copy to contiguous float64, refusing what only looks like numbers."""
    kind = array.dtype.kind
    if kind == "O" and incomplete:
        # None, and pandas' own sign of a missing value, which no comparison is true of.
        empty = [cell is None or type(cell).__name__ == "NAType" for cell in array.ravel()]
        array = np.where(np.reshape(empty, array.shape), np.nan, array)
    if kind == "O":
        for (row, column), cell in np.ndenumerate(array):
            # Booleans count as integers in Python, but a column of them is a label.
            if isinstance(cell, (bool, np.bool_)) or not _is_real(cell):
                raise ValueError(
                    f"The value in row {row + 1}, column {column + 1} is {short(cell)}, but a "
                    "real number was expected. Remove this row or column, or correct the value."
                )
    elif kind not in "iuf":
        types = {"b": "true/false values", "c": "complex numbers", "U": "text", "S": "text"}
        types |= {"M": "dates", "m": "time spans", "V": "records", "T": "text"}
        raise ValueError(
            f"The values are {types.get(kind, str(array.dtype))}, but real numbers were expected. "
            "Convert them to numbers first."
        )
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.array(array, dtype=np.float64, order="C", copy=True)
    except (OverflowError, ValueError, TypeError) as error:
        raise ValueError(
            "A value is too large for a 64-bit floating-point number (about 1.8e308). "
            "Rescale the data."
        ) from error


def _is_real(cell: object) -> bool:
    # Decimal is a number that is not registered as a Real.
    return isinstance(cell, numbers.Real) or type(cell).__name__ == "Decimal"
