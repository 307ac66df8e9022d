"""Files of every usual kind give the same numbers, and the rest is counted or refused in words."""

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.reading import read_dataset, read_table
from gmm_core.data.source import MAX_BYTES

BOOKS = Path(__file__).parent / "books"
FRAME = pd.DataFrame({"a": [1.5, -2.25, 3e-7], "b": [4, 5, 6]})


def file(content, name="table.csv"):
    """An upload, as a page gives it."""
    upload = io.BytesIO(content.encode() if isinstance(content, str) else content)
    upload.name = name
    return upload


def excel(*sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for i, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet {i + 1}")
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet(table):
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


@given(
    rows=st.integers(1, 3).flatmap(
        lambda d: st.lists(
            st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=d, max_size=d),
            min_size=2,
            max_size=6,
        )
    ),
    dialect=st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ",")]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
@settings(max_examples=150, deadline=None)
def test_numbers_written_as_text_come_back_exactly(rows, dialect, ending, encoding):
    delimiter, decimal = dialect
    names = [f"größe {d}" for d in range(len(rows[0]))]
    lines = [delimiter.join(names)]
    lines += [delimiter.join(repr(x).replace(".", decimal) for x in row) for row in rows]
    content = ending.join([*lines, ""]).encode(encoding)
    dataset = read_dataset(file(content))
    assert dataset.columns == tuple(names)
    np.testing.assert_array_equal(dataset.values, rows)


@pytest.mark.parametrize(
    "content",
    [
        FRAME.to_csv(index=False),
        FRAME.to_csv(index=False, sep=";", decimal=","),
        FRAME.to_csv(index=False, sep="|"),
        FRAME.to_csv(index=True),
        "sep=;\na;b\n1.5;4\n-2.25;5\n3e-7;6\n",
        "# made by hand\n  a    b\n 1.5   4\n-2.25  5\n +3e-7 6  \n\n",
        '"a", "b"\n"1.5", "4"\n"-2.25", "5"\n"3e-7", "6"',
        "a,b,\n1.5,4,\n\u22122.25,5,\n3e-7,6,\n",
        parquet(pa.Table.from_pandas(FRAME)),
        excel([["a", "b"], [1.5, 4], [-2.25, 5], [3e-7, 6]]),
        excel([[], [], [None, "a", "b"], [None, 1.5, 4], [None, -2.25, 5], [None, 3e-7, 6]]),
        FRAME.to_json(orient="records"),
        FRAME.to_json(orient="records", lines=True),
        FRAME.to_json(orient="columns"),
        FRAME.to_json(orient="split"),
        json.dumps([["a", "b"], *FRAME.to_numpy().tolist()]),
    ],
)
def test_the_same_table_in_every_format_is_the_same_dataset(content):
    # The name ends wrongly on purpose: the content decides.
    dataset = read_dataset(file(content, "my table.bin"))
    assert dataset.columns == ("a", "b")
    np.testing.assert_array_equal(dataset.values, FRAME.to_numpy())
    assert dataset.name == "my table"


@pytest.mark.parametrize(
    ("content", "columns", "values"),
    [
        ("0\n1\n10\n", ("value",), [[0], [1], [10]]),
        ("1,2\n3,4\n", ("x1", "x2"), [[1, 2], [3, 4]]),
        ("x\n1,5\n2,5\n", ("x",), [[1.5], [2.5]]),
        ("[1, 2.5, 3]", ("value",), [[1], [2.5], [3]]),
        ("[[1, 2], [3, 4]]", ("x1", "x2"), [[1, 2], [3, 4]]),
        ("[mass],b\n1,2\n", ("[mass]", "b"), [[1, 2]]),
        ("7", ("value",), [[7]]),
        ('v,said\n1,"one, two\nand three, four"\n2,x\n', ("v",), [[1], [2]]),
        ('name;v\n"x;y";1,5\nz;2,5\n', ("v",), [[1.5], [2.5]]),
        ("a,a,,a\n1,2,3,4\n5,6,7,8\n", ("a", "a (2)", "column 3", "a (3)"), None),
        ("=cmd|' /C calc'!A0,<script>\n1,2\n", ("=cmd|' /C calc'!A0", "<script>"), [[1, 2]]),
    ],
)
def test_small_files_read_as_a_person_would(content, columns, values):
    dataset = read_dataset(file(content))
    assert dataset.columns == columns
    if values:
        assert dataset.values.tolist() == values


