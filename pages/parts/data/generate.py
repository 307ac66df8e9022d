"""Points drawn from a mixture that the person sets."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import generate
from gmm_core.mixture import typed
from pages.parts.data import choice, editor


def show() -> None:
    """Draw points from a mixture that the person sets."""
    left, right = st.columns(2, gap="large")
    with left:
        D = st.segmented_control(
            "Columns",
            (1, 2),
            default=1,
            required=True,
            key="generate_columns",
            persist_state="session",
        )
        rows = _components(D)
        st.caption("One row is one component. Weights count relative to their sum.")
        some, other = st.columns(2)
        n = some.number_input(
            "Number of points",
            1,
            1_000_000,
            500,
            step=100,
            key="generate_n",
            persist_state="session",
        )
        seed = other.number_input(
            "Seed",
            0,
            2**32 - 1,
            0,
            key="generate_seed",
            persist_state="session",
            help="The same seed gives the same points.",
        )

    def make() -> Dataset:
        return generate(typed.mixture(rows, D), n, seed)

    request = (repr(rows), D, n, seed)
    state = st.session_state
    if state.get("generated", ("",))[0] != request:
        state["generated"] = (request, *choice.attempt(make))
    _, data, problem = state["generated"]
    with right:
        choice.preview(data, problem, "generate", "Generated from a mixture.")


def _components(D: int) -> list[list[object]]:
    """Let the person set a mixture; return its table, one row for each component."""
    start = {
        1: pd.DataFrame({"weight": [0.6, 0.4], "loc": [0.0, 6.0], "scale": [1.0, 1.5]}),
        2: pd.DataFrame(
            {
                "weight": [0.6, 0.4],
                "loc x1": [0.0, 4.0],
                "loc x2": [0.0, 3.0],
                "scale x1": [1.0, 1.0],
                "scale x2": [1.0, 1.0],
                "correlation": [0.0, 0.6],
            }
        ),
    }[D]
    edited = editor.table(f"components_{D}", start, "", hide_index=True)
    return edited.astype(object).to_numpy().tolist()
