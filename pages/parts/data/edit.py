"""The points in use, changed in a table; or other ones, typed as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from gmm_core.data import typed
from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import like, original, table_columns
from gmm_core.formatting import count
from pages.parts import session
from pages.parts.data import choice, editor

EDITABLE = 2_000  # rows: a table of more is no longer edited by hand, and each change resends it


LONGEST = 200_000  # characters: some 30,000 numbers; more are a file


def show() -> None:
    """Let the person change, add and delete points in a table, or type them as numbers."""
    data = session.dataset()
    N = len(data.values)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**In a table**")
        if N <= EDITABLE:
            _table(data)
        else:
            st.caption(
                f"The data has {N:,} points; a table can be edited up to {EDITABLE:,}. "
                "Edit larger data in its file, and upload it again."
            )
    with right:
        st.markdown("**By number**")
        text = st.text_area(
            "Points",
            key="typed",
            placeholder="0, 1, 10, 11, 12",
            height=150,
            max_chars=LONGEST,
            persist_state="session",
            help="A list of numbers is one column. Several lines with the same number of numbers "
            "are points in as many columns. Decimals take a point: 0.5.",
        )
        if text.strip():
            # Once, not at each turn of a knob elsewhere on the page.
            source = (text, data.fingerprint)
            if st.session_state.get("typed_made", ("",))[0] != source:
                made = choice.attempt(lambda: _typed(text, data))
                st.session_state["typed_made"] = (source, made)
            _, made = st.session_state["typed_made"]
            choice.preview(*made, "typed")


def _table(data: Dataset) -> None:
    own = original(data)  # what a person knows is the table
    start = pd.DataFrame(own.values, columns=list(own.columns))
    numbers = list(own.columns)
    weight, class_column = _beside(own)
    if own.weights is not None:
        start[weight] = own.weights
        numbers.append(weight)
    if own.classes is not None:
        start[class_column] = pd.Series(own.classes, dtype=object)
    start.index = pd.RangeIndex(1, len(start) + 1, name="row")
    edited = editor.table(
        "edit",
        start,
        data.fingerprint,
        hide_index=False,
        height=300,
        column_config={
            name: st.column_config.NumberColumn(name, format="%.6g") for name in numbers
        },
    )
    if _same(edited, start, numbers):
        st.caption("Click a cell to change it, the last row to add a point.")
        return
    account = "Edited by hand."
    holes = edited[list(own.columns)].isna().any(axis=1).to_numpy()
    missing = "refuse"
    if n := int(holes.sum()):
        ways = {"refuse": "say where", "drop": f"leave out {n:,}"}
        if len(own.columns) > 1:
            keep = {"keep": "keep, and integrate out"}
            ways = keep | ways if own.incomplete else ways | keep
        missing = st.radio(
            "Rows with an empty cell",
            list(ways),
            format_func=ways.get,
            horizontal=True,
            key="edit_missing",
            persist_state="session",
        )
        if missing == "drop":
            account += f" Left out {count(n, 'row')} of {len(edited):,} with an empty cell."
            edited = edited[~holes]
    cells = edited.astype(object)
    name = data.name if data.name.endswith("(edited)") else f"{data.name[:180]} (edited)"
    made = choice.attempt(
        lambda: like(
            typed.table(
                cells[list(own.columns)].to_numpy().tolist(),
                own.columns,
                name,
                list(edited.index),
                weights=None if own.weights is None else cells[weight].tolist(),
                classes=None if own.classes is None else cells[class_column].tolist(),
                missing=missing == "keep",
            ),
            data.transforms,
        )
    )
    choice.preview(*made, "edit", account)
    st.button("Undo all changes", key="edit_undo", on_click=_forget_edits)


def _beside(data: Dataset) -> tuple[str, str]:
    """Name the columns of weights and known classes as no column of the data is named."""
    names = []
    for name in ("counts as", "known class"):
        while name in data.columns:
            name += " "
        names.append(name)
    return names[0], names[1]


def _same(edited: pd.DataFrame, start: pd.DataFrame, numbers: list[str]) -> bool:
    if len(edited) != len(start):
        return False
    theirs = [frame[numbers].to_numpy(float) for frame in (edited, start)]
    classes = [frame.drop(columns=numbers).fillna("").to_numpy() for frame in (edited, start)]
    return np.array_equal(*theirs, equal_nan=True) and np.array_equal(*classes)


def _forget_edits() -> None:
    """Begin again with the data as it is: a new editor, since a widget cannot be emptied."""
    _, generation, _, _ = st.session_state["edit_kept"]
    st.session_state["edit_kept"] = (None, generation, None, None)


def _typed(text: str, data: Dataset) -> Dataset:
    values = typed.numbers(text)
    same = values.shape[1] == data.values.shape[1]
    return Dataset.from_values(values, table_columns(data) if same else None, "typed")
