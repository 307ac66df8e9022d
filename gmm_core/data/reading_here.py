"""Reads a file in this process, and tells its columns of numbers from the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.columns import missing_code, reason_to_leave_out
from gmm_core.data.dataset import MAX_NAME_LENGTH
from gmm_core.data.formats import File, RawTable, parse
from gmm_core.data.formats.cells import as_texts, strange_cells, to_numbers
from gmm_core.data.table import CARRIED, Reading
from gmm_core.data.values import MAX_POINTS
from gmm_core.formatting import listing

UNREAD = 200
"""Cells that could not be read and are kept to be shown."""


def read_here(file: File, name: str | None = None) -> Reading:
    """Read a file in this process, which a file of a caged format can end.

    Raises
    ------
    ValueError
        As `read_table` does.
    """
    table = parse(file)
    if table.n_rows > MAX_POINTS:
        raise ValueError(
            f"The file has {table.n_rows:,} rows, but at most {MAX_POINTS:,} are accepted. "
            "Take a random sample of the rows."
        )
    stem = file.filename if file.filename.startswith(".") else Path(file.filename).stem
    return _account(table, name or " ".join(stem.split())[:MAX_NAME_LENGTH].strip() or "data")


def _account(table: RawTable, name: str) -> Reading:
    """Tell columns of numbers from the others, and count."""
    columns: list[str] = []
    values: list[NDArray[np.float64]] = []
    left_out: list[tuple[str, str]] = []
    unreadable: dict[str, int] = {}
    aside: set[str] = set()
    texts: dict[str, NDArray[Any]] = {}
    unread: list[tuple[int, str, str]] = []
    codes: dict[str, float] = {}
    for column, cells in zip(table.names, table.cells, strict=True):
        if isinstance(cells, str):
            left_out.append((column, cells))
            continue
        numbers, strange, reason = to_numbers(cells)
        if reason:
            left_out.append((column, reason))
            if reason == "text" and len(texts) < CARRIED:
                texts[column] = as_texts(cells)
            continue
        columns.append(column)
        values.append(numbers)
        unreadable[column] = strange
        if strange:
            unread += [
                (row + 1, column, cell) for row, cell in strange_cells(cells, numbers, UNREAD)
            ]
        code = missing_code(numbers)
        if code is not None:
            codes[column] = code
            numbers = np.where(numbers == code, np.nan, numbers)
        if why := reason_to_leave_out(column, numbers):
            left_out.append((column, why))
            aside.add(column)
    if not columns:
        reasons = ", ".join(f"{listing([c])} is {why}" for c, why in left_out[:5])
        sentences = (
            f"The file has no column of numbers: {reasons}.",
            *table.notes,
            "Choose a file in which at least one column is numeric.",
        )
        raise ValueError(" ".join(sentences))
    default = tuple(c for c in columns if c not in aside)
    if not default:  # better a poor column than none
        why_aside = dict(left_out)
        default = tuple(c for c in columns if "like a code" in why_aside[c]) or tuple(columns)
        left_out = [(c, why) for c, why in left_out if c not in default]
    stacked = np.stack(values, axis=1)
    stacked.setflags(write=False)
    return Reading(
        name=name,
        format=table.format,
        n_rows=table.n_rows,
        columns=tuple(columns),
        default=default,
        values=stacked,
        left_out=tuple(left_out),
        unreadable=unreadable,
        texts=texts,
        unread=tuple(unread[:UNREAD]),
        missing_codes=codes,
        header=table.header,
        delimiter=table.delimiter,
        decimal=table.decimal,
        encoding=table.encoding,
        sheet=table.sheet,
        other_sheets=table.other_sheets,
        notes=table.notes,
    )
