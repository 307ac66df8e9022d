"""A folder of shared tables: what lies there is listed and read, and nothing outside it."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gmm_core.data import folder as folders
from gmm_core.data.folder import Folder

VALUES = np.random.default_rng(3).normal(size=(100, 2))


def write(path, values, **more):
    pq.write_table(pa.table({"a": values[:, 0], "b": values[:, 1]} | more), path)


@pytest.fixture
def shared(tmp_path):
    root = tmp_path / "shared"
    (root / "parts").mkdir(parents=True)
    (root / ".hidden").mkdir()
    write(root / "parts" / "1.parquet", VALUES[:40])
    write(root / "parts" / "2.parquet", VALUES[40:])
    write(root / "one.parquet", VALUES, kind=["x", "y"] * 50)
    write(root / ".hidden" / "no.parquet", VALUES)
    (root / "small.csv").write_text("u,v,name\n1,2,p\n3,4,q\n5,7,r\n")
    (root / "notes.md").write_text("no table")
    (tmp_path / "secret.csv").write_text("a\n1\n2\n")
    return root


def test_tables_are_listed_with_their_size_and_columns(shared):
    entries = {entry.name: entry for entry in Folder(str(shared)).entries()}
    assert list(entries) == ["one.parquet", "parts/*.parquet", "small.csv"]
    several = entries["parts/*.parquet"]
    assert (several.columns, several.rows) == (("a", "b"), 100)
    assert several.bytes == sum(path.stat().st_size for path in (shared / "parts").iterdir())
    assert entries["one.parquet"].columns == ("a", "b", "kind")
    assert (entries["small.csv"].columns, entries["small.csv"].rows) == (("u", "v", "name"), 3)


def test_a_table_is_read_and_files_of_a_folder_as_one(shared):
    folder = Folder(str(shared))
    several = folder.read("parts/*.parquet")
    assert several.name == "parts"
    np.testing.assert_array_equal(several.dataset().values, VALUES)
    assert folder.read("small.csv").dataset().columns == ("u", "v")


def test_a_folder_of_another_file_system_is_read_alike(shared):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/shared/deep/x.csv", b"a,b\n1,2\n3,4.5\n")
    try:
        folder = Folder("memory://shared")
        (entry,) = folder.entries()
        assert (entry.name, entry.columns) == ("deep/x.csv", ("a", "b"))
        np.testing.assert_array_equal(
            folder.read("deep/x.csv").dataset().values, [[1, 2], [3, 4.5]]
        )
        with pytest.raises(ValueError, match="leads out of the folder"):
            folder.read("../other/x.csv")
    finally:
        memory.rm("/shared", recursive=True)


@pytest.mark.parametrize(
    "name", ["../secret.csv", "parts/../../secret.csv", "/etc/passwd", "", "a//b", "file:///etc/x"]
)
def test_no_name_leads_out_of_it(shared, name):
    with pytest.raises(ValueError, match="leads out of the folder of shared data"):
        Folder(str(shared)).read(name)


def test_links_that_lead_out_of_it_are_neither_listed_nor_read(shared, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    write(outside / "o.parquet", VALUES)
    (shared / "file.csv").symlink_to(tmp_path / "secret.csv")
    (shared / "folder").symlink_to(outside)
    (shared / "again.csv").symlink_to(shared / "small.csv")
    folder = Folder(str(shared))
    names = [entry.name for entry in folder.entries()]
    assert names == ["again.csv", "one.parquet", "parts/*.parquet", "small.csv"]
    for name in ("file.csv", "folder/o.parquet"):
        with pytest.raises(ValueError, match="link that leads out of the folder"):
            folder.read(name)


def test_a_link_among_the_files_of_a_folder_does_not_lead_out_either(shared, tmp_path):
    write(tmp_path / "outside.parquet", VALUES)
    (shared / "parts" / "3.parquet").symlink_to(tmp_path / "outside.parquet")
    folder = Folder(str(shared))
    assert folder.read("parts/*.parquet").n_rows == 100
    (entry,) = [candidate for candidate in folder.entries() if "*" in candidate.name]
    assert entry.rows == 100


def test_what_is_too_large_or_cannot_be_read_says_so(shared, monkeypatch):
    (shared / "broken.parquet").write_bytes(b"nothing")
    write(shared / "parts" / "3.parquet", VALUES, more=VALUES[:, 0])
    folder = Folder(str(shared))
    entries = {entry.name: entry for entry in folder.entries()}
    assert "broken.parquet is not a Parquet file" in entries["broken.parquet"].problem
    with pytest.raises(ValueError, match="disagree on their columns"):
        folder.read("parts/*.parquet")
    with pytest.raises(ValueError, match="gone.csv cannot be read"):
        folder.read("gone.csv")
    monkeypatch.setattr(folders, "MAX_POINTS", 50)
    with pytest.raises(ValueError, match="200 rows in .* but a page works on 50 rows"):
        folder.read("parts/*.parquet")
    with pytest.raises(ValueError, match="folder of shared data is not there"):
        Folder(str(shared / "nowhere"))
