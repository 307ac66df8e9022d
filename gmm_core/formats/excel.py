"""Excel (.xlsx): the first visible sheet with content, read as a stream.

The usual readers build a tree of what they read, and a file of some hundred kilobytes can unpack to
a tree of many gigabytes. Here each element is looked at once and forgotten: time and memory are
bounded by `MAX_ELEMENTS`, whatever the file holds. The format is ECMA-376, part 1, chapter 18.
"""

from __future__ import annotations

import datetime
import io
import posixpath
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.parsers import expat

from gmm_core.dataset import listing
from gmm_core.formats.table import RawTable, Unreadable, count, from_rows

MAX_UNPACKED = 300_000_000
"""Bytes of XML in an Excel file: 10^6 rows x 3 columns need a third of it, a zip bomb far more."""

MAX_DIRECTORY = 1_000_000
"""Bytes of the archive's table of contents: ten thousand parts."""

MAX_ELEMENTS = 5_000_000
"""Elements of XML that are looked at, three seconds' worth: 10^6 rows x 2 columns have as many."""

MAX_SETTINGS = 300_000
"""Elements of a part that is about the book, not its cells; Excel allows 64,000 formats."""

MAX_DEPTH = 100
"""Elements within elements; a cell of formatted text is nine deep."""

MAX_TEXT = 1_000_000
"""Characters in a cell; Excel itself stops at 32,767."""

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
"""Excel's own limits."""

_CHUNK = 1 << 16
_DATE = datetime.date(1900, 1, 1)
"""Stands for any date: which one does not matter, since dates are no numbers to be fitted."""

_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
"""Numbers of the built-in formats that show a date or a time (section 18.8.30)."""

_BROKEN = (
    "The file is a ZIP archive or an Excel file that cannot be read: damaged, or protected by "
    "a password. Save the sheet as CSV, or unpack the archive first."
)
_TOO_LARGE = Unreadable(
    f"The Excel file has more than {MAX_ELEMENTS // 2:,} cells, more than {MAX_ROW:,} rows, or "
    f"more than {MAX_SETTINGS:,} formats. Save the sheet as CSV or Parquet, which are read much "
    "faster, or take a sample of the rows."
)


def read_excel(data: bytes) -> RawTable:
    """Read the first visible sheet with content of an .xlsx file, else the first hidden one.

    Raises
    ------
    ValueError
        When it is no workbook, damaged, too large, or empty.
    """
    try:
        return _Book(data).table()
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(_BROKEN) from error


