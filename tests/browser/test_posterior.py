"""The Posterior page in a browser: a live NUTS run, what it ends with, and cancelling it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import ANOTHER, PHONE, Server, chart, connected
from .test_fit import pick

# NUTS compiles its density first, and the workers share two cores with the browser.
RUN_MS = 360_000


def set_number(page: Page, label: str, value: int) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")
    expect(field).to_have_value(str(value))


def opened(server: Server, open_page: Callable[..., Page], **settings: int) -> Page:
    page = open_page(f"{server.url}/posterior")
    # The run that starts by itself is another one, which later tests look at.
    expect(page.get_by_text(re.compile("Done in"))).to_be_visible(timeout=RUN_MS)
    # Its draws are slow enough to be watched, and it waits for its button.
    page.get_by_role("combobox", name="Engine").click()
    page.get_by_role("option", name="Pyro").click()
    for label, value in {"Seed": next(ANOTHER), **settings}.items():
        set_number(page, label.replace("_", " ").replace("Warm up", "Warm-up"), value)
    expect(page.get_by_role("button", name="Sample")).to_be_visible()
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
    page = opened(app_server, open_page, Draws_per_chain=80, Warm_up=30, Chains=2)
    page.get_by_role("button", name="Sample").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
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
    expect(chart(page, "occupied")).to_contain_text("bars: draws")
    expect(chart(page, "boundary")).to_contain_text("of draws have none here")

    other = open_page(page.url, viewport=PHONE, touch=True)
    expect(other.locator(".gmm-answer")).to_contain_text("share a component")
    expect(chart(other, "posterior_density").locator(".main-svg").first).to_be_visible()
    wide = other.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= PHONE["width"]


def test_cancelled_run_keeps_what_was_drawn(app_server: Server, open_page: Callable[..., Page]):
    page = opened(app_server, open_page, Draws_per_chain=9000, Warm_up=0, Chains=1)
    page.get_by_role("button", name="Sample").click()
    expect(chart(page, "trace").locator(".scatterlayer path.js-line").first).to_be_attached(
        timeout=RUN_MS
    )
    # The first draws take seconds each, in which the sampler cannot be asked to stop.
    expect(page.get_by_text(re.compile("[1-9,][0-9]{2,} of 9,"))).to_be_visible(timeout=RUN_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    expect(page.locator(".gmm-answer")).to_contain_text("Stopped early")
    expect(page.locator(".gmm-answer")).to_contain_text("of 9,000 in 1 chain were kept")
    expect(chart(page, "two_locs").locator(".heatmaplayer image")).to_be_attached()
    expect(page.get_by_role("button", name="Sample")).to_be_visible()
    expect(page.get_by_label("Draws per chain", exact=True)).to_have_value("9000")


def finished(server: Server, open_page: Callable[..., Page], section: str) -> Page:
    """Open a section of the page on its own run, which starts by itself."""
    page = open_page(f"{server.url}/posterior")
    expect(page.get_by_text(re.compile("Done in"))).to_be_visible(timeout=RUN_MS)
    page.get_by_role("radio", name=section, exact=True).click()
    return page


def test_which_labels_is_answered_in_words_and_by_a_toggle(
    app_server: Server, open_page: Callable[..., Page]
):
    page = finished(app_server, open_page, "Labels")
    expect(
        page.get_by_text(re.compile("draws had to be renamed; the labels jumped"))
    ).to_be_visible()
    expect(chart(page, "occupancy")).to_contain_text("as symmetry demands")
    expect(chart(page, "trace")).to_contain_text("raw labels")
    raw = page.get_by_role("row", name=re.compile("^loc 1 ")).inner_text()
    page.get_by_role("radio", name="relabelled", exact=True).click()
    expect(chart(page, "trace")).to_contain_text("relabelled labels")
    expect(page.get_by_text("Summary of the draws (relabelled labels)")).to_be_visible()
    row = page.get_by_role("row", name=re.compile("^loc 1 "))
    expect(row).not_to_have_text(raw)
    # The heavier component is the one at 11; raw labels have both near the middle.
    assert 9 < float(row.get_by_role("cell").first.inner_text()) < 12
    expect(page.get_by_text(re.compile("label orders are equally probable"))).to_be_visible()


def test_can_i_trust_the_draws_is_answered_in_words_with_ranks_and_energy(
    app_server: Server, open_page: Callable[..., Page]
):
    page = finished(app_server, open_page, "Can I trust it?")
    verdict = re.compile("^(Yes|Almost|Not yet): |^The chains agree, but ")
    expect(page.get_by_text(verdict)).to_be_visible()
    for key in ("trust_trace", "ranks", "energy", "depths", "pairs", "forest_locs"):
        expect(chart(page, key).locator(".main-svg").first).to_be_visible()
    connected(page)
    pick(page, "Quantity", "highest loc")
    expect(chart(page, "ranks")).to_contain_text("Ranks of the highest loc")
    expect(page.get_by_text("How the chains went")).to_be_visible()


def test_exact_answer_stands_beside_the_sampler(app_server: Server, open_page: Callable[..., Page]):
    page = finished(app_server, open_page, "Checks")
    expect(page.get_by_text(re.compile("All 16 partitions were summed"))).to_be_visible()
    row = page.get_by_role("row", name=re.compile(r"^0 1 \| 10 11 12"))
    expect(row).to_contain_text("0.8838")
    share_of_draws = float(row.get_by_role("cell").nth(1).inner_text())
    assert abs(share_of_draws - 0.8838) < 0.15
    expect(chart(page, "evidence")).to_contain_text("−16.8703")
    expect(chart(page, "replicated_densities")).to_contain_text("replicated data sets")
    expect(page.get_by_text(re.compile("values that the priors expect"))).to_be_visible()
