"""Memberships are written by the workers, a row for each row of the data, in its order."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client

import gmm_core as gmm
from gmm_core.partitions.memberships import bytes_at_most, write

from .conftest import workers

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

VALUES = np.random.default_rng(3).normal(size=(90, 2)) + np.arange(90)[:, None] % 2 * 4
HOLE = 70  # a row without one of its numbers
VALUES[HOLE, 1] = np.nan
POINT = gmm.Parameters([0.4, 0.6], [[0.0, 0.0], [4.0, 4.0]], [np.eye(2)] * 2)


@pytest.fixture
def client():
    with workers(2) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture
def folder(tmp_path):
    for name, rows in (("a", VALUES[:50]), ("b", VALUES[50:])):
        table = pa.table({"x": rows[:, 0], "y": rows[:, 1]})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=30)
    return tmp_path


def test_each_row_has_its_membership(folder, client):
    data = gmm.read_dataset(str(folder), partitioned=True)
    heard = []
    files = gmm.write_memberships(
        data, POINT, str(folder / "memberships"), client=client, on_progress=heard.append
    )
    done = [progress.done for progress in heard]
    assert done == sorted(done)
    assert (done[-1], heard[-1].total) == (4, 4)
    tables = [pq.read_table(file) for file in files]
    assert [len(table) for table in tables] == [30, 20, 30, 10]
    table = pa.concat_tables(tables, promote_options="default").to_pydict()
    assert table["file"] == ["a.parquet"] * 50 + ["b.parquet"] * 40
    assert table["row"] == [*range(1, 51), *range(1, 41)]
    complete = np.arange(90) != HOLE
    seen = VALUES[complete]
    shares = gmm.responsibilities(POINT, seen)
    for name, expected in (
        ("component", gmm.assign(POINT, seen) + 1),
        ("probability", shares.max(axis=1)),
        ("probability of component 2", shares[:, 1]),
        ("log density", gmm.log_density(POINT, seen)),
    ):
        assert table[name][HOLE] is None
        np.testing.assert_allclose(
            np.array(table[name])[complete].astype(float), expected, rtol=1e-12
        )


def test_memberships_are_exact_in_forty_columns(tmp_path, client):
    """Two unit Gaussians 4 apart in each column: a density is 1e-150 where both are as likely."""
    D, n = 40, 200
    values = 2 + np.random.default_rng(8).normal(size=(n, D)) / 8
    table = pa.table({f"x{d:02}": column for d, column in enumerate(values.T)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=70)
    point = gmm.Parameters([0.5, 0.5], [np.zeros(D), np.full(D, 4.0)], [np.eye(D)] * 2)
    data = gmm.read_dataset(str(tmp_path), partitioned=True)
    files = gmm.write_memberships(data, point, str(tmp_path / "out"), client=client)
    found = pa.concat_tables([pq.read_table(file) for file in files])
    # (|x|^2 - |x - 4|^2) / 2, exactly.
    log_odds = np.array([float(sum(4 * Fraction(x) - 8 for x in row)) for row in values.tolist()])
    assert 1 < np.abs(log_odds).mean() < 10  # in doubt, neither halves nor certain
    exact = 1 / (1 + np.exp(-log_odds))
    np.testing.assert_allclose(found["probability of component 2"], exact, rtol=1e-11)


@pytest.mark.parametrize(("n", "group"), [(90, 1), (40_000, 9000)])
def test_files_take_no_more_than_was_said_before(tmp_path, client, n, group):
    values = np.random.default_rng(4).normal(size=(n, 2)) * 3
    table = pa.table({"x": values[:, 0], "y": values[:, 1]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=group)
    data = gmm.read_dataset(str(tmp_path), partitioned=True)
    files = gmm.write_memberships(data, POINT, str(tmp_path / "out"), client=client)
    taken = sum(Path(file).stat().st_size for file in files)
    assert taken <= bytes_at_most(data, POINT) < 6 * taken


def test_what_was_written_is_told(folder, client):
    data = gmm.read_dataset(str(folder), partitioned=True)
    written = write(data, POINT, str(folder / "told"), client=client)
    of = gmm.assign(POINT, VALUES[np.arange(90) != HOLE])
    assert (written.files, written.rows, written.assigned.tolist()) == (
        4,
        90,
        np.bincount(of).tolist(),
    )
    noisy = gmm.Parameters(
        [0.3, 0.5], [[0.0, 0.0], [4.0, 4.0]], [np.eye(2) / 9] * 2, noise=0.2, box=[9.0, 9.0]
    )
    written = write(data, noisy, str(folder / "noisy"), client=client)
    shares = gmm.responsibilities(noisy, VALUES[np.arange(90) != HOLE])
    expected = np.bincount(shares.argmax(axis=1), minlength=3)
    assert expected[2] > 0
    assert written.assigned.tolist() == expected.tolist()


def test_other_rows_than_the_expected_are_not_written(folder, client):
    data = gmm.read_dataset(str(folder), partitioned=True)
    mark = data.fingerprint
    write(data, POINT, str(folder / "same"), expected=mark, client=client)
    table = pa.table({"x": VALUES[:50, 0] + 1e-9, "y": VALUES[:50, 1]})
    pq.write_table(table, folder / "a.parquet", row_group_size=30)
    data = gmm.read_dataset(str(folder), partitioned=True)
    with pytest.raises(ValueError, match="the files have changed. Open the data again"):
        write(data, POINT, str(folder / "other"), expected=mark, client=client)
    assert not list((folder / "other").glob("*.parquet"))


def test_what_is_there_is_not_written_over_and_a_stopped_writing_leaves_no_parquet(folder, client):
    data = gmm.read_dataset(str(folder), partitioned=True)
    with pytest.raises(ValueError, match="has Parquet files already. Name a new one"):
        gmm.write_memberships(data, POINT, str(folder), client=client)
    with pytest.raises(ValueError, match="but one point in 2 columns was expected"):
        gmm.write_memberships(data, gmm.Parameters([1.0], [[0.0]], [[[1.0]]]), str(folder))

    def stop(progress):
        raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled):
        gmm.write_memberships(data, POINT, f"{folder}/new", client=client, on_progress=stop)
    assert not list((folder / "new").glob("*.parquet"))
    (folder / "b.parquet").unlink()
    with pytest.raises(ValueError, match="b.parquet has changed"):
        gmm.write_memberships(data, POINT, f"{folder}/new", client=client)
    assert not list((folder / "new").glob("*.parquet"))
