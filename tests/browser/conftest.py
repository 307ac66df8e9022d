"""A real server and a real browser: what the tests of the pages stand on.

Every server has its own database in a temporary folder and a free port on this machine. A page
fails its test when the browser's console shows an error or when a request leaves the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright
from processes import free_port

ROOT = Path(__file__).parents[2]
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
ALL_IN_VIEW = """
window.IntersectionObserver = class {
  constructor(told) { this.told = told; }
  observe(target) { setTimeout(() => this.told([{ target, isIntersecting: true }], this)); }
  unobserve() {}
  disconnect() {}
};
"""
# No GPU, no sandbox in containers, and no calls home from the browser itself.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The distribution's, without windows where it packages that; None is Playwright's own.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
START_SECONDS = 60
# A run that is in the store is shown at once: a test that is tried again has to ask for another.
ANOTHER = count(1)
# ms, long enough for a busy machine: what is waited for comes at once when the machine is idle.
PATIENCE = 240_000
expect.set_options(timeout=PATIENCE)


@dataclass
class Server:
    """A running dashboard: where it is, where its output goes, and how it is ended."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the server; what it started ends with it."""
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_server(
    script: Path,
    folder: Path,
    port: int | None = None,
    flags: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> Server:
    """Start `script` on a free port with its database in `folder`, and wait until it answers.

    Starting twice with one folder is a restart: the second server finds the first one's runs.
    `flags` are further options of `streamlit run`, `settings` further environment variables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    log = folder / "server.log"
    own = {"GMM_DATABASE": f"sqlite:///{folder / 'runs.sqlite'}"}
    environment = {**os.environ, **own, **(settings or {})}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", str(script)),
                *(f"--server.port={port}", "--server.address=127.0.0.1", *flags),
            ],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://127.0.0.1:{port}", log, process)
    deadline = time.monotonic() + START_SECONDS
    while not answers(f"{server.url}/_stcore/health"):
        if process.poll() is not None or time.monotonic() > deadline:
            server.stop()
            raise RuntimeError(f"{script.name} did not start:\n{log.read_text()}")
        time.sleep(0.05)
    return server


@contextmanager
def serving(script: Path, folder: Path) -> Iterator[Server]:
    """Run `start_server` for the time of a block.

    With two workers, on however many cores: a run that a test leaves behind holds up no other.
    """
    server = start_server(script, folder, settings={"GMM_WORKERS": "2"})
    try:
        yield server
    finally:
        server.stop()


def connected(page: Page) -> Page:
    """Wait until `page` has its connection and its script has run."""
    app = page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]")
    expect(app).to_be_visible()
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    return page


def chart(page: Page, key: str) -> Any:
    """Locate the node of the figure that was shown under `key`."""
    return page.locator(f'.gmm-figure[data-figure="{key}"]')


def middle(mark: Locator) -> tuple[float, float]:
    """Return where the middle of a figure's mark is in the window."""
    box = mark.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def click_mark(page: Page, where: Callable[[], tuple[float, float]]) -> None:
    """Click a mark as a hand does: once it stands still and Plotly says what lies there."""
    labels = page.locator(".hoverlayer > *")
    for _ in range(40):
        at = where()
        page.mouse.move(*at)
        page.wait_for_timeout(250)  # Plotly takes two clicks within a tenth of a second for one
        if labels.count() and where() == at:
            break
    page.mouse.down()
    page.mouse.up()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, until this folder's tests end, and with it the event loop that it keeps here."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def app_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the dashboard itself, once for all tests."""
    with serving(ROOT / "app.py", tmp_path_factory.mktemp("app")) as server:
        yield server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return `start_server`, whose servers end with the test.

    They have one worker: each loads the engines for some seconds, however little it then computes.
    """
    servers: list[Server] = []

    def started(script: Path = ROOT / "app.py", **options: Any) -> Server:
        folder = options.pop("folder", tmp_path)
        settings = {"GMM_WORKERS": "1"} | options.pop("settings", {})
        servers.append(start_server(script, folder, settings=settings, **options))
        return servers[-1]

    yield started
    for server in servers:
        server.stop()


@contextmanager
def opening(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Give a function that opens an address in a browser context of its own.

    `open_page(url, viewport=WIDE, color_scheme="light", touch=False)` waits until the app is
    connected. Figures are drawn as if the window held the whole page; with `scrolled`, as they come
    into view. At the end every page must have been quiet and local, but for one that is to be
    `lost`: the console tells when its server goes away.
    """
    problems: list[str] = []
    with ExitStack() as contexts:

        def opened(
            url: str,
            viewport: dict[str, int] = WIDE,
            color_scheme: str = "light",
            touch: bool = False,
            cookies: Mapping[str, str] | None = None,
            scrolled: bool = False,
            lost: bool = False,
        ) -> Page:
            context = browser.new_context(
                viewport=viewport,
                color_scheme=color_scheme,
                has_touch=touch,
                is_mobile=touch,
                reduced_motion="reduce",
            )
            if not scrolled:
                context.add_init_script(ALL_IN_VIEW)
            contexts.callback(context.close)
            for name, value in (cookies or {}).items():
                context.add_cookies([{"name": name, "value": value, "url": url}])
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            if not lost:
                _watch(page, problems)
            page.goto(url)
            return connected(page)

        yield opened
    assert not problems, "\n".join(problems)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address, see `opening`, until the test ends."""
    with opening(browser) as open_page:
        yield open_page


@pytest.fixture
def page(app_server: Server, open_page: Callable[..., Page]) -> Page:
    """The dashboard's first screen, 1280 pixels wide, light."""
    return open_page(app_server.url)


@pytest.fixture
def phone_page(app_server: Server, open_page: Callable[..., Page]) -> Page:
    """The dashboard's first screen on a phone, 390 pixels wide, light."""
    return open_page(app_server.url, viewport=PHONE, touch=True)


@pytest.fixture
def dark_page(app_server: Server, open_page: Callable[..., Page]) -> Page:
    """The dashboard's first screen, 1280 pixels wide, dark."""
    return open_page(app_server.url, color_scheme="dark")


def _watch(page: Page, problems: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        # On a deep link Streamlit's browser side looks for its server under each part of the
        # path in turn, and the browser reports the first miss.
        address = urlsplit(message.location.get("url", "")).path
        probe = address.endswith(("/_stcore/health", "/_stcore/host-config"))
        if message.type == "error" and not (probe and address.count("/") > 2):
            problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_request(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            problems.append(f"left the machine: {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"error on the page: {error}"))
    page.on("request", on_request)
    page.on("websocket", on_request)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
