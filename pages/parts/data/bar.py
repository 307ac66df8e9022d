"""How far workers are with the partitions of a table, while a page waits for them."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gmm_core.formatting import count
from gmm_core.runs.progress import OnProgress, Progress


def show(key: str, on_cancel: Callable[[], object]) -> OnProgress:
    """Draw a bar with its Cancel, and return what moves it.

    Where the person has clicked meanwhile moving it leaves the page, and what is being read is let
    go.
    """
    bar = st.progress(0.0, "Reading …")
    st.button("Cancel", key=key, on_click=on_cancel)

    def report(progress: Progress) -> None:
        share = progress.done / max(progress.total, 1)
        bar.progress(share, f"{progress.done:,} of {count(progress.total, 'partition')} read")

    return report
