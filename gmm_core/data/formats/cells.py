"""From the cells of a column to numbers, or to the reason why it holds none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.formats.numerals import INFINITE, MISSING, NUMBER, is_missing, is_number

# Strings of any length, each as long as it is: fixed widths would be those of the longest.
_TEXT = np.dtypes.StringDType()

NUMERIC_SHARE = 0.9
"""A column is numeric when this share of its filled cells are numbers: typing errors are counted as
missing, while a column of codes ("12", "A7", "n.d. 3") is text."""


def to_numbers(cells: Any) -> tuple[NDArray[np.float64], int, str]:
    """Turn cells into numbers with NaN for missing, the count of strange cells, or the reason."""
    nothing = np.empty(0)
    if isinstance(cells, np.ndarray):
        return (nothing, 0, "empty") if np.isnan(cells).all() else (cells, 0, "")
    if not isinstance(cells, list):
        return _parse_strings(cells)
    if set(map(type, cells)) <= {int, float, type(None)}:
        try:
            plain = np.array(cells, dtype=np.float64)  # None becomes NaN
        except OverflowError:  # an integer past 1.8e308
            pass
        else:
            return to_numbers(plain)
    values = np.full(len(cells), np.nan)
    numeric = filled = 0
    other: Any = None
    for i, cell in enumerate(cells):
        if is_missing(cell):
            continue
        filled += 1
        if is_number(cell):
            numeric += 1
            try:
                values[i] = float(cell)
            except OverflowError:  # an integer past 1.8e308
                values[i] = np.inf if cell > 0 else -np.inf
        else:
            other = cell
    reason = _verdict(numeric, filled)
    if reason == "text" and not isinstance(other, str):
        kinds = {"bool": "true/false", "list": "lists", "dict": "lists"}
        dates = ("datetime", "date", "time", "timedelta")
        kind = type(other).__name__
        reason = "dates" if kind in dates else kinds.get(kind, "text")
    return (nothing, 0, reason) if reason else (values, filled - numeric, "")


def strange_cells(cells: Any, numbers: NDArray[np.float64], most: int) -> list[tuple[int, str]]:
    """List the first cells that are neither a number nor a sign for a missing one: row, content."""
    strange: list[tuple[int, str]] = []
    for row in np.flatnonzero(np.isnan(numbers)).tolist():
        cell = cells[row] if isinstance(cells, list | np.ndarray) else cells[row].as_py()
        if not is_missing(cell):
            strange.append((row, str(cell)[:100]))
            if len(strange) == most:
                break
    return strange


def as_texts(cells: Any) -> NDArray[Any]:
    """Turn a column of text into an array of strings, "" where nothing stands."""
    items = cells if isinstance(cells, list) else cells.to_pylist()
    return np.array(["" if is_missing(cell) else str(cell) for cell in items], dtype=_TEXT)


def _parse_strings(cells: Any) -> tuple[NDArray[np.float64], int, str]:
    """Parse an Arrow array of strings: at once where it is clean, else cell by kind of cell."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(cells) < 50:  # thousands of short columns: calling Arrow takes longer than the work
        return to_numbers(cells.to_pylist())
    cells = pc.utf8_trim_whitespace(cells)
    try:
        clean = cells.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        pass
    else:
        if np.isfinite(clean).all():
            return clean, 0, ""
    low = pc.utf8_lower(cells)
    number = pc.match_substring_regex(cells, f"^(?:{NUMBER.pattern})$")
    infinite = pc.is_in(low, value_set=pa.array(sorted(INFINITE)))
    missing = pc.is_in(low, value_set=pa.array(sorted(MISSING)))
    numeric = int(pc.sum(pc.or_(number, infinite)).as_py() or 0)
    filled = len(cells) - int(pc.sum(missing).as_py() or 0)
    reason = _verdict(numeric, filled)
    if reason:
        return np.empty(0), 0, reason
    values = np.full(len(cells), np.nan)
    at = number.to_numpy(zero_copy_only=False).astype(bool)
    # Arrow refuses a plus sign, and a number past 1.8e308 as well; Python reads both.
    plain = pc.replace_substring_regex(cells.filter(number), r"^\+", "")
    try:
        values[at] = plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        values[at] = [float(text) for text in plain.to_pylist()]
    positions = infinite.to_numpy(zero_copy_only=False).astype(bool)
    values[positions] = [float(text) for text in cells.filter(infinite).to_pylist()]
    return values, filled - numeric, ""


def _verdict(numeric: int, filled: int) -> str:
    """Name the reason why a column is not numeric, or nothing when it is."""
    if filled == 0:
        return "empty"
    return "" if numeric >= NUMERIC_SHARE * filled else "text"
