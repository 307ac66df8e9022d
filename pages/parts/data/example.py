"""The example data sets, each with what it is about; choosing one applies at once."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.examples import describe, example, examples
from gmm_core.figures import data as figures
from gmm_core.formatting import count
from pages.parts import session, text
from pages.parts.data import choice
from pages.parts.stream import figure


def show() -> None:
    """Show what each example is about; choosing one applies at once."""
    for start in range(0, len(examples()), 3):
        for column, name in zip(st.columns(3), examples()[start : start + 3], strict=False):
            with column.container(border=True, height="stretch"):
                _card(name)


def _card(name: str) -> None:
    data = example(name)
    N, D = data.values.shape
    used = data.fingerprint == session.dataset().fingerprint
    st.markdown(f"**{text.plain(name)}** · {count(N, 'point')}, {count(D, 'column')}")
    figure.show(figures.thumbnail(data), key=f"example_{name}", bar=False)
    description, _, source = describe(name).partition(" Source: ")
    st.caption(text.plain(description), help=text.plain(f"Source: {source}") if source else None)
    st.button(
        "In use" if used else "Use",
        key=f"use_{name}",
        on_click=choice.use,
        args=(data,),
        disabled=used,
    )
