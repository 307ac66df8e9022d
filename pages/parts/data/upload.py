"""A file of the person's own: what was read, what would be left out, and its use."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gmm_core.data import cage, formats
from gmm_core.data.source import MAX_BYTES
from pages.parts import text
from pages.parts.data import choice, held, offer

_MEGABYTES = MAX_BYTES // 2**20


def show() -> None:
    """Read a file, say what was read and what would be left out, and then use it."""
    file = st.file_uploader(
        f"A table of up to {_MEGABYTES} MB: {formats.listed()}",
        key="upload",
        max_upload_size=_MEGABYTES,
        on_change=_forget_upload,
        help="The delimiter, the decimal sign and the header are detected. Nothing is used before "
        "you say so. A table that is too large as text often fits as Parquet, at a fifth of the "
        "size.",
    )
    state = st.session_state
    # A file is read once, not at each turn of a knob.
    if file is not None and state.get("upload_read", ("",))[0] != file.file_id:
        _read(file)
    if "upload_read" not in state:
        return
    if file is None:  # the page was left, and the widget forgot what the session still knows
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.caption(f"Still here from before: {text.plain(state['upload_name'])}")
        right.button("Remove", key="upload_remove", on_click=_forget_upload)
    file_id, reading_key, problem = state["upload_read"]
    reading = None if reading_key is None else held.get(reading_key)
    if reading_key is not None and reading is None:
        problem = "Others have read their files since, and this one is no longer held. Choose it "
        problem += "again."
    if file is not None and reading is not None and reading.other_sheets:
        sheets = [reading.sheet, *reading.other_sheets]
        chosen = st.selectbox("Sheet", sheets, key=f"sheet_{file_id}", width=320)
        if chosen != reading.sheet:
            _read(file, chosen)
            st.rerun()
    if problem:
        st.error(text.plain(problem))
    else:
        offer.show("upload", file_id, reading)


def _read(file: Any, sheet: str | None = None) -> None:
    with st.spinner("Reading"):
        content = file.getvalue()
        reading, problem = choice.attempt(lambda: cage.read_table(content, file.name, sheet))
        _let_go()
        reading_key = None if reading is None else held.keep(reading, held.size(reading))
        st.session_state["upload_read"] = (file.file_id, reading_key, problem)
        st.session_state["upload_name"] = file.name


def _forget_upload() -> None:
    """Forget the last file: another one came, or the person removed it."""
    _let_go()
    for name in ("upload_read", "upload_made", "upload_name"):
        st.session_state.pop(name, None)


def _let_go() -> None:
    for name in ("upload_read", "upload_made"):
        reading_key = st.session_state.get(name, (None, None))[1]
        if reading_key is not None:
            held.drop(reading_key)
