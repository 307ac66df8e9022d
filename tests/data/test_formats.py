"""The registry of file formats: whoever adds an entry can read such files everywhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.data import formats
from gmm_core.data.formats import File, Format, RawTable
from gmm_core.data.reading import read_table


def read_raw(file: File) -> RawTable:
    """Read a format of the test's own: "RAW1", the number of columns, and float64 row by row."""
    values = np.frombuffer(file.data[5:], dtype="<f8").reshape(-1, file.data[4])
    names = tuple(f"raw {c}" for c in range(values.shape[1]))
    return RawTable("Raw", names, tuple(values.T.copy()), len(values), header=False)


@pytest.fixture
def raw() -> Iterator[None]:
    own = Format("Raw floats", ("raw",), lambda file: file.data[:4] == b"RAW1", read_raw)
    formats.FORMATS.insert(0, own)
    yield
    formats.FORMATS.remove(own)


VALUES = np.array([[1.5, -2.0], [3.0, 4.25], [0.1, 1e300]])
FILE = b"RAW1\x02" + VALUES.astype("<f8").tobytes()


def test_a_new_format_is_read_into_a_dataset(raw):
    reading = read_table(FILE, name="mine")
    assert reading.sentences()[0] == "Read 3 rows and 2 columns from Raw (no header)."
    data = gmm.read_dataset(FILE, name="mine")
    np.testing.assert_array_equal(data.values, VALUES)
    assert data.columns == ("raw 0", "raw 1")


def test_a_new_format_is_named_where_another_was_expected(raw):
    with pytest.raises(ValueError, match="but CSV, JSON, .* Parquet or Raw floats was expected"):
        read_table(b"%PDF-1.7")


def test_a_broken_file_of_a_new_format_is_a_sentence(raw):
    with pytest.raises(ValueError, match="damaged, or not what it looks like"):
        read_table(FILE[:-3])


def test_without_its_entry_the_file_is_refused():
    with pytest.raises(ValueError, match="binary, whatever its name says"):
        read_table(FILE)
