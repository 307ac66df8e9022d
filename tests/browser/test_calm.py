"""Nothing moves that need not: the layout of a first load is kept from its first moment on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from .conftest import PHONE, WIDE, Server, connected

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


@pytest.mark.parametrize(
    ("data", "window"), [("tutorial", WIDE), ("own", WIDE), ("tutorial", PHONE)]
)
def test_first_load_moves_nothing(
    start: Callable[..., Server], browser: Browser, data: str, window: dict[str, int]
):
    # On a busy machine a load can pass through states that last a blink otherwise: one of two is
    # enough, each of a server that has computed nothing.
    loads: list[list[dict[str, Any]]] = []
    while len(loads) < 2 and not (loads and total(loads[-1]) < SHIFT):
        loads.append(first_load(start(), browser, data, window))
    largest = sorted(loads[-1], key=lambda shift: -shift["value"])[:8]
    assert total(loads[-1]) < SHIFT, largest


def total(shifts: list[dict[str, Any]]) -> float:
    return sum(shift["value"] for shift in shifts)


def first_load(
    server: Server, browser: Browser, data: str, window: dict[str, int]
) -> list[dict[str, Any]]:
    """Return the layout shifts from the first paint to the first fit."""
    context = browser.new_context(viewport=window)
    context.add_init_script(_WATCH)
    page = context.new_page()
    page.goto(f"{server.url}/fit" + ("?data=galaxies" if data == "own" else ""))
    connected(page)
    answer = page.locator(".gmm-answer")
    expect(answer).to_contain_text("starts agree")
    expect(page.locator('.gmm-figure[data-figure="gradient"]')).to_be_attached()
    fold = page.locator(".st-key-settings")
    if window is PHONE:  # no more room below the folded settings than between any two parts
        box, below = fold.bounding_box(), page.locator(".st-key-welcome").bounding_box()
        assert box is not None
        assert below is not None
        assert below["y"] - box["y"] - box["height"] < 20
    shifts: list[dict[str, Any]] = page.evaluate("window.shifts")
    context.close()
    return shifts
