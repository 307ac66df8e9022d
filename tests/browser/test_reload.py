"""The address keeps what a page works on: a reload, and the way back, never lose data."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from .conftest import connected


def sidebar(page: Page):
    return page.get_by_test_id("stSidebarUserContent")


def type_points(page: Page) -> None:
    page.get_by_role("link", name="Data").click()
    page.get_by_role("tab", name="Edit").click()
    field = page.get_by_label("Points", exact=True)
    field.fill("3, 1, 4, 1, 5, 9, 2, 6")
    field.press("Control+Enter")
    page.get_by_role("button", name="Use these 8 points").click()
    expect(sidebar(page)).to_contain_text("8 points")


def test_typed_points_outlive_a_reload_on_every_page(page: Page):
    type_points(page)
    for name in ("Data", "Runs", "Compare", "Membership", "Tour"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        expect(page).to_have_url(re.compile("(data|run)="))
        page.reload()
        connected(page)
        expect(sidebar(page)).to_contain_text("8 points")


def test_back_leads_to_the_page_before_in_one_step(page: Page):
    type_points(page)
    expect(page).to_have_url(re.compile("/data.*data=[0-9a-f]{64}"))
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page).to_have_url(re.compile("/runs.*data=[0-9a-f]{64}"))
    page.get_by_role("link", name="Tour", exact=True).click()
    expect(page).to_have_url(re.compile("/tour.*data=[0-9a-f]{64}"))
    page.go_back()
    expect(page).to_have_url(re.compile("/runs"))
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    expect(sidebar(page)).to_contain_text("8 points")
