"""Spreadsheets (.xlsx, .xlsm, .xlsb, .xls, .ods): one sheet, read by calamine.

A sheet of two cells far apart unpacks to all that is between them, and ends the process: this is
called in the child of `gmm_core.data.cage`.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from typing import Any, NamedTuple

from gmm_core.data.formats.cells import to_numbers
from gmm_core.data.formats.table import (
    MAX_OBJECTS,
    RawTable,
    Unreadable,
    count,
    from_rows,
    too_many_cells,
)
from gmm_core.formatting import listing

MAX_UNPACKED = 300_000_000
"""Bytes of XML in a workbook: 10^6 rows x 3 columns need a third of it, a zip bomb far more."""

ZIPPED, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""First bytes of the new formats, and of Office's old ones."""

_SAMPLE = 300  # rows that say whether a sheet has a column of numbers
_WHOLE = 1e15  # whole numbers below are written without a point, as a year in a header
_BROKEN = (
    "The file is a ZIP archive or a workbook that cannot be read: damaged, or protected by "
    "a password. Save the sheet as CSV, or unpack the archive first."
)
_FORMULA = re.compile(
    rb'<c\b(?![^>]*\bt="str")[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*'
    rb"(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
"""A cell of an .xlsx sheet with a formula and no value; one that gives a text may be empty."""


class _Sheet(NamedTuple):
    title: str
    shown: bool


def is_open_document(data: bytes) -> bool:
    """Whether a ZIP archive says first, as the format asks, that it is an OpenDocument file."""
    return data[:4] == ZIPPED and b"opendocument" in data[:200]


def read_spreadsheet(data: bytes, sheet: str | None = None) -> RawTable:
    """Read a sheet of a workbook.

    Parameters
    ----------
    sheet : its name; None for the first one that has a column of numbers, visible ones first, or
        where there is none, the first with content.

    Raises
    ------
    ValueError
        When it is no workbook, damaged, too large, or empty, or has no sheet of that name.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    if data[:4] == ZIPPED:
        _check_parts(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [
            _Sheet(one.name, one.visible == SheetVisibleEnum.Visible)
            for one in book.sheets_metadata
            if one.typ == SheetTypeEnum.WorkSheet
        ]
        return _choose(book, sheets, sheet, _uncomputed(data))
    except CalamineError as error:
        raise Unreadable(_BROKEN) from error


def _check_parts(data: bytes) -> None:
    """Refuse an archive that is no workbook, or unpacks to too much, before it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {entry.filename.lower(): entry.file_size for entry in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise Unreadable(_BROKEN) from error
    if not {"xl/workbook.xml", "xl/workbook.bin", "content.xml"} & parts.keys():
        raise Unreadable(
            "The file is a ZIP archive, but not an Excel workbook or an OpenDocument table. Unpack "
            "it and choose the table inside."
        )
    unpacked = sum(parts.values())
    if unpacked > MAX_UNPACKED:
        raise Unreadable(
            f"The workbook unpacks to {unpacked / 1e6:,.0f} MB, but at most "
            f"{MAX_UNPACKED / 1e6:,.0f} MB are accepted. Save the sheet as CSV or Parquet."
        )


def _choose(book: Any, sheets: list[_Sheet], sheet: str | None, uncomputed: int) -> RawTable:
    """Read one sheet: the wanted one, or the first that has numbers, visible ones first."""
    queue = sorted(sheets, key=lambda one: not one.shown)
    titles = [one.title for one in queue]
    if sheet is not None:
        if sheet not in titles:
            raise Unreadable(
                f"The workbook has no sheet {listing([sheet])}. Choose from {listing(titles)}."
            )
        queue = [one for one in queue if one.title == sheet]
    filled: list[tuple[RawTable, _Sheet]] = []
    problem: Unreadable | None = None
    empty = []
    for one in queue:
        rows = _rows(book.get_sheet_by_name(one.title))
        if not rows:
            empty.append(one.title)
            continue
        try:
            table = from_rows("Excel", rows)
        except Unreadable as error:
            problem = problem or error
            continue
        filled.append((table, one))
        if _has_numbers(table):
            break
    else:
        filled = filled[:1]
    if not filled:
        reason = str(problem or "The workbook has no cell with content.")
        then = "" if problem else " Choose a file with at least one row."
        raise Unreadable(reason + (f" {_without_values(uncomputed)}" if uncomputed else then))
    table, read = filled[-1]
    hidden = [one.title for one in sheets if not one.shown]
    notes = list(table.notes)
    if len(filled) > 1:
        before = listing([one.title for _, one in filled[:-1]])
        notes.append(f"Read the first sheet with a column of numbers; {before} has none.")
    if not read.shown and sheet is None:
        notes.append(
            f"The sheet {listing([read.title])} is hidden in Excel; it was read since no "
            "visible sheet has a cell with content."
        )
    elif read.shown and hidden:
        notes.append(f"Hidden in Excel, and not read: {listing(hidden)}.")
    if uncomputed:
        notes.append(_without_values(uncomputed))
    others = tuple(title for title in titles if title != read.title and title not in empty)
    return replace(table, sheet=read.title, other_sheets=others, notes=tuple(notes))


def _rows(sheet: Any) -> list[tuple[Any, ...]]:
    """Return the cells of a sheet, without the empty rows above and below them."""
    if sheet.height * sheet.width > MAX_OBJECTS:
        raise too_many_cells(sheet.height * sheet.width, MAX_OBJECTS)
    rows = [tuple(map(_value, row)) for row in sheet.to_python()]
    filled = [i for i, row in enumerate(rows) if any(cell is not None for cell in row)]
    return rows[filled[0] : filled[-1] + 1] if filled else []


def _value(cell: Any) -> Any:
    """Take a cell as calamine gives it: empty ones and errors as "", each number as a float."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE:
        return int(cell)  # a year in the header is 2001, not 2001.0
    return None if cell == "" else cell


def _has_numbers(table: RawTable) -> bool:
    """Whether a column holds numbers, by its first rows."""
    return any(to_numbers(list(cells[:_SAMPLE]))[2] == "" for cells in table.cells)


def _uncomputed(data: bytes) -> int:
    """Count the cells of an .xlsx file that have a formula and no value."""
    if data[:4] != ZIPPED:
        return 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [n for n in archive.namelist() if re.match(r"xl/worksheets/[^/]+\.xml$", n)]
        return sum(sum(1 for _ in _FORMULA.finditer(archive.read(name))) for name in sheets)


def _without_values(cells: int) -> str:
    return (
        f"{count(cells, 'cell')} with a formula came without a value: the workbook was "
        "saved by a program that does not compute. Open it in Excel, save it, choose it again."
    )
