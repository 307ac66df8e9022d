"""A page of which nothing is sent from its fragment's first drawing until that begins again.

So it is on a machine that is too busy to send: the fragment asks for itself while the page is
drawn, and begins as soon as it has been.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import streamlit as st
from streamlit.runtime.app_session import AppSession

sys.path.insert(0, str(Path(__file__).parents[3]))

# Long enough that the browser keeps it, and is sent only its name the next time.
KNOWN = "known " * 4000


def tick() -> None:
    """Draw two columns, with a text in one that the browser knows."""
    again = "drawn" in st.session_state
    st.session_state["drawn"] = True
    if not again:
        time.sleep(0.5)  # until it has asked for itself
    AppSession.held = not again
    left, right = st.columns(2)
    left.text(f"{'Again' if again else 'First'} after {st.session_state['steps']}")
    right.text(KNOWN)


def main() -> None:
    """Draw the fragment after every other step."""
    steps = st.number_input("Steps", 0, key="steps")
    st.session_state.pop("drawn", None)
    with st.container():
        if steps % 2:
            st.fragment(tick, run_every=0.2)()
        else:
            st.text("Nothing ticks")
    st.text(KNOWN)
    st.text(f"The end of {steps}")


def hold() -> None:
    """Let what is in the queue wait while the page says so."""
    flush = AppSession.flush_browser_queue
    AppSession.held = False
    AppSession.flush_browser_queue = lambda session: [] if AppSession.held else flush(session)


if __name__ == "__main__":
    main()
elif __name__ == "late_app":
    from pages.parts.platform import streamlit_internals

    streamlit_internals.keep_unsent()
    hold()
    app = st.App(__file__)
