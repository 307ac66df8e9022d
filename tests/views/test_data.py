"""The Data page: says what would be used before it is used, and loses nothing that was entered."""

from __future__ import annotations

import io
import re

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gmm_core as gmm
from gmm_core.data import formats
from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example, examples
from gmm_core.data.formats import Format, RawTable


def page_text(app):
    """All that the page says, without markup."""
    kinds = ("markdown", "caption", "error", "success", "title")
    pieces = [e.value for kind in kinds for e in app.get(kind)]
    pieces += [e.proto.body for e in app.get("html")]
    text = re.sub(r"<[^>]+>", " ", " ".join(map(str, pieces)))
    return text.replace("\\", "").replace("&quot;", '"')


def buttons(app):
    return {button.key: button for button in app.button}


def upload(app, name, content, mime="text/csv"):
    app.file_uploader[0].upload(name, content, mime).run(timeout=60)
    assert not app.exception
    return app


def test_current_data_is_named_and_counted(view):
    assert '"tutorial" has 5 points in 1 column, "value".' in page_text(view("data"))


@pytest.mark.parametrize("name", ["iris", "galaxies"])
def test_example_applies_at_once(view, name):
    app = view("data")
    assert set(examples()) <= {key.removeprefix("use_") for key in buttons(app)}
    app.button(key=f"use_{name}").click().run()
    assert app.session_state["dataset"] == example(name)
    assert app.session_state["prior"] == "data"
    text = page_text(app)
    assert f'"{name}" has' in text
    assert "Every page now works on these" in text
    assert "to_fit" in buttons(app)
    assert buttons(app)[f"use_{name}"].disabled


def test_a_format_that_is_added_to_the_list_is_offered_and_read(view):
    def read(file):
        return RawTable("Raw", ("a",), (np.frombuffer(file.data[4:]),), 2, header=False)

    own = Format("Raw floats", ("raw",), lambda file: file.data[:4] == b"RAW1", read)
    formats.FORMATS.insert(0, own)
    try:
        app = view("data")
        assert "Raw floats" in app.file_uploader(key="upload").label
        app = upload(app, "mine.raw", b"RAW1" + np.array([4.5, 7.0]).tobytes())
        assert "Read 2 rows and 1 column from Raw" in page_text(app)
        app.button(key="use_upload").click().run()
    finally:
        formats.FORMATS.remove(own)
    np.testing.assert_array_equal(app.session_state["dataset"].values, [[4.5], [7.0]])


def test_shared_tables_are_offered_and_large_ones_stay_where_they_are(
    view, service, tmp_path, monkeypatch
):
    assert "Shared" not in [tab.label for tab in view("data").tabs]
    (tmp_path / "small.csv").write_text("u,v\n1,2\n3,4\n5,7\n")
    big = tmp_path / "big"
    big.mkdir()
    for i in range(2):
        pq.write_table(pa.table({"a": np.zeros(1_100_000)}), big / f"{i}.parquet")
    shared = service.settings.model_copy(update={"data": str(tmp_path)})
    monkeypatch.setattr(service, "settings", shared)
    app = view("data")
    assert "Shared" in [tab.label for tab in app.tabs]
    assert 'below 0.1 MB · 3 rows · 2 columns: "u", "v"' in page_text(app)
    app.button(key="shared_big/*.parquet").click().run()
    assert "2,200,000 rows" in page_text(app)
    assert "2,200,000 rows are more than a page holds. They stay where they are" in page_text(app)
    app.button(key="shared_small.csv").click().run()
    assert "read_reference" not in buttons(app)
    app.button(key="use_shared").click().run()
    np.testing.assert_array_equal(app.session_state["dataset"].values, [[1, 2], [3, 4], [5, 7]])