def test_what_was_found_out_is_said():
    reading = read_table(file("größe;n\n1,5;x\n2,5;y\n".encode("latin-1"), "dir/Daten 1.csv"))
    assert (reading.format, reading.delimiter, reading.decimal) == ("CSV", "semicolon", ",")
    assert (reading.header, reading.encoding, reading.n_rows) == (True, "LATIN-1", 2)
    assert reading.name == "Daten 1"
    assert reading.columns == ("größe",)
    assert reading.left_out == (("n", "text"),)


def test_what_is_left_out_is_counted():
    content = "id,a,b,label,nothing\n1,1,5,x,\n2,NA,6,y,\n3,3,inf,z,\n4,4,8,x,\n"
    reading = read_table(file(content))
    assert reading.columns == ("id", "a", "b")
    assert reading.default == ("a", "b")
    assert reading.left_out == (("id", "row numbers"), ("label", "text"), ("nothing", "empty"))
    assert (reading.missing("a"), reading.missing("b"), reading.dropped()) == (1, 1, 2)
    assert reading.dropped("id") == 0
    assert reading.dataset().values.tolist() == [[1, 5], [4, 8]]
    assert reading.dataset(["b", "id"]).values.tolist() == [[5, 1], [6, 2], [8, 4]]
    text = " ".join(reading.sentences())
    assert "4 rows and 5 columns" in text
    assert '"label" (text)' in text
    assert "Dropped 2 rows of 4" in text
    assert "In use: 2 rows of 2 columns" in text


def test_missing_values_can_be_refused():
    upload = file("a,b\n1,2\n3,\n,inf\n")
    with pytest.raises(ValueError, match=r"2 of 3 rows.*first is row 2 \(missing\)"):
        read_dataset(upload, missing="refuse")
    assert read_dataset(upload).values.tolist() == [[1, 2]]
    with pytest.raises(ValueError, match='"drop", "keep" or "refuse"'):
        read_dataset(upload, missing="ignore")


def test_few_strange_cells_are_missing_and_many_make_a_column_text():
    few = "a,b\n" + "".join(f"{'oops' if i == 7 else i},1\n" for i in range(20))
    reading = read_table(file(few))
    assert reading.unreadable == {"a": 1, "b": 0}
    assert reading.dataset().values.shape == (19, 2)
    assert any("1 cell" in s and "could not be read" in s for s in reading.sentences())
    many = "a,b\n" + "".join(f"{'oops' if i % 5 == 4 else i},1\n" for i in range(20))
    assert read_table(file(many)).left_out == (("a", "text"),)


def test_a_column_mostly_missing_is_offered_but_not_used():
    reading = read_table(file("a,b\n1,\n2,\n3,4\n"))
    assert reading.default == ("a",)
    assert reading.dataset(["a", "b"]).values.tolist() == [[3, 4]]
    with pytest.raises(ValueError, match="2 of 3 rows have a missing"):
        reading.dataset(missing="refuse")


def test_columns_that_are_no_numbers_in_typed_formats_are_named():
    table = pa.table(
        {
            "x": pa.array([1, 2], pa.int32()),
            "day": pa.array([0, 1], pa.date32()),
            "yes": [True, False],
            "many": [[1], [2]],
            "word": ["u", "v"],
            "money": pa.array([1, 2]).cast(pa.decimal128(21, 2)),
            "gone": pa.array([None, None], pa.float64()),
        }
    )
    reading = read_table(file(parquet(table)))
    assert reading.columns == ("x", "money")
    assert dict(reading.left_out) == {
        "day": "dates",
        "yes": "true/false",
        "many": "lists",
        "word": "text",
        "gone": "empty",
    }
    dated = excel([["d", "x"], [pd.Timestamp("2020-01-01"), 1], [pd.Timestamp("2020-01-02"), 2]])
    assert read_table(file(dated)).left_out == (("d", "dates"),)


def test_parquet_names_with_dots_and_repeats_are_read_by_position():
    nested = pa.array([{"x": 1.0, "y": 2.0}])
    table = pa.table([nested, pa.array([3.0]), pa.array([4.0])], names=["a", "a.x", "a.x"])
    dataset = read_dataset(file(parquet(table)))
    assert dataset.columns == ("a.x", "a.x (2)")
    assert dataset.values.tolist() == [[3.0, 4.0]]


def test_of_several_sheets_the_first_filled_one_is_read_and_the_others_are_named():
    reading = read_table(file(excel([], [["a"], [1], [2]], [["b"], [3]])))
    assert (reading.sheet, reading.other_sheets) == ("sheet 2", ("sheet 3",))
    assert reading.columns == ("a",)


