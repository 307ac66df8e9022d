"""Nothing moves that need not: the layout of a first load is kept from its first moment on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from .conftest import WIDE, Server, connected

# What web.dev calls good is 0.1; settings that come one by one take most of what is allowed here.
SHIFT = 0.05
_WATCH = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { value, startTime, sources } of list.getEntries()) {
    const of = sources.map(({ node }) => node?.className || node?.nodeName);
    window.shifts.push({ value, startTime, of });
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("data", ["tutorial", "own"])
def test_first_load_moves_nothing(start: Callable[..., Server], browser: Browser, data: str):
    # On a busy machine a load can pass through states that last a blink otherwise: one of two is
    # enough, each of a server that has computed nothing.
    loads: list[list[dict[str, Any]]] = []
    while len(loads) < 2 and not (loads and total(loads[-1]) < SHIFT):
        loads.append(first_load(start(), browser, data))
    largest = sorted(loads[-1], key=lambda shift: -shift["value"])[:8]
    assert total(loads[-1]) < SHIFT, largest


def total(shifts: list[dict[str, Any]]) -> float:
    return sum(shift["value"] for shift in shifts)


def first_load(server: Server, browser: Browser, data: str) -> list[dict[str, Any]]:
    """Return the layout shifts from the first paint to the first fit."""
    context = browser.new_context(viewport=WIDE)
    context.add_init_script(_WATCH)
    page = context.new_page()
    page.goto(f"{server.url}/fit" + ("?data=galaxies" if data == "own" else ""))
    connected(page)
    answer = page.locator(".gmm-answer")
    expect(answer).to_contain_text("starts agree")
    expect(page.locator('.gmm-figure[data-figure="gradient"]')).to_be_attached()
    shifts: list[dict[str, Any]] = page.evaluate("window.shifts")
    context.close()
    return shifts
