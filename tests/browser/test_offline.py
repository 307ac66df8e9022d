"""The network is lost while a fit streams: the run goes on, and the page takes it up again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import ALL_IN_VIEW, WIDE, Server, connected
from .relay import Relay
from .test_fit import stream

OFFLINE_MS = 20_000


@pytest.fixture
def relay(app_server: Server) -> Iterator[Relay]:
    """The way to the dashboard that can be cut."""
    way = Relay(urlsplit(app_server.url).port or 0)
    yield way
    way.close()


@pytest.fixture
def far_page(browser: Browser, relay: Relay) -> Iterator[Page]:
    """The dashboard behind `relay`. Lost connections are noted in the console, and may be."""
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    context.add_init_script(ALL_IN_VIEW)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{relay.port}/fit")
    yield connected(page)
    context.close()


def test_stream_goes_on_after_twenty_seconds_offline(far_page: Page, relay: Relay) -> None:
    page = far_page
    words, steps = stream(page)
    page.evaluate("() => { window.loadedOnce = true; }")

    before = words.inner_text()
    relay.cut()
    disconnected = page.locator("[data-testid=stApp]:not([data-test-connection-state=CONNECTED])")
    expect(disconnected).to_be_visible()
    page.wait_for_timeout(OFFLINE_MS)
    expect(page.get_by_label("Steps", exact=True)).to_have_value(str(steps))
    relay.mend()

    # It streams again, further on than it was, in the same page: nothing was loaded anew.
    connected_again = page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]")
    expect(connected_again).to_be_visible()
    expect(words).not_to_have_text(before)
    done = int(re.match(r"[\d,]+", words.inner_text())[0].replace(",", ""))
    assert done > int(re.match(r"[\d,]+", before)[0].replace(",", ""))
    seen = words.inner_text()
    expect(words).not_to_have_text(seen)
    assert page.evaluate("() => window.loadedOnce")
    expect(page.get_by_label("Steps", exact=True)).to_have_value(str(steps))

    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()


def test_settings_outlive_a_network_that_comes_and_goes(far_page: Page, relay: Relay) -> None:
    page = far_page
    words, steps = stream(page)

    for i in range(5):
        page.wait_for_timeout(170 * i)  # at another moment of a frame each time
        relay.cut()
        disconnected = page.locator(
            "[data-testid=stApp]:not([data-test-connection-state=CONNECTED])"
        )
        expect(disconnected).to_be_visible()
        relay.mend()
        connected_again = page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]")
        expect(connected_again).to_be_visible()
        # The same run goes on, and was not replaced by one of other settings.
        seen = words.inner_text()
        expect(words).not_to_have_text(seen)

    # Neither what was set by hand nor what holds from the start.
    for label, number in {"Steps": str(steps), "Starts": "100", "Learning rate": "0.1"}.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(number)
    expect(page.get_by_role("switch", name="Shared covariance")).to_be_checked()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
