"""The person's own data of earlier days."""

from __future__ import annotations

from functools import partial

import streamlit as st

from gmm_core.formatting import count, listing
from gmm_core.jobs import service
from gmm_core.store import DatasetRow
from pages.parts import session, text
from pages.parts.data import choice

SHOWN = 50


def show() -> None:
    """List what this person has worked on, newest first, each with the way back to it."""
    datasets = service().store.datasets(session.owner())
    if not datasets:
        st.caption("Data of your own is kept from its first use on, and listed here.")
    for row in datasets[:SHOWN]:
        _line(row)
    if len(datasets) > SHOWN:
        st.caption(f"and {count(len(datasets) - SHOWN, 'older one')}")


def _line(row: DatasetRow) -> None:
    used = row.fingerprint == session.dataset().fingerprint
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(
        f"**{text.plain(row.name)}** · {count(row.n, 'point')}, {count(row.d, 'column')}: "
        f"{text.plain(listing(row.columns, 4))} · {row.created:%-d %B %Y}"
    )
    with right.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "In use" if used else "Use",
            key=f"use_saved_{row.fingerprint}",
            on_click=_use,
            args=(row.fingerprint,),
            disabled=used,
        )
        st.button(
            "Forget",
            key=f"forget_{row.fingerprint}",
            on_click=partial(service().store.forget_dataset, row.fingerprint, session.owner()),
            help="Takes it off this list. Runs on it, and their links, stay.",
        )


def _use(fingerprint: str) -> None:
    data, problem = choice.attempt(
        lambda: service().store.load_dataset(fingerprint, session.owner())
    )
    if data is None:
        st.session_state["data_problem"] = problem
    else:
        choice.use(data)
