"""The first screen in a real browser, beside a page that could not be smaller."""

from __future__ import annotations

import statistics
import time

from browser.conftest import CHROMIUM, FLAGS, WIDE
from playwright.sync_api import Browser, expect, sync_playwright

_PATIENCE = 60_000  # milliseconds


def medians(ours: str, bare: str, times: int = 9) -> tuple[float, float]:
    """Return the seconds until our first screen and the bare page's are drawn, taken in turns.

    Ours is drawn when the answer and the finished fit's figure are there, the bare one when its
    chart is. Each time is a new browser profile with nothing cached, as for who comes first.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            durations: tuple[list[float], list[float]] = ([], [])
            for turn in range(times + 1):
                pair = _screen(browser, f"{ours}/fit", True), _screen(browser, bare, False)
                if turn:  # the first warms up the browser itself
                    durations[0].append(pair[0])
                    durations[1].append(pair[1])
        finally:
            browser.close()
    return statistics.median(durations[0]), statistics.median(durations[1])


def _screen(browser: Browser, url: str, ours: bool) -> float:
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    page = context.new_page()
    began = time.monotonic()
    page.goto(url, wait_until="commit")
    if ours:
        chart = page.locator('.gmm-figure[data-figure="density"] .main-svg').first
        answer = page.locator(".gmm-answer")
        expect(chart).to_be_visible(timeout=_PATIENCE)
        expect(answer).to_contain_text("Two components explain", timeout=_PATIENCE)
    else:
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=_PATIENCE)
    seconds = time.monotonic() - began
    context.close()
    return seconds
