"""How soon the page answers, in a browser, beside a bare page with a slider and a chart.

A move is from the key on the slider to the frame in which the new figure is drawn: on our page the
main figure of a fit that nobody has computed before. A first screen is from the address to the
figure, in a browser that has kept nothing. The two pages take turns in one browser, both with a
server of their own, and each figure is the median of `TIMES`.
"""

from __future__ import annotations

from itertools import count
from statistics import median

import pytest
from browser.conftest import CHROMIUM, FLAGS, ROOT, WIDE, start_server
from load.screens import medians
from playwright.sync_api import expect, sync_playwright

TIMES = 20
BARE = ROOT / "tests" / "load" / "apps" / "bare.py"
SEEDS = count(1)
# What a figure says of itself: our figures in words, the bare chart in its title.
OURS = '.gmm-figure[data-figure="density"] svg.main-svg'
SAYS = {"ours": (OURS, "aria-label"), "bare": (".js-plotly-plot .gtitle", "data-unformatted")}
# From the key on, look in each frame whether the figure says something else.
WATCH = """([selector, attribute]) => {
  const says = () => document.querySelector(selector)?.getAttribute(attribute);
  window.moved = new Promise((resolve) => addEventListener("keydown", () => {
    const began = performance.now(), before = says();
    const look = () => says() && says() !== before
      ? resolve((performance.now() - began) / 1000) : requestAnimationFrame(look);
    look();
  }, { once: true, capture: true }));
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    ours = start_server(ROOT / "app.py", tmp_path_factory.mktemp("ours"))
    bare = start_server(BARE, tmp_path_factory.mktemp("bare"))
    yield ours.url, bare.url
    ours.stop()
    bare.stop()


@pytest.fixture
def tab():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield lambda: browser.new_context(viewport=WIDE, reduced_motion="reduce").new_page()
        browser.close()


def quiet(page):
    """Wait until the page has drawn all, and a moment longer."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()


def move(page, which, slider, key):
    """Press a key on the slider; return the seconds to the new figure."""
    page.evaluate(WATCH, SAYS[which])
    page.get_by_role("slider", name=slider).press(key)
    seconds = page.evaluate("window.moved")
    quiet(page)
    return seconds


def other_starts(page):
    """Give the fit starts that it has not had, so that the next one is computed."""
    seed = page.get_by_label("First seed")
    seed.fill(str(1000 + next(SEEDS)))
    seed.press("Enter")
    quiet(page)


@pytest.mark.parametrize(
    ("name", "address", "most"),
    [("tutorial", "fit", 1.3), ("faithful, 272 × 2", "fit?data=faithful", 2.0)],
    ids=["tutorial", "faithful"],
)
def test_a_slider_move(benchmark, report, pages, tab, name, address, most):
    mine, bare = tab(), tab()
    mine.goto(f"{pages[0]}/{address}")
    bare.goto(pages[1])
    expect(mine.locator(OURS).first).to_be_visible(timeout=60_000)
    expect(bare.locator(".gtitle").first).to_be_visible(timeout=60_000)
    mine.get_by_text("More", exact=True).first.click()
    times = {"ours": [], "bare": []}
    for turn in range(TIMES + 1):
        key = ("ArrowRight", "ArrowLeft")[turn % 2]
        other_starts(mine)
        pair = {
            "ours": move(mine, "ours", "Components K", key),
            "bare": move(bare, "bare", "K", key),
        }
        if turn:  # the first warms up the browser
            for which, seconds in pair.items():
                times[which].append(seconds)
    benchmark.pedantic(lambda: None, rounds=1)
    ours, theirs = (median(times[which]) for which in ("ours", "bare"))
    report.times(f"{name}: slider to figure", ours, theirs, "a bare page", 1 / most)


def test_the_first_screen(benchmark, report, pages):
    ours, bare = medians(*pages, times=TIMES)
    benchmark.pedantic(lambda: None, rounds=1)
    report.times("first screen, nothing kept", ours, bare, "a bare page", 1 / 1.2)
