"""Files that no honest program writes, from a seed: the same seed gives the same files.

`seeded` makes any number of small ones by rules and by damage to sound files; `heavy` are the few
that attack by size, each built to make a careless reader work long, or take all memory.
"""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

File = tuple[str, bytes]

CELLS = [
    *("", " ", "0", "-0", "1", "1.5", "-2e-7", "+3", "1e999", "-1e999", "1e-999", "9" * 400),
    *(
        "0x1F",
        "1_000",
        "1,5",
        "1.234,5",
        "1 000",
        "١٢٣",
        "½",
        "∞",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
    ),
    *("NA", "#DIV/0!", "null", "None", "-", "--", ".", "?", "true", "2020-01-01", "12:30", "1/3"),
    *("=cmd|' /C calc'!A0", "@SUM(1)", "<script>alert(1)</script>", "$x^2$", "[a](javascript:b)"),
    *('"', '""', '"a', 'a"b', '"a""b"', "'", "\\", "\\N", "a\nb", "a\r\nb", "\t", "\v", "\f"),
    *("\0", "\x1a", "\x1b[31m", "\x7f", "\ufeff", "\u202e", "\u200b", "\U0001f600", "é", "日本"),
    *("%s%s%n", "{}", "{0.__class__}", "${jndi:x}", "../../etc/passwd", "x" * 300, "e", "1e", "+"),
]
NAMES = ["a", "a", "", " ", "b", "id", "x.y", "\0", "\n", "größe", "__proto__", *CELLS[-20:]]
ENCODINGS = [
    *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"),
    *("cp437", "shift_jis", "gb18030", "koi8-r", "utf-7", "cp037"),
]
STARTS = [
    *(b"PAR1", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n"),
    *(b"\x7fELF", b"GIF89a", b"\xff\xd8\xff\xe0", b"\x80\x04\x95", b"ARROW1\0\0"),
    *(b"SQLite format 3", b"\x93NUMPY\x01\0", b"\x89HDF\r\n", b"<?xml version='1.0'?>"),
    *(b"{", b"[", b"#!/bin/sh\n", b"", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0"),
    *(b"\xef\xbb\xbf", b"sep=;\n", b'sep="\n', b"# x\n"),
]


def seeded(seed: int, count: int) -> Iterator[File]:
    """Make `count` small files; the kind goes round, so any run of some hundred has them all."""
    makers = [delimited, delimited, damaged, damaged, nested, workbook, noise]
    for i in range(seed, seed + count):
        rng = random.Random(i)
        maker = makers[i % len(makers)]
        yield f"{maker.__name__} {i}", maker(rng)


def delimited(rng: random.Random) -> bytes:
    """Text that is nearly a table."""
    delimiter = rng.choice([",", ";", "\t", "|", " ", "  ", ":", "\x1f", ", "])
    ending = rng.choice(["\n", "\r\n", "\r", "\n\n", "\x0b", "\u2028"])
    width, height = rng.choice([1, 2, 3, 5, 40]), rng.choice([0, 1, 2, 5, 30])
    odd = rng.choice([0.0, 0.05, 0.5, 1.0])

    def cell() -> str:
        return rng.choice(CELLS) if rng.random() < odd else f"{rng.gauss(0, 1):.3f}"

    rows = [[cell() for _ in range(width)] for _ in range(height)]
    if rng.random() < 0.7:
        rows.insert(0, [rng.choice(NAMES) for _ in range(width)])
    if rows and rng.random() < 0.3:
        rng.choice(rows).extend(["1"] * rng.choice([1, 3, 100]))
    if rng.random() < 0.3:
        rows = [[f'"{c}"' for c in row] for row in rows]
    text = rng.choice(["", "", "", "sep=;\n", "# c\n", "\n\n", "\ufeff"])
    text += ending.join(delimiter.join(row) for row in rows) + rng.choice(["", ending, '"', "\0"])
    return text.encode(rng.choice(ENCODINGS), "replace")


def damaged(rng: random.Random) -> bytes:
    """A sound file of some format with bytes changed, cut, doubled, or of another file."""
    content = bytearray(rng.choice(SOUND))
    for _ in range(rng.choice([1, 1, 3, 10])):
        at = rng.randrange(len(content))
        end = min(len(content), at + rng.choice([1, 2, 4, 8, 64]))
        match rng.randrange(6):
            case 0:
                content[at] = rng.randrange(256)
            case 1:
                del content[at:end]
            case 2:
                content[at:at] = content[at:end] * rng.choice([1, 50])
            case 3:
                big = rng.choice([0, 1, 127, 128, 2**31 - 1, 2**31, 2**32 - 1])
                content[at : at + 4] = struct.pack("<I", big)
            case 4:  # the last 8 bytes of Parquet: length of the footer, and the magic word
                content[-8:-4] = struct.pack("<I", rng.choice([0, 8, 2**20, 2**31 - 1, 2**32 - 1]))
            case 5:
                other = rng.choice(SOUND)
                content[at:end] = other[at % len(other) :][:64]
        if not content:
            return b"x"
    return bytes(content)


def nested(rng: random.Random) -> bytes:
    """JSON, or nearly."""

    def value(depth: int) -> object:
        kind = rng.randrange(8) if depth else rng.randrange(5)
        if kind < 3:
            return rng.choice([0, -1, 1.5, 10**400, -(10**30), True, None, float("inf"), "1.5"])
        if kind < 5:
            return rng.choice(CELLS)
        items = [value(depth - 1) for _ in range(rng.choice([0, 1, 2, 5]))]
        return items if kind < 7 else {rng.choice([*NAMES, "columns", "data"]): i for i in items}

    text = json.dumps(value(5), ensure_ascii=rng.random() < 0.5)
    match rng.randrange(6):
        case 0:
            text = text[: rng.randrange(len(text) + 1)]
        case 1:
            text = "[" * rng.choice([5, 500, 5000]) + text
        case 2:
            text = "\n".join([text] * 3)
        case 3:
            text = text.replace("1.5", rng.choice(["1e999", "01", "NaN", "-Infinity", "9" * 5000]))
    return text.encode(rng.choice(ENCODINGS), "replace")


def workbook(rng: random.Random) -> bytes:
    """An Excel file with a part that says what Excel never would."""
    parts = dict(EXCEL_PARTS)
    sheet, styles = "xl/worksheets/sheet1.xml", "xl/styles.xml"
    name = rng.choice([sheet, sheet, sheet, styles, "xl/workbook.xml", *parts])
    text = parts[name]
    changes: list[Callable[[bytes], bytes]] = [
        lambda t: t.replace(b'r="A1"', b'r="XFD1048576"'),
        lambda t: t.replace(b'r="A1"', b'r="ZZZZZZ99999999999"'),
        lambda t: t.replace(b'r="2"', b'r="999999999999"'),
        lambda t: t.replace(b"<v>1</v>", b"<v>1e999</v>"),
        lambda t: t.replace(b"<v>1</v>", b"<v>" + b"9" * 5000 + b"</v>"),
        lambda t: t.replace(b't="n"', b't="d"'),
        lambda t: t.replace(b't="n"', b't="s"'),
        lambda t: t.replace(b't="n"', b't="b"'),
        lambda t: t.replace(b't="n"', b't="e"'),
        lambda t: t.replace(b"<worksheet", b"<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet"),
        lambda t: t[: len(t) // 2],
        lambda t: t.replace(b"<sheetData>", b"<sheetData>" * 30),
        lambda t: t.decode("utf-8", "replace").encode("utf-16"),
        lambda t: b"",
        lambda t: bytes(rng.randrange(256) for _ in range(200)),
        lambda t: t.replace(b"sheet1.xml", b"../../../../etc/passwd"),
        lambda t: t.replace(b"Sheet", b"<b>&#0;"),
    ]
    parts[name] = rng.choice(changes)(text)
    if rng.random() < 0.1:
        del parts[rng.choice(list(parts))]
    return archive(parts, rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]))


def noise(rng: random.Random) -> bytes:
    """Bytes of no format behind the first bytes of one."""
    length = rng.choice([0, 1, 2, 3, 7, 50, 2000])
    pool = rng.choice([bytes(range(256)), b"0123456789.,;e+-\n", b"\0\n1", bytes(range(32))])
    return rng.choice(STARTS) + bytes(rng.choice(pool) for _ in range(length))


def archive(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Zip the parts of a workbook."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return out.getvalue()


def _excel() -> bytes:
    book = openpyxl.Workbook()
    for row in (["a", "b"], [1, 2.5], [3, "x"]):
        book.active.append(row)
    book.create_sheet("second").append([1])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


_TABLE = pa.table({"a": [1.0, 2.0, None], "b": ["x", "y", "z"], "c": [[1], [2], [3]]})
SOUND = [
    b"a,b\n1,2\n3,4\n",
    b'"a";"b"\n"1,5";"2"\n',
    b'[{"a": 1, "b": 2}, {"a": 3, "b": 4}]',
    b'{"a": [1, 2], "b": [3, 4]}',
    _excel(),
    _parquet(_TABLE),
    _parquet(_TABLE, compression="zstd", use_dictionary=False),
    _parquet(_TABLE, compression="gzip", data_page_version="2.0"),
]
with zipfile.ZipFile(io.BytesIO(SOUND[4])) as _book:
    EXCEL_PARTS = {name: _book.read(name) for name in _book.namelist()}


# What attacks by its size ---------------------------------------------------------------------


def heavy() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name the large files, each with the function that builds it."""
    yield from HEAVY.items()


def _repeated(part: str, before: bytes, unit: bytes, times: int, after: bytes = b"") -> bytes:
    """Build a workbook in which one part is a unit over and over: it packs to next to nothing."""
    parts = {name: text for name, text in EXCEL_PARTS.items() if name != part}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name, content in parts.items():
            target.writestr(name, content)
        with target.open(part, "w", force_zip64=True) as stream:
            stream.write(before)
            many = max(1, 1_000_000 // len(unit))
            for _ in range(times // many):
                stream.write(unit * many)
            stream.write(unit * (times % many) + after)
    return out.getvalue()


_SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_END = b"</sheetData></worksheet>"
_STYLES = b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs>'
_ONE = "xl/worksheets/sheet1.xml"


def _entities() -> bytes:
    levels = "".join(
        f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol" * 10}">' for i in range(9)
    )
    text = f"<!DOCTYPE x [{levels}]>".encode() + _SHEET
    text += b'<row><c t="inlineStr"><is><t>&e8;</t></is></c></row>' + _END
    return archive({**EXCEL_PARTS, _ONE: text})


def _lying_directory() -> bytes:
    """Say in the zip's directory that the bomb of a sheet has 100 bytes."""
    content = bytearray(_repeated(_ONE, _SHEET, b"<row><c><v>1</v></c></row>", 4_000_000, _END))
    end = content.rindex(b"PK\x05\x06")
    at = struct.unpack("<I", content[end + 16 : end + 20])[0]
    while content[at : at + 4] == b"PK\x01\x02":
        name, extra, comment = struct.unpack("<HHH", content[at + 28 : at + 34])
        if content[at + 46 : at + 46 + name].endswith(b"sheet1.xml"):
            content[at + 24 : at + 28] = struct.pack("<I", 100)
        at += 46 + name + extra + comment
    return bytes(content)


def _wide_parquet(columns: int) -> bytes:
    return _parquet(pa.table([pa.array([1.0])] * columns, names=[f"c{i}" for i in range(columns)]))


def _deep_parquet(depth: int) -> bytes:
    """Write a Parquet footer by hand whose schema is nested; no program would write it."""

    def varint(n: int) -> bytes:
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    group = b"\x35\x02\x18\x01a\x15\x02\x00"  # repetition optional, name "a", one child
    root = b"\x48\x01r\x15\x02\x00"
    leaf = b"\x15\x02\x25\x02\x18\x01a\x00"  # int32, optional
    schema = b"\xfc" + varint(depth + 2) if depth + 2 > 14 else bytes([(depth + 2) << 4 | 12])
    footer = b"\x15\x02\x19" + schema + root + group * depth + leaf
    footer += b"\x16\x02\x19\x0c\x00"  # one row, no row groups
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _page_bomb(claimed: int) -> bytes:
    """Take a sound file whose only page claims to unpack to `claimed` bytes."""
    content = _parquet(
        pa.table({"a": pa.array([0.0] * 4096)}), compression="zstd", use_dictionary=False
    )
    # The page's header: type (i32) at 0x15 0x00, then the unpacked size, a zigzag number.
    at = content.index(b"\x15\x00\x15", 4) + 3
    size, n = bytearray(), claimed * 2
    while n > 127:
        size, n = size + bytes([n & 127 | 128]), n >> 7
    size.append(n)
    old = at
    while content[old] & 128:
        old += 1
    return content[:at] + bytes(size) + content[old + 1 :]


HEAVY: dict[str, Callable[[], bytes]] = {
    "CSV of 10^5 columns": lambda: b",".join([b"1"] * 100_000) + b"\n",
    "CSV of 10^5 columns, 3 rows": lambda: (b",".join([b"1.5"] * 100_000) + b"\n") * 3,
    "CSV of 16,384 columns of one name": lambda: (
        b",".join([b"a"] * 16_384) + b"\n" + (b",".join([b"1"] * 16_384) + b"\n") * 3
    ),
    "CSV of 16,384 columns of text": lambda: (b",".join([b"ab"] * 16_384) + b"\n") * 100,
    "CSV of blank names": lambda: b"," * 16_000 + b"\n" + b"," * 16_000,
    "CSV with one field of 20 MB": lambda: b'a,b\n1,"' + b"x" * 20_000_000 + b'"\n2,3\n',
    "CSV with a quotation mark never closed": lambda: b'a,b\n1,"' + b"1,2\n" * 5_000_000,
    "CSV of quotation marks": lambda: b'"' * 10_000_000,
    "CSV of delimiters": lambda: b"1\n" + b"," * 20_000_000,
    "CSV of line ends": lambda: b"1" + b"\n" * 40_000_000 + b"2",
    "CSV of spaces": lambda: b"a b\n1" + b" " * 40_000_000 + b"2\n3 4\n",
    "CSV of spaces and quotes": lambda: b'a, "b"\n' + (b"1," + b" " * 500 + b"2\n") * 20_000,
    "CSV of null bytes": lambda: b"a,b\n" + b"1,\0" * 5_000_000,
    "CSV of comments": lambda: b"#\n" * 10_000_000 + b"1,2\n3,4\n",
    "CSV of many long numbers": lambda: (b"9" * 5000 + b"\n") * 2000,
    "CSV of one long number": lambda: b"a\n" + b"9" * 900_000 + b"\n1\n",
    "CSV of 25 million rows": lambda: b"1\n" * 25_000_000,
    "CSV of text in 2 columns": lambda: b"abc,1 a\n" * 1_000_000,
    "CSV in UTF-32": lambda: ("a,b\n" + "1,2\n" * 1_000_000).encode("utf-32"),
    "JSON 10^5 deep": lambda: b"[" * 100_000 + b"1" + b"]" * 100_000,
    "JSON objects 10^5 deep": lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "JSON lines 10^5 deep": lambda: b"[1]\n" + b"[" * 100_000,
    "JSON of 10^5 columns": lambda: json.dumps({f"c{i}": [1] for i in range(100_000)}).encode(),
    "JSON of 4 million columns": lambda: (
        b'{"a":1' + b"".join(b',"%d":1' % i for i in range(4_000_000)) + b"}"
    ),
    "JSON of one record with many keys": lambda: (
        b'[{"a":1},{"b":2' + b"".join(b',"%d":1' % i for i in range(1_000_000)) + b"}]"
    ),
    "JSON of 24 million numbers": lambda: b"[1" + b",1" * 24_000_000 + b"]",
    "JSON of 20 columns of 10^6": lambda: (
        b"["
        + b"[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]," * 1_000_000
        + b"[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]]"
    ),
    "JSON lines of 20 million": lambda: b"[1]\n" + b"1\n" * 20_000_000,
    "JSON of empty lists": lambda: b"[" + b"[]," * 1_500_000 + b"[]]",
    "JSON of an open string": lambda: b'["' + b"\\u0041" * 5_000_000,
    "JSON of a huge integer": lambda: b"[" + b"9" * 5_000_000 + b"]",
    "Excel of 300 MB of rows": lambda: _repeated(
        _ONE, _SHEET, b"<row><c><v>1</v></c></row>", 11_000_000, _END
    ),
    "Excel of 3 GB of zeros": lambda: _repeated(_ONE, _SHEET, b"0" * 1000, 3_000_000, _END),
    "Excel with a row of 20 million cells": lambda: _repeated(
        _ONE, _SHEET + b"<row>", b"<c/>", 20_000_000, b"</row>" + _END
    ),
    "Excel with a cell of 250 MB": lambda: _repeated(
        _ONE,
        _SHEET + b'<row><c t="inlineStr"><is><t>',
        b"x",
        250_000_000,
        b"</t></is></c></row>" + _END,
    ),
    "Excel nested 20 million deep": lambda: _repeated(_ONE, _SHEET, b"<a>", 20_000_000),
    "Excel with many styles": lambda: _repeated(
        "xl/styles.xml", _STYLES, b"<xf/>", 5_000_000, b"</cellXfs></styleSheet>"
    ),
    "Excel with many shared texts": lambda: _repeated(
        "xl/sharedStrings.xml",
        _SHEET.replace(b"worksheet", b"sst").replace(b"<sheetData>", b""),
        b"<si><t>a</t></si>",
        10_000_000,
        b"</sst>",
    ),
    "Excel with a long workbook": lambda: _repeated(
        "xl/workbook.xml", b"<workbook><sheets>", b"<sheet/>", 10_000_000, b"</sheets></workbook>"
    ),
    "Excel with a long table of contents": lambda: _repeated(
        "[Content_Types].xml", b"<Types>", b"<Override/>", 10_000_000, b"</Types>"
    ),
    "Excel of entities": _entities,
    "Excel whose directory lies": _lying_directory,
    "Zip of 10^5 files": lambda: archive({f"xl/{i}": b"" for i in range(100_000)}, 0),
    "Parquet of 10^5 columns": lambda: _wide_parquet(100_000),
    "Parquet of 16,000 columns": lambda: _wide_parquet(16_000),
    "Parquet nested 100 deep": lambda: _deep_parquet(100),
    "Parquet nested 10^5 deep": lambda: _deep_parquet(100_000),
    "Parquet with a page of 2 GB": lambda: _page_bomb(2**31 - 1),
    "Parquet with a page of -1 bytes": lambda: _page_bomb(2**32 - 1),
    "Parquet with 25 million cells": lambda: _parquet(
        pa.table({f"c{i}": pa.nulls(1_000_000, pa.int8()) for i in range(24)})
    ),
    "Parquet of 10^4 row groups": lambda: _parquet(
        pa.table({"a": list(range(10_000))}), row_group_size=1
    ),
    "gzip of zeros": lambda: b"\x1f\x8b" + zlib.compress(bytes(10_000_000)),
}