def test_upload_says_in_numbers_what_is_left_out_before_it_is_used(view):
    app = upload(
        view("data"), "mine.csv", b"x,y,name\n1,2,a\nnan,3,b\ninf,4,c\n5,6,d\n-inf,1,e\n7,8,f\n"
    )
    text = page_text(app)
    assert "Read 6 rows and 3 columns from CSV" in text
    assert 'Left out 1 column: "name" (text).' in text
    assert '3 values are missing, and integrated out: "x" lacks 3.' in text
    app.radio[0].set_value("drop").run()
    text = page_text(app)
    assert "Dropped 3 rows of 6" in text
    assert app.session_state["dataset"] == example("tutorial")  # nothing is used yet
    assert buttons(app)["use_upload"].label == "Use these 3 points"
    app.button(key="use_upload").click().run()
    np.testing.assert_array_equal(app.session_state["dataset"].values, [[1, 2], [5, 6], [7, 8]])
    assert "Dropped 3 rows of 6" in page_text(app)


def test_missing_rows_can_refuse_the_file(view):
    app = upload(view("data"), "mine.csv", b"x\n1\n\nnan\n3\n")
    app.radio[0].set_value("refuse").run()
    assert "1 of 3 rows has a missing or infinite value" in page_text(app)
    assert "use_upload" not in buttons(app)


def test_picked_columns_are_used(view):
    app = upload(view("data"), "mine.csv", b"a,b,c\n1,2,3\n4,5,6\n")
    picker = next(m for m in app.multiselect if m.label == "Columns to use")
    picker.set_value(["c"]).run()
    app.button(key="use_upload").click().run()
    assert app.session_state["dataset"].columns == ("c",)
    assert app.session_state["dataset"].name == "mine"
    picker = next(m for m in app.multiselect if m.label == "Columns to use")
    picker.set_value([]).run()
    assert "No column is chosen" in page_text(app)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (bytes(range(256)) * 20, "The file is binary"),
        (b"a,b\nfoo,bar\nbaz,qux\n", "no column of numbers"),
        (b"x\nnan\ninf\n", "No row is left"),
    ],
)
def test_bad_file_is_answered_and_everything_stays(view, content, message):
    app = view("data", typed="1 2 3")
    upload(app, "bad.csv", content)
    assert message in page_text(app)
    assert app.error
    assert "use_upload" not in buttons(app)
    assert app.text_area[0].value == "1 2 3"
    assert app.session_state["dataset"] == example("tutorial")


@pytest.mark.parametrize(("content", "n"), [(b"x\n5\n", 1), (b"x,y\n" + b"5,5\n" * 6, 6)])
def test_one_row_and_equal_points_can_be_used(view, content, n):
    app = upload(view("data"), "few.csv", content)
    app.button(key="use_upload").click().run()
    assert not app.exception
    assert len(app.session_state["dataset"].values) == n


def test_what_is_hard_is_said_before_and_after_and_a_constant_column_left_out(view):
    app = upload(view("data"), "hard.csv", b"a,b,c\n1,5,1\n2,5,9\n3,5,2\n4,5,7\n")
    assert '1 column is constant, without a spread to fit: "b"' in page_text(app)
    app.button(key="use_upload").click().run()
    assert "Before you fit: 1 column is constant" in re.sub(r"\s+", " ", page_text(app))
    app.button(key="drop_constant").click().run()
    assert app.session_state["dataset"].columns == ("a", "c")
    text = page_text(app)
    assert 'Left out, being constant: "b".' in text
    assert "Before you fit" not in text


def test_dates_booleans_and_mixed_text_are_left_out_and_large_numbers_told(view):
    rows = [
        f"2024-01-0{i},{i % 2 == 0},{'x' if i > 3 else i},{2**60 + i * 10**6}" for i in range(1, 7)
    ]
    app = upload(view("data"), "mixed.csv", "\n".join(["day,yes,mix,id", *rows]).encode())
    text = page_text(app)
    assert "Left out 3 columns" in text
    assert "numbers this far from zero" in text


def test_two_hundred_columns_are_all_used_unless_some_are_picked(view):
    head = ",".join(f"c{i}" for i in range(200))
    row = ",".join(str(i) for i in range(200))
    app = upload(view("data"), "wide.csv", f"{head}\n{row}\n{row}9\n".encode())
    app.button(key="use_upload").click().run()
    assert not app.exception
    assert app.session_state["dataset"].values.shape == (2, 200)
    assert "and 192 more columns" in page_text(app)


