"""Which K and which covariance: asked in a browser, answered in words, and opened by a click."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import ANOTHER, PHONE, Server, chart, click_mark, middle


def answer(page: Page):
    return page.locator(".gmm-answer")


def compare_faithful(page: Page) -> None:
    """Choose the geyser's eruptions on the Data page, and go on to Compare."""
    page.locator(".st-key-use_faithful button").click()
    expect(answer(page)).to_contain_text('"faithful" has 272 points')
    page.get_by_role("link", name="Compare", exact=True).click()


def test_which_k_ends_in_words_that_open_the_fit(
    app_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app_server.url}/data")
    compare_faithful(page)
    expect(answer(page)).to_contain_text(
        "Three components with a shared full covariance fit these 272 points best: BIC 2,314.3",
        timeout=300_000,
    )
    expect(answer(page)).to_contain_text("positive evidence")
    expect(page.get_by_text("The best by BIC")).to_be_visible()

    # Whoever gets the link reads the same on a phone, and opens the fit without a pointer.
    phone = open_page(page.url, viewport=PHONE, touch=True)
    expect(answer(phone)).to_contain_text("with a shared full covariance")
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    phone.get_by_role("button", name="Open fit").focus()
    phone.keyboard.press("Enter")
    expect(answer(phone)).to_contain_text("Three components explain these 272 points")

    page.get_by_role("radio", name="ICL", exact=True).click()
    icl = "Two components with full covariances of their own fit these 272 points best: ICL"
    expect(answer(page)).to_contain_text(icl)
    expect(page).to_have_url(re.compile("compare_criterion=ICL"))
    expect(answer(open_page(page.url))).to_contain_text(icl)

    figure = chart(page, "criterion")
    figure.scroll_into_view_if_needed()
    ring = figure.locator(".scatterlayer .trace").last.locator(".point").first
    click_mark(page, lambda: middle(ring))
    expect(answer(page)).to_contain_text("Two components explain these 272 points")
    expect(page.get_by_text("K = 2, full, own").first).to_be_visible()


def test_cancel_keeps_the_finished_cells(
    app_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app_server.url}/data")
    compare_faithful(page)
    starts = page.get_by_label("Starts", exact=True)
    starts.fill(str(200 - next(ANOTHER)))
    starts.press("Enter")
    expect(answer(page)).to_contain_text("So far, with", timeout=300_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text(re.compile("Cancelled after"))).to_be_visible()
    expect(page.get_by_text("The best by BIC")).to_be_visible()
    expect(chart(page, "criterion").locator(".scatterlayer .point").first).to_be_attached()
