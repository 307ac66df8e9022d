"""The layout of a page with settings: what a keyboard meets first, and where there is room.

In the page's order the settings come before the figures that they change, and Share and Export
after them: few presses of Tab lead from the menu to the first setting. To the eye (frame.css) the
settings stand at the right where the page is wide, and fold up under the answer where it is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from pages.parts.platform.streamlit_internals import DeltaGenerator

# An expander of Streamlit's is open or closed whatever the width of the page.
_fold = st.components.v2.component(
    "gmm_fold",
    html='<button type="button" class="gmm-fold" aria-expanded="false">Settings</button>',
    js="""
    export default function ({ parentElement }) {
      const button = parentElement.querySelector(".gmm-fold");
      const settings = button.closest(".st-key-settings");
      button.onclick = () => {
        const open = settings.toggleAttribute("data-open");
        button.setAttribute("aria-expanded", open);
      };
    }
    """,
    isolate_styles=False,
)


@dataclass(frozen=True)
class Layout:
    """The places of a page: its head, settings, main column, and what can be done with its run."""

    head: DeltaGenerator
    side: DeltaGenerator
    main: DeltaGenerator
    actions: DeltaGenerator

    @contextmanager
    def settings(self) -> Iterator[None]:
        """Place the controls of the page."""
        with self.side, st.container(key="settings"):
            _fold(key="fold_settings")
            yield


def with_settings() -> Layout:
    """Lay out a page that has settings."""
    head = st.container(key="head")
    # A container without anything in it takes no room, and the head is written last.
    head.container(key="head_room").html("<i></i>")
    side, main = st.columns([1, 3], gap="large")
    return Layout(head, side, main, actions())


def actions() -> DeltaGenerator:
    """Return the place of Share and Export, at the top of the page to the right."""
    return st.container(key="actions", horizontal=True, horizontal_alignment="right")
