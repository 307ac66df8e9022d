"""The short form of `make load`: people use the real app at once, and leave nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from fuzz.corpus import HEAVY
from load import stranger
from load.client import Person
from load.mix import Measured, crowd
from load.server import Served, serving

from gmm_core.store import ENDED

PEOPLE, SECONDS = 6, 20


async def come_and_go(url: str) -> list[str]:
    errors: list[str] = []
    person = Person(url, errors)
    await person.open("fit")
    await person.until(lambda: person.says("Done in"), "the first screen")
    await person.leave()
    return errors


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1"}
    with serving(tmp_path_factory.mktemp("load"), settings=settings) as served:
        assert asyncio.run(come_and_go(served.url)) == []
        yield served


def test_everybody_is_answered_and_nobody_is_kept(served: Served) -> None:
    measured = Measured()
    before = served.usage().threads
    asyncio.run(crowd(served.url, PEOPLE, SECONDS, measured))
    assert measured.errors == []
    assert len(measured.screens) >= PEOPLE
    assert sum(measured.did.values()) >= PEOPLE
    deadline = time.monotonic() + 20
    while (served.sessions() or served.usage().threads > before + 4) and (
        time.monotonic() < deadline
    ):
        pass  # each look takes a moment
    assert served.sessions() == 0
    assert served.usage().threads <= before + 4  # Python's pools keep a few
    assert served.complaints() == []
    assert {state for _, state, _ in served.runs()} <= set(ENDED) - {"failed"}


def test_a_stranger_beside_them_is_served_and_counted_apart(served: Served) -> None:
    """Two visits of one; what is asked for from elsewhere is none of the crowd's runs."""
    before, did = len(served.runs()), Counter[str]()
    files = [("page.parquet", HEAVY["Parquet with a page of 2 GB"]()), ("a.csv", b"1\n2\n")]
    asyncio.run(stranger.stay(served.url, stranger.PAUSE + 1, files, did))
    assert did["fit"] == did["posterior"] == did["upload"] >= 1
    assert did["turned away"] == 0
    assert len(served.runs()) == before
    assert served.complaints() == []


async def where_one_is(url: str) -> str:
    person = Person(url, [])
    await person.open("fit")
    await person.until(lambda: person.says("Done in"), "the first screen")
    page = person.page
    await person.leave()
    return page


def test_who_has_opened_a_page_stays_on_it(served: Served) -> None:
    """Also when its fit is known, and so nothing is drawn a second time."""
    assert asyncio.run(where_one_is(served.url)) == "fit"


async def drawn_wrongly(url: str) -> list[str]:
    errors: list[str] = []
    person = Person(url, errors)
    await person.open("fit")
    await person.until(lambda: person.says("Done in"), "the first screen")
    await person.set(n_components=9)  # of five points
    await person.until(lambda: errors, "the error")
    await person.leave()
    return errors


def test_an_error_on_the_page_is_seen(served: Served) -> None:
    (error,) = asyncio.run(drawn_wrongly(served.url))
    assert "at least as many points" in error
