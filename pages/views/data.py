"""The Data page: what every page works on, and the ways to work on something else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.figures import data as figures
from gmm_core.figures.in_table import as_table
from gmm_core.formatting import count, listing, number
from gmm_core.words.data import constant_columns, extras
from gmm_core.words.segments import Segment
from pages.parts import colour, frame, header, pages, session, text
from pages.parts.data import (
    choice,
    edit,
    example,
    generate,
    pair,
    saved,
    shared,
    transform,
    upload,
)
from pages.parts.stream import figure

ROWS = 8  # of the table of columns
UNITS = ["as in the table", "as fitted"]

WAYS = {
    "Example": example.show,
    "Upload": upload.show,
    "Shared": shared.show,
    "Generate": generate.show,
    "Edit": edit.show,
    "Earlier": saved.show,
}

# Of ways that there are on some servers only: whether there is one here. (A string behind a value
# would be drawn on the page.)
OFFERED = {"Shared": shared.offered}


def body() -> None:
    """Draw the page from top to bottom."""
    data = session.dataset()
    with st.container():  # whatever it says, the tabs below keep their place and their choice
        header.show("data", answer(data))
        notice()
    warn(data)
    left, right = st.columns([2, 1], gap="medium")
    with right:
        seen = in_units(data)
        columns = pick(data, seen.columns)
        classes = colour.by(data, "nothing")
        summary(seen)
    with left:
        # A node of its own for each look: nothing of other columns' axes can stay behind.
        shown = seen.fingerprint[:8] if columns is None else f"{seen.fingerprint[:8]}_{columns}"
        figure.show(figures.preview(seen, columns, classes=classes), key=f"data_{shown}")
        pair.offer(data, columns or range(min(len(data.columns), 2)))
    transform.show(data)
    st.header("Work on other data", anchor=False)
    ways = {name: show for name, show in WAYS.items() if name not in OFFERED or OFFERED[name]()}
    # Only tabs that are followed can be chosen from elsewhere, as "Use my data" does.
    tabs = st.tabs(list(ways), key="ways", on_change="rerun")
    for tab, show in zip(tabs, ways.values(), strict=True):
        with tab:
            show()


def answer(data: Dataset) -> list[Segment]:
    """Say what the data is, and what was left out of it."""
    N, D = data.n, len(data.columns)
    sentence = f'"{data.name}" has {count(N, "point")} in {count(D, "column")}'
    sentence += f", {listing(data.columns, 6)}." if D > 1 else f', "{data.columns[0]}".'
    sentence = " ".join([sentence, *extras(data)])
    account = st.session_state.get("data_account")
    if account and account[0] == data.fingerprint:
        sentence += " " + account[1]
    return [Segment(sentence)]


def notice() -> None:
    """Say that other data is in use now, with the way on."""
    message = st.session_state.get("data_notice")
    if message and message[0] == session.dataset().fingerprint:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.success(text.plain(message[1]), width="stretch")
            if st.button("Fit a mixture to them", type="primary", key="to_fit"):
                st.switch_page(pages.entry("fit").script)


def warn(data: Dataset) -> None:
    """Say what is hard about the data, with the cure of a constant column one click away."""
    warning = choice.hard(data)
    if not warning:
        return
    text.note("Before you fit:", " ".join(warning))
    constant = constant_columns(data)
    rest = [name for name in data.columns if name not in constant]
    if constant and rest:
        st.button(
            f"Leave out {count(len(constant), 'constant column')}",
            key="drop_constant",
            on_click=lambda: choice.use(
                data.select(rest), f"Left out, being constant: {listing(constant)}."
            ),
        )


def in_units(data: Dataset) -> Dataset:
    """Return the data as it is looked at: in the units of the table, or as it is fitted."""
    if data.transforms is None:
        return data
    units = st.segmented_control(
        "Numbers",
        UNITS,
        default=UNITS[0],
        required=True,
        key="units",
        bind="query-params",
        help="As fitted, a column may be a mixture of Gaussians where in the table it is not.",
    )
    return as_table(data) if units == UNITS[0] else data


def pick(data: Dataset, names: Sequence[str]) -> list[int] | None:
    """Let the person pick which columns to look at, by these names; None for the first few."""
    D = data.values.shape[1]
    if D == 1:
        return None
    most = figures.MATRIX_COLUMNS if data.whole is None else 2
    chosen = st.multiselect(
        "Columns to look at",
        list(range(D)),
        default=list(range(min(D, most))),
        format_func=lambda column: names[column],
        max_selections=most,
        key=f"look_{data.fingerprint[:12]}",
        help="One column shows how it is distributed, two are drawn against each other, and up to "
        "five as every pair. All columns are fitted, whatever is looked at.",
    )
    return chosen or None


def summary(data: Dataset) -> None:
    """Show where the numbers of each column lie."""
    x = data.values[:, :ROWS]
    with np.errstate(over="ignore"):
        mean, _ = data.moments()
        low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
        if data.whole is not None:
            low, high = data.whole.edges[:ROWS, 0], data.whole.edges[:ROWS, -1]
        # Centered columns have a mean of 1e-16, which is what rounding leaves of zero.
        mean = np.where(np.abs(mean[:ROWS]) < 1e-12 * (high - low), 0.0, mean[:ROWS])
        numbers = zip(low, high, mean, strict=True)
        rows = [
            (name if len(name) <= 14 else name[:13] + "…", f"{low} to {high}", mean)
            for name, (low, high, mean) in zip(
                data.columns[:ROWS],
                (tuple(number(float(v)) for v in three) for three in numbers),
                strict=True,
            )
        ]
    text.table(("column", "range", "mean"), rows)
    if data.values.shape[1] > ROWS:
        st.caption(f"and {count(data.values.shape[1] - ROWS, 'more column')}")


frame.require()
body()
frame.mixture()
