"""Columns in use that are fitted as something else: their logarithm, say."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import original, table_columns, transformed
from gmm_core.data.transforms import TRANSFORMS
from gmm_core.formatting import listing
from pages.parts.data import choice, held


def show(data: Dataset) -> None:
    """Ask which columns are transformed how; what that makes is seen before it is used."""
    if data.whole is not None:  # its rows are fitted as they are, with the workers
        return
    present = {how.column: how.transform for how in data.transforms or () if how is not None}
    with st.expander("Transform columns", key=f"transform_{data.fingerprint[:12]}"):
        st.caption(
            "A skewed column may be a mixture of Gaussians in its logarithm or square root. In "
            "standard deviations columns of different units are alike. What is found comes back "
            "in the units of the table; what has no image there, such as a covariance of "
            "logarithms, is named after the transformed column."
        )
        choices = _asked(data, present)
        twice = sorted(
            {column for column, _ in choices if sum(c == column for c, _ in choices) > 1}
        )
        if twice:
            st.error(f"{listing(twice)} was chosen twice. Choose one transform for each column.")
            return
        chosen = dict(choices)
        if chosen != present:
            _offer(data, chosen)


def _asked(data: Dataset, present: dict[str, str]) -> list[tuple[str, str]]:
    """Ask for the columns of each transform; return (column, transform)."""
    names = table_columns(data)
    places = zip(st.columns(len(TRANSFORMS)), TRANSFORMS.values(), strict=True)
    return [
        (column, how.name)
        for place, how in places
        for column in place.multiselect(
            how.label,
            names,
            default=[name for name in names if present.get(name) == how.name],
            placeholder="of no column",
            key=f"transform_{how.name}_{data.fingerprint[:12]}",
        )
    ]


def _offer(data: Dataset, chosen: dict[str, str]) -> None:
    """Show the points as they would be, once for each choice, and the button that uses them."""
    state = st.session_state
    request = (data.fingerprint, tuple(sorted(chosen.items())))
    if state.get("transform_made", ("",))[0] != request:
        made, problem = choice.attempt(lambda: transformed(original(data), chosen))
        data_key = None if made is None else held.keep(made, int(made.values.nbytes))
        state["transform_made"] = (request, data_key, problem)
    _, data_key, problem = state["transform_made"]
    made = None if data_key is None else held.get(data_key)
    if made is None and not problem:  # it had to go, and is made again
        del state["transform_made"]
        st.rerun()
    choice.preview(made, problem, "transform")
