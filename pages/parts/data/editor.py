"""A table to edit that outlives its page."""

from __future__ import annotations

import pandas as pd
import streamlit as st


def table(name: str, start: pd.DataFrame, stamp: str, **options: object) -> pd.DataFrame:
    """Draw a table to edit that keeps what was entered when the page is left.

    Parameters
    ----------
    start : what stands there at first; taken anew when `stamp` changes.
    """
    state = st.session_state
    kept_stamp, generation, base, edited = state.get(f"{name}_kept", (None, -1, None, None))
    if kept_stamp != stamp:
        generation, base = generation + 1, start
    elif f"{name}_{generation}" not in state:
        # The widget is gone with the page it stood on; what it showed is where the next one begins.
        generation, base = generation + 1, edited
        base.index = pd.RangeIndex(1, len(base) + 1, name=start.index.name)
    # The editor gets the same frame as long as it lives: fed with its own output it would reset.
    edited = st.data_editor(
        base, num_rows="dynamic", width="stretch", key=f"{name}_{generation}", **options
    )
    state[f"{name}_kept"] = (stamp, generation, base, edited)
    return edited