@pytest.mark.parametrize(
    ("content", "columns", "values"),
    [
        (
            '{"columns":[0,1],"index":[0,1],"data":[[1.5,2.5],[3.5,4.5]]}',
            ("0", "1"),
            [[1.5, 2.5], [3.5, 4.5]],
        ),
        ('{"a":{"0":1,"1":2},"b":{"1":20,"0":10}}', ("a", "b"), [[1, 10], [2, 20]]),
        (
            '{"a":{"0":1,"1":2},"b":{"0":10,"2":30}}',
            ("a", "b"),
            [[1, 10], [2, np.nan], [np.nan, 30]],
        ),
    ],
)
def test_json_that_names_rows_or_columns_is_read_by_name(content, columns, values):
    reading = read_table(file(content))
    assert (reading.columns, reading.header) == (columns, True)
    np.testing.assert_array_equal(reading.values, values)


@pytest.mark.parametrize(
    "content",
    [
        "id,2001,2002\nA,1,2\nB,3,4\n",
        '[["id", 2001, 2002], ["A", 1, 2], ["B", 3, 4]]',
        excel([["id", 2001, 2002], ["A", 1, 2], ["B", 3, 4]]),
    ],
)
def test_years_beside_a_label_are_a_header(content):
    reading = read_table(file(content))
    assert reading.columns == ("2001", "2002")
    assert reading.values.tolist() == [[1, 2], [3, 4]]
    assert "has the years 2001 to 2002" in " ".join(reading.sentences())


@pytest.mark.parametrize("ending", ["xls", "ods"])
def test_other_spreadsheets_are_read_as_excels_are(ending):
    reading = read_table(BOOKS / f"points.{ending}")
    assert (reading.sheet, reading.columns) == ("Points", ("a", "b"))
    assert reading.values.tolist() == [[1, 2.5], [3, 4.5]]
    assert reading.left_out == (("when", "dates"), ("note", "text"))
    assert "Old" in reading.other_sheets
    text = " ".join(reading.sentences())
    assert {"xls": "Excel", "ods": "OpenDocument"}[ending] in text
    assert 'Hidden in Excel, and not read: "Old"' in text
    assert read_table(BOOKS / f"points.{ending}", sheet="Old").values.tolist() == [[9]]


def test_a_cell_that_shows_an_error_is_missing():
    book = openpyxl.load_workbook(io.BytesIO(excel([["a", "b"], [1, 2], [3, 4], [5, 6]])))
    book.active["B3"].value, book.active["B3"].data_type = "#DIV/0!", "e"
    out = io.BytesIO()
    book.save(out)
    reading = read_table(file(out.getvalue()))
    assert reading.missing("b") == 1
    assert "1 row" in " ".join(reading.sentences())


def test_an_integer_of_thousands_of_digits_is_infinite_in_json_as_in_csv():
    digits = "9" * 5000
    for content in (f"[1, {digits}, 3]", f"1\n{digits}\n3\n"):
        assert read_table(file(content)).values[:, 0].tolist() == [1, np.inf, 3]


def hide(content, *titles, state="hidden"):
    book = openpyxl.load_workbook(io.BytesIO(content))
    for title in titles:
        book[title].sheet_state = state
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_visible_sheet_is_read_before_a_hidden_one(state):
    book = excel([["old"], [1], [2]], [["a"], [3]], [["b"], [4]])
    reading = read_table(file(hide(book, "sheet 1", state=state)))
    assert (reading.sheet, reading.columns) == ("sheet 2", ("a",))
    assert reading.other_sheets == ("sheet 3", "sheet 1")
    assert 'Hidden in Excel, and not read: "sheet 1".' in reading.sentences()
    only = read_table(file(hide(excel([["old"], [1]], []), "sheet 1", state=state)))
    assert only.columns == ("old",)
    assert 'sheet "sheet 1" is hidden in Excel; it was read' in " ".join(only.sentences())


def test_formulas_without_values_are_said_to_be_that():
    reading = read_table(file(excel([["a", "b"], [1, "=A2*2"], [2, "=A3*2"]])))
    assert reading.left_out == (("b", "empty"),)
    assert "2 cells with a formula came without a value" in " ".join(reading.sentences())
    for rows in ([["b"], ["=1+1"]], [["=1+1"]], [["b", "c"], ["=1+1", "x"]]):
        with pytest.raises(ValueError, match="1 cell with a formula came without a value"):
            read_table(file(excel(rows)))


