"""As it is deployed: two web processes behind nginx, a scheduler, a worker and PostgreSQL."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import nginx
import numpy as np
import pytest
from load.client import Person
from playwright.sync_api import Page, expect
from postgres import Server as Postgres
from processes import Cluster, until

from gmm_core.store import LIVE, Store

from .conftest import PATIENCE, START_SECONDS, Server, answers, connected
from .test_fit import FINISHED, progress_of, set_number, settled, use_pyro


@dataclass
class Site:
    """Where nginx listens, what it logs, the web processes behind it, and what they keep."""

    url: str
    log: Path
    web: list[Server]
    database: str

    def replicas(self, path: str) -> list[str]:
        """The web processes that requests for a path went to, in the order of their ends."""
        return re.findall(rf"{path} \d+ [\d.]+ (127\.0\.0\.1:\d+)", self.log.read_text())

    def replica_of(self, cookie: str) -> str:
        """The web process that a request with a cookie went to; "" while nginx has not said."""
        match = re.search(rf" (127\.0\.0\.1:\d+) {cookie}\b", self.log.read_text())
        return match[1] if match else ""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler and a worker."""
    (folder := tmp_path / "cluster").mkdir()
    cluster = Cluster(folder)
    cluster.start()
    yield cluster
    cluster.kill()


@pytest.fixture
def site(
    cluster: Cluster, postgres: Postgres, start: Callable[..., Server], tmp_path: Path
) -> Iterator[Site]:
    """Two web processes on one database and one scheduler, and nginx in front of them."""
    database = postgres.new_database()
    settings = {
        "GMM_DATABASE": database,
        "GMM_QUEUED_RUNS": "2",
        "GMM_SCHEDULER": cluster.address,
        "STREAMLIT_SERVER_COOKIE_SECRET": "the same for both",
    }
    web = [start(folder=tmp_path / name, settings=settings) for name in "ab"]
    behind = [urlsplit(one.url).netloc for one in web]
    with nginx.running(tmp_path, behind, logged=" $cookie_replica") as served:
        until(partial(answers, f"{served.url}/_stcore/health"), START_SECONDS)
        yield Site(served.url, served.access, web, database)


def cookies_of_both(site: Site) -> list[dict[str, str]]:
    """Find a cookie that leads to the first web process, and one that leads to the second."""
    by_replica: dict[str, dict[str, str]] = {}
    while len(by_replica) < 2:
        cookie = {"replica": secrets.token_hex(16)}
        request = Request(f"{site.url}/_stcore/health")
        request.add_header("Cookie", f"replica={cookie['replica']}")
        with urlopen(request, timeout=10) as response:
            assert response.status == 200
        # Told by its cookie: nginx writes the line after the answer, maybe behind another one.
        by_replica[until(partial(site.replica_of, cookie["replica"]))] = cookie
    return [by_replica[urlsplit(web.url).netloc] for web in site.web]


def test_two_web_processes_share_a_run_its_progress_and_its_end(
    site: Site, open_page: Callable[..., Page]
) -> None:
    hers, his = cookies_of_both(site)
    ann = open_page(f"{site.url}/fit", cookies=hers)
    settled(ann)
    # A page that is loaded again comes back to its process.
    ann.reload()
    settled(connected(ann))
    assert set(site.replicas("/_stcore/stream")) == {urlsplit(site.web[0].url).netloc}

    use_pyro(ann)
    set_number(ann, "Steps", "9002")
    ann.get_by_role("button", name="Fit", exact=True).click()
    steps = progress_of(9_002)
    expect(ann.get_by_text(steps)).to_be_visible()

    ben = open_page(ann.url, cookies=his)
    seen = ben.get_by_text(steps)
    expect(seen).to_be_visible()
    before = seen.inner_text()
    expect(seen).not_to_have_text(before)
    # It is not his to cancel.
    expect(ben.get_by_role("button", name="Cancel")).to_have_count(0)

    ann.get_by_role("button", name="Cancel").click()
    expect(ann.get_by_text("Cancelled after")).to_be_visible()
    expect(ben.get_by_text("Cancelled after")).to_be_visible()

    ben.goto("about:blank")
    # Told at a connection's end; a browser that lost one has made another to the same process.
    both = {urlsplit(web.url).netloc for web in site.web}
    until(lambda: set(site.replicas("/_stcore/stream")) == both)