class _Book:
    """The archive, and how much of it may still be looked at."""

    def __init__(self, data: bytes) -> None:
        end = data.rfind(b"PK\x05\x06")
        if end >= 0 and int.from_bytes(data[end + 12 : end + 16], "little") > MAX_DIRECTORY:
            raise Unreadable(
                "The ZIP archive has more parts than an Excel file needs. "
                "Save the sheet as CSV, or unpack the archive and choose the table inside."
            )
        self.archive = zipfile.ZipFile(io.BytesIO(data))
        self.parts = {entry.filename.lower(): entry for entry in self.archive.infolist()}
        if "xl/workbook.xml" not in self.parts:
            raise Unreadable(
                "The file is a ZIP archive, but not an Excel workbook (.xlsx). Unpack it and "
                "choose the table inside; save OpenDocument tables as .xlsx or CSV."
            )
        # zipfile never reads more of an entry than the directory declares, so this is a bound.
        unpacked = sum(entry.file_size for entry in self.parts.values())
        if unpacked > MAX_UNPACKED:
            raise Unreadable(
                f"The Excel file unpacks to {unpacked / 1e6:,.0f} MB, but at most "
                f"{MAX_UNPACKED / 1e6:,.0f} MB are accepted. Save the sheet as CSV or Parquet."
            )
        self.elements = MAX_ELEMENTS
        self.bytes = MAX_UNPACKED
        self.uncomputed = 0

    def table(self) -> RawTable:
        """Read the sheets until one has content: the visible ones first, in their order."""
        sheets = self._sheets()
        texts, dates = self._texts(), self._date_styles()
        hidden = [title for title, _, shown in sheets if not shown]
        queue = sorted(sheets, key=lambda sheet: not sheet[2])
        for i, (title, part, shown) in enumerate(queue):
            rows = self._rows(part, texts, dates)
            if rows:
                try:
                    table = from_rows("Excel", rows)
                except Unreadable as error:
                    if self.uncomputed:
                        raise Unreadable(f"{error} {self._without_values()}") from error
                    raise
                notes = list(table.notes)
                if not shown:
                    notes.append(
                        f"The sheet {listing([title])} is hidden in Excel; it was read since no "
                        "visible sheet has a cell with content."
                    )
                elif hidden:
                    notes.append(f"Hidden in Excel, and not read: {listing(hidden)}.")
                if self.uncomputed:
                    notes.append(self._without_values())
                return replace(
                    table,
                    sheet=title,
                    other_sheets=tuple(title for title, _, _ in queue[i + 1 :]),
                    notes=tuple(notes),
                )
        if self.uncomputed:
            raise Unreadable(f"The Excel file has no cell with a value. {self._without_values()}")
        raise Unreadable(
            "The Excel file has no cell with content. Choose a file with at least one row."
        )

    def _without_values(self) -> str:
        return (
            f"{count(self.uncomputed, 'cell')} with a formula came without a value: the file was "
            "saved by a program that does not compute. Open it in Excel, save it, choose it again."
        )

    def _parse(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
        most: int = MAX_ELEMENTS,
    ) -> None:
        """Go through the elements of a part by their local names."""
        entry = self.parts[part.lower()]
        # LZMA and bzip2 may ask for any amount of memory; Excel writes neither.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unreadable(_BROKEN)
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        local: dict[str, str] = {}
        left = allowed = min(self.elements, most)
        depth = 0

        def started(name: str, attributes: dict[str, str]) -> None:
            nonlocal left, depth
            left -= 1
            depth += 1
            if left < 0:
                raise _TOO_LARGE
            if depth > MAX_DEPTH:
                raise Unreadable(_BROKEN)
            short = local.get(name)
            if short is None:
                short = local[name] = name.rpartition(" ")[2]
            start(short, attributes)

        def refused(*_: object) -> None:
            raise Unreadable(
                "The Excel file defines its own XML entities, which Excel never does. "
                "Save the sheet again with Excel, or as CSV."
            )

        def ended(name: str) -> None:
            nonlocal depth
            depth -= 1
            if end is not None:
                end(local[name])

        parser.StartElementHandler = started
        parser.EndElementHandler = ended
        parser.StartDoctypeDeclHandler = refused
        if text is not None:
            parser.CharacterDataHandler = text
        with self.archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK):
                self.bytes -= len(chunk)
                if self.bytes < 0:
                    raise Unreadable(_BROKEN)
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        self.elements -= allowed - left

    def _sheets(self) -> list[tuple[str, str, bool]]:
        """Find (title, part, visible) of the sheets that hold cells, in the book's order."""
        targets: dict[str, str] = {}
        named: list[tuple[str, str, bool]] = []

        def relation(name: str, said: dict[str, str]) -> None:
            if name == "Relationship" and said.get("Type", "").endswith("/worksheet"):
                targets[said["Id"]] = posixpath.normpath(posixpath.join("/xl", said["Target"]))[1:]

        def sheet(name: str, said: dict[str, str]) -> None:
            if name == "sheet":
                key = next((v for k, v in said.items() if k.endswith(" id")), "")
                shown = said.get("state", "visible") == "visible"
                named.append((said.get("name", ""), key, shown))

        self._parse("xl/_rels/workbook.xml.rels", relation, most=MAX_SETTINGS)
        self._parse("xl/workbook.xml", sheet, most=MAX_SETTINGS)
        return [(title, targets[key], shown) for title, key, shown in named if key in targets]

    def _texts(self) -> list[str]:
        """Read the texts that cells name by their number."""
        texts: list[str] = []
        if "xl/sharedstrings.xml" not in self.parts:
            return texts
        pieces: list[str] = []
        reading = spoken = False

        def start(name: str, _: dict[str, str]) -> None:
            nonlocal reading, spoken
            if name == "t":
                reading = not spoken
            elif name == "rPh":  # how a Japanese text is pronounced is not the text
                spoken = True

        def end(name: str) -> None:
            nonlocal reading, spoken
            if name == "t":
                reading = False
            elif name == "rPh":
                spoken = False
            elif name == "si":
                texts.append("".join(pieces))
                pieces.clear()

        def text(said: str) -> None:
            if reading:
                _collect(pieces, said)

        self._parse("xl/sharedStrings.xml", start, end, text)
        return texts

    def _date_styles(self) -> frozenset[str]:
        """Find the numbers of the cell styles that show a number as a date or a time."""
        if "xl/styles.xml" not in self.parts:
            return frozenset()
        dates = {str(i) for i in _DATES}
        styles: list[bool] = []
        inside = False

        def start(name: str, said: dict[str, str]) -> None:
            nonlocal inside
            if name == "numFmt" and _shows_a_date(said.get("formatCode", "")):
                dates.add(said.get("numFmtId", ""))
            elif name == "cellXfs":
                inside = True
            elif name == "xf" and inside:
                styles.append(said.get("numFmtId", "0") in dates)

        def end(name: str) -> None:
            nonlocal inside
            if name == "cellXfs":
                inside = False

        self._parse("xl/styles.xml", start, end, most=MAX_SETTINGS)
        return frozenset(str(i) for i, dated in enumerate(styles) if dated)

    def _rows(self, part: str, texts: list[str], dates: frozenset[str]) -> list[tuple[Any, ...]]:
        """Read the rows of a sheet without the empty ones above, below and to the right."""
        rows: list[tuple[Any, ...]] = []
        row: list[Any] = []
        pieces: list[str] = []
        number = column = last = 0
        kind, style, reading, formula = "n", "0", False, False
        columns: dict[str, int] = {}

        def start(name: str, said: dict[str, str]) -> None:
            nonlocal number, column, kind, style, reading, formula
            if name == "c":
                place = said.get("r")
                if place is None:
                    column += 1
                else:
                    letters = place.rstrip("0123456789")
                    found = columns.get(letters)
                    if found is None:
                        found = columns[letters] = _column(letters)
                    column = found
                kind, style = said.get("t", "n"), said.get("s", "0")
                pieces.clear()
                formula = False
            elif name in ("v", "t"):
                reading = True
            elif name == "f":
                formula = True
            elif name == "row":
                number = int(said["r"]) if "r" in said else number + 1
                if number > MAX_ROW:
                    raise _TOO_LARGE
                if number <= last:
                    raise Unreadable(_BROKEN)
                column = 0

        def end(name: str) -> None:
            nonlocal reading, last
            if name in ("v", "t"):
                reading = False
            elif name == "c":
                if pieces:
                    value = _value("".join(pieces), kind, style in dates, texts)
                    if value is not None and value != "":
                        if column > len(row):
                            row.extend([None] * (column - len(row)))
                        row[column - 1] = value
                elif formula and kind != "str":  # a formula may give a text without characters
                    self.uncomputed += 1
            elif name == "row" and row:
                if rows:  # what stands above the table is no part of it
                    rows.extend([()] * (number - last - 1))
                rows.append(tuple(row))
                row.clear()
                last = number

        def text(said: str) -> None:
            if reading:
                _collect(pieces, said)

        self._parse(part, start, end, text)
        return rows


