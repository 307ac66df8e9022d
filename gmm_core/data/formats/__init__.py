"""From the bytes of a file to named columns of cells, whatever program wrote it.

The content decides, never the file's extension: people rename files, and browsers guess types.
Nothing here trusts the file. Formats that can run code (pickle) are not read at all, those whose
libraries a file can bring down are read in a child (`gmm_core.data.cage`), and whatever a parser
raises becomes a sentence.
"""

from __future__ import annotations

from dataclasses import replace

from gmm_core.data.formats.delimited import read_text
from gmm_core.data.formats.numerals import INFINITE, MISSING, NUMBER, is_missing, is_number
from gmm_core.data.formats.parquet import read_parquet
from gmm_core.data.formats.registry import FORMATS, File, Format, endings, listed, recognise
from gmm_core.data.formats.spreadsheet import OLE, ZIPPED, is_open_document, read_spreadsheet
from gmm_core.data.formats.structured import read_json
from gmm_core.data.formats.table import RawTable, Unreadable, too_many_rows
from gmm_core.data.values import MAX_POINTS

__all__ = [
    "FORMATS",
    "INFINITE",
    "MISSING",
    "NUMBER",
    "File",
    "Format",
    "RawTable",
    "endings",
    "is_missing",
    "is_number",
    "listed",
    "parse",
    "recognise",
]


def parse(file: File) -> RawTable:
    """Recognise the format of a file by its content and read its cells, in this process.

    Raises
    ------
    ValueError
        When the file is empty, of no known format, broken, or larger than it looks.
    """
    try:
        return recognise(file).read(file)
    except Unreadable:
        raise
    except Exception as error:  # parsers raise anything when a file was made to break them
        raise Unreadable(
            "The file cannot be read as a table: it is damaged, or not what it looks like. "
            f"Save the table again as {listed()}."
        ) from error


def _read_json(file: File) -> RawTable:
    text, encoding = file.decoded
    try:
        return replace(read_json(text), encoding=encoding)
    except Unreadable:
        # A CSV file may start with a bracket, in a column name for instance.
        if file.filename.lower().rpartition(".")[2] not in _DELIMITED:
            raise
        try:
            return _read_delimited(file)
        except Unreadable:
            pass
        raise


def _read_delimited(file: File) -> RawTable:
    lines = max(file.data.count(b"\n"), file.data.count(b"\r"))
    if lines > MAX_POINTS + _AROUND:  # told in milliseconds, before any of them is looked at
        raise too_many_rows(lines)
    text, encoding = file.decoded
    return replace(read_text(text), encoding=encoding)


_AROUND = 10_000  # lines of text around a table

_DELIMITED = ("csv", "tsv", "txt", "dat")
FORMATS += [
    Format(
        "Parquet",
        ("parquet",),
        lambda file: file.data[:4] == b"PAR1",
        lambda file: read_parquet(file.data),
        caged=True,
    ),
    Format(
        "OpenDocument (.ods)",
        ("ods",),
        lambda file: is_open_document(file.data),
        lambda file: replace(read_spreadsheet(file.data, file.sheet), format="OpenDocument"),
        caged=True,
    ),
    Format(
        "Excel",
        ("xlsx", "xlsm", "xlsb", "xls"),
        lambda file: file.data[:4] in (ZIPPED, OLE),
        lambda file: read_spreadsheet(file.data, file.sheet),
        caged=True,
    ),
    Format("JSON", ("json",), lambda file: file.decoded[0].lstrip()[0] in "[{", _read_json),
    Format("CSV", _DELIMITED, lambda file: True, _read_delimited),
]
