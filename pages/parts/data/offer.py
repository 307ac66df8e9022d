"""A table that was read: which of its columns and rows are used, and as what."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.table import Reading
from gmm_core.formatting import count, listing
from pages.parts import text
from pages.parts.data import choice, held

SHOWN = 200  # rows left out that are listed
CHIPS = 12  # columns that can be picked one by one; of more, all are taken first


def show(way: str, file_id: str, reading: Reading) -> None:
    """Let the person choose what is used of a table, and use it.

    Parameters
    ----------
    way : by which it came, for the names of what the session keeps.
    file_id : of this table among those that come by this way.
    """
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
    request = (file_id, reading.sheet, codes, tuple(columns), missing, weights, classes)
    state = st.session_state
    if state.get(f"{way}_made", ("",))[0] != request:
        made, problem = choice.attempt(
            lambda: reading.dataset(columns, missing=missing, weights=weights, classes=classes)
        )
        data_key = None if made is None else held.keep(made, int(made.values.nbytes))
        state[f"{way}_made"] = (request, data_key, problem)
    _, data_key, problem = state[f"{way}_made"]
    data = None if data_key is None else held.get(data_key)
    if data is None and not problem:  # it had to go, and is made again
        del state[f"{way}_made"]
        st.rerun()
    with right:
        # What was read is said in the first sentence and what is used in the last; of what the
        # data lacks the Data page tells by itself.
        told = reading.kept_holes(columns) if missing == "keep" else []
        left_out = [sentence for sentence in sentences[1:-1] if sentence not in told]
        choice.preview(data, problem, way, " ".join(left_out))


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
