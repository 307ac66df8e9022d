"""From the bytes of a file to named columns of cells, whatever program wrote it.

The content decides, never the file's extension: people rename files, and browsers guess types.
Nothing here trusts the file. Sizes are checked before anything is unpacked, formats that can run
code (pickle) are not read at all, and whatever a parser raises becomes a sentence.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmm_core.dataset import MAX_NAME_LENGTH, MAX_POINTS

MAX_CELLS = 25_000_000
"""Cells in one file: what 50 MB of text can hold at two bytes each; 200 MB as float64."""

MAX_FILE_COLUMNS = 16_384
"""What a spreadsheet can hold; a table wider than that is a misread or transposed file."""

MAX_UNPACKED = 300_000_000
"""Bytes of XML in an Excel file: 10^6 rows x 3 columns need a third of it, a zip bomb far more."""

SAMPLE_BYTES = 65_536
"""What is looked at to tell the delimiter: some hundreds of lines, in milliseconds."""

MAX_LINE = 1_000_000
"""Characters in a line: the widest table that is read, with 60 characters in each cell."""

MISSING = frozenset(
    [
        "",
        "na",
        "n/a",
        "nan",
        "-nan",
        "null",
        "none",
        "nil",
        "missing",
        "-",
        "--",
        "?",
        ".",
        "<na>",
        "#n/a",
        "#na",
        "#div/0!",
        "#value!",
        "#num!",
        "#ref!",
        "#name?",
        "#null!",
    ]
)
"""What programs write for "no value", in lower case; the last are Excel's errors."""

INFINITE = frozenset(s + w for s in ("", "+", "-") for w in ("inf", "infinity"))

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NUMBER_COMMA = re.compile(r"[+-]?(?:[0-9]*,[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?")

DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma", " ": "space"}
"""In the order of preference when two explain the file equally well: comma may be a decimal."""


class Unreadable(ValueError):  # noqa: N818 - says what the file is
    """A file that is no table, in our own words; parsers raise ValueError with theirs."""


@dataclass(frozen=True)
class RawTable:
    """A file as named columns of cells, before anyone asks whether they are numbers.

    Attributes
    ----------
    format : "CSV", "Parquet", "Excel" or "JSON".
    names : D different names, made up where the file has none.
    cells : per column a pyarrow array of strings, a float64 array, a list of Python values, or the
        word that says why the column was not read ("text", "dates", ...).
    n_rows : rows in the file, without the header.
    header : whether the names come from the file.
    delimiter : "comma", "tab", ...; None where the format has none.
    decimal : "." or ","; None where the format has none.
    encoding : of a text file.
    sheet : of an Excel file, the sheet that was read.
    other_sheets : names of those that were not.
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


def parse(data: bytes, filename: str = "") -> RawTable:
    """Recognise the format of a file by its content and read its cells.

    Raises
    ------
    ValueError
        When the file is empty, of no known format, broken, or larger than it looks.
    """
    try:
        return _parse(data, filename)
    except Unreadable:
        raise
    except Exception as error:  # parsers raise anything when a file was made to break them
        raise Unreadable(
            "The file cannot be read as a table: it is damaged, or not what it looks like. "
            "Save the table again as CSV, Parquet, Excel (.xlsx) or JSON."
        ) from error


def _parse(data: bytes, filename: str) -> RawTable:
    if not data.strip():
        raise Unreadable(
            "The file is empty, but a table of numbers was expected. "
            "Choose a file with at least one row."
        )
    if data[:4] == b"PAR1":
        return _parquet(data)
    if data[:4] == b"PK\x03\x04":
        return _excel(data)
    _refuse_known_binaries(data)
    text, encoding = _decode(data)
    if not text.strip():
        raise Unreadable(
            "The file holds only blank lines, but a table of numbers was expected. "
            "Choose a file with at least one row."
        )
    if text.lstrip()[0] in "[{":
        try:
            return replace(_json(text), encoding=encoding)
        except Unreadable:
            # A CSV file may start with a bracket, in a column name for instance.
            if not filename.lower().endswith((".csv", ".tsv", ".txt", ".dat")):
                raise
            try:
                return replace(_csv(text), encoding=encoding)
            except Unreadable:
                pass
            raise
    return replace(_csv(text), encoding=encoding)


def is_number(cell: object, decimal: str = ".") -> bool:
    """Whether a cell holds a real number, or text that reads as one."""
    if isinstance(cell, str):
        text = cell.strip()
        pattern = NUMBER if decimal == "." else NUMBER_COMMA
        return bool(pattern.fullmatch(text)) or text.lower() in INFINITE
    if isinstance(cell, float):
        return not math.isnan(cell)
    return isinstance(cell, int) and not isinstance(cell, bool)


def is_missing(cell: object) -> bool:
    """Whether a cell says that there is no value."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def tidy_names(raw: Sequence[object]) -> tuple[str, ...]:
    """Make names that a dataset accepts out of what stands in a header.

    Line breaks become spaces, empty names become "column 3", a repeated name gets a number.
    The characters of a name are otherwise kept: showing them safely is the page's work.
    """
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(raw, start=1):
        text = "" if cell is None else str(cell)
        text = " ".join(text.replace("\0", " ").replace("\ufeff", "").split())
        text = text.encode("utf-8", "replace").decode()[: MAX_NAME_LENGTH - 10].strip()
        text = text or f"column {number}"
        name, copy = text, 2
        while name in taken:
            name, copy = f"{text} ({copy})", copy + 1
        names.append(name)
        taken.add(name)
    return tuple(names)


