"""Memberships of rows that stay with the workers: a run that writes them as Parquet."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.jobs import service
from gmm_core.mixture import Parameters
from gmm_core.runs.specification import Specification
from gmm_core.words import written as words
from pages.parts import session, settings, text
from pages.parts.stream import live


def written(data: Dataset, point: Parameters) -> live.View:
    """Offer to write them, follow the run that does, and say where they lie."""
    st.header(
        "Memberships of all rows",
        anchor=False,
        help="A file for each row group of the data, with a line for each of its rows: its most "
        "probable component, how probable each one is, and its log density.",
    )
    if not service().settings.out:
        assert data.whole is not None
        st.caption(text.plain(words.NO_PLACE))
        st.code(
            f'mixture-explorer score "…/{data.whole.source}" \\\n'
            "    --partitioned --fit parameters.json --out …/memberships",
            language="bash",
        )
        return live.View(None)

    def make() -> Specification:
        return Specification(
            dataset=data,
            mixture=session.mixture(),
            options=settings.options("memberships"),
            engine=settings.engine("memberships"),
            parameters=point,
        )

    view = live.view("memberships", make, auto=False)
    if view.error:
        st.error(text.plain(view.error))
        return view
    live.status_line(view, "memberships", "Write memberships")
    if view.result is not None:
        st.markdown(text.plain(words.written_words(view.result)))
        rows = words.written_rows(view.result, len(point.weights))
        text.table(words.WRITTEN_HEAD, rows)
    return view
