"""Tables that whoever runs the server shares with everybody who may open it."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.folder import MOST, Entry, Folder
from gmm_core.formatting import count, listing
from gmm_core.jobs import service
from pages.parts import text
from pages.parts.data import by_reference, choice, held, offer

SECONDS = 30
"""How long a list of the folder is shown before it is looked at again."""


def offered() -> bool:
    """Whether there is a folder of shared data."""
    return bool(service().settings.data)


def show() -> None:
    """List the tables; one that is opened is offered as an upload is."""
    entries, problem = _entries(service().settings.data)
    if problem:
        st.error(text.plain(problem))
        return
    if not entries:
        st.caption("No table lies in the folder of shared data.")
    for entry in entries:
        _line(entry)
    if len(entries) == MOST:
        st.caption(f"The first {MOST} tables are listed.")


@st.cache_data(max_entries=4, ttl=SECONDS, show_spinner="Looking what there is")
def _entries(address: str) -> tuple[tuple[Entry, ...], str]:
    entries, problem = choice.attempt(lambda: Folder(address).entries())
    return entries or (), problem


def _line(entry: Entry) -> None:
    open_name = st.session_state.get("shared_read", ("",))[0]
    left, right = st.columns([4, 1], vertical_alignment="center")
    size = entry.bytes / 2**20
    parts = [f"**{text.plain(entry.name)}**", f"{size:,.1f} MB" if size >= 0.1 else "below 0.1 MB"]
    if entry.rows is not None:
        parts.append(count(entry.rows, "row"))
    if entry.columns is not None:
        columns = text.plain(listing(entry.columns, 6))
        parts.append(f"{count(len(entry.columns), 'column')}: {columns}")
    left.markdown(" · ".join(parts))
    if entry.problem:
        left.caption(text.plain(entry.problem))
        return
    is_open = entry.name == open_name
    button = right.container(horizontal=True, horizontal_alignment="right")
    button.button(
        "Close" if is_open else "Open",
        key=f"shared_{entry.name}",
        on_click=_close if is_open else _open,
        args=() if is_open else (entry,),
    )
    if is_open:
        _opened(entry)


def _opened(entry: Entry) -> None:
    name, reading_key, problem = st.session_state["shared_read"]
    if entry.large and entry.name.endswith(".parquet"):
        by_reference.show(entry)
        return
    reading = None if reading_key is None else held.get(reading_key)
    if reading_key is not None and reading is None:
        problem = "Others have opened tables since, and this one is no longer held. Open it again."
    if problem:
        st.error(text.plain(problem))
        return
    if reading.other_sheets:
        sheets = [reading.sheet, *reading.other_sheets]
        chosen = st.selectbox("Sheet", sheets, key=f"shared_sheet_{name}", width=320)
        if chosen != reading.sheet:
            _open(entry, chosen)
            st.rerun()
    offer.show("shared", name, reading)


def _open(entry: Entry, sheet: str | None = None) -> None:
    _close()
    if entry.large:
        problem = (
            ""
            if entry.name.endswith(".parquet")
            else f"{entry.name} is more than a page works on. Save it as Parquet, which workers "
            "read and keep, or share a sample of its rows."
        )
        st.session_state["shared_read"] = (entry.name, None, problem)
        return
    folder = service().settings.data
    reading, problem = choice.attempt(lambda: Folder(folder).read(entry.name, sheet))
    reading_key = None if reading is None else held.keep(reading, held.size(reading))
    st.session_state["shared_read"] = (entry.name, reading_key, problem)


def _close() -> None:
    by_reference.close()
    for name in ("shared_read", "shared_made"):
        reading_key = st.session_state.pop(name, (None, None))[1]
        if reading_key is not None:
            held.drop(reading_key)