# Text ---------------------------------------------------------------------------------------------


def _refuse_known_binaries(data: bytes) -> None:
    known = {
        b"\x1f\x8b": "compressed (gzip)",
        b"BZh": "compressed (bzip2)",
        b"\xfd7zXZ": "compressed (xz)",
        b"7z\xbc\xaf": "compressed (7z)",
        b"\x28\xb5\x2f\xfd": "compressed (zstd)",
        b"\xd0\xcf\x11\xe0": "an old Excel or Office file (.xls)",
        b"%PDF": "a PDF document",
        b"\x93NUMPY": "a NumPy file",
        b"\x89HDF": "an HDF5 file",
        b"SQLite format 3": "a database",
    }
    for start, what in known.items():
        if data.startswith(start):
            raise Unreadable(
                f"The file is {what}, but CSV, Parquet, Excel (.xlsx) or JSON was expected. "
                "Unpack it, or save it in one of these formats."
            )


def _decode(data: bytes) -> tuple[str, str]:
    """Turn bytes into text by its byte order mark, else UTF-8, else Windows' Latin-1."""
    marks = [
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
    ]
    encoding = next((name for mark, name in marks if data.startswith(mark)), None)
    if encoding is None:
        # Some programs write UTF-16 without a mark: every other byte of plain text is then zero.
        head = np.frombuffer(data[: 4096 // 2 * 2], dtype=np.uint8)
        zero_even, zero_odd = (float((head[i::2] == 0).mean()) for i in (0, 1 % head.size))
        if head.size >= 4 and zero_odd > 0.8 and zero_even < 0.1:
            encoding = "utf-16-le"
        elif head.size >= 4 and zero_even > 0.8 and zero_odd < 0.1:
            encoding = "utf-16-be"
    binary = Unreadable(
        "The file is binary, whatever its name says, but a text table, Parquet, Excel (.xlsx) or "
        "JSON was expected. Export the table as CSV and choose that file."
    )
    if encoding is not None:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise binary from error
        encoding = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    else:
        if b"\0" in data:
            raise binary
        try:
            text, encoding = data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            # cp1252 is Latin-1 with printable characters where Latin-1 has control codes.
            text, encoding = data.decode("cp1252", "replace"), "latin-1"
    sample = text[:SAMPLE_BYTES]
    controls = sum(c < " " and c not in "\t\n\r\f\v\x1a" for c in sample)
    if controls > len(sample) / 100:
        raise binary
    return text, encoding.upper()


def _csv(text: str) -> RawTable:
    """Read delimited text: the delimiter, the decimal sign and the header are found out."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow_csv

    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip("\n\x1a\ufeff")
    if not text.isascii():
        text = text.replace("\u2212", "-").replace("\u00a0", " ")  # typeset minus, hard space
    skipped = 0
    comments = re.match(r"(?:#[^\n]*\n+)+", text)
    if comments:
        skipped += comments.group().count("\n")
        text = text[comments.end() :]
    declared = re.match(r"sep=(.)\n", text)  # what Excel writes, and reads, to name the delimiter
    if declared:
        skipped += 1
        text = text[declared.end() :]
    text = re.sub(r"\n +(?=\n)", "\n", text)

    lines = _first_lines(text)
    delimiter, decimal = _dialect(lines, declared.group(1) if declared else None)
    sample = _split(lines, delimiter)
    if len(sample[0]) > MAX_FILE_COLUMNS:
        raise _too_wide(len(sample[0]))
    header = _has_header(sample, decimal)
    if delimiter == " ":
        text = _collapse_spaces(text)
    elif delimiter == "":
        # Arrow needs some delimiter; this one is a control code that no table has.
        delimiter = "\x1f"

    elif f'{delimiter} "' in text:
        # Arrow takes a quotation mark behind a space as a part of the cell.
        text = re.sub(f'{re.escape(delimiter)} +"', f'{delimiter}"', text)

    width = len(sample[0])
    bad_rows: list[Any] = []

    def note(row: Any) -> str:
        bad_rows.append(row)
        return "error"

    data = text.encode("utf-8", "replace")
    numbered = [f"{i}" for i in range(width)]
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(data),
            # One thread: only then does Arrow know the number of a bad row.
            read_options=arrow_csv.ReadOptions(
                column_names=numbered, block_size=len(data) + 1, use_threads=False
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter="\t" if delimiter == " " else delimiter,
                newlines_in_values=b'"' in data,
                invalid_row_handler=note,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(numbered, pa.string()), strings_can_be_null=False
            ),
        )
    except Exception as error:
        if bad_rows:
            row = bad_rows[0]
            where = "A row" if row.number is None else f"Row {row.number + skipped}"
            raise Unreadable(
                f"The rows differ in length: {where[0].lower() + where[1:]} has "
                f"{row.actual_columns} cells, but the first has {row.expected_columns} "
                f"(delimiter: {DELIMITERS.get(delimiter, 'none')}). "
                "Give every row the same number of cells."
            ) from error
        raise Unreadable(
            "The file looks like text, but it could not be read as a table of rows and cells; a "
            "quotation mark may not be closed. Save it again as CSV."
        ) from error
    cells = [column.combine_chunks() for column in table.columns]
    if header:
        names = tidy_names([c[0].as_py() for c in cells])
        cells = [c[1:] for c in cells]
    else:
        names = _default_names(width)
    n_rows = table.num_rows - int(header)
    if n_rows == 0:
        raise Unreadable(
            f"The file has a header but no rows below it ({_count(width, 'column')}). "
            "Choose a file with at least one row of numbers."
        )
    if decimal == ",":
        # A point here would group thousands; "1.234,5" is left as text rather than guessed.
        point = [pc.match_substring(c, ".") for c in cells]
        swapped = [pc.replace_substring(c, ",", ".") for c in cells]
        cells = [pc.if_else(p, c, s) for p, c, s in zip(point, cells, swapped, strict=True)]
    return RawTable(
        format="CSV",
        names=names,
        cells=tuple(cells),
        n_rows=n_rows,
        header=header,
        delimiter=DELIMITERS.get(delimiter) if delimiter != "\x1f" else None,
        decimal=decimal,
    )


def _first_lines(text: str) -> list[str]:
    """Take whole lines from the top: some hundreds, but three at least, however long they are."""
    end = 0
    for _ in range(3):
        newline = text.find("\n", end)
        length = (len(text) if newline < 0 else newline) - end
        if length > MAX_LINE:
            raise Unreadable(
                f"A line of the file has {length:,} characters, but at most {MAX_LINE:,} are "
                "read. Write each row of the table on a line of its own."
            )
        end += length + 1
        if newline < 0:
            break
    lines = text[: max(end, SAMPLE_BYTES)].split("\n")
    if max(end, SAMPLE_BYTES) < len(text):
        lines.pop()  # cut in the middle
    return [line for line in lines if line.strip(" ")]


def _dialect(lines: list[str], declared: str | None) -> tuple[str, str]:
    """Find the delimiter and decimal sign that make the most cells numbers in rows of one length.

    Returns
    -------
    The delimiter ("" for a single column) and the decimal sign.
    """
    lines = lines[:300]
    best, best_score = ("", "."), -1.0
    for delimiter in [declared] if declared else [*DELIMITERS, ""]:
        rows = _split(lines, delimiter)
        widths = [len(row) for row in rows]
        if max(widths) == 1 and delimiter != "" and not declared:
            continue
        # "a,b" above "1,5" names two columns: the comma is then no decimal sign of a single one.
        commas = delimiter == "" and not is_number(lines[0], ",") and "," in lines[0]
        alike = widths.count(max(set(widths), key=widths.count)) / len(widths)
        body = rows[1:] or rows
        filled = [cell for row in body for cell in row if not is_missing(cell)]
        for decimal in (".", ","):
            # Quoted "1,234" between commas is more often a thousand than a decimal: not guessed.
            if decimal == delimiter or (decimal == "," and commas):
                continue
            share = sum(is_number(c, decimal) for c in filled) / max(len(filled), 1)
            # A ragged table is worse than one of text; 0.1 lets a table of text still be split.
            score = alike**2 * (0.1 + share)
            if score > best_score + 1e-9:
                best, best_score = (delimiter, decimal), score
    return best


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == "":
        return [[line.strip().strip('"')] for line in lines]
    if delimiter == " ":
        lines = [line.strip() for line in lines]
    try:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        return [row for row in reader if row]
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _collapse_spaces(text: str) -> str:
    """Put one tab where a run of spaces was, since Arrow splits at single characters only."""
    if '"' not in text:
        # Runs first, then the ends: the other way round takes quadratic time on long runs.
        return re.sub(r"(?m)^\t|\t$", "", re.sub(r"[ \t]+", "\t", text))
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="\n").writerows(_split(text.split("\n"), " "))
    return out.getvalue()


def _has_header(rows: Sequence[Sequence[object]], decimal: str = ".") -> bool:
    """Whether the first row names the columns: words stand where numbers stand below."""
    first, body = rows[0], rows[1:]
    if not body:
        return not any(is_number(c, decimal) for c in first)
    named = numeric = 0
    for d, cell in enumerate(first):
        below = [row[d] for row in body if d < len(row) and not is_missing(row[d])]
        if below and sum(is_number(c, decimal) for c in below) >= len(below) / 2:
            numeric += 1
            named += not is_number(cell, decimal) and not is_missing(cell)
    return 2 * named >= numeric if numeric else True


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _default_names(width: int) -> tuple[str, ...]:
    return ("value",) if width == 1 else tuple(f"x{d + 1}" for d in range(width))


def _too_wide(columns: int) -> Unreadable:
    return Unreadable(
        f"The file has {columns:,} columns, but at most {MAX_FILE_COLUMNS:,} can be read. "
        "Rows may stand where columns should: transpose the table, or save fewer columns."
    )


def _too_many_rows(rows: int) -> Unreadable:
    return Unreadable(
        f"The file has {rows:,} rows, but at most {MAX_POINTS:,} are accepted. "
        "Take a random sample of the rows."
    )


def _too_many_cells(cells: int) -> Unreadable:
    return Unreadable(
        f"The file has {cells:,} cells or more, but at most {MAX_CELLS:,} can be read. "
        "Save fewer columns, or a sample of the rows."
    )


# Parquet ------------------------------------------------------------------------------------------


def _parquet(data: bytes) -> RawTable:
    """Read the numeric columns of a Parquet file, after its footer has told their size."""
    import pyarrow as pa
    from pyarrow import parquet

    broken = (
        "The file begins like Parquet, but it cannot be read: it is cut off, damaged or encrypted. "
        "Write it again, or save the table as CSV."
    )
    try:
        # The limits keep a forged footer from asking for gigabytes.
        file = parquet.ParquetFile(
            pa.BufferReader(data),
            thrift_string_size_limit=10_000_000,
            thrift_container_size_limit=1_000_000,
        )
        n_rows, schema = file.metadata.num_rows, file.schema_arrow
    except Exception as error:
        raise Unreadable(broken) from error
    if n_rows > MAX_POINTS:
        raise _too_many_rows(n_rows)
    if len(schema) > MAX_FILE_COLUMNS:
        raise _too_wide(len(schema))
    if n_rows == 0 or len(schema) == 0:
        raise Unreadable(
            f"The Parquet file has {n_rows} rows and {len(schema)} columns. "
            "Choose a file with at least one row of numbers."
        )

    def numeric(kind: Any) -> bool:
        types = pa.types
        return types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)

    chosen = [i for i, f in enumerate(schema) if numeric(f.type)]
    if n_rows * len(chosen) > MAX_CELLS:
        raise _too_many_cells(n_rows * len(chosen))
    repeated = len(set(schema.names)) < len(schema.names) or any("." in n for n in schema.names)
    cells: list[Any] = []
    for i, f in enumerate(schema):
        if i not in chosen:
            temporal = pa.types.is_temporal(f.type)
            boolean = pa.types.is_boolean(f.type)
            nested = pa.types.is_nested(f.type)
            cells.append(
                "dates" if temporal else "true/false" if boolean else "lists" if nested else "text"
            )
            continue
        try:
            # Only numbers are read: a dictionary of long texts can unpack without bound.
            if repeated:
                column = _read_leaf(file, i)
            else:
                column = file.read(columns=[f.name], use_threads=False).column(0)
            values = column.cast(pa.float64(), safe=False).to_numpy()
        except Exception as error:
            raise Unreadable(broken) from error
        if len(values) != n_rows:
            raise Unreadable(broken)
        cells.append(np.asarray(values, dtype=np.float64))
    return RawTable("Parquet", tidy_names(schema.names), tuple(cells), n_rows, header=True)


def _read_leaf(file: Any, field: int) -> Any:
    """Read one top-level column by position, for names that repeat or contain a dot."""
    import pyarrow as pa

    leaves, position = [0], 0
    for f in file.schema_arrow:
        position += _leaf_count(f.type)
        leaves.append(position)
    groups = [
        file.reader.read_row_group(g, column_indices=[leaves[field]], use_threads=False).column(0)
        for g in range(file.num_row_groups)
    ]
    return pa.chunked_array([chunk for g in groups for chunk in g.chunks], type=groups[0].type)


def _leaf_count(kind: Any) -> int:
    return sum(_leaf_count(kind.field(i).type) for i in range(kind.num_fields)) or 1


# Excel --------------------------------------------------------------------------------------------


def _excel(data: bytes) -> RawTable:
    """Read the first sheet with content of an .xlsx file."""
    broken = (
        "The file is a ZIP archive or an Excel file that cannot be read: damaged, or protected by "
        "a password. Save the sheet as CSV, or unpack the archive first."
    )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except Exception as error:
        raise Unreadable(broken) from error
    if not any(e.filename.lower() == "xl/workbook.xml" for e in entries):
        raise Unreadable(
            "The file is a ZIP archive, but not an Excel workbook (.xlsx). Unpack it and choose "
            "the table inside; save OpenDocument tables as .xlsx or CSV."
        )
    # zipfile never reads more of an entry than the directory declares, so this sum is a bound.
    unpacked = sum(e.file_size for e in entries)
    if unpacked > MAX_UNPACKED or len(entries) > 10_000:
        raise Unreadable(
            f"The Excel file unpacks to {unpacked / 1e6:,.0f} MB, but at most "
            f"{MAX_UNPACKED / 1e6:,.0f} MB are accepted. Save the sheet as CSV or Parquet."
        )
    import openpyxl

    rows: list[tuple[Any, ...]] = []
    title, others = None, []
    try:
        with warnings.catch_warnings():
            # openpyxl warns about styles and validations that do not matter to the numbers.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(
                io.BytesIO(data), read_only=True, data_only=True, keep_links=False
            )
            for sheet in book.worksheets:
                if rows:
                    others.append(sheet.title)
                    continue
                rows = _sheet_rows(sheet)
                title = sheet.title
            book.close()
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(broken) from error
    if not rows:
        raise Unreadable(
            "The Excel file has no cell with content. Choose a file with at least one row."
        )
    table = _from_rows("Excel", rows)
    return replace(table, sheet=title, other_sheets=tuple(others))


def _sheet_rows(sheet: Any) -> list[tuple[Any, ...]]:
    """Read the rows of a sheet without the empty ones above, below and to the right."""
    sheet.reset_dimensions()  # the declared size is often wrong, and may be 2^34 cells
    rows: list[tuple[Any, ...]] = []
    cells = last = 0
    for row in sheet.iter_rows(values_only=True):
        cells += max(len(row), 1)
        if cells > MAX_CELLS:
            raise _too_many_cells(cells)
        end = len(row)
        while end and (row[end - 1] is None or row[end - 1] == ""):
            end -= 1
        if end or rows:
            rows.append(tuple(row[:end]))
        if end:
            last = len(rows)
    return rows[:last]


def _from_rows(kind: str, rows: list[tuple[Any, ...]]) -> RawTable:
    """Turn rows of Python values into columns; short rows end in missing cells."""
    width = max(len(row) for row in rows)
    if width > MAX_FILE_COLUMNS:
        raise _too_wide(width)
    if len(rows) * width > MAX_CELLS:
        raise _too_many_cells(len(rows) * width)
    padded = [tuple(row) + (None,) * (width - len(row)) for row in rows]
    header = _has_header(padded[:300])
    names = tidy_names(padded[0]) if header else _default_names(width)
    body = padded[int(header) :]
    if not body:
        raise Unreadable(
            f"The file has a header but no rows below it ({_count(width, 'column')}). "
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
    )


def _filled(cell: object) -> bool:
    return cell is not None and cell != ""


# JSON ---------------------------------------------------------------------------------------------


def _json(text: str) -> RawTable:
    """Read a list of numbers, of rows or of records, or an object of columns."""
    # Counted before parsing: each bracket and comma costs the parser tens of bytes.
    brackets = text.count("[") + text.count("{")
    if brackets > MAX_POINTS + 10:
        raise _too_many_rows(brackets)
    if text.count(",") > MAX_CELLS:
        raise _too_many_cells(text.count(","))
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise Unreadable(
            "The JSON is nested too deeply to be a table. Give a list of numbers, a list of rows, "
            "or a list of records."
        ) from error
    except ValueError as error:
        content = _json_lines(text)
        if content is None:
            where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
            raise Unreadable(
                f"The file begins like JSON, but it is not valid JSON{where}. "
                "Write it again with a JSON program, or save the table as CSV."
            ) from error
    shape = Unreadable(
        "The JSON is not a table. Give a list of numbers, a list of rows of equal length, a list "
        'of records like {"x": 1, "y": 2}, or an object of columns like {"x": [1, 2]}.'
    )
    if isinstance(content, dict):
        split = content.get("columns"), content.get("data")
        if all(isinstance(part, list) for part in split):  # pandas' orient="split"
            content = [split[0], *split[1]]  # type: ignore[misc]
        else:
            return _json_columns(content, shape)
    if not content:
        raise Unreadable("The JSON holds no rows. Choose a file with at least one row of numbers.")
    if all(isinstance(row, dict) for row in content):
        keys = list(dict.fromkeys(key for row in content for key in row))
        if not keys:
            raise shape
        if len(keys) > MAX_FILE_COLUMNS:
            raise _too_wide(len(keys))
        if len(keys) * len(content) > MAX_CELLS:
            raise _too_many_cells(len(keys) * len(content))
        return _json_columns({key: [row.get(key) for row in content] for key in keys}, shape)
    if all(isinstance(row, list) for row in content):
        lengths = [len(row) for row in content]
        if max(lengths) == 0:
            raise shape
        if min(lengths) < max(lengths):
            odd = next(i for i, n in enumerate(lengths) if n != lengths[0])
            raise Unreadable(
                f"The rows of the JSON differ in length: row {odd + 1} has {lengths[odd]} cells, "
                f"but the first has {lengths[0]}. Give every row the same number of cells."
            )
        return _from_rows("JSON", [tuple(row) for row in content])
    if any(isinstance(row, (list, dict)) for row in content):
        raise shape
    return RawTable("JSON", ("value",), (content,), len(content), header=False)


def _json_columns(content: dict[str, Any], shape: Unreadable) -> RawTable:
    columns = []
    for column in content.values():
        if isinstance(column, dict):  # pandas' orient="columns": one entry per row label
            columns.append(list(column.values()))
        else:
            columns.append(column if isinstance(column, list) else [column])
    lengths = {len(column) for column in columns}
    if not columns or lengths == {0}:
        raise Unreadable("The JSON holds no rows. Choose a file with at least one row of numbers.")
    if len(lengths) > 1:
        raise Unreadable(
            f"The columns of the JSON differ in length ({min(lengths)} to {max(lengths)} cells). "
            "Give every column the same number of cells."
        ) from shape
    if len(columns) > MAX_FILE_COLUMNS:
        raise _too_wide(len(columns))
    return RawTable("JSON", tidy_names(list(content)), tuple(columns), lengths.pop(), header=True)


def _json_lines(text: str) -> list[Any] | None:
    """Read one JSON value per line, or None when the lines are not that."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    try:
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError):
        return None
