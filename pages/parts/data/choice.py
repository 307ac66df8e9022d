"""Points that could be used: shown with what is hard about them, and used at a click."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.figures import data as figures
from gmm_core.formatting import count
from gmm_core.mixture.family import Family
from gmm_core.words.data import cautions
from pages.parts import session, text
from pages.parts.stream import figure


def attempt(make: Callable[[], object]) -> tuple[object, str]:
    """Return what `make` makes and "", or None and the sentence that says why not."""
    try:
        return make(), ""
    except ValueError as error:
        return None, text.sentence(error)


def hard(data: Dataset, family: Family | None = None) -> list[str]:
    """Return what is hard about the points, a sentence each: of any covariances, or of these."""
    return _hard(data.fingerprint, "" if family is None else family.code, data, family)


@st.cache_data(max_entries=16, show_spinner=False)
def _hard(fingerprint: str, code: str, _data: Dataset, _family: Family | None) -> list[str]:
    return cautions(_data, _family)


def use(data: Dataset, account: str = "") -> None:
    """Work on these points on every page; `account` says what was left out of them."""
    session.use_dataset(data)
    state = st.session_state
    state["data_account"] = (data.fingerprint, account)
    state["data_notice"] = (
        data.fingerprint,
        f"Every page now works on these {count(data.n, 'point')}. The priors were "
        "chosen to suit them.",
    )


def preview(data: Dataset | None, problem: str, key: str, account: str = "") -> None:
    """Show the points that would be used and the button that uses them, or what is wrong."""
    if data is None:
        st.error(text.plain(problem))
        return
    figure.show(figures.preview(data, height=260), key=f"preview_{key}_{data.fingerprint[:8]}")
    for sentence in hard(data):
        st.caption(text.plain(sentence))
    used = session.in_use(data)
    N = data.n
    if used and st.session_state.get("data_notice", ("",))[0] == data.fingerprint:
        # What the head of the page says is far above whoever just pressed the button below it.
        st.success(f"Every page now works on {'this point' if N == 1 else f'these {N:,} points'}.")
    st.button(
        "In use" if used else f"Use {'this point' if N == 1 else f'these {N:,} points'}",
        type="primary",
        key=f"use_{key}",
        on_click=use,
        args=(data, account),
        disabled=used,
    )
