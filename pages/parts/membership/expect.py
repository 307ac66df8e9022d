"""What the mixture expects of one column where another is known."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.figures.expected import expected
from gmm_core.mixture import Parameters
from gmm_core.mixture.expectation import expectation
from gmm_core.words.membership import expectation_answer
from pages.parts import text
from pages.parts.stream import figure


def expect(data: Dataset, point: Parameters) -> None:
    """Ask for a value of one column, and say what is expected of another there."""
    if len(data.columns) < 2:
        return
    st.header("What does it expect?", anchor=False)
    left, middle, right = st.columns(3)
    key = data.fingerprint[:8]
    names = list(range(len(data.columns)))
    columns = table_columns(data)
    given = left.selectbox("When", names, format_func=lambda c: columns[c], key=f"given_{key}")
    usual = float(in_table(data, given, data.moments()[0][given]))
    at = middle.number_input(
        "is",
        value=float(f"{usual:.3g}"),
        format="%g",
        key=f"given_at_{key}_{given}",
        help="A value of that column, as it stands in the table.",
    )
    of = right.selectbox(
        "what of",
        [c for c in names if c != given],
        format_func=lambda c: columns[c],
        key=f"expected_of_{key}_{given}",
    )
    try:
        prediction = expectation(point, given, [at], of, dataset=data)
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))
        return
    st.markdown(text.plain(expectation_answer(prediction, data, given, of, at)))
    figure.show(expected(data, point, given, of, at), key="expected")
