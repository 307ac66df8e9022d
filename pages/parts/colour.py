"""What points of a figure are coloured by: a column that sorts them into classes."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.class_columns import ClassColumn, class_columns
from gmm_core.data.dataset import Dataset


def by(data: Dataset, otherwise: str) -> ClassColumn | None:
    """Let the person pick a column of classes, where the table has any; None for none.

    Parameters
    ----------
    otherwise : what points are coloured by without one.
    """
    columns = _columns(data)
    if not columns or data.whole is not None:
        return None
    chosen = st.selectbox(
        "Colour by",
        range(-1, len(columns)),
        format_func=lambda c: otherwise if c < 0 else columns[c].name,
        key=f"colour_{data.fingerprint[:8]}",
        bind="query-params",
        help="Columns of the table with few different entries that are not fitted, and the known "
        "classes of the points.",
    )
    return None if chosen is None or chosen < 0 else columns[chosen]


def _columns(data: Dataset) -> list[ClassColumn]:
    # What stands beside the numbers is this session's own, and so is what was found in it.
    cached = st.session_state.get("class_columns")
    if cached is None or cached[0] is not data:
        cached = st.session_state["class_columns"] = (data, class_columns(data))
    columns: list[ClassColumn] = cached[1]
    return columns
