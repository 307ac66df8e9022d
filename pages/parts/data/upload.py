"""A file of the person's own: what was read, what would be left out, and its use."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gmm_core.data import cage, formats
from gmm_core.data.dataset import listing
from gmm_core.data.source import MAX_BYTES
from gmm_core.data.table import Reading
from gmm_core.formatting import count
from pages.parts import text
from pages.parts.data import choice, held

SHOWN = 200  # rows left out that are listed
CHIPS = 12  # columns that can be picked one by one; of more, all are taken first

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
    file_id, kept, problem = state["upload_read"]
    reading = None if kept is None else held.get(kept)
    if kept is not None and reading is None:
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
        _offer(file_id, reading)


def _read(file: Any, sheet: str | None = None) -> None:
    with st.spinner("Reading"):
        content = file.getvalue()
        reading, problem = choice.attempt(lambda: cage.read_table(content, file.name, sheet))
        _let_go()
        kept = None if reading is None else held.keep(reading, held.size(reading))
        st.session_state["upload_read"] = (file.file_id, kept, problem)
        st.session_state["upload_name"] = file.name


def _forget_upload() -> None:
    """Forget the last file: another one came, or the person removed it."""
    _let_go()
    for name in ("upload_read", "upload_made", "upload_name"):
        st.session_state.pop(name, None)


def _let_go() -> None:
    for name in ("upload_read", "upload_made"):
        kept = st.session_state.get(name, (None, None))[1]
        if kept is not None:
            held.drop(kept)


def _offer(file_id: str, reading: Reading) -> None:
    left, right = st.columns(2, gap="large")
    missing = "drop"
    with left:
        reading, codes = _with_missing(file_id, reading)
        columns = _columns(file_id, reading)
        weights, classes = _special_columns(file_id, reading, columns)
        columns = [column for column in columns if column not in (weights, classes)]
        if not columns:
            st.error("No column is chosen. Choose at least one.")
            return
        if dropped := reading.dropped(columns):
            ways = {
                "keep": "keep, and integrate out what is missing",
                "drop": f"leave out {dropped:,}",
                "refuse": "refuse the file",
            }
            if len(columns) == 1:  # a row without its only value says nothing
                del ways["keep"]
            missing = st.radio(
                "Rows with a missing or infinite value",
                list(ways),
                format_func=ways.get,
                horizontal=True,
                key=f"missing_{file_id}",
                persist_state="session",
                help="Kept rows tell what they can: a component is believed by the columns that "
                "are there. That is right where values are missing at random, whatever they would "
                "have been given those that are there.",
            )
        sentences = reading.sentences(columns, missing=missing, weights=weights, classes=classes)
        for sentence in sentences:
            st.markdown(text.plain(sentence))
        _not_used(reading, columns, missing)
    wanted = (file_id, reading.sheet, codes, tuple(columns), missing, weights, classes)
    state = st.session_state
    if state.get("upload_made", ("",))[0] != wanted:
        made, problem = choice.attempt(
            lambda: reading.dataset(columns, missing=missing, weights=weights, classes=classes)
        )
        kept = None if made is None else held.keep(made, int(made.values.nbytes))
        state["upload_made"] = (wanted, kept, problem)
    _, kept, problem = state["upload_made"]
    data = None if kept is None else held.get(kept)
    if data is None and not problem:  # it had to go, and is made again
        del state["upload_made"]
        st.rerun()
    with right:
        # What was read is said in the first sentence and what is used in the last.
        choice.preview(data, problem, "upload", " ".join(sentences[1:-1]))


def _with_missing(file_id: str, reading: Reading) -> tuple[Reading, tuple[str, ...]]:
    """Ask whether numbers such as 99 stand for missing values, and read them so."""
    codes = reading.missing_codes
    if not codes:
        return reading, ()
    names = {column: f"{code:g} in {column}" for column, code in codes.items()}
    chosen = st.pills(
        "These numbers stand for a missing value",
        list(codes),
        selection_mode="multi",
        default=list(codes),
        format_func=lambda column: text.plain(names[column]),
        key=f"codes_{file_id}_{reading.sheet}",
        help="Each lies far from all other values of its column, and questionnaires use it where "
        "there is no answer. Click one to keep it as a value.",
    )
    return reading.with_missing({column: codes[column] for column in chosen}), tuple(chosen)


def _special_columns(
    file_id: str, reading: Reading, columns: list[str]
) -> tuple[str | None, str | None]:
    """Ask which column says how often a row counts, and which what it is known to be."""
    left, right = st.columns(2)
    key = f"{file_id}_{reading.sheet}"
    weights = left.selectbox(
        "Counts or weights",
        [None, *reading.columns],
        format_func=lambda name: "none: each row counts once" if name is None else name,
        key=f"weights_{key}",
        persist_state="session",
        help="A column that says how often each row counts: 2 is the row twice, 0 is the row gone. "
        "It is not fitted.",
    )
    classes = right.selectbox(
        "Known classes",
        [None, *reading.texts, *(c for c in reading.columns if c != weights)],
        format_func=lambda name: "none" if name is None else name,
        key=f"classes_{key}",
        persist_state="session",
        help="A column that says what each row is, such as a species; an empty cell is unknown. "
        "It is not fitted: a fit is compared with it, or made to follow it, as you choose there.",
    )
    return weights, classes


def _not_used(reading: Reading, columns: list[str], missing: str) -> None:
    """Show the cells that are no numbers and the rows that have holes."""
    unread = [cell for cell in reading.unread if cell[1] in columns]
    holes = reading.holes(columns)
    if not unread and not holes:
        return
    with st.expander("Which cells and rows?"):
        if unread:
            text.table(("Row", "Column", "Cell"), [(f"{r:,}", c, cell) for r, c, cell in unread])
        if holes:
            text.table(
                ("Row with holes" if missing == "keep" else "Row left out", "Without a number"),
                [(f"{row:,}", listing(lacking)) for row, lacking in holes[:SHOWN]],
                caption="Rows are counted from 1 below the header.",
            )
        if len(holes) > SHOWN:
            st.caption(f"and {count(len(holes) - SHOWN, 'more row')}")


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
        key=f"columns_{file_id}_{reading.sheet}",
        persist_state="session",
        help="Columns of numbers. Row numbers, codes and mostly empty columns are on offer too.",
    )
