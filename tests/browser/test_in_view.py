"""A figure is asked for and drawn when it comes into view, and not before."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import Server, chart


def test_figures_below_the_window_wait_until_they_are_scrolled_to(
    app_server: Server, open_page: Callable[..., Page]
):
    page = open_page(app_server.url, scrolled=True)
    expect(page.get_by_text("Done in").first).to_be_visible()
    expect(chart(page, "density").locator(".main-svg").first).to_be_visible()
    below = chart(page, "slice")
    expect(below).to_have_count(1)
    expect(below.locator(".main-svg")).to_have_count(0)
    below.scroll_into_view_if_needed()
    expect(below.locator(".main-svg").first).to_be_visible()