class Crowd:
    """People without browsers, in a thread of their own: Playwright has this one's event loop."""

    def __init__(self, site: Site) -> None:
        self._url = site.url
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.people: list[Person] = []

    def do(self, *asked: Coroutine[Any, Any, Any]) -> list[Any]:
        """Do things at once, and wait for them all."""

        async def together() -> list[Any]:
            return await asyncio.gather(*asked)

        return asyncio.run_coroutine_threadsafe(together(), self._loop).result(PATIENCE / 1000)

    def person(self, name: str, replica: str) -> Person:
        """Somebody who has not come yet, by way of one of the web processes."""
        owner = hashlib.sha256(name.encode()).hexdigest()[:43]
        self.people.append(Person(self._url, [], f"{owner}; replica={replica}"))
        return self.people[-1]

    def leave(self) -> None:
        """Let everybody go."""
        self.do(*(person.leave() for person in self.people))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def crowd(site: Site) -> Iterator[Crowd]:
    """People without browsers on the site."""
    crowd = Crowd(site)
    yield crowd
    crowd.leave()


async def come(person: Person) -> None:
    """Open the page to its first fit."""
    await person.open("fit")
    await person.until(lambda: person.says("Done in"), "the first fit")


async def ask_for_a_run(person: Person, steps: int) -> str:
    """Fit in Pyro, and return the run that the page then names; "" when it is refused."""
    first = person.run_id
    pyro = {"map.choose": "Smallest initial loss", "map.engine": "Pyro, the reference"}
    await person.set(**pyro, **{"map.steps": steps})
    await person.until(lambda: person.run_id != first or person.errors, "the run")
    return "" if person.errors else person.run_id


def place_of(person: Person) -> str:
    """Return which in line the page says that its run is."""
    said = (words.partition(" in line")[0] for words in person.text() if " in line" in words)
    return next(said, "")


async def look_at(person: Person, run_id: str) -> str:
    """Open a run that waits; return its place."""
    await person.open("fit", f"run={run_id}")
    await person.until(lambda: place_of(person), "its place")
    return place_of(person)


def test_one_killed_under_load_loses_nothing(
    site: Site, crowd: Crowd, open_page: Callable[..., Page]
) -> None:
    a, b = (cookie["replica"] for cookie in cookies_of_both(site))
    ann = open_page(f"{site.url}/fit", cookies={"replica": a}, lost=True)
    settled(ann)
    names = zip(("ben", "ben", "cat", "dan", "ben", "ben"), (a, b, b, a, a, b), strict=True)
    people = [crowd.person(*each) for each in names]
    crowd.do(*map(come, people))
    use_pyro(ann)
    set_number(ann, "Steps", "2003")
    under_way = ann.get_by_text(progress_of(2_003))
    expect(under_way).to_be_visible()
    anns = parse_qs(urlsplit(ann.url).query)["run"][0]

    # Everybody else waits for the one worker, whichever process they came to.
    runs = [crowd.do(ask_for_a_run(one, 300 + i))[0] for i, one in enumerate(people[:4])]
    assert len(set(runs)) == 4
    # Ben has two waiting, one on each, and may have no more on either.
    for again in people[4:]:
        assert crowd.do(ask_for_a_run(again, 400)) == [""]
        assert "2 of your runs are waiting" in again.errors[0]
    # Ben's second waits until Cat and Dan have had a turn.
    order = [runs[0], runs[2], runs[3], runs[1]]
    for replica in (a, b):
        seen = crowd.do(*(look_at(crowd.person("eve", replica), run) for run in order))
        assert seen == ["Next", "Second", "Third", "Fourth"]

    with Store(site.database) as store:
        attempts = {run: store.state(run).attempt for run in (anns, *runs)}
        assert store.state(anns).state == "running"
        before = under_way.inner_text()
        site.web[0].process.kill()
        # Ann's page goes to the other one by itself, and shows the same run to its end.
        expect(ann.locator("[data-test-connection-state=CONNECTED]")).to_have_count(0)
        expect(connected(ann).get_by_text(progress_of(2_003))).not_to_have_text(before)
        assert store.state(anns).state == "running"
        expect(ann.get_by_text(FINISHED)).to_be_visible()
        assert parse_qs(urlsplit(ann.url).query)["run"] == [anns]
        # As the same attempts: nothing was lost, asked for again or given up.
        for run, steps in {anns: 2_003, **{run: 300 + i for i, run in enumerate(runs)}}.items():
            ended = until(lambda run=run: (s := store.state(run)).state not in LIVE and s)
            assert (ended.state, ended.attempt) == ("done", attempts[run])
            assert np.isfinite(store.result(run).loss).all(axis=1).any()
            assert store.result(run).loss.shape[1] == steps
