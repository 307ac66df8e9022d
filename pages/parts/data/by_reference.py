"""A shared table that is too large for a page: its rows stay with the workers."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gmm_core.data.folder import Entry, Folder
from gmm_core.data.whole import MAPPED
from gmm_core.formatting import count
from gmm_core.jobs import service
from pages.parts import text
from pages.parts.data import bar, choice, held

READING = "reference_reading"
MADE = "reference_made"


def show(entry: Entry) -> None:
    """Let the person choose what is used of a table of Parquet files, and have workers read it."""
    columns, problem = choice.attempt(lambda: _numbers(service().settings.data, entry.name))
    if problem or not isinstance(columns, tuple):
        st.error(text.plain(problem))
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            f"{count(entry.rows or 0, 'row')} are more than a page holds. They stay where they "
            "are: the workers read them, and fit and compare mixtures on all of them."
        )
        request = _chosen(entry, columns)
        if request is None:
            st.error("No column is chosen. Choose at least one.")
            return
        st.button(
            "Read it on the workers",
            type="primary",
            key="read_reference",
            on_click=_ask,
            args=(request,),
            disabled=_made(request) is not None,
        )
    with right:
        if st.session_state.get(READING) == request:
            _read(request)
        made = _made(request)
        if made is not None:
            _, sample_key, problem = made
            data = None if sample_key is None else held.get(sample_key)
            if data is None and not problem:
                problem = "Others have opened tables since. Read it again."
            choice.preview(data, problem, "reference")


def close() -> None:
    """Hold it no longer."""
    st.session_state.pop(READING, None)
    made = st.session_state.pop(MADE, None)
    if made is not None and made[1] is not None:
        held.drop(made[1])


@st.cache_data(max_entries=16, ttl=60, show_spinner=False)
def _numbers(address: str, name: str) -> tuple[str, ...]:
    return Folder(address).partitioned(name).columns


def _chosen(entry: Entry, numbers: tuple[str, ...]) -> dict[str, Any] | None:
    """Ask which columns are fitted, and which say something of the rows."""
    fitted = st.multiselect(
        "Columns to use", numbers, default=numbers, key=f"reference_columns_{entry.name}"
    )
    first, second = st.columns(2)
    weights = first.selectbox(
        "Counts or weights",
        [None, *numbers],
        format_func=lambda name: "none: each row counts once" if name is None else name,
        key=f"reference_weights_{entry.name}",
    )
    classes = second.selectbox(
        "Known classes",
        [None, *(name for name in entry.columns or () if name != weights)],
        format_func=lambda name: "none" if name is None else name,
        key=f"reference_classes_{entry.name}",
    )
    missing = st.radio(
        "Rows with a missing value",
        ["drop", "keep"],
        format_func={"drop": "leave out", "keep": "keep, and integrate out what is missing"}.get,
        horizontal=True,
        key=f"reference_missing_{entry.name}",
    )
    columns = [name for name in fitted if name not in (weights, classes)]
    if not columns:
        return None
    in_pairs = columns
    if len(columns) > MAPPED:
        in_pairs = st.multiselect(
            "Columns to see in pairs",
            columns,
            default=columns[:MAPPED],
            max_selections=MAPPED,
            key=f"reference_pairs_{entry.name}_{len(columns)}",
            help=f"All rows are counted by each column, and by the pairs of up to {MAPPED}. Other "
            "pairs are drawn from a sample; to see more of them, read the table again.",
        )
    reading = {"weights": weights, "classes": classes, "missing": missing}
    return {"name": entry.name, "columns": columns, "in_pairs": in_pairs, **reading}


def _ask(request: dict[str, Any]) -> None:
    close()
    st.session_state[READING] = request


def _made(request: dict[str, Any]) -> tuple[dict[str, Any], str | None, str] | None:
    made = st.session_state.get(MADE)
    return made if made is not None and made[0] == request else None


def _read(request: dict[str, Any]) -> None:
    """Have the workers read the table; whoever presses Cancel, or turns a setting, stops that."""
    report = bar.show("cancel_reference", close)

    def make() -> object:
        reading = {name: value for name, value in request.items() if name != "in_pairs"}
        data = Folder(service().settings.data).partitioned(**reading)
        return service().sample(
            data,
            source=request["name"],
            shared=True,
            in_pairs=request["in_pairs"],
            on_progress=report,
        )

    data, problem = choice.attempt(make)
    size = 0 if data is None else int(data.values.nbytes + data.whole.maps.nbytes)
    data_key = None if data is None else held.keep(data, size)
    st.session_state.pop(READING, None)
    st.session_state[MADE] = (request, data_key, problem)
    st.rerun()
