"""The Data page in a browser: real files, a real table, and names that try to be more than text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import PHONE, Server, chart, connected


def data_page(page: Page, way: str) -> Page:
    """Choose a way in."""
    expect(page.locator(".gmm-answer")).to_contain_text("points in")
    page.get_by_role("tab", name=way).click()
    return page


def upload(page: Page, file: Path) -> None:
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(file)


@pytest.fixture
def fresh(app_server: Server, open_page: Callable[..., Page]) -> Page:
    return open_page(f"{app_server.url}/data")


def test_uploaded_file_is_counted_then_used_on_every_page(fresh: Page, tmp_path: Path) -> None:
    file = tmp_path / "waiting times.csv"
    file.write_text("minutes;place\n1,5;a\n2,5;b\n;c\n9,5;d\n")
    page = data_page(fresh, "Upload")
    upload(page, file)
    expect(page.get_by_text("Read 4 rows and 2 columns from CSV")).to_be_visible()
    expect(page.get_by_text('Left out 1 column: "place" (text).')).to_be_visible()
    expect(page.get_by_text("Dropped 1 row of 4")).to_be_visible()
    page.get_by_role("button", name="Use these 3 points").click()
    expect(page.locator(".gmm-answer")).to_contain_text('"waiting times" has 3 points in 1 column')
    # What was chosen stays in sight, and the menu's margin knows the new data.
    expect(page.get_by_role("tab", name="Upload")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("stSidebar").get_by_text("waiting times")).to_be_visible()
    page.get_by_role("button", name="Fit a mixture to them").click()
    expect(page.locator(".gmm-answer")).to_contain_text("these 3 points")


def test_who_brings_data_comes_to_where_files_are_taken(
    app_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(app_server.url)
    page.get_by_role("button", name="Use my data").click()
    expect(page.get_by_role("tab", name="Upload")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible()


def test_point_is_edited_in_the_table(fresh: Page) -> None:
    page = data_page(fresh, "Edit")
    table = page.locator(".st-key-edit_0 canvas").first
    expect(table).to_be_visible()
    connected(page)  # nothing moves any more
    expect(page.locator(".gmm-figure[data-figure^=data_] .main-svg").first).to_be_visible()
    width = table.bounding_box()["width"]
    # The first row's value; the grid scrolls in a layer of its own above the canvas.
    table.dblclick(position={"x": 0.7 * width, "y": 35 + 17}, force=True)
    cell = page.locator("#portal input").first
    expect(cell).to_be_focused()
    cell.fill("-3")
    cell.press("Enter")
    page.get_by_role("button", name="Use these 5 points").click()
    expect(page.locator(".gmm-answer")).to_contain_text('"tutorial (edited)" has 5 points')
    expect(page.locator(".gmm-table").first).to_contain_text("−3.00 to 12.0")


def test_numbers_are_typed(fresh: Page) -> None:
    page = data_page(fresh, "Edit")
    field = page.get_by_label("Points", exact=True)
    field.fill("1, 2, x")
    field.press("Control+Enter")
    expect(page.get_by_text('Line 1, is "x", but a finite number was expected.')).to_be_visible()
    expect(field).to_have_value("1, 2, x")
    field.fill("1, 2, 30")
    field.press("Control+Enter")
    page.get_by_role("button", name="Use these 3 points").click()
    expect(page.locator(".gmm-answer")).to_contain_text('"typed" has 3 points')


def test_hostile_names_stay_text(fresh: Page, tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "**bold** $x$"]
    file = tmp_path / "<img src=x onerror=alert(1)>.csv"
    file.write_text(",".join(names) + "\n1,2,3\n4,5,6\n7,9,1\n")
    page = data_page(fresh, "Upload")
    upload(page, file)
    page.get_by_role("button", name="Use these 3 points").click()
    answer = page.locator(".gmm-answer")
    expect(answer).to_contain_text("has 3 points in 3 columns")
    for name in names:
        expect(answer).to_contain_text(name)
    expect(page.get_by_test_id("stSidebar").get_by_text("<img src=x")).to_be_visible()
    expect(page.locator(".gmm-figure[data-figure^=data_] .main-svg").first).to_be_visible()
    assert page.locator("img[src='x']").count() == 0


BAD = {
    "The file is empty": b"",
    "The file is binary, whatever its name says": bytes(range(256)) * 20,
    "no column of numbers": b"a,b\nfoo,bar\nbaz,qux\n",
}


def test_bad_files_are_answered_in_sentences(fresh: Page, tmp_path: Path) -> None:
    page = data_page(fresh, "Upload")
    for number, (message, content) in enumerate(BAD.items()):
        file = tmp_path / f"bad {number}.csv"
        file.write_bytes(content)
        upload(page, file)
        expect(page.get_by_test_id("stAlert").get_by_text(message)).to_be_visible()
        expect(page.locator(".gmm-answer")).to_contain_text('"tutorial" has 5 points')


def test_sixty_megabytes_are_refused_before_they_are_read(fresh: Page, tmp_path: Path) -> None:
    file = tmp_path / "huge.csv"
    file.write_bytes(b"1.5,2.5\n" * (60 * 2**20 // 8))
    page = data_page(fresh, "Upload")
    upload(page, file)
    expect(page.get_by_text("File must be 50.0MB or smaller")).to_be_attached()
    expect(page.locator(".gmm-answer")).to_contain_text('"tutorial" has 5 points')


def test_example_is_used_on_a_phone(app_server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app_server.url}/data", viewport=PHONE, touch=True)
    page.locator(".st-key-use_galaxies button").click()
    expect(page.locator(".gmm-answer")).to_contain_text('"galaxies" has 82 points')
    expect(chart(page, "example_galaxies").locator(".main-svg").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
