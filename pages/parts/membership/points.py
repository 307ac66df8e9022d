"""The points one by one, with their components and probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.formatting import MINUS, percent
from gmm_core.membership.certainty import overview
from gmm_core.mixture import Parameters, responsibilities
from gmm_core.sharing import tables
from gmm_core.words.segments import NOISE, Segment
from pages.parts import text

ROWS = 200  # of a table on the page; its download has them all
WIDE = 6  # columns and components that a table on the page shows


def points(data: Dataset, point: Parameters) -> None:
    """Show the points one by one."""
    st.header("Points", anchor=False)
    certainty = overview(data, point)
    rows: Sequence[int] = range(min(certainty.n_points, ROWS))
    if certainty.n_points > 10 and st.toggle(
        "Most doubtful first", key="doubtful_first", bind="query-params"
    ):
        rows = certainty.rows[np.argsort(certainty.probs.max(axis=1), kind="stable")][
            :ROWS
        ].tolist()
    if certainty.n_points > len(rows):
        st.caption(f"{len(rows)} of {certainty.n_points:,} points; the download has them all.")
    table(data, point, rows, "")
    download(data, point, "Download all points as CSV", "memberships.csv", "download_points")


def table(data: Dataset, point: Parameters, rows: Sequence[int], caption: str) -> None:
    """Show points with their most probable component and their probabilities."""
    values = data.values[list(rows)]
    probs = responsibilities(point, values)
    K, W = len(point.weights), probs.shape[1]
    components = range(W) if 1 < W <= WIDE else range(0)
    head, names = named_rows(data, rows)
    head += ["component", "probability", *(chance(k, K) for k in components)]
    best = probs.argmax(axis=1)
    lines = [
        [
            *names[n],
            Segment("noise", NOISE) if best[n] == K else Segment(str(best[n] + 1), int(best[n])),
            percent(float(probs[n, best[n]])),
            *(percent(float(probs[n, k])) for k in components),
        ]
        for n in range(len(rows))
    ]
    # A long table scrolls in a frame of its own.
    with st.container(height=380 if len(lines) > 10 else "content", border=False):
        text.table(head, lines, caption=caption)


def named_rows(data: Dataset, rows: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the cells that tell points: their row in the file, name and values."""
    D, origin = min(len(data.columns), WIDE), data.rows
    named = origin.name_column if origin else None
    head = ["Row", *([named[:30]] if named else [])]
    head += [name[:30] for name in table_columns(data)[:D]]
    values = [in_table(data, d, data.values[list(rows), d]) for d in range(D)]
    cells = [
        [
            f"{origin.numbers[row] if origin else row + 1:,}",
            *([str(origin.columns[named][row])[:60]] if origin and named else []),
            *("" if np.isnan(x[n]) else f"{x[n]:.6g}".replace("-", MINUS) for x in values),
        ]
        for n, row in enumerate(rows)
    ]
    return head, cells


def chance(k: int, n_components: int) -> str:
    """Head the column of a component's probability."""
    return "P(noise)" if k == n_components else f"P({k + 1})"


def download(data: Dataset, point: Parameters, label: str, name: str, key: str) -> None:
    """Offer the memberships as a file, written when it is asked for."""
    st.download_button(
        label,
        data=lambda: tables.memberships_csv(data, point),
        file_name=name,
        mime="text/csv",
        key=key,
        on_click="ignore",
    )
