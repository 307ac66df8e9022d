"""Delimited text: the delimiter, the decimal sign and the header are found out."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from gmm_core.data.formats.decimals import plain_decimals
from gmm_core.data.formats.encoding import SAMPLE_BYTES
from gmm_core.data.formats.numerals import is_missing, may_be_number
from gmm_core.data.formats.table import (
    MAX_FILE_COLUMNS,
    RawTable,
    Unreadable,
    count,
    default_names,
    has_header,
    header_of_years,
    tidy_names,
    too_wide,
)

MAX_LINE = 1_000_000
"""Characters in a line: the widest table that is read, with 60 characters in each cell."""

DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma", " ": "space"}
"""In the order of preference when two explain the file equally well: comma may be a decimal."""


def read_text(text: str) -> RawTable:
    """Read delimited text: the delimiter, the decimal sign and the header are found out."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip("\n\x1a\ufeff")
    if not text.isascii():
        text = _plain_spaces(text.replace("\u2212", "-"))  # typeset minus
    skipped = 0
    top = 0
    comment = ""
    while text.startswith(("#", "\n"), top) and (end := text.find("\n", top)) >= 0:
        comment = text[top:end] or comment
        top, skipped = end + 1, skipped + 1
    text = text[top:]
    text, ended = _without_last_comments(text)
    declared = re.match(r"sep=(.)\n", text)  # what Excel writes, and reads, to name the delimiter
    if declared:
        skipped += 1
        text = text[declared.end() :]
    text = re.sub(r"\n +(?=\n)", "\n", text)

    lines = _first_lines(text)
    delimiter, decimal = _dialect(lines, declared.group(1) if declared else None)
    sample = _split(lines, delimiter)
    named = _header_in_comment(comment, sample, delimiter, decimal)
    if named:
        text, skipped = f"{named}\n{text}", skipped - 1
        sample = [*_split([named], delimiter), *sample]
    if len(sample[0]) > MAX_FILE_COLUMNS:
        raise too_wide(len(sample[0]))
    years = header_of_years(sample, decimal)
    header = bool(named or years) or has_header(sample, decimal)
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
    if '"' in text:
        _refuse_swallowed_rows(cells, delimiter)
    if header:
        names = tidy_names([c[0].as_py() for c in cells])
        cells = [c[1:] for c in cells]
    else:
        names = default_names(width)
    n_rows = table.num_rows - int(header)
    if n_rows == 0:
        raise Unreadable(
            f"The file has a header but no rows below it ({count(width, 'column')}). "
            "Choose a file with at least one row of numbers."
        )
    cells, decimal, notes = plain_decimals(cells, delimiter)
    return RawTable(
        format="CSV",
        names=names,
        cells=tuple(cells),
        n_rows=n_rows,
        header=header,
        delimiter=DELIMITERS.get(delimiter) if delimiter != "\x1f" else None,
        decimal=decimal,
        notes=tuple(note for note in (years, ended, *notes) if note),
    )


def _without_last_comments(text: str) -> tuple[str, str]:
    """Take comments away from below a table, unless they may be cells, and say how many."""
    end = len(text)
    lines = 0
    while (start := text.rfind("\n", 0, end)) >= 0 and text.startswith(("# ", "\n"), start + 1):
        end, lines = start, lines + text.startswith("#", start + 1)
    # Without the space it may be a colour or a hashtag; a quotation mark may span lines.
    if not lines or text.startswith("#") or "\n#" in text[:end] or '"' in text[end:]:
        return text, ""
    which = "The last line begins" if lines == 1 else f"The last {lines:,} lines begin"
    return text[:end], f'{which} with "#" and {"was" if lines == 1 else "were"} left out.'


def _header_in_comment(line: str, rows: list[list[str]], delimiter: str, decimal: str) -> str:
    """Find the header in the comment above a table of several columns that has no other one.

    Returns
    -------
    The line of names; without the mark, unless that is a name of its own ("#,height").
    """
    if not line or len(rows[0]) < 2 or has_header(rows, decimal):
        return ""
    for candidate in (line, line.lstrip("# ")):
        names = next(iter(_split([candidate], delimiter)), [])
        if len(names) == len(rows[0]) and not any(map(_numeric, names)):
            return candidate if names[0] == "#" else candidate.lstrip("# ")
    return ""


def _refuse_swallowed_rows(cells: list[Any], delimiter: str) -> None:
    """Raise when a cell holds lines that are rows: a quotation mark then was not closed."""
    import pyarrow.compute as pc

    for d, column in enumerate(cells):
        within = pc.match_substring(column, "\n")
        if not pc.any(within).as_py():
            continue
        for text in column.filter(within).to_pylist():
            lines = [line.split(delimiter) for line in text.split("\n", 10_000)[1:]]
            rows = [line for line in lines if len(line) == len(cells)]
            if any(2 * sum(map(_numeric, row)) >= len(row) for row in rows):
                at = pc.index(within, True).as_py() + 1
                raise Unreadable(
                    f"A quotation mark may not be closed: the cell in row {at:,}, column {d + 1} "
                    f"goes on over {count(text.count(chr(10)), 'line')}, some of which look like "
                    "rows of the table. Close the quotation mark, or remove it."
                )


def _numeric(cell: str) -> bool:
    return may_be_number(cell, ".") or may_be_number(cell, ",")


def _plain_spaces(text: str) -> str:
    """Make typeset spaces plain, except a hard space between thousands, which nothing splits."""
    if re.search("[\u00a0\u202f\u2009]", text) is None:
        return text
    text = re.sub("(?<=[0-9])[\u00a0\u202f\u2009](?=[0-9]{3}(?![0-9]))", "\x1e", text)
    text = re.sub("[\u00a0\u202f\u2009]", " ", text)
    return text.replace("\x1e", "\u00a0")


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
    # A space inside a table of semicolons or tabs stands between words or thousands.
    whole = any(min(counts := [line.count(d) for line in lines]) == max(counts) > 0 for d in ";\t")
    usual = [d for d in DELIMITERS if not (whole and d == " ")]
    for delimiter in [declared] if declared else [*usual, ""]:
        rows = _split(lines, delimiter)
        widths = [len(row) for row in rows]
        if max(widths) == 1 and delimiter != "" and not declared:
            continue
        # "a,b" above "1,5" names two columns: the comma is then no decimal sign of a single one.
        commas = delimiter == "" and not may_be_number(lines[0], ",") and "," in lines[0]
        alike = widths.count(max(set(widths), key=widths.count)) / len(widths)
        body = rows[1:] or rows
        # A thousand cells of a row tell as much as a hundred thousand.
        filled = [cell for row in body for cell in row[:1000] if not is_missing(cell)]
        for decimal in (".", ","):
            if decimal == delimiter or (decimal == "," and commas):
                continue
            numbers = [c for c in filled if may_be_number(c, decimal)]
            # In one column, a space is more likely a delimiter that was not found.
            share = sum(bool(delimiter) or " " not in c for c in numbers) / max(len(filled), 1)
            # A ragged table is worse than one of text; 0.1 lets a table of text still be split.
            score = alike**2 * (0.1 + share)
            if score > best_score + 1e-9:
                best, best_score = (delimiter, decimal), score
    return best


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == "":
        return [[line.strip().strip('"')] for line in lines]
    if delimiter == " ":
        lines = [line.strip() + "\n" for line in lines]  # kept where a cell goes over lines
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
