"""The Fit page in a browser: the first screen, a streamed fit, cancel, links."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import PHONE, ROOT, Server, chart

FINISHED = re.compile(r"Done in")


def answer(page: Page):
    return page.locator(".gmm-answer")


def set_number(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")


def use_pyro(page: Page) -> None:
    """Choose the engine whose steps are slow enough to be watched."""
    page.get_by_role("combobox", name="Engine").click()
    page.get_by_role("option", name="Pyro, the reference").click()
    page.get_by_role("combobox", name="Choose the start by").click()
    page.get_by_role("option", name="initial loss").click()


def x_range(page: Page) -> list[float]:
    return page.evaluate(
        """() => {
            const node = document.querySelector('.gmm-figure[data-figure="loss"]');
            return (node.querySelector('.js-plotly-plot') || node).layout.xaxis.range;
        }"""
    )


def test_first_screen_shows_the_tutorials_fit_without_a_click(page: Page):
    expect(answer(page)).to_contain_text("Two components explain these 5 points", timeout=60_000)
    expect(answer(page)).to_contain_text("near 10.98")
    expect(chart(page, "density").locator(".main-svg").first).to_be_visible()
    expect(page.get_by_text("Learned parameters")).to_be_visible()


def test_streamed_fit_keeps_its_chart_and_zoom(page: Page):
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=60_000)
    use_pyro(page)
    # Distinct settings, so that no other test has this run in the store already.
    set_number(page, "Steps", "2501")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=30_000)
    loss = chart(page, "loss")
    expect(loss.locator(".scatterlayer path.js-line").first).to_be_attached(timeout=30_000)
    node = loss.element_handle()
    box = loss.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + box["height"] - 20, steps=5)
    page.mouse.up()
    zoomed = x_range(page)
    assert zoomed[1] - zoomed[0] < 2000  # the whole axis is 2501 long
    updates = page.evaluate(
        """async (node) => {
            const plot = node.querySelector('.js-plotly-plot') || node;
            plot.marked = true;
            let updates = 0;
            plot.on('plotly_afterplot', () => { updates += 1; });
            await new Promise((resolve) => {
                const timer = setInterval(() => {
                    if (updates >= 10 || !plot.isConnected) { clearInterval(timer); resolve(); }
                }, 50);
            });
            return plot.isConnected ? updates : -1;
        }""",
        node,
    )
    assert updates >= 10
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=120_000)
    marked = page.evaluate(
        """() => {
            const node = document.querySelector('.gmm-figure[data-figure="loss"]');
            return (node.querySelector('.js-plotly-plot') || node).marked;
        }"""
    )
    assert marked
    assert x_range(page) == zoomed


def test_cancel_ends_a_run_and_keeps_what_was_entered(page: Page):
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=60_000)
    use_pyro(page)
    set_number(page, "Steps", "3333")
    page.get_by_role("button", name="Cancel").click(timeout=30_000)
    expect(page.get_by_text("Cancelled after")).to_be_visible(timeout=10_000)
    expect(page.get_by_label("Steps", exact=True)).to_have_value("3333")
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible(timeout=10_000)


def test_link_opens_the_run_in_another_browser(page: Page, open_page: Callable[..., Page]):
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=60_000)
    before = page.url
    set_number(page, "Learning rate", "0.07")
    expect(page).not_to_have_url(before)
    expect(page).to_have_url(re.compile(r"run=[0-9a-f]{32}"))
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=60_000)
    other = open_page(page.url)
    expect(other.get_by_text(FINISHED)).to_be_visible(timeout=60_000)
    expect(other.get_by_label("Learning rate", exact=True)).to_have_value("0.07")
    assert other.url.split("run=")[1] == page.url.split("run=")[1]


def test_first_request_after_start_may_be_a_deep_link(
    start: Callable[..., Server], open_page: Callable[..., Page]
):
    server = start(ROOT / "app.py")
    page = open_page(f"{server.url}/fit")
    expect(answer(page)).to_contain_text("Two components explain", timeout=90_000)
    run = re.search(r"run=([0-9a-f]{32})", page.url)
    assert run
    page.close()
    server.stop()
    again = start(ROOT / "app.py")
    opened = open_page(f"{again.url}/fit?run={run[1]}")
    expect(answer(opened)).to_contain_text("Two components explain", timeout=90_000)


def test_unknown_run_is_answered_in_a_sentence(app_server: Server, open_page: Callable[..., Page]):
    page = open_page(f"{app_server.url}/fit?run=nonsense")
    expect(page.get_by_text("nonsense")).to_be_visible()
    expect(answer(page)).to_contain_text("Two components explain", timeout=60_000)


def test_phone_shows_everything_within_its_width(
    app_server: Server, open_page: Callable[..., Page]
):
    page = open_page(app_server.url, viewport=PHONE, touch=True)
    expect(answer(page)).to_contain_text("Two components explain", timeout=60_000)
    expect(chart(page, "density").locator(".main-svg").first).to_be_visible()
    wide = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= PHONE["width"]
