"""What a folder of Parquet files holds is listed, and what is wrong with it is said in words."""

import os
import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gmm_core as gmm

VALUES = np.random.default_rng(3).normal(size=(100, 2))


def write(path, values, names=("a", "b"), group=40, **more):
    table = {name: values[:, i] for i, name in enumerate(names)} | more
    pq.write_table(pa.table(table), path, row_group_size=group)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "one.parquet", VALUES[:60], label=["x"] * 60)
    write(tmp_path / "two.parquet", VALUES[60:], label=["y"] * 40)
    return tmp_path


def read(source, **more):
    return gmm.read_dataset(str(source), partitioned=True, **more)


def test_numbers_are_listed_and_text_is_not(folder):
    data = read(f"{folder}/*.parquet")
    assert (data.columns, data.rows, data.bytes) == (("a", "b"), 100, 1600)
    assert data.name == folder.name
    values = np.concatenate([piece.read().values for piece in data.pieces])
    np.testing.assert_array_equal(values, VALUES)
    assert read(folder, columns=["b"]).columns == ("b",)


def test_equal_content_is_equal_whatever_its_files_are_called(folder, tmp_path):
    before = read(folder).fingerprint
    (folder / "one.parquet").rename(folder / "zz.parquet")
    assert read(folder).fingerprint == before
    assert read(folder, columns=["a"]).fingerprint != before
    write(folder / "two.parquet", VALUES[60:] + 1e-9, label=["y"] * 40)
    assert read(folder).fingerprint != before


def test_rows_without_all_their_numbers_are_left_out_or_refused(tmp_path):
    values = VALUES.copy()
    values[3, 1] = np.nan
    write(tmp_path / "holes.parquet", values)
    assert len(read(tmp_path).pieces[0].read().values) == 39
    with pytest.raises(ValueError, match="1 rows without all their numbers"):
        read(tmp_path, missing="refuse").pieces[0].read()


def test_classes_weights_and_holes_stay_with_their_rows(tmp_path):
    values = VALUES[:6].copy()
    values[1, 0], values[2] = np.nan, np.nan
    more = {"w": [1, 2, 1, 0, 3, 1], "kind": ["late", None, "gone", "gone", " early", ""]}
    write(tmp_path / "x.parquet", values, **more)
    data = read(tmp_path, weights="w", classes="kind", missing="keep")
    assert data.columns == ("a", "b")
    content = data.pieces[0].read()
    np.testing.assert_array_equal(content.rows, [0, 1, 4, 5])
    np.testing.assert_array_equal(content.values, values[[0, 1, 4, 5]])
    np.testing.assert_array_equal(content.weights, [1, 2, 3, 1])
    assert content.class_names == ("early", "late")
    np.testing.assert_array_equal(content.classes, [1, -1, 0, -1])
    assert data.fingerprint != read(tmp_path, weights="w", missing="keep").fingerprint


def test_a_column_of_numbers_can_be_known_classes_and_one_of_names_cannot(tmp_path):
    write(tmp_path / "x.parquet", VALUES, group=100, kind=[1.0, 2.0] * 50, key=range(100))
    data = read(tmp_path, columns=["a"], classes="kind")
    assert data.pieces[0].read().class_names == ("1", "2")
    with pytest.raises(ValueError, match='"key" has 100 different classes in x.parquet'):
        read(tmp_path, columns=["a"], classes="key").pieces[0].read()


def test_a_file_that_changes_while_it_is_read_is_refused(folder):
    data = read(folder)
    write(folder / "one.parquet", VALUES[:61], label=["x"] * 61)
    with pytest.raises(ValueError, match="one.parquet has changed since it was listed"):
        data.pieces[0].read()
    os.remove(folder / "two.parquet")
    with pytest.raises(ValueError, match="two.parquet has changed"):
        data.pieces[-1].read()


def test_weights_below_zero_are_refused(tmp_path):
    write(tmp_path / "w.parquet", VALUES)
    with pytest.raises(ValueError, match="weights has numbers below zero in w.parquet"):
        read(tmp_path, weights="b").pieces[0].read()


@pytest.mark.parametrize(
    ("files", "more", "message"),
    [
        ({}, {}, "There is no Parquet file at"),
        ({"a.parquet": b"nothing"}, {}, "a.parquet is not a Parquet file"),
        ({"a": ("a", "b"), "b": ("a", "c")}, {}, 'disagree on the columns "b", "c"'),
        ({"a": ("a", "b"), "b": ("a", "c")}, {"columns": ["b"]}, "disagree on the columns"),
        ({"a": ("a", "b")}, {"columns": "z"}, 'There is no column "z"'),
        ({"a": ("a", "b")}, {"classes": "z"}, 'There is no column "z"'),
        ({"a": ("a", "b")}, {"missing": "omit"}, '"drop", "keep" or "refuse" was expected'),
    ],
)
def test_bad_folders_are_named(tmp_path, files, more, message):
    for name, content in files.items():
        if isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
        else:
            write(tmp_path / f"{name}.parquet", VALUES, content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path, **more)


@pytest.mark.parametrize(("ending", "separator"), [("csv", ","), ("tsv", "\t")])
@pytest.mark.parametrize("source", ["{}", "{}/*.{}", "{}/b.{}"])
def test_text_is_refused_with_what_makes_parquet_of_it(tmp_path, ending, separator, source):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, rows in (("a", VALUES[:30]), ("b", VALUES[30:])):
        lines = [separator.join(map(repr, row)) for row in [*rows.tolist()]]
        head = separator.join(["a", "b"])
        (folder / f"{name}.{ending}").write_text("\n".join([head, *lines]) + "\n")
    with pytest.raises(ValueError, match="is text, in which a row is found by") as refused:
        read(source.format(folder, ending))
    code = re.search(r"in Python: (.*)\. Then name (.*)\.$", str(refused.value))
    subprocess.run([sys.executable, "-c", code[1]], check=True)
    data = read(code[2])
    assert data.rows == len(VALUES)
    values = np.concatenate([piece.read().values for piece in data.pieces])
    np.testing.assert_array_equal(values[np.lexsort(values.T)], VALUES[np.lexsort(VALUES.T)])


def test_text_beside_parquet_is_no_part_of_a_folder(tmp_path):
    write(tmp_path / "a.parquet", VALUES)
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    assert read(tmp_path).rows == len(VALUES)


def test_a_column_that_is_text_in_one_file_is_named(tmp_path):
    write(tmp_path / "a.parquet", VALUES)
    pq.write_table(pa.table({"a": ["x"], "b": [1.0]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match='The column "a" is string in b.parquet'):
        read(tmp_path)


def test_an_address_that_nothing_answers_is_told():
    with pytest.raises(ValueError, match="nobody.invalid"):
        read("http://nobody.invalid/data.parquet")
    with pytest.raises(ValueError, match="cannot be used"):
        read("nonsense://somewhere/x.parquet")
