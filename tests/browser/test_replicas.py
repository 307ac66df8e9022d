"""As it is deployed: two web processes behind nginx, a scheduler, a worker and PostgreSQL."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import nginx
import pytest
from playwright.sync_api import Page, expect
from postgres import Server as Postgres
from processes import Cluster, until

from .conftest import START_SECONDS, Server, answers, connected
from .test_fit import progress_of, set_number, settled, use_pyro


@dataclass
class Site:
    """Where nginx listens, what it logs, and the web processes behind it."""

    url: str
    log: Path
    web: list[Server]

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
    settings = {
        "GMM_DATABASE": postgres.new_database(),
        "GMM_SCHEDULER": cluster.address,
        "STREAMLIT_SERVER_COOKIE_SECRET": "the same for both",
    }
    web = [start(folder=tmp_path / name, settings=settings) for name in "ab"]
    behind = [urlsplit(one.url).netloc for one in web]
    with nginx.running(tmp_path, behind, logged=" $cookie_replica") as served:
        until(partial(answers, f"{served.url}/_stcore/health"), START_SECONDS)
        yield Site(served.url, served.access, web)


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
