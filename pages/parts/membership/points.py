"""The points one by one, with their components and probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from gmm_core import export
from gmm_core.dataset import Dataset
from gmm_core.figures.style import MINUS, percent
from gmm_core.membership import overview
from gmm_core.mixture import Parameters, responsibilities
from gmm_core.words import Segment
from pages.parts import text

ROWS = 200  # of a table on the page; its download has them all
WIDE = 6  # columns and components that a table on the page shows


def points(data: Dataset, point: Parameters) -> None:
    """Show the points one by one."""
    st.header("Points", anchor=False)
    look = overview(data, point)
    rows: Sequence[int] = range(min(look.n_points, ROWS))
    if look.n_points > 10 and st.toggle(
        "Most doubtful first", key="doubtful_first", bind="query-params"
    ):
        rows = look.rows[np.argsort(look.probs.max(axis=1), kind="stable")][:ROWS].tolist()
    if look.n_points > len(rows):
        st.caption(f"{len(rows)} of {look.n_points:,} points; the download has them all.")
    table(data, point, rows, "")
    download(data, point, "Download all points as CSV", "memberships.csv", "download_points")


def table(data: Dataset, point: Parameters, rows: Sequence[int], caption: str) -> None:
    """Show points with their most probable component and their probabilities."""
    values = data.values[list(rows)]
    probs = responsibilities(point, values)
    D, K = min(len(data.columns), WIDE), probs.shape[1]
    each = range(K) if 1 < K <= WIDE else range(0)
    head = ["Row", *(name[:30] for name in data.columns[:D]), "component", "probability"]
    head += [f"P({k + 1})" for k in each]
    best = probs.argmax(axis=1)
    lines = [
        [
            f"{row + 1:,}",
            *(f"{x:.6g}".replace("-", MINUS) for x in values[n, :D]),
            Segment(str(best[n] + 1), int(best[n])),
            percent(float(probs[n, best[n]])),
            *(percent(float(probs[n, k])) for k in each),
        ]
        for n, row in enumerate(rows)
    ]
    # A long table scrolls in a frame of its own.
    with st.container(height=380 if len(lines) > 10 else "content", border=False):
        text.table(head, lines, caption=caption)


def download(data: Dataset, point: Parameters, label: str, name: str, key: str) -> None:
    """Offer the memberships as a file, written when it is asked for."""
    st.download_button(
        label,
        data=lambda: export.memberships_csv(data, point),
        file_name=name,
        mime="text/csv",
        key=key,
        on_click="ignore",
    )
