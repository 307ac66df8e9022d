"""The Posterior page in a browser: a live NUTS run, what it ends with, and cancelling it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import PHONE, Server, chart

# NUTS compiles its density first, and the workers share two cores with the browser.
RUN_MS = 240_000


def set_number(page: Page, label: str, value: int) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")
    expect(field).to_have_value(str(value))


def opened(server: Server, open_page: Callable[..., Page], **settings: int) -> Page:
    page = open_page(f"{server.url}/posterior")
    # Its draws are slow enough to be watched, and it waits for its button.
    page.get_by_role("combobox", name="Engine").click()
    page.get_by_role("option", name="Pyro").click()
    for label, value in settings.items():
        set_number(page, label.replace("_", " ").replace("Warm up", "Warm-up"), value)
    expect(page.get_by_role("button", name="Sample")).to_be_visible(timeout=30_000)
    return page


# Notes how many points the trace has whenever that changes.
WATCH = """(node) => {
    const plot = node.querySelector('.js-plotly-plot') || node;
    window.lengths = [];
    const note = () => {
        const points = plot.data.reduce((sum, trace) => sum + Array.from(trace.y).length, 0);
        if (points !== window.lengths.at(-1)) window.lengths.push(points);
    };
    note();
    plot.on('plotly_afterplot', note);
}"""


def test_live_run_grows_its_trace_and_ends_with_two_locs_together(
    app_server: Server, open_page: Callable[..., Page]
):
    page = opened(app_server, open_page, Draws_per_chain=150, Warm_up=60, Chains=2)
    page.get_by_role("button", name="Sample").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=60_000)
    trace = chart(page, "trace")
    expect(trace.locator(".scatterlayer path.js-line").first).to_be_attached(timeout=RUN_MS)
    node = trace.element_handle()
    node.evaluate(WATCH)
    # It grows while Cancel is still there; three frames are a stream, not one late picture.
    page.wait_for_function("() => window.lengths.length >= 3", timeout=RUN_MS)
    lengths = page.evaluate("() => window.lengths.slice(0, 3)")
    assert lengths == sorted(lengths)
    expect(page.get_by_text(re.compile("Done in"))).to_be_visible(timeout=RUN_MS)
    expect(page.locator(".gmm-answer")).to_contain_text("share a component with probability")
    expect(page.locator(".gmm-answer")).to_contain_text("two mirrored modes")
    assert node.evaluate("node => node.isConnected")
    locs = chart(page, "two_locs")
    expect(locs.locator(".heatmaplayer image")).to_be_attached()
    expect(locs.locator(".contourlayer path").first).to_be_attached()
    expect(locs).to_contain_text("mode A")
    expect(locs).to_contain_text("its mirror, as probable")
    expect(chart(page, "together")).to_contain_text("1.00")
    expect(page.get_by_text("How the chains went")).to_be_visible()
    expect(page.get_by_text("Summary of the draws")).to_be_visible()

    other = open_page(page.url, viewport=PHONE, touch=True)
    expect(other.locator(".gmm-answer")).to_contain_text("share a component", timeout=60_000)
    expect(chart(other, "posterior_density").locator(".main-svg").first).to_be_visible()
    wide = other.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= PHONE["width"]


def test_cancelled_run_keeps_what_was_drawn(app_server: Server, open_page: Callable[..., Page]):
    page = opened(app_server, open_page, Draws_per_chain=9000, Warm_up=0, Chains=1)
    page.get_by_role("button", name="Sample").click()
    expect(chart(page, "trace").locator(".scatterlayer path.js-line").first).to_be_attached(
        timeout=RUN_MS
    )
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible(timeout=20_000)
    expect(page.locator(".gmm-answer")).to_contain_text("Stopped early")
    expect(page.locator(".gmm-answer")).to_contain_text("of 9,000 in 1 chain were kept")
    expect(chart(page, "two_locs").locator(".heatmaplayer image")).to_be_attached()
    expect(page.get_by_role("button", name="Sample")).to_be_visible()
    expect(page.get_by_label("Draws per chain", exact=True)).to_have_value("9000")
