"""What every format is read into, and the words for what is too large or no table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gmm_core.data.dataset import MAX_NAME_LENGTH
from gmm_core.data.formats.numerals import is_missing, may_be_number
from gmm_core.data.values import MAX_POINTS

MAX_CELLS = 25_000_000
"""Cells in one file: what 50 MB of text can hold at two bytes each; 200 MB as float64."""

MAX_OBJECTS = 4_000_000
"""Cells of JSON and workbooks, which become Python objects: half a gigabyte, some two seconds."""

MAX_FILE_COLUMNS = 16_384
"""What a spreadsheet can hold; a table wider than that is a misread or transposed file."""


class Unreadable(ValueError):  # noqa: N818 - says what the file is
    """A file that is no table, in our own words; parsers raise ValueError with theirs."""


@dataclass(frozen=True)
class RawTable:
    """A file as named columns of cells, before anyone asks whether they are numbers.

    Attributes
    ----------
    format : "CSV", "Parquet", "Excel", "OpenDocument" or "JSON".
    names : D different names, made up where the file has none.
    cells : per column a pyarrow array of strings, a float64 array, a list of Python values, or the
        word that says why the column was not read ("text", "dates", ...).
    n_rows : rows in the file, without the header.
    header : whether the names come from the file.
    delimiter : "comma", "tab", ...; None where the format has none.
    decimal : "." or ","; None where the format has none.
    encoding : of a text file.
    sheet : of a workbook, the sheet that was read.
    other_sheets : names of those that were not.
    notes : sentences about what was taken for what, where another reading was possible.
    """

    format: str
    names: tuple[str, ...]
    cells: tuple[Any, ...]
    n_rows: int
    header: bool
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def tidy_names(raw: Sequence[object]) -> tuple[str, ...]:
    """Make names that a dataset accepts out of what stands in a header.

    Line breaks become spaces, empty names become "column 3", a repeated name gets a number.
    The characters of a name are otherwise kept: showing them safely is the page's work.
    """
    names: list[str] = []
    taken: set[str] = set()
    copies: dict[str, int] = {}
    for number, cell in enumerate(raw, start=1):
        text = "" if cell is None else str(cell)
        text = " ".join(text.replace("\0", " ").replace("\ufeff", "").split())
        text = text.encode("utf-8", "replace").decode()[: MAX_NAME_LENGTH - 10].strip()
        text = text or f"column {number}"
        name = text
        while name in taken:
            copies[text] = copies.get(text, 1) + 1  # kept, or 16,384 equal names take minutes
            name = f"{text} ({copies[text]})"
        names.append(name)
        taken.add(name)
    return tuple(names)


def has_header(rows: Sequence[Sequence[object]], decimal: str = ".") -> bool:
    """Whether the first row names the columns: words stand where numbers stand below."""
    first, body = rows[0], rows[1:]
    if not body:
        return not any(may_be_number(c, decimal) for c in first)
    named = numeric = 0
    for d, cell in enumerate(first):
        below = [row[d] for row in body if d < len(row) and not is_missing(row[d])]
        if below and sum(may_be_number(c, decimal) for c in below) >= len(below) / 2:
            numeric += 1
            named += not may_be_number(cell, decimal) and not is_missing(cell)
    return 2 * named >= numeric if numeric else True


def header_of_years(rows: Sequence[Sequence[object]], decimal: str = ".") -> str:
    """Say that the first row is a header of years, or nothing when it is none.

    A row of data must not be lost to this: there must be a column of text, the first cell of
    none may come again, and in every column of numbers, two at least, the first cell must be a
    year, in the order of the columns, above cells of which none is one.
    """
    first, body = rows[0], rows[1:]
    years: list[int] = []
    labelled = False
    for d, cell in enumerate(first):
        below = [row[d] for row in body if d < len(row) and not is_missing(row[d])]
        if not below:
            return ""
        if 2 * sum(may_be_number(c, decimal) for c in below) < len(below):
            if cell in below or may_be_number(cell, decimal):
                return ""
            labelled = True
        elif _is_year(cell) and not any(map(_is_year, below)):
            years.append(int(str(cell)))
        else:
            return ""
    if not labelled or len(years) < 2 or years != sorted(set(years)):
        return ""
    return (
        f"The first row was taken as the header, since it has the years {years[0]} to {years[-1]} "
        "above numbers that are none. If it is a row of data, put a header above it."
    )


def _is_year(cell: object) -> bool:
    return not isinstance(cell, bool) and re.fullmatch(r"19\d\d|20\d\d|2100", str(cell)) is not None


def count(n: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def default_names(width: int) -> tuple[str, ...]:
    """Name the columns of a file that does not."""
    return ("value",) if width == 1 else tuple(f"x{d + 1}" for d in range(width))


def too_wide(columns: int) -> Unreadable:
    """Say that there are more columns than any table has."""
    return Unreadable(
        f"The file has {columns:,} columns, but at most {MAX_FILE_COLUMNS:,} can be read. "
        "Rows may stand where columns should: transpose the table, or save fewer columns."
    )


def too_many_rows(rows: int) -> Unreadable:
    """Say that there are more rows than a dataset may have."""
    return Unreadable(
        f"The file has {rows:,} rows, but at most {MAX_POINTS:,} are accepted. "
        "Take a random sample of the rows."
    )


def too_many_cells(cells: int, most: int = MAX_CELLS) -> Unreadable:
    """Say that there are more cells than are read."""
    return Unreadable(
        f"The file has {cells:,} cells or more, but at most {most:,} can be read. "
        "Save fewer columns, or a sample of the rows."
    )


def from_rows(kind: str, rows: list[tuple[Any, ...]], header: bool | None = None) -> RawTable:
    """Turn rows of Python values into columns; short rows end in missing cells.

    Whether the first row is the header is found out, unless it is known.
    """
    width = max(len(row) for row in rows)
    if width > MAX_FILE_COLUMNS:
        raise too_wide(width)
    if len(rows) * width > MAX_OBJECTS:
        raise too_many_cells(len(rows) * width, MAX_OBJECTS)
    padded = [tuple(row) + (None,) * (width - len(row)) for row in rows]
    years = header_of_years(padded[:300]) if header is None else ""
    header = bool(years) or (has_header(padded[:300]) if header is None else header)
    names = tidy_names(padded[0]) if header else default_names(width)
    body = padded[int(header) :]
    if not body:
        raise Unreadable(
            f"The file has a header but no rows below it ({count(width, 'column')}). "
            "Choose a file with at least one row of numbers."
        )
    cells = [list(column) for column in zip(*body, strict=True)]
    # A column without name or content is a margin of the sheet, not a column of the table.
    keep = [d for d, c in enumerate(cells) if padded[0][d] is not None or any(map(_filled, c))]
    return RawTable(
        kind,
        tuple(names[d] for d in keep),
        tuple(cells[d] for d in keep),
        len(body),
        header=header,
        notes=(years,) if years else (),
    )


def _filled(cell: object) -> bool:
    return cell is not None and cell != ""
