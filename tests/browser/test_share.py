"""A link carries what a person looks at: the run, and how it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import connected


def shared(page: Page) -> str:
    """Return the link that Share offers."""
    connected(page)
    page.get_by_role("button", name="Share", exact=True).click()
    link = page.get_by_test_id("stCode")
    expect(link).to_contain_text("run=")
    found = link.inner_text().strip()
    page.keyboard.press("Escape")
    return found


def test_link_opens_the_start_that_was_opened(page: Page, open_page: Callable[..., Page]) -> None:
    said = page.locator(".gmm-answer")
    expect(said).to_contain_text("Two components explain", timeout=60_000)
    box = page.get_by_role("combobox", name="Show start")
    box.focus()
    box.press_sequentially("17:")
    box.press("Enter")
    expect(said).to_contain_text("Start 17", timeout=30_000)
    other = open_page(shared(page))
    expect(other.locator(".gmm-answer")).to_contain_text("Start 17", timeout=60_000)
    other.get_by_role("button", name="Back to the best").click()
    expect(other).not_to_have_url(re.compile("start="))
    again = open_page(other.url)
    expect(again.locator(".gmm-answer")).to_contain_text("Two components explain", timeout=60_000)


def test_the_browsers_way_back_leads_to_the_run_before(page: Page) -> None:
    said = page.locator(".gmm-answer")
    expect(said).to_contain_text("65 of 100 starts agree", timeout=60_000)
    first = page.url
    connected(page)
    field = page.get_by_label("Starts", exact=True)
    field.fill("90")
    field.press("Enter")
    expect(said).to_contain_text("of 90 starts agree", timeout=60_000)
    expect(page).not_to_have_url(first)
    connected(page)
    page.go_back()
    expect(page).to_have_url(first)
    expect(said).to_contain_text("65 of 100 starts agree", timeout=60_000)
    expect(field).to_have_value("100")
