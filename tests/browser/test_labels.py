"""No text on text: the boxes of all text in every figure, on four data sets, at three widths."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import Server, connected

WIDTHS = (390, 800, 1280)
PAGES = ("fit", "data", "membership")
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


def drawn(page: Page) -> None:
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
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            drawn(page)
            faults += [f"{name}, {width} px, {overlap}" for overlap in covering(page)]
    assert not faults, "\n".join(faults)
