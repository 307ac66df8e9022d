"""What the Fit page does not show of a fit to rows that stay with workers, and how to see it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from gmm_core.data.dataset import MAX_NAME_LENGTH, Dataset
from gmm_core.runs.results import MapFit
from gmm_core.words import sampled
from pages.parts import text
from pages.parts.data import choice


def show(data: Dataset, fit: MapFit) -> None:
    """Say how the fit came about, and offer the sample, of which every start can be followed."""
    text.note("Where are the starts, and the playback?", sampled.fit_beyond(data, fit))
    st.button(
        "Work on the sample by itself",
        key="use_sample",
        on_click=choice.use,
        args=(replace(data, whole=None, name=f"sample of {data.name}"[:MAX_NAME_LENGTH]),),
    )
