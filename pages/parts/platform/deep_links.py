"""Links to a page, from the first request after a start on.

Beside a folder called `pages` Streamlit takes every file of that folder for a page, and knows no
other, until `st.navigation` has been called once in the process. A link to a page would then not be
found when nobody has opened the app before.
"""

from __future__ import annotations

import streamlit as st


def enable() -> None:
    """Let `st.navigation` alone say which pages there are; called as the server starts."""
    st.navigation([st.Page(_nothing, title="Home")])


def _nothing() -> None:
    """Draw nothing: the pages are those that each run of the app names."""