def test_paths_bytes_and_reread_uploads_are_sources(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("a\n1\n2\n")
    assert read_dataset(path) == read_dataset(str(path)) == read_dataset(path.read_bytes())
    assert read_dataset(path).name == "points"
    assert read_dataset(path, name="mine").name == "mine"
    with path.open("rb") as stream:
        assert read_dataset(stream) == read_dataset(stream)
    with pytest.raises(ValueError, match=r"cannot be read: No such file"):
        read_dataset(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="is not a file"):
        read_dataset(tmp_path)
    with pytest.raises(ValueError, match="is not a file"):
        read_dataset("/dev/zero")
    with pytest.raises(ValueError, match=r"list came.*from_values"):
        read_dataset([1, 2])


def test_a_million_rows_read_completely():
    values = np.random.default_rng(0).normal(size=(1_000_000, 3)).round(6)
    table = pa.table(dict(zip("abc", values.T, strict=True)))
    out = io.BytesIO()
    pa.csv.write_csv(table, out)
    np.testing.assert_array_equal(read_dataset(out).values, values)


BOMB = io.BytesIO()
with zipfile.ZipFile(BOMB, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("xl/workbook.xml", "<a/>")
    with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
        for _ in range(32):
            sheet.write(bytes(10_000_000))
ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w") as archive:
    archive.writestr("readme.txt", "hello")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "file is empty"),
        (b" \n\r\n ", "file is empty"),
        (b"\xef\xbb\xbf", "only blank lines"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "binary, whatever its name"),
        (np.random.default_rng(0).bytes(5000), "binary, whatever its name"),
        (b"\x1f\x8b" + bytes(50), "compressed"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0" + bytes(50), "a workbook that cannot be read"),
        ("hello world\nno numbers\nin here\n", "no column of numbers"),
        ("a,b\n", "header but no rows below it"),
        ("a,b\nx,\ny,\n", 'no column of numbers: "a" is text, "b" is empty'),
        ("a,b\n1,2\n3,4,5\n6,7\n", "row 3 has 3 cells, but the first has 2"),
        ("a,b\n1,2\n3\n6,7\n", "row 3 has 1 cells, but the first has 2"),
        ("a\ninf\n-Infinity\n1e999\n", "No row is left"),
        ("a,b\n1,\n,2\n", "No row is left"),
        (",".join(["1"] * 257) + "\n", "257 columns of numbers, but at most 256"),
        (",".join(["1"] * 20_000) + "\n", "20,000 columns"),
        ("1\n" * 2_000_001, "2,000,001 rows"),
        ("x" * 1_000_001, "1,000,001 characters"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("[" + "[]," * 2_000_010 + "[]]", "rows, but at most 2,000,000"),
        ('{"a": [1, 2', "not valid JSON"),
        ("[]", "holds no rows"),
        ("{}", "holds no rows"),
        ("[[1, 2], [3]]", "row 2 has 1 cells, but the first has 2"),
        ('{"a": [1, 2], "b": [3]}', "differ in length"),
        (
            "a,b\n" + "1,2\n" * 100 + '3,"4\n' + "5,6\n" * 5000,
            "may not be closed: the cell in row 102, column 2 goes on over 5,000 lines",
        ),
        ('a,b\n3,"4\n' + "5,6\n" * 50 + '7,"8\n9,1\n', "quotation mark may not be closed"),
        ('a\n"1\n2\n3\n', "quotation mark may not be closed"),
        ('a b\n1 "2\n3 4\n5 6\n', "quotation mark may not be closed"),
        ("[1, [2]]", "not a table"),
        ('{"a": [1, 2], "a": [3, 4]}', 'has "a" twice'),
        ('{"a": 1}\n{"a": 1, "b": 2, "b": 3}', 'has "b" twice'),
        ('{"a": {"0": 1}, "b": [2]}', "which cells belong together"),
        ('{"columns": [0, 1], "data": [[1, 2], [3]]}', "row 2 has 1 cells, but the header has 2"),
        ('{"columns": ["a"], "data": []}', "header but no rows"),
        ("[true, false]", "true/false"),
        (b"PAR1" + bytes(50) + b"PAR1", "begins like Parquet"),
        (parquet(pa.table({"a": [1.0]}))[:-20], "begins like Parquet"),
        (parquet(pa.table({"a": pa.array([], pa.float64())})), "0 rows"),
        (parquet(pa.table({"a": pa.nulls(2_000_001, pa.int8())})), "2,000,001 rows"),
        (b"PK\x03\x04" + bytes(50), "ZIP archive or a workbook that cannot be read"),
        (ZIP.getvalue(), "not an Excel workbook"),
        (BOMB.getvalue(), "unpacks to 320 MB"),
        (excel([]), "no cell with content"),
        (excel([["a", "b"]]), "header but no rows"),
    ],
)
def test_a_file_that_is_no_table_of_numbers_is_refused_in_words(content, words):
    with pytest.raises(ValueError, match=words):
        read_dataset(file(content, "table.data"))


def test_a_sheet_that_claims_to_be_huge_is_read_by_what_it_holds():
    book = io.BytesIO(excel([["a"], [1], [2]]))
    out = io.BytesIO()
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.namelist():
            text = old.read(entry).replace(b'ref="A1:A3"', b'ref="A1:XFD1048576"')
            new.writestr(entry, text)
    assert read_dataset(file(out.getvalue())).values.tolist() == [[1], [2]]


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        os.truncate(stream.fileno(), 60 * 1024**2)  # sparse: takes no space
    with pytest.raises(ValueError, match=r"has 60.0 MB, but at most 50 MB"):
        read_dataset(path)
    with pytest.raises(ValueError, match="at most 50 MB"):
        read_dataset(io.BytesIO(bytes(MAX_BYTES + 1)))


def test_unknown_and_unusable_columns_are_named():
    upload = file("a,label\n1,x\n2,y\n")
    with pytest.raises(ValueError, match=r'"c" does not exist. Choose from "a"'):
        read_dataset(upload, columns=["c"])
    with pytest.raises(ValueError, match=r'"label" holds no numbers \(text\)'):
        read_dataset(upload, columns="label")
    with pytest.raises(ValueError, match="No column was chosen"):
        read_dataset(upload, columns=[])


@given(st.binary(max_size=300), st.sampled_from([b"", b"[", b"{", b"1,"]))
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise_anything_but_a_sentence(content, start):
    try:
        read_dataset(file(start + content))
    except ValueError as error:
        assert str(error).endswith((".", ")"))


SURVEY = "".join(
    f"{100_000 + i},{'n.d.' if i == 4 else f'S{i:02d}'},{1 + i % 3},"
    f"{99 if i in (7, 20) else 2 + i % 5},"
    f"{'<0.3' if i == 11 else '' if i == 12 else f'{20 + (i * 7) % 13}.5'}\n"
    for i in range(40)
)


def test_identifiers_codes_and_names_stay_out_of_the_fit_and_go_along_with_the_rows():
    head = "respondent,sample,gender,answer,level\n"
    reading = read_table(file(head + SURVEY))
    assert reading.default == ("level",)
    reasons = dict(reading.left_out)
    assert reasons["respondent"].startswith("identifiers")
    assert reasons["gender"] == "3 different whole numbers, like a code"
    assert reading.missing_codes == {"answer": 99.0}
    assert reading.unread == ((12, "level", "<0.3"),)
    assert reading.holes() == [(12, ["level"]), (13, ["level"])]
    dataset = reading.dataset()
    assert dataset.rows.numbers.tolist() == [i for i in range(1, 41) if i not in (12, 13)]
    assert dataset.rows.columns["sample"][12] == "S14"
    assert dataset.rows.columns["respondent"][12] == 100_014
    assert set(dataset.rows.columns) == {"sample", "respondent", "gender", "answer"}


def test_a_missing_code_counts_as_a_number_until_it_is_said_to_be_missing():
    reading = read_table(file("respondent,sample,gender,answer,level\n" + SURVEY))
    assert reading.missing("answer") == 0
    coded = reading.with_missing({"answer": 99.0})
    assert coded.missing("answer") == 2
    assert reading.missing("answer") == 0
    assert 8 not in coded.dataset(["answer", "level"]).rows.numbers


def test_rows_are_no_part_of_the_identity():
    with_rows = read_dataset(file("name,x\na,1\nb,2\nc,4\n"))
    without = Dataset.from_values([1.0, 2.0, 4.0], ["x"])
    assert with_rows.rows.name_column == "name"
    assert with_rows.fingerprint == without.fingerprint


def test_the_first_sheet_with_numbers_is_read_and_any_other_can_be_chosen():
    book = excel([["About"], ["read me"]], [["a"], [1], [2]], [["b"], [3]])
    reading = read_table(file(book))
    assert (reading.sheet, reading.columns) == ("sheet 2", ("a",))
    assert reading.other_sheets == ("sheet 1", "sheet 3")
    assert "the first sheet with a column of numbers" in " ".join(reading.sentences())
    assert read_table(file(book), sheet="sheet 3").columns == ("b",)
    with pytest.raises(ValueError, match=r'has no sheet "sheet 9". Choose from "sheet 1"'):
        read_table(file(book), sheet="sheet 9")
