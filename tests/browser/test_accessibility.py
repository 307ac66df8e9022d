"""What a screen reader, a keyboard and weak eyes need: axe's rules on every page, and no mouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Locator, Page, expect

from pages.parts import pages

from .conftest import PHONE, WIDE, Server, chart, connected

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")

# What Streamlit 1.67 itself gets wrong: (rule, part of the selector or of the HTML, why).
# An empty list is the aim: add one with the number of Streamlit's issue.
KNOWN: list[tuple[str, str, str]] = []


def violations(page: Page) -> list[str]:
    """Name what axe calls serious or critical, but for what is known upstream."""
    page.evaluate(AXE)
    results = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    sentences = []
    for rule in results["violations"]:
        for node in rule["nodes"]:
            where = f"{node['target']} {node['html']}"
            is_known = any(rule["id"] == k and part in where for k, part, _ in KNOWN)
            if rule["impact"] in ("serious", "critical") and not is_known:
                sentences.append(f"{rule['id']} ({rule['impact']}): {where[:400]}")
    return sentences


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide-light", "phone-dark"]
)
def test_axe_finds_nothing_serious_on_any_page(
    app_server: Server, open_page: Callable[..., Page], viewport: dict[str, int], scheme: str
) -> None:
    page = open_page(f"{app_server.url}/fit", viewport=viewport, color_scheme=scheme)
    faults = []
    for name in [one.name for one in pages.PAGES]:
        page.goto(f"{app_server.url}/{name}")
        connected(page)
        expect(page.locator(".gmm-answer")).to_be_visible()
        # While a run is under way, what is about to be replaced is paler.
        expect(page.locator(".gmm-answer")).not_to_contain_text("Looking for")
        expect(page.locator(".gmm-figure .main-svg, .gmm-table, .stButton").first).to_be_visible()
        faults += [f"{name}: {one}" for one in violations(page)]
    assert faults == []


def tab_to(page: Page, target: Locator, most: int = 90) -> None:
    """Press Tab until `target` has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("node => node === document.activeElement"):
            return
    raise AssertionError(f"{most} presses of Tab do not reach {target}")


def test_a_fit_is_changed_played_and_downloaded_by_keyboard_alone(
    app_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app_server.url}/fit")
    expect(page.get_by_text(re.compile("Done in")).first).to_be_visible()
    expect(chart(page, "slice").locator(".main-svg").first).to_be_visible()
    connected(page)

    # The order of the page: the menu, the settings, the figures with their bars, the rest.
    tab_to(page, page.get_by_role("slider", name="Components K"))
    page.keyboard.press("ArrowRight")
    answer = page.locator(".gmm-answer")
    expect(answer).to_contain_text("All 100 starts collapsed")
    connected(page)
    page.keyboard.press("ArrowLeft")
    expect(answer).to_contain_text("Two components explain")
    connected(page)

    bar = chart(page, "density").locator(".modebar-btn")
    tab_to(page, bar.first)
    for _ in range(bar.count()):
        if page.evaluate("document.activeElement.dataset.title") == "Download numbers (CSV)":
            break
        page.keyboard.press("ArrowRight")
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    assert saved.value.suggested_filename.endswith(".csv")

    player = page.locator(".gmm-player").first
    expect(player).to_be_visible()
    frame = player.get_by_role("slider")
    tab_to(page, player.get_by_role("button", name="Play", exact=True))
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # stopped again
    for name in ("Speed 1", "Loop"):
        page.keyboard.press("Tab")
        expect(player.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    last = frame.input_value()
    page.keyboard.press("ArrowLeft")
    assert int(frame.input_value()) == int(last) - 1


def test_tabs_are_reached_and_turned_by_arrow_keys(
    app_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app_server.url}/data")
    expect(page.locator(".gmm-answer")).to_contain_text("points in")
    connected(page)
    first = page.get_by_role("tab").first
    tab_to(page, first)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab").nth(1)).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_link_of_the_menu_that_has_the_focus_is_outlined(
    app_server: Server, open_page: Callable[..., Page], scheme: str
) -> None:
    page = connected(open_page(f"{app_server.url}/runs", color_scheme=scheme))
    link = page.get_by_test_id("stSidebarNavLink").first
    tab_to(page, link)
    style, width = link.evaluate(
        "node => [getComputedStyle(node).outlineStyle, getComputedStyle(node).outlineWidth]"
    )
    assert (style, width) == ("solid", "2px")
