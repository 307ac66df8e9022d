"""A file of the person's own: what was read, what would be left out, and its use."""

from __future__ import annotations

import streamlit as st

from gmm_core.reading import MAX_BYTES, Reading, read_table
from pages.parts import text
from pages.parts.data import choice

CHIPS = 12  # columns that can be picked one by one; of more, all are taken first

_MEGABYTES = MAX_BYTES // 2**20


def show() -> None:
    """Read a file, say what was read and what would be left out, and then use it."""
    file = st.file_uploader(
        f"A table of up to {_MEGABYTES} MB: CSV, TSV, Parquet, Excel or JSON",
        key="upload",
        max_upload_size=_MEGABYTES,
        on_change=_forget_upload,
        help="The delimiter, the decimal sign and the header are detected. Nothing is used before "
        "you say so.",
    )
    state = st.session_state
    # A file is read once, not at each turn of a knob.
    if file is not None and state.get("upload_read", ("",))[0] != file.file_id:
        with st.spinner("Reading"):
            state["upload_read"] = (file.file_id, *choice.attempt(lambda: read_table(file)))
            state["upload_name"] = file.name
    if "upload_read" not in state:
        return
    if file is None:  # the page was left, and the widget forgot what the session still knows
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.caption(f"Still here from before: {text.plain(state['upload_name'])}")
        right.button("Remove", key="upload_remove", on_click=_forget_upload)
    file_id, reading, problem = state["upload_read"]
    if problem:
        st.error(text.plain(problem))
    else:
        _offer(file_id, reading)


def _forget_upload() -> None:
    """Forget the last file: another one came, or the person removed it."""
    for name in ("upload_read", "upload_made", "upload_name"):
        st.session_state.pop(name, None)


def _offer(file_id: str, reading: Reading) -> None:
    left, right = st.columns(2, gap="large")
    missing = "drop"
    with left:
        columns = _columns(file_id, reading)
        if not columns:
            st.error("No column is chosen. Choose at least one.")
            return
        if dropped := reading.dropped(columns):
            missing = st.radio(
                "Rows with a missing or infinite value",
                ("drop", "refuse"),
                format_func={"drop": f"leave out {dropped:,}", "refuse": "refuse the file"}.get,
                horizontal=True,
                key=f"missing_{file_id}",
                persist_state="session",
            )
        said = reading.sentences(columns)
        for sentence in said:
            st.markdown(text.plain(sentence))
    asked = (file_id, tuple(columns), missing)
    state = st.session_state
    if state.get("upload_made", ("",))[0] != asked:
        made = choice.attempt(lambda: reading.dataset(columns, missing=missing))
        state["upload_made"] = (asked, *made)
    _, data, problem = state["upload_made"]
    with right:
        # What was read is said in the first sentence and what is used in the last.
        choice.preview(data, problem, "upload", " ".join(said[1:-1]))


def _columns(file_id: str, reading: Reading) -> list[str]:
    default = list(reading.default)
    if len(default) > CHIPS and st.toggle(
        f"All {len(default):,} columns of numbers",
        value=True,
        key=f"all_{file_id}",
        persist_state="session",
    ):
        return default
    return st.multiselect(
        "Columns to use",
        list(reading.columns),
        default=default if len(default) <= CHIPS else default[:2],
        key=f"columns_{file_id}",
        persist_state="session",
        help="Columns of numbers. Row numbers and columns that are mostly empty are on offer too.",
    )
