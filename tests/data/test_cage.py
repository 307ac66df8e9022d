"""Files that are made to break their reader: each is a sentence, and none harms who asks."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import openpyxl
import psutil
import pyarrow as pa
import pytest
from pyarrow import parquet

from gmm_core.data import cage
from gmm_core.data.formats import File
from gmm_core.data.reading import read_dataset
from gmm_core.data.reading_here import read_here

SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(text, cells):
    """An Excel file whose cells all name one long text."""
    rows = "".join(f'<row><c t="s"><v>0</v></c><c><v>{i}</v></c></row>' for i in range(cells))
    return changed(
        f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>',
        f'<sst xmlns="{SHEET}"><si><t>{text}</t></si></sst>',
    )


def far_apart():
    """A sheet of two cells, in its first corner and its last: calamine asks for 512 GiB."""
    corner = '<row r="1"><c r="A1"><v>1</v></c></row>'
    last = '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    return changed(
        f'<worksheet xmlns="{SHEET}"><sheetData>{corner}{last}</sheetData></worksheet>',
        f'<sst xmlns="{SHEET}"></sst>',
    )


def changed(sheet, texts):
    """A workbook of one sheet that openpyxl wrote, with a sheet and texts of another's."""
    sound, file = io.BytesIO(), io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.save(sound)
    parts = {"xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": texts}
    with (
        zipfile.ZipFile(sound) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in {*old.namelist(), *parts}:
            new.writestr(name, parts.get(name) or old.read(name))
    return file.getvalue()


def zeros(rows, columns):
    file = io.BytesIO()
    table = pa.table({f"c{i}": np.zeros(rows) for i in range(columns)})
    parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("survey.csv", "Größe;Wer;n\n1,5;Ann;99\n2,5;Ben;1\nx;Cat;2\n".encode("latin-1")),
        ("points.json", b'[{"a": 1, "b": null}, {"a": 2, "b": 3}]'),
        ("numbers.parquet", zeros(5, 2)),
        ("book.xlsx", workbook("1", 5)),
    ],
)
def test_a_child_reads_what_this_process_would_read(name, content):
    expected, reading = read_here(File(content, name)), cage.read_table(content, name)
    np.testing.assert_array_equal(reading.values, expected.values)
    assert not reading.values.flags.writeable
    assert reading.sentences() == expected.sentences()
    assert (reading.columns, reading.default, reading.unread) == (
        expected.columns,
        expected.default,
        expected.unread,
    )
    assert reading.missing_codes == expected.missing_codes
    assert {k: list(v) for k, v in reading.texts.items()} == {
        k: list(v) for k, v in expected.texts.items()
    }
    assert reading.dataset() == expected.dataset()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\nx,y\n", "has no column of numbers"),
        (b"1 2\n" * 2_100_000, "has 2,100,000 rows, but at most 2,000,000"),
        (zeros(1_900_000, 13), "at most 10,000,000 numbers are accepted here"),
        (workbook("1" * 900_000, 100_000), "takes more than 5 s to be read|reader end|memory"),
        (far_apart(), "made its reader end|memory"),
        (bytes(cage.MAX_BYTES + 1), "at most 50 MB"),
    ],
    ids=["no numbers", "too many rows", "unpacks", "computes", "ends", "too large"],
)
def test_what_is_too_much_is_told(content, message):
    process = psutil.Process()
    before, others = process.memory_info().rss, set(process.children())
    with pytest.raises(ValueError, match=message):
        cage.read_table(content)
    assert process.memory_info().rss - before < 2 * len(content) + 30e6
    assert set(process.children()) <= others


@pytest.mark.parametrize(
    ("dies", "message"),
    [
        ("import os; os.abort()", "made its reader end"),
        ("bytearray(2**33)", "more memory"),
        ("while True: pass", "takes more than"),
        ("open('/tmp/written-by-a-caged-reader', 'wb').write(bytes(10))", "made its reader end"),
    ],
)
def test_whatever_a_reader_does_is_a_sentence(monkeypatch, dies, message):
    # As if a library did it: the child runs this as it begins to read.
    monkeypatch.setattr(cage, "SECONDS", 1.0)
    code = (
        "import gmm_core.data.cage as cage, gmm_core.data.caged as caged\n"
        "import gmm_core.data.reading_here as reading_here\n"
        "cage.SECONDS = 1.0\n"
        f"def read(*a, **k):\n    {dies}\n"
        "reading_here.read_here = read\n"
        "caged.main()"
    )
    monkeypatch.setattr(cage, "COMMAND", ["-c", code])
    with pytest.raises(ValueError, match=message):
        cage.read_table(b"a,b\n1,2\n")


def test_a_child_knows_no_secret(monkeypatch):
    monkeypatch.setenv("GMM_DATABASE", "postgresql://user:secret@host/name")
    monkeypatch.setattr(
        cage, "COMMAND", ["-c", "import os, json; print(json.dumps({'refused': str(os.environ)}))"]
    )
    with pytest.raises(ValueError, match="PYTHONPATH") as refusal:
        cage.read_table(b"a,b\n1,2\n")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("content", [far_apart(), b"PAR1" + bytes(50) + b"PAR1"])
def test_a_script_that_reads_a_hostile_file_goes_on(content):
    with pytest.raises(ValueError, match="made its reader end|memory|begins like Parquet"):
        read_dataset(content)
