"""What a page sends: counted on the wire, between the server and the browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from .conftest import WIDE, Server, chart, connected
from .relay import Relay

# Of a move to a fit that is known, with two of its figures in sight. It takes 32,000, and took
# 700,000 when figures travelled with the page.
MOVE = 60_000


def test_a_slider_move_sends_little(browser: Browser, app_server: Server) -> None:
    before = first_screen(browser, app_server.url)
    for words in ("Four", "Five"):
        turn(before, words)
    before.context.close()

    way = Relay(urlsplit(app_server.url).port or 0)
    try:
        page = first_screen(browser, f"http://127.0.0.1:{way.port}")
        settled(page, way)
        moves = []
        for words in ("Four", "Five"):
            sent = way.sent
            turn(page, words)
            settled(page, way)
            moves.append(way.sent - sent)
        page.context.close()
    finally:
        way.close()
    assert min(moves) > 5_000
    assert min(moves) < MOVE  # a slow machine may draw a page twice before its run has ended


def first_screen(browser: Browser, url: str) -> Page:
    """Open a fit of 272 points in two columns, in a browser that has kept nothing."""
    page = browser.new_context(viewport=WIDE, reduced_motion="reduce").new_page()
    page.goto(f"{url}/fit?data=faithful")
    expect(page.locator(".gmm-answer")).to_contain_text("Three components")
    connected(page)
    expect(chart(page, "density").locator(".main-svg").first).to_be_visible()
    return page


def turn(page: Page, words: str) -> None:
    """Turn K by one, and wait for the fit of so many components."""
    page.get_by_role("slider", name="Components K").press("ArrowRight")
    expect(page.locator(".gmm-answer")).to_contain_text(f"{words} components")
    connected(page)


def settled(page: Page, way: Relay) -> None:
    """Wait until nothing comes any more."""
    connected(page)
    previous = -1
    while previous != way.sent:
        previous = way.sent
        page.wait_for_timeout(2_000)
