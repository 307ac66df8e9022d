"""The Membership page in a browser: new values, their download, a guide that streams."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import PHONE, Server, chart

# Numbers of steps that no other test asks for, and no test twice: none is in the store yet.
_STEPS = itertools.count(1203)


@pytest.fixture
def membership(page: Page) -> Page:
    """The Membership page, reached from the first screen, with its guide at its end."""
    page.get_by_role("link", name="Membership").click()
    expect(page.locator(".gmm-answer")).to_contain_text("The boundary is at")
    expect(page.get_by_text("How close is it?")).to_be_visible()
    return page


def test_typed_values_are_classified_and_downloaded(membership: Page) -> None:
    field = membership.get_by_label("Numbers, separated by spaces, commas or lines")
    field.fill("5.7 5.75\n-2")
    field.press("Control+Enter")
    table = membership.locator(".gmm-table", has_text="New values")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table.locator("tbody tr").nth(0)).to_contain_text("63")
    with membership.expect_download() as download:
        membership.get_by_role("button", name="Download as CSV").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(float(row["value"]), row["component"]) for row in rows] == [
        (5.7, "2"),
        (5.75, "1"),
        (-2.0, "2"),
    ]
    assert float(rows[0]["probability"]) == pytest.approx(0.627, abs=2e-3)
    field.fill("5.7 five")
    field.press("Control+Enter")
    expect(membership.get_by_text("a finite number was expected")).to_be_visible()
    expect(field).to_have_value("5.7 five")


def test_guide_streams_into_one_node_and_ends_in_words(membership: Page) -> None:
    loss = chart(membership, "guide_loss")
    expect(loss.locator(".main-svg").first).to_be_visible()
    loss.evaluate("node => { node.mark = 'the same'; }")
    handle = loss.element_handle()
    count = next(_STEPS)
    steps = membership.get_by_label("Steps", exact=True)
    steps.fill(str(count))
    steps.press("Enter")
    expect(membership.get_by_role("button", name="Cancel")).to_be_visible()
    seen = "node => node._fullData[0].x.length"
    membership.wait_for_function(
        """([node, last]) =>
            node._fullData[0].x.length > 0 && node._fullLayout.xaxis.range[1] === last""",
        arg=[handle, count - 1],
    )
    first = loss.evaluate(seen)
    membership.wait_for_function(
        "([node, n]) => node._fullData[0].x.length > n", arg=[handle, first]
    )
    expect(membership.get_by_text(f"After {count:,} steps the guide")).to_be_visible()
    assert loss.evaluate("node => node.mark") == "the same"


def test_temperature_draws_at_random_and_a_seed_draws_again(membership: Page) -> None:
    zoom = chart(membership, "zoom")
    places = """node => node._fullData.filter(t => t.mode === 'markers')
        .map(t => Array.from(t.x).join()).join(';')"""
    expect(zoom.locator(".main-svg").first).to_be_visible()
    calm = zoom.evaluate(places)
    slider = membership.get_by_role("slider", name="Temperature")
    slider.focus()
    slider.press("End")
    expect(zoom.locator(".gtitle")).to_contain_text("drawn, T = 2")
    assert zoom.evaluate(places) != calm
    expect(membership.get_by_label("Seed of the draw", exact=True)).to_be_enabled()


def test_phone_shows_all_of_it_in_one_column(
    app_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app_server.url}/fit", viewport=PHONE, touch=True)
    expect(page.locator(".gmm-answer")).to_contain_text("components")
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Membership").click()
    expect(page.locator(".gmm-answer")).to_contain_text("The boundary is at")
    expect(chart(page, "membership").locator(".main-svg").first).to_be_visible()
    width = "() => document.querySelector('[data-testid=stMain]').scrollWidth"
    assert page.evaluate(width) <= PHONE["width"]
