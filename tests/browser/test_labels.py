"""No text on text: the boxes of all text in every figure, on four data sets, at three widths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from .conftest import Server, connected

RUN_MS = 360_000  # of draws on two cores that a browser shares
WIDTHS = (390, 800, 1280)
PAGES = ("fit", "data", "membership", "posterior", "compare")
# The boxes of text have some pixels above and below their letters: those may touch.
_COVERING = """
(slack) => {
  const found = [];
  for (const node of document.querySelectorAll(".gmm-figure")) {
    if (!node.querySelector(".main-svg")) continue;
    const texts = ".annotation, .gtitle, .xtick text, .ytick text, .xtitle, .ytitle";
    const boxes = [...node.querySelectorAll(texts)]
      .filter((text) => text.textContent.trim())
      .map((text) => [text.textContent, text.getBoundingClientRect()])
      .filter(([_, box]) => box.width > 0 && box.height > 0);
    boxes.forEach(([said, a], i) => {
      for (const [other, b] of boxes.slice(i + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > slack && high > slack) {
          found.push(`${node.dataset.figure}: “${said}” and “${other}”`);
        }
      }
    });
  }
  return found;
}
"""


def wait_until_drawn(page: Page) -> None:
    """Wait until every figure is drawn as wide as its place."""
    connected(page)
    page.wait_for_function(
        """() => {
          const all = [...document.querySelectorAll(".gmm-figure")];
          return all.length && all.every((node) => {
            const { clientWidth } = node;
            return !clientWidth || Math.abs((node._fullLayout?.width ?? 0) - clientWidth) <= 1;
          });
        }"""
    )


def parts(page: Page, name: str) -> Iterator[str]:
    """Wait for a page's result, and show each of its parts in turn: their names."""
    if name == "posterior":
        for label in ("Draws per chain", "Warm-up"):  # few draws have the figures that many have
            field = page.get_by_label(label, exact=True)
            field.fill("150")
            field.press("Enter")
            expect(field).to_have_value("150")
        expect(page.get_by_text("Done in")).to_be_visible(timeout=RUN_MS)
        for section in ("What it says", "Labels", "Can I trust it?", "Checks"):
            page.set_viewport_size({"width": 1280, "height": 900})
            page.get_by_role("radio", name=section).click()
            yield f"posterior: {section}"
        return
    if name == "compare":
        run = page.get_by_role("button", name="Compare", exact=True)
        rows = page.get_by_text(re.compile("fits? these [0-9,]+ points best"))
        expect(run.or_(rows).first).to_be_visible(timeout=RUN_MS)
        if run.is_visible():  # more than the page computes unasked
            run.click()
        expect(rows).to_be_visible(timeout=RUN_MS)
    yield name


def covering(page: Page) -> list[str]:
    """Return what still covers another text when the labels have had their time to move."""
    for _ in range(20):  # they move after the drawing, and a redraw puts them back first
        page.wait_for_timeout(300)
        if not (overlaps := page.evaluate(_COVERING, 4)):
            break
    return list(overlaps)


@pytest.mark.parametrize("data", ["tutorial", "galaxies", "iris", "faithful"])
def test_no_text_of_a_figure_covers_another(
    app_server: Server, open_page: Callable[..., Page], data: str
):
    page = open_page(f"{app_server.url}/fit?data={data}", viewport={"width": 1280, "height": 900})
    expect(page.locator(".gmm-answer")).to_contain_text("starts agree")
    faults = []
    for name in PAGES:
        if name != "fit":
            page.set_viewport_size({"width": 1280, "height": 900})
            page.get_by_role("link", name=name.capitalize(), exact=True).click()
            expect(page.get_by_role("heading", name=name.capitalize(), level=1)).to_be_visible()
        for part in parts(page, name):
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                wait_until_drawn(page)
                faults += [f"{part}, {width} px, {overlap}" for overlap in covering(page)]
    assert not faults, "\n".join(faults)
