"""There is room for what is written: choices fit their boxes, and what comes moves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from gmm_core.words.settings import VALUES
from pages.parts import controls

from .conftest import PHONE, WIDE, Server
from .test_fit import settled

# As long as what a comparison of tables of several columns says.
LONG = (
    "Six components with full covariances of their own: chosen by BIC among 36 mixtures; five "
    "components with full covariances of their own came second, 173 behind. More than six "
    "components were not tried, and may suit better: the Compare page tells."
)


CHOICES = {
    "Covariance": [*controls.COVARIANCES.values(), *controls.CODES.values()],
    "Known classes": list(controls.CLASSES.values()),
    "Priors": list(controls.PRIORS.values()),
    "Method": list(VALUES["method"].values()),
    "Choose the start by": list(VALUES["choose"].values()),
    "Engine": list(VALUES["engine"].values()),
    "Starts begin at": list(VALUES["start"].values()),
}


def test_every_choice_of_a_setting_fits_its_box(app_server: Server, open_page: Callable[..., Page]):
    page = open_page(f"{app_server.url}/fit?data=iris", viewport=WIDE)
    settled(page)
    column = page.locator(".st-key-settings")
    column.get_by_text("More", exact=True).click()
    cut = []
    for name, choices in CHOICES.items():
        widths = column.get_by_role("combobox", name=name).evaluate(
            """(box, choices) => {
                const { font, paddingLeft, paddingRight } = getComputedStyle(box);
                const drawn = document.createElement('canvas').getContext('2d');
                drawn.font = font;
                const room = box.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
                return [room, ...choices.map((choice) => drawn.measureText(choice).width)];
            }""",
            choices,
        )
        cut += [c for c, w in zip(choices, widths[1:], strict=True) if w > widths[0]]
    assert cut == []


@pytest.mark.parametrize("window", [WIDE, PHONE])
def test_a_suggestion_of_any_length_moves_nothing(
    app_server: Server, open_page: Callable[..., Page], window: dict[str, int]
):
    page = open_page(f"{app_server.url}/fit?data=faithful", viewport=window)
    settled(page)
    note = page.locator(".st-key-suggestion")
    heights = note.evaluate(
        """(note, long) => {
            const text = note.querySelector('[data-testid=stCaptionContainer] p');
            return ['', 'One line.', long].map((words) => {
                text.innerText = words;
                return note.getBoundingClientRect().height;
            });
        }""",
        LONG,
    )
    assert heights[0] == heights[1] == pytest.approx(heights[2], abs=1)
