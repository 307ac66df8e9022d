"""Two columns by which rows were not counted where their data was opened: counted at a click."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.formatting import count
from gmm_core.jobs import service
from gmm_core.partitions.opened import counts_of
from pages.parts import session, text
from pages.parts.data import bar, choice

COUNTING = "pair_counting"
PROBLEM = "pair_problem"

Pair = tuple[str, int, int]


def offer(data: Dataset, columns: Sequence[int]) -> None:
    """Offer to count all rows by the columns that a figure of the sample shows, and do so.

    Whatever else is counted of the data stays as it is.
    """
    if data.whole is None or len(columns) != 2 or counts_of(data, (columns[0], columns[1])):
        return
    pair = (data.fingerprint, min(columns), max(columns))
    if st.session_state.get(COUNTING) == pair:
        _count(data, pair)
        return
    st.button(
        f"Count these two columns over all {count(data.n, 'row')}",
        key="count_pair",
        on_click=_ask,
        args=(pair,),
    )
    of, problem = st.session_state.get(PROBLEM, (None, ""))
    if of == pair:
        st.error(text.plain(problem))


def _ask(pair: Pair) -> None:
    _forget()
    st.session_state[COUNTING] = pair


def _forget() -> None:
    for key in (COUNTING, PROBLEM):
        st.session_state.pop(key, None)


def _count(data: Dataset, pair: Pair) -> None:
    """Have the workers count; whoever presses Cancel, or turns a setting, stops that."""
    report = bar.show("cancel_pair", _forget)
    counted, problem = choice.attempt(
        lambda: service().count_pair(data, pair[1:], on_progress=report)
    )
    _forget()
    if isinstance(counted, Dataset):
        session.use_dataset(counted)
    else:
        st.session_state[PROBLEM] = (pair, problem)
    st.rerun()