def test_hostile_names_are_shown_as_text(view):
    head = "=cmd|' /C calc'!A0,<script>alert(1)</script>"
    app = upload(view("data"), "**x** <b>.csv", f"{head}\n1,2\n3,4\n".encode())
    app.button(key="use_upload").click().run()
    assert app.session_state["dataset"].columns == tuple(head.split(","))
    for element in app.get("html"):
        assert "<script>" not in element.proto.body
    for element in (*app.markdown, *app.caption):
        assert "<script>" not in element.value  # escaped as \<script\>


def test_excel_and_parquet_are_read(view):
    import pandas as pd

    table = pd.DataFrame({"x": [1.0, 2.0, 4.0]})
    app = view("data")
    for name in ("a.xlsx", "b.parquet"):
        file = io.BytesIO()
        table.to_excel(file, index=False) if name == "a.xlsx" else table.to_parquet(file)
        upload(app, name, file.getvalue(), "application/octet-stream")
        assert "Read 3 rows and 1 column" in page_text(app)


def test_generated_points_come_from_the_mixture_that_is_set(view):
    app = view("data")
    app.session_state["components_1_0"] = {
        "edited_rows": {0: {"loc": 100.0}, 1: {"loc": 100.0}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.number_input(key="generate_n").set_value(50).run()
    app.button(key="use_generate").click().run()
    data = app.session_state["dataset"]
    assert data.values.shape == (50, 1)
    assert 95 < data.values.mean() < 105


def test_two_columns_are_generated_with_a_correlation(view):
    app = view("data", generate_columns=2)
    app.button(key="use_generate").click().run()
    assert app.session_state["dataset"].values.shape == (500, 2)


def test_impossible_component_is_named(view):
    app = view("data")
    app.session_state["components_1_0"] = {
        "edited_rows": {1: {"scale": -1.0}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.run()
    assert "Component 2 has the standard deviation -1" in page_text(app)
    assert "use_generate" not in buttons(app)


def edit(app, **changes):
    app.session_state["edit_0"] = {
        "edited_rows": {},
        "added_rows": [],
        "deleted_rows": [],
    } | changes
    return app.run()


def test_points_are_edited_added_and_deleted(view):
    app = edit(
        view("data"),
        edited_rows={0: {"value": -2.5}},
        added_rows=[{"value": 7.0}],
        deleted_rows=[1],
    )
    assert not app.exception
    app.button(key="use_edit").click().run()
    assert not app.exception
    data = app.session_state["dataset"]
    np.testing.assert_array_equal(data.values[:, 0], [-2.5, 10, 11, 12, 7])
    assert data.name == "tutorial (edited)"
    assert app.session_state["edit_kept"][1] == 1  # a new editor, on the new points


def test_empty_cell_is_named_and_the_other_edits_stay(view):
    app = edit(view("data"), edited_rows={0: {"value": -2.5}}, added_rows=[{}])
    assert 'Row 6, column "value", is empty' in page_text(app)
    assert "use_edit" not in buttons(app)
    app.run()
    assert app.session_state["edit_0"]["edited_rows"] == {0: {"value": -2.5}}


def test_rows_with_an_empty_cell_can_be_left_out(view):
    app = edit(view("data"), edited_rows={0: {"value": -2.5}}, added_rows=[{}])
    app.radio(key="edit_missing").set_value("drop").run()
    app.button(key="use_edit").click().run()
    np.testing.assert_array_equal(app.session_state["dataset"].values[:, 0], [-2.5, 1, 10, 11, 12])
    assert "Edited by hand. Left out 1 row of 6 with an empty cell." in page_text(app)


def test_weights_classes_and_holes_outlive_an_edit(view):
    data = gmm.Dataset.from_values(
        [[1.0, 2.0], [np.nan, 5.0], [4.0, 9.0], [6.0, 7.5]],
        ["a", "b"],
        weights=[2, 1, 0.5, 3],
        classes=["x", None, "y", "x"],
        missing="keep",
    )
    app = view("data", dataset=data)
    assert "use_edit" not in buttons(app)  # nothing is edited yet
    app = edit(app, edited_rows={0: {"a": -1.0}, 2: {"counts as": 4}}, deleted_rows=[3],
               added_rows=[{"a": 3.0, "b": 3.0, "known class": "y"}])  # fmt: skip
    app.button(key="use_edit").click().run()
    made = app.session_state["dataset"]
    np.testing.assert_array_equal(made.values, [[-1, 2], [np.nan, 5], [4, 9], [3, 3]])
    assert made.weights.tolist() == [2, 1, 4, 1]
    assert made.classes == ("x", None, "y", "y")


def leave_and_return(app):
    app.switch_page("pages/views/runs.py").run()
    assert not app.exception
    app.switch_page("pages/views/data.py").run()
    assert not app.exception
    return app


def test_a_file_that_was_not_used_yet_is_still_there_after_another_page(view):
    app = upload(view("data"), "mine.csv", b"a,b\n1,2\n,5\n7,8\n")
    next(m for m in app.multiselect if m.label == "Columns to use").set_value(["a"]).run()
    app = leave_and_return(app)
    text = page_text(app)
    assert "Still here from before: mine.csv" in text
    assert "Dropped 1 row of 3" in text
    app.button(key="use_upload").click().run()
    np.testing.assert_array_equal(app.session_state["dataset"].values, [[1], [7]])
    app.button(key="upload_remove").click().run()
    assert "mine.csv" not in page_text(app)
    assert "use_upload" not in buttons(app)


def test_edits_that_were_not_used_yet_are_still_there_after_another_page(view):
    app = edit(view("data"), edited_rows={0: {"value": -2.5}}, deleted_rows=[1])
    app = leave_and_return(app)
    app.button(key="use_edit").click().run()
    np.testing.assert_array_equal(app.session_state["dataset"].values[:, 0], [-2.5, 10, 11, 12])


def test_a_mixture_that_was_set_is_still_there_after_another_page(view):
    app = view("data")
    app.session_state["components_1_0"] = {
        "edited_rows": {0: {"loc": 100.0}, 1: {"loc": 100.0}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.run()
    app = leave_and_return(app)
    app.button(key="use_generate").click().run()
    assert 95 < app.session_state["dataset"].values.mean() < 105


def test_undo_brings_the_data_back(view):
    app = edit(view("data"), edited_rows={0: {"value": -2.5}})
    app.button(key="edit_undo").click().run()
    assert not app.exception
    assert "use_edit" not in buttons(app)


def test_points_are_typed_by_number(view):
    app = view("data")
    app.text_area[0].set_value("3, 4, five").run()
    assert 'Line 1, is "five"' in page_text(app)
    assert app.text_area[0].value == "3, 4, five"
    app.text_area[0].set_value("3, 4, 5").run()
    app.button(key="use_typed").click().run()
    np.testing.assert_array_equal(app.session_state["dataset"].values[:, 0], [3, 4, 5])


def test_large_data_is_not_offered_as_a_table(view):
    app = view("data", dataset=Dataset.from_values(np.arange(2001.0), name="large"))
    assert "a table can be edited up to 2,000" in page_text(app)


SURVEY = "id,sample,answer,level\n" + "".join(
    f"{1000 + i},S{i:02d},{99 if i == 7 else 1.5 + i % 7},"
    f"{'<0.3' if i == 11 else i * 7 % 13 + 0.5}\n"
    for i in range(40)
)


def test_a_missing_code_is_asked_about_and_what_was_not_read_is_shown(view):
    app = upload(view("data"), "survey.csv", SURVEY.encode())
    words = page_text(app)
    assert "id" in words
    assert "identifiers" in words
    assert "Which cells and rows?" in [expander.label for expander in app.expander]
    assert "S11" not in words
    assert "<0.3" in words.replace("&lt;", "<")
    pills = next(p for p in app.get("button_group") if "stand for a missing value" in p.label)
    assert pills.value == ["answer"]
    app.button(key="use_upload").click().run()
    data = app.session_state["dataset"]
    assert data.columns == ("answer", "level")
    assert 99 not in data.values
    assert data.rows.name_column == "sample"
    assert data.rows.numbers.tolist() == list(range(1, 41))
    assert np.flatnonzero(np.isnan(data.values).any(axis=1)).tolist() == [7, 11]


def test_another_sheet_of_a_workbook_can_be_chosen(view):
    book = io.BytesIO()
    workbook = openpyxl.Workbook()
    workbook.active.append(["About this file"])
    for title, rows in (("one", [["a"], [1.5], [2.5]]), ("two", [["b"], [3.5], [4.5], [6]])):
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    workbook.save(book)
    app = upload(view("data"), "study.xlsx", book.getvalue(), "application/octet-stream")
    sheet = next(box for box in app.selectbox if box.label == "Sheet")
    assert sheet.value == "one"
    sheet.set_value("two").run()
    app.button(key="use_upload").click().run()
    assert app.session_state["dataset"].columns == ("b",)


def transform(app, name, columns):
    chosen = next(w for w in app.multiselect if w.key.startswith(f"transform_{name}_"))
    return chosen.set_value(columns).run()


def test_columns_are_transformed_seen_first_and_brought_back(view):
    app = view("data")
    app.button(key="use_faithful").click().run()
    app = transform(app, "log", ["waiting"])
    app = transform(app, "standardise", ["waiting"])
    assert '"waiting" was chosen twice' in page_text(app)
    app = transform(app, "standardise", ["eruptions"])
    app.button(key="use_transform").click().run()
    expected = gmm.transformed(example("faithful"), {"waiting": "log", "eruptions": "standardise"})
    assert app.session_state["dataset"] == expected
    text = page_text(app)
    assert '"log waiting" is the natural logarithm of "waiting"' in text
    assert '"eruptions (sd)" is "eruptions" less its mean' in text
    assert "use_transform" not in buttons(app)
    (looked,) = [w for w in app.multiselect if w.label == "Columns to look at"]
    assert looked.options == ["eruptions", "waiting"]
    assert "43.0 to 96.0" in page_text(app)
    app.session_state["units"] = "as fitted"
    app.run()
    (looked,) = [w for w in app.multiselect if w.label == "Columns to look at"]
    assert looked.options == ["eruptions (sd)", "log waiting"]
    assert "3.76 to 4.56" in page_text(app)
    app = transform(app, "log", [])
    app = transform(app, "standardise", [])
    app.button(key="use_transform").click().run()
    assert app.session_state["dataset"] == example("faithful")


def test_a_value_that_a_transform_cannot_take_is_said_and_nothing_lost(view):
    app = upload(view("data"), "a.csv", b"a,b\n0,1\n2,3\n4,9\n")
    app.button(key="use_upload").click().run()
    app = transform(app, "log", ["a"])
    text = page_text(app)
    assert 'logarithm of "a" takes values above zero, but 1 of 3 values is not' in text
    assert "use_transform" not in buttons(app)
    app = transform(app, "log", ["b"])
    app.button(key="use_transform").click().run()
    assert app.session_state["dataset"].columns == ("a", "log b")


def test_a_transformed_table_is_edited_in_its_own_numbers(view):
    app = view("data")
    app.button(key="use_faithful").click().run()
    app = transform(app, "log", ["waiting"])
    app.button(key="use_transform").click().run()
    shown = app.session_state["edit_kept"][2]
    assert list(shown.columns) == ["eruptions", "waiting"]
    assert shown["waiting"].tolist() == example("faithful").values[:, 1].tolist()


def test_points_are_coloured_by_a_column_that_is_not_fitted(view):
    rows = "".join(f"{n + 0.5},{n * n % 7},{'male' if n % 3 else 'female'}\n" for n in range(12))
    app = view("data")
    assert not [w for w in app.selectbox if w.label == "Colour by"]
    app = upload(app, "a.csv", b"a,b,sex\n" + rows.encode())
    app.button(key="use_upload").click().run()
    (chosen,) = [w for w in app.selectbox if w.label == "Colour by"]
    assert chosen.options == ["nothing", "sex"]
    chosen.set_value(0).run()
    assert not app.exception
    figures = [str(element.proto) for element in app.get("bidi_component")]
    assert any("Coloured by sex: 4 female, 8 male." in element for element in figures)


def test_rows_without_any_value_are_not_called_missing_values(view):
    app = upload(view("data"), "a.csv", b"a,b\n1,2\n,\n3,5\n")
    text = page_text(app)
    assert "Dropped 1 row with no value at all." in text
    assert "integrated out" not in text
