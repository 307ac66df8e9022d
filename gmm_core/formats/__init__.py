"""From the bytes of a file to named columns of cells, whatever program wrote it.

The content decides, never the file's extension: people rename files, and browsers guess types.
Nothing here trusts the file. Sizes are checked before anything is unpacked, formats that can run
code (pickle) are not read at all, and whatever a parser raises becomes a sentence.
"""

from __future__ import annotations

from dataclasses import replace

from gmm_core.formats.delimited import read_text
from gmm_core.formats.encoding import decode, refuse_known_binaries
from gmm_core.formats.excel import read_excel
from gmm_core.formats.numerals import INFINITE, MISSING, NUMBER, is_missing, is_number
from gmm_core.formats.parquet import read_parquet
from gmm_core.formats.structured import read_json
from gmm_core.formats.table import RawTable, Unreadable

__all__ = ["INFINITE", "MISSING", "NUMBER", "RawTable", "is_missing", "is_number", "parse"]


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
        return read_parquet(data)
    if data[:4] == b"PK\x03\x04":
        return read_excel(data)
    refuse_known_binaries(data)
    text, encoding = decode(data)
    if not text.strip():
        raise Unreadable(
            "The file holds only blank lines, but a table of numbers was expected. "
            "Choose a file with at least one row."
        )
    if text.lstrip()[0] in "[{":
        try:
            return replace(read_json(text), encoding=encoding)
        except Unreadable:
            # A CSV file may start with a bracket, in a column name for instance.
            if not filename.lower().endswith((".csv", ".tsv", ".txt", ".dat")):
                raise
            try:
                return replace(read_text(text), encoding=encoding)
            except Unreadable:
                pass
            raise
    return replace(read_text(text), encoding=encoding)
