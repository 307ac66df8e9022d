"""What a keyboard and a screen reader meet: few stops to the settings, what changed, names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import WIDE, Server, chart, opening

FOCUS = """() => {
    const element = document.activeElement;
    return [element.tagName, element.getAttribute('aria-label') ?? ''];
}"""


def fitted(page: Page) -> None:
    expect(page.get_by_text("Done in").first).to_be_visible()
    expect(chart(page, "density").locator(".main-svg").first).to_be_visible()


@pytest.fixture(scope="module")
def still(app_server: Server, browser: Browser) -> Iterator[Page]:
    """A fit, for tests that leave it as it is."""
    with opening(browser) as open_page:
        page = open_page(app_server.url)
        fitted(page)
        yield page


def test_the_first_setting_is_at_most_twelve_presses_of_tab_away(page: Page):
    fitted(page)
    page.mouse.move(640, 450)  # not over the sidebar, which has one button more then
    for _ in range(12):
        page.keyboard.press("Tab")
        tag, label = page.evaluate(FOCUS)
        if (tag, label) == ("INPUT", "Components K"):
            return
    raise AssertionError(f"after 12 presses the focus is on {tag} {label}")


def test_the_buttons_of_a_figure_are_one_stop_and_arrows_go_on(still: Page):
    buttons = chart(still, "density").locator(".modebar-btn")
    assert buttons.count() >= 6
    assert sum(buttons.nth(i).get_attribute("tabindex") == "0" for i in range(buttons.count())) == 1
    buttons.first.focus()
    still.keyboard.press("ArrowRight")
    expect(buttons.nth(1)).to_be_focused()
    still.keyboard.press("ArrowLeft")
    still.keyboard.press("ArrowLeft")
    expect(buttons.last).to_be_focused()


def test_a_changed_answer_is_told_by_the_one_live_region(page: Page):
    fitted(page)
    region = page.locator(".stMain [role=status]")
    expect(region).to_have_count(1)
    expect(region).to_have_attribute("aria-busy", "false")
    node = region.element_handle()
    before = region.inner_text()
    page.get_by_role("slider", name="Components K").press("ArrowRight")
    expect(region).not_to_have_text(before)
    expect(region).to_have_attribute("aria-busy", "false")
    # The same node: a new one would not be read out.
    assert page.evaluate("node => node.isConnected && node.querySelector('.gmm-answer')", node)


def test_every_page_has_a_title_of_its_own(app_server: Server, open_page: Callable[..., Page]):
    page = open_page(f"{app_server.url}/tour")
    for name in ("Runs", "Data", "Fit"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} · Mixture Explorer")
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def test_figures_are_found_by_their_headings(still: Page):
    heading = still.get_by_role("heading", name=re.compile("Density of the mixture"))
    expect(heading).to_have_count(1)


def test_the_mark_of_folded_settings_is_an_arrow_that_turns(still: Page):
    still.set_viewport_size({"width": 390, "height": 900})
    lid = still.get_by_role("button", name="Settings")
    mark = """(node) => {
        const { width, borderRightWidth, transform } = getComputedStyle(node, "::before");
        return [parseFloat(width), parseFloat(borderRightWidth), transform];
    }"""
    width, line, pointing = lid.evaluate(mark)
    assert width >= 8
    assert line >= 2
    lid.click()
    still.wait_for_timeout(400)  # it turns for a moment
    assert lid.evaluate(mark)[2] != pointing
    lid.click()


@pytest.mark.parametrize("width", [320, 640, 1024, 1280])
def test_settings_stand_beside_where_there_is_room_and_fold_up_where_not(still: Page, width: int):
    still.set_viewport_size({"width": width, "height": 900})
    knob = still.get_by_role("slider", name="Components K")
    lid = still.get_by_role("button", name="Settings")
    if width < 1280:
        expect(knob).to_be_hidden()
        lid.click()
        expect(knob).to_be_visible()
        assert still.locator(".st-key-settings").bounding_box()["width"] >= min(width - 80, 400)
        lid.click()
        expect(knob).to_be_hidden()
    else:
        expect(knob).to_be_visible()
        expect(lid).to_be_hidden()
        assert still.locator(".st-key-settings").bounding_box()["width"] >= 180
    assert still.evaluate("document.querySelector('.stMain').scrollWidth") <= width


def test_paper_has_whole_figures_and_no_controls(still: Page):
    still.emulate_media(media="print")
    for gone in (".stSidebar", ".st-key-settings", ".st-key-actions"):
        expect(still.locator(gone).first).to_be_hidden()
    still.set_viewport_size({"width": 700, "height": 1000})
    picture = chart(still, "density").locator(".main-svg").first.bounding_box()
    assert picture["width"] <= 700
    assert picture["height"] > 100
    still.emulate_media(media="screen")
    still.set_viewport_size(WIDE)