def _collect(pieces: list[str], said: str) -> None:
    """Add to the text of a cell, which comes in pieces of some kilobytes."""
    pieces.append(said)
    if len(pieces) > 100 and sum(map(len, pieces[:100])) * (len(pieces) / 100) > MAX_TEXT:
        raise Unreadable(
            f"A cell of the Excel file holds more than {MAX_TEXT:,} characters, but numbers were "
            "expected. Remove the long texts."
        )


def _value(said: str, kind: str, dated: bool, texts: list[str]) -> Any:
    """Turn a cell's text into what it stands for (section 18.18.11 names the kinds)."""
    if kind == "n":
        if dated:
            return _DATE
        # A year in the header is 2001, not 2001.0; more digits than 15 a float does not hold.
        return int(said) if said.isascii() and said.isdigit() and len(said) < 16 else float(said)
    if kind == "s":
        at = int(said)
        if at < 0:
            raise Unreadable(_BROKEN)
        return texts[at]
    if kind == "b":
        return said.strip() in ("1", "true")
    return _DATE if kind == "d" else said  # the others are texts: str, inlineStr, e


def _column(letters: str) -> int:
    """Read the number of a column from its letters: A is 1, XFD is 16,384."""
    found = 0
    for letter in letters:
        if not "A" <= letter <= "Z" or found > MAX_COLUMN:
            raise Unreadable(_BROKEN)
        found = 26 * found + ord(letter) - ord("A") + 1
    if not 1 <= found <= MAX_COLUMN:
        raise Unreadable(_BROKEN)
    return found


def _shows_a_date(code: str) -> bool:
    """Whether a number format shows a date or a time, by the letters outside of literal text."""
    plain = re.sub(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', "", code.lower())
    return bool(re.search(r"[dmyhs]", plain.replace("general", "")))
