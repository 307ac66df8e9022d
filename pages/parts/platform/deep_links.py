"""Links to a page, from the first request after a start on.

Beside a folder called `pages` Streamlit takes every file of that folder for a page, and knows no
other, until `st.navigation` has been called once in the process. A link to a page would then not be
found when nobody has opened the app before.
"""

from __future__ import annotations

import logging

import streamlit as st


def enable() -> None:
    """Let `st.navigation` alone say which pages there are; called as the server starts."""
    # It warns twice that no page is being drawn, which nobody who starts the app can act on.
    log = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    log.disabled = True
    try:
        st.navigation([st.Page(_nothing, title="Home")])
    finally:
        log.disabled = False


def _nothing() -> None:
    """Draw nothing: the pages are those that each run of the app names."""
