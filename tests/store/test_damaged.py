"""Files of a store that were damaged: each call answers rightly or says so, and none is misled."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import suppress

import numpy as np
import pytest
import sqlalchemy as sa

from gmm_core.jobs.away import BROKEN, DatabaseAwayError, store_answers
from gmm_core.store import Store
from store.test_store import specification
from store.test_usage import keep


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The file of a store with a run, its id, and what a reader finds in it."""
    path = tmp_path_factory.mktemp("sound") / "runs.db"
    with Store(f"sqlite:///{path}") as store:
        run_id = keep(store, 10, "ann")
        store.create_run(specification(11), "ben")
        loss = store.result(run_id).loss
    return path, run_id, loss


def stomped(content: bytearray, rng: random.Random) -> None:
    content[:100] = rng.randbytes(100)  # the header


def halved(content: bytearray, rng: random.Random) -> None:
    del content[len(content) // 2 :]


def short(content: bytearray, rng: random.Random) -> None:
    del content[50:]


def text(content: bytearray, rng: random.Random) -> None:
    content[:] = b"This is no database.\n" * 1000


def pages(content: bytearray, rng: random.Random) -> None:
    for _ in range(20):
        at = rng.randrange(len(content) // 4096) * 4096
        content[at : at + 4096] = bytes(4096)


def bits(content: bytearray, rng: random.Random) -> None:
    for _ in range(200):
        content[rng.randrange(100, len(content))] ^= 1 << rng.randrange(8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("damage", [stomped, halved, short, text, pages, bits])
def test_a_damaged_file_is_read_rightly_or_told(sound, tmp_path, damage, seed):
    path, run_id, loss = sound
    content = bytearray(path.read_bytes())
    damage(content, random.Random(seed))
    (tmp_path / "runs.db").write_bytes(content)
    refusals = (ValueError, sa.exc.SQLAlchemyError)  # of which pages make a sentence
    with suppress(*refusals), Store(f"sqlite:///{tmp_path / 'runs.db'}", patience=0) as store:
        for ask in (
            lambda: store.state(run_id),
            lambda: store.runs("ann"),
            lambda: store.specification(run_id),
            lambda: store.create_run(specification(12), "ann"),
            lambda: store.kept_bytes("ann"),
        ):
            with suppress(*refusals):
                ask()
        with suppress(*refusals):
            fit = store.result(run_id)
            if fit is not None:
                np.testing.assert_array_equal(fit.loss, loss)  # never other numbers


def changed(sound, tmp_path, statement: str, **values: object) -> str:
    """The URL of a copy in which a statement was executed."""
    copy = tmp_path / "runs.db"
    shutil.copy(sound[0], copy)
    with sqlite3.connect(copy) as database:
        assert database.execute(statement, values).rowcount > 0
    database.close()
    return f"sqlite:///{copy}"


@pytest.mark.parametrize(
    "blob",
    [b"", b"GMMv1\n", b"GMMv9\n" + bytes(100), bytes(1000), b"\x78\x9c" + bytes(50), None],
    ids=["empty", "cut", "newer", "zeros", "broken", "bomb"],
)
def test_a_result_that_is_none_is_a_sentence(sound, tmp_path, blob):
    if blob is None:  # 2 GB of zeros in 2 MB
        import zlib

        packer = zlib.compressobj(1)
        blob = b"GMMv1\n" + b"".join(packer.compress(bytes(2**20)) for _ in range(2048))
        blob += packer.flush()
    url = changed(sound, tmp_path, "UPDATE results SET blob = :blob", blob=blob)
    with Store(url) as store, pytest.raises(ValueError, match=r"\w{4,}.*\."):
        store.result(sound[1])


@pytest.mark.parametrize("words", ["", "{", "[]", '{"version": 99}', "null"])
def test_a_specification_that_is_none_is_a_sentence(sound, tmp_path, words):
    url = changed(sound, tmp_path, "UPDATE runs SET specification = :words", words=words)
    with Store(url) as store, pytest.raises(ValueError, match=r"\w{4,}.*\.") as refusal:
        store.specification(sound[1])
    assert "pydantic" not in str(refusal.value)


def test_a_file_that_is_no_database_is_not_said_to_be_away(tmp_path):
    path = tmp_path / "runs.db"
    path.write_bytes(b"This is no database.\n" * 1000)
    with pytest.raises(DatabaseAwayError) as refusal, store_answers():
        Store(f"sqlite:///{path}", patience=0)
    assert str(refusal.value) == BROKEN
