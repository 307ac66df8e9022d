"""What is kept is counted, has limits, and is given back to the disk when it is deleted."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

import gmm_core as gmm
from gmm_core.data.rows import Rows
from gmm_core.runs.results import GuideFit
from gmm_core.store import Store
from store.test_store import specification


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    with Store(url) as store:
        yield store


def keep(store, steps, owner, megabytes=1):
    """A run with a result that does not pack."""
    spec = specification(steps)
    store.create_run(spec, owner)
    noise = np.random.default_rng(steps).normal(size=megabytes * 2**17)
    assert store.save_result(spec.id, GuideFit(noise, {}, np.eye(2)))
    return spec.id


def test_bytes_are_counted_for_each_who_has_them_and_once_in_all(store):
    assert store.kept_bytes("ann") == store.kept_bytes() - store.kept_bytes() == 0
    first, second = keep(store, 10, "ann"), keep(store, 11, "ben")
    store.note_visit(first, "ben")
    assert store.kept_bytes("ann") == pytest.approx(2**20, rel=0.05)
    assert store.kept_bytes("ben") == pytest.approx(2 * 2**20, rel=0.05)
    store.delete(second, "ben")
    store.delete(first, "ben")
    assert store.kept_bytes("ben") == 0


def test_all_that_a_dataset_has_counts(store):
    """Noise does not pack: values, weights and classes take what they have."""
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(2000, 2)), rng.exponential(size=2000)
    classes = [f"{number:x}" for number in rng.integers(64, size=2000)]
    names = [f"{number:016x}" for number in rng.integers(2**63, size=2000)]
    rows = Rows(np.arange(2000), {"name": np.array(names, dtype=np.dtypes.StringDType())})
    sizes, size = [], 0
    for fields in ({}, {"weights": weights}, {"weights": weights, "classes": classes}):
        data = gmm.Dataset.from_values(values, **fields)
        store.save_dataset(data, "ann")
        before, size = size, store.kept_bytes("ann")
        sizes.append(size - before)
    assert sizes[0] == pytest.approx(2000 * 2 * 8, rel=0.06)
    assert sizes[1] - sizes[0] == pytest.approx(2000 * 8, rel=0.06)
    assert 2000 * 6 / 8 <= sizes[2] - sizes[1] < 2000 * 4  # 64 classes are 6 bits
    store.save_dataset(replace(data, rows=rows), "ann")
    assert store.kept_bytes("ann") > size + 2000 * 8 * 0.9
    store.save_dataset(data, "ben")  # the same numbers, once
    assert store.kept_bytes("ben") == pytest.approx(size - before, rel=0.01)
    assert store.kept_bytes() == store.kept_bytes("ann")


def test_room_is_made_by_what_was_asked_for_longest_ago_and_nobody_pinned(store):
    ids = [keep(store, steps, "ann") for steps in (10, 11, 12, 13)]
    store.pin(ids[0], "ann")
    store.note_visit(ids[1])
    live = specification(14)
    store.create_run(live, "ann")
    assert store.make_room(2.5 * 2**20) == 2
    left = {row.id for row in store.runs("ann")}
    assert left == {ids[0], ids[1], live.id}
    assert store.make_room(2.5 * 2**20) == 0
    store.make_room(1)
    assert {row.id for row in store.runs("ann")} == {ids[0], live.id}


def size_on_disk(path: Path) -> int:
    return sum(os.path.getsize(p) for p in path.parent.glob(path.name + "*") if "shm" not in p.name)


def test_deleting_gives_the_disk_back(tmp_path):
    path = tmp_path / "runs.db"
    with Store(f"sqlite:///{path}") as store:
        small = size_on_disk(path)
        run = keep(store, 10, "ann", megabytes=40)
        assert size_on_disk(path) > 40e6
        store.delete(run, "ann")
        assert size_on_disk(path) < small + 1e6


def test_the_file_of_an_earlier_version_becomes_one_that_can_shrink(tmp_path):
    path = tmp_path / "runs.db"
    with Store(f"sqlite:///{path}") as store:
        run = keep(store, 10, "ann", megabytes=20)
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
        connection.exec_driver_sql("PRAGMA auto_vacuum = NONE")
        connection.exec_driver_sql("VACUUM")
    engine.dispose()
    with Store(f"sqlite:///{path}") as store:
        assert store.result(run) is not None
        store.delete(run, "ann")
        assert size_on_disk(path) < 1e6
