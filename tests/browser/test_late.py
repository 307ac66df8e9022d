"""A page that is sent late arrives whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from .conftest import Server

APP = Path(__file__).parent / "apps" / "late_app.py"


def test_a_fragment_that_begins_again_before_it_was_sent_leaves_the_page_whole(
    start: Callable[..., Server], open_page: Callable[..., Page]
):
    page = open_page(start(APP).url)
    for steps in (1, 2, 3):
        page.get_by_label("Steps").fill(str(steps))
        page.get_by_label("Steps").press("Enter")
        expect(page.get_by_text(f"The end of {steps}")).to_be_visible()
        expect(page.get_by_text(f"Again after {steps}")).to_have_count(steps % 2)
        expect(page.get_by_text("Nothing ticks")).to_have_count(1 - steps % 2)
