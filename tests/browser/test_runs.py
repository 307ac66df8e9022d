"""The Runs page in a browser: back to a run by its row, by its link elsewhere, and away with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from .conftest import PHONE, ROOT, Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(ROOT / "app.py", tmp_path_factory.mktemp("runs")) as server:
        yield server


def runs_page(page: Page) -> Page:
    """Wait for the first screen's fit, and go to Runs by the menu."""
    expect(page.get_by_text(re.compile("Done in")).first).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.locator(".gmm-answer")).to_contain_text("newest first")
    return page


def test_run_is_opened_shared_and_deleted(server: Server, open_page: Callable[..., Page]) -> None:
    page = runs_page(open_page(server.url))
    row = page.locator("[class*='st-key-run_']").first
    expect(row).to_contain_text("Fit of tutorial (5 points, 1 column)")
    expect(row).to_contain_text("K = 2, spherical, shared")
    row.get_by_role("button", name="Link").click()
    link = page.get_by_test_id("stCode").inner_text().strip()
    assert re.fullmatch(re.escape(server.url) + r"/fit\?run=[0-9a-f]{32}", link)
    page.keyboard.press("Escape")

    elsewhere = open_page(link)
    expect(elsewhere.locator(".gmm-answer")).to_contain_text("these 5 points")

    row.get_by_role("button", name="Open").click()
    expect(page.locator(".gmm-answer")).to_contain_text("these 5 points")
    assert link.split("run=")[1] in page.url

    runs_page(page)
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator(".gmm-answer")).to_contain_text("There is no run yet")


def test_runs_fit_on_a_phone(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server.url, viewport=PHONE, touch=True)
    expect(page.get_by_text(re.compile("Done in")).first).to_be_visible()
    page.goto(f"{server.url}/runs")
    expect(page.locator("[class*='st-key-run_']").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
