"""A link carries what a person looks at: the run, and how it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import Server, connected


def shared(page: Page) -> str:
    """Return the link that Share offers."""
    connected(page)
    page.get_by_role("button", name="Share", exact=True).click()
    link = page.get_by_test_id("stCode")
    expect(link).to_contain_text("run=")
    address = link.inner_text().strip()
    page.keyboard.press("Escape")
    return address


def test_link_opens_the_start_that_was_opened(page: Page, open_page: Callable[..., Page]) -> None:
    answer = page.locator(".gmm-answer")
    expect(answer).to_contain_text("Two components explain")
    box = page.get_by_role("combobox", name="Show start")
    box.focus()
    box.press_sequentially("17:")
    box.press("Enter")
    expect(answer).to_contain_text("Start 17")
    other = open_page(shared(page))
    expect(other.locator(".gmm-answer")).to_contain_text("Start 17")
    other.get_by_role("button", name="Back to the best").click()
    expect(other).not_to_have_url(re.compile("start="))
    again = open_page(other.url)
    expect(again.locator(".gmm-answer")).to_contain_text("Two components explain")


def test_the_browsers_way_back_leads_to_the_run_before(page: Page) -> None:
    answer = page.locator(".gmm-answer")
    expect(answer).to_contain_text("65 of 100 starts agree")
    first = page.url
    connected(page)
    field = page.get_by_label("Starts", exact=True)
    field.fill("90")
    field.press("Enter")
    expect(answer).to_contain_text("of 90 starts agree")
    expect(page).not_to_have_url(first)
    connected(page)
    page.go_back()
    expect(page).to_have_url(first)
    expect(answer).to_contain_text("65 of 100 starts agree")
    expect(field).to_have_value("100")


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("fit", "report.html"),
        ("membership", "data.csv"),
        ("posterior", "report.html"),
        ("compare", "report.html"),
    ],
)
def test_every_file_can_be_saved(
    name: str, last: str, app_server: Server, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(f"{app_server.url}/{name}")
    expect(page.get_by_text(re.compile("Done in")).first).to_be_visible()
    for file in exported(page, tmp_path, last):
        assert file.stat().st_size > 10


def test_files_are_of_the_start_that_is_shown(
    page: Page, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    answer = page.locator(".gmm-answer")
    expect(answer).to_contain_text("Two components explain")
    connected(page)
    best = {file.name: file for file in exported(page, tmp_path)}
    run_id = re.search("run=([0-9a-f]{8})", page.url)[1]
    other = open_page(f"{page.url}&start=17")
    expect(other.locator(".gmm-answer")).to_contain_text("Start 17")
    connected(other)
    files = exported(other, tmp_path)
    assert {file.name.replace("-start-17", "") for file in files} == set(best)
    for file in files:
        assert file.name.startswith(f"{run_id}-start-17-")
        whole = file.read_bytes() == best[file.name.replace("-start-17", "")].read_bytes()
        assert whole == file.name.endswith("-data.csv")
    report = next(file for file in files if file.name.endswith("report.html"))
    assert "Start 17" in report.read_text(encoding="utf-8")


def exported(page: Page, folder: Path, last: str = "report.html") -> list[Path]:
    """Save every file that Export offers, once it offers the last of them."""
    connected(page)
    page.get_by_role("button", name="Export", exact=True).click()
    buttons = page.get_by_test_id("stPopoverBody").get_by_test_id("stDownloadButton")
    expect(buttons.last).to_have_text(last)
    connected(page)
    # A figure that is drawn meanwhile can move the page, and the list with it, out of view.
    page.get_by_role("heading", level=1).scroll_into_view_if_needed()
    saved = []
    for i in range(buttons.count()):
        with page.expect_download() as download:
            buttons.nth(i).get_by_role("button").click()
        saved.append(folder / download.value.suggested_filename)
        download.value.save_as(saved[-1])
    page.keyboard.press("Escape")
    return saved
