"""The draws themselves: trace and two locs together, live or finished, under chosen labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.figures import chains, labels
from gmm_core.figures.style import escape
from gmm_core.formatting import number
from gmm_core.posterior.diagnostics import ChainRow
from gmm_core.posterior.summary import SummaryRow
from pages.parts import text

_ROWS = 40  # of a table on the page; the download has them all
# Component and column of the locs along x and y.
Pair = tuple[tuple[int, int], tuple[int, int]]

_PARAMETERS = {"locs": "locs", "weights": "weights", "scale": "scale", "log_joint": "log joint"}


class Picked(NamedTuple):
    """What the person wants to see of the draws."""

    kind: str
    pair: Pair | None
    mirror: bool


def pickers(data: Dataset, K: int, column: int, running: bool) -> Picked:
    """Let the person pick what the trace and the histogram show."""
    D = len(data.columns)
    left, right = st.columns(2, gap="large")
    three, four, five = right.columns(3, vertical_alignment="bottom")
    kinds = list(_PARAMETERS)[: 3 if running else 4]
    kind = left.selectbox(
        "Trace of", kinds, format_func=_PARAMETERS.__getitem__, key="trace_of", bind="query-params"
    )
    if K * D < 2:
        return Picked(kind, None, False)
    locs = [(k, d) for k in range(min(K, 12)) for d in range(min(D, 30))]
    keys = f"{data.fingerprint[:8]}_{K}"

    def named(i: int) -> str:
        k, d = locs[i]
        return f"loc {k + 1}" + (f", {data.columns[d]}" if D > 1 else "")

    start = locs.index((0, column)) if (0, column) in locs else 0
    other = (1, column) if K > 1 else (0, 1 if column == 0 else 0)
    end = locs.index(other) if other in locs else (1 if start == 0 else 0)
    every = list(range(len(locs)))
    a = three.selectbox(
        "Along x",
        every,
        index=start,
        format_func=named,
        key=f"loc_x_{keys}_{column}",
        bind="query-params",
    )
    b = four.selectbox(
        "Along y",
        every,
        index=end,
        format_func=named,
        key=f"loc_y_{keys}_{column}",
        bind="query-params",
    )
    mirrored = locs[a][0] != locs[b][0] and locs[a][1] == locs[b][1]
    mirror = five.toggle(
        "Mirror",
        key="mirror",
        bind="query-params",
        disabled=not mirrored,
        help="Counts each draw $(a, b)$ also as $(b, a)$. The posterior is symmetric, so this is "
        "as chains would show if they switched labels often.",
    )
    return Picked(kind, (locs[a], locs[b]), mirror and mirrored)


def trace(
    data: Dataset,
    draws: dict[str, Any],
    stats: dict[str, Any],
    warmup: Any,
    kind: str,
    naming: str,
    column: int,
) -> go.Figure:
    """Return the trace of the chosen parameter."""
    name = escape(data.columns[column], 24)
    K = draws["weights"].shape[-1]
    title = f"Trace of the {_PARAMETERS[kind]}" + (f" ({naming} labels)" if K > 1 else "")
    shown = None
    if kind == "locs":
        values, axis = draws["locs"][..., column], f"loc, {name}"
        shown = None if warmup is None else warmup[..., column]
    elif kind == "weights":
        values, axis = draws["weights"], "weight"
    elif kind == "scale":
        values = np.sqrt((draws["scale_tril"][..., column, :] ** 2).sum(axis=-1))
        axis = f"standard deviation, {name}"
        if np.array_equal(values, np.repeat(values[..., :1], K, axis=-1), equal_nan=True):
            values, title = values[..., 0], "Trace of the scale"
    else:
        values, axis, title = stats["log_joint"], "log joint", "Trace of the log joint"
    return chains.trace(values, axis, title=title, diverging=stats.get("diverging"), warmup=shown)


def two_locs(data: Dataset, locs: Any, pair: Pair, mirror: bool) -> go.Figure:
    """Return the histogram of the two chosen locs."""
    (i, c), (j, d) = pair
    D = len(data.columns)

    def named(k: int, column: int) -> str:
        return f"loc of component {k + 1}" + (
            f", {escape(data.columns[column], 24)}" if D > 1 else ""
        )

    return labels.two_locs(
        locs[..., i, c],
        locs[..., j, d],
        (named(i, c), named(j, d)),
        mirrored=i != j and c == d,
        symmetrised=mirror,
    )


def chain_table(rows: list[ChainRow], starts: Any = None) -> None:
    """Show how each chain goes: divergences, acceptance, tree depth, energy, step size."""
    begun = starts is not None and len(starts) == len(rows)
    head = ["Chain", "draws", "divergent", "acceptance", "depth", "E-BFMI", "step"]
    table = [
        [
            str(c + 1),
            f"{row.draws:,}",
            f"{row.divergences:,}",
            number(row.acceptance, 2),
            number(row.tree_depth, 2),
            number(row.e_bfmi, 2),
            number(row.step_size, 2),
            *([str(starts[c])] if begun else []),
        ]
        for c, row in enumerate(rows)
    ]
    text.table(
        [*head, "began at"] if begun else head,
        table,
        caption="How the chains went",
        words=[len(head)] if begun else (),
    )
    st.caption(
        "Depth d makes a path of up to 2ᵈ steps, each as long as “step”. E-BFMI below 0.3 means "
        "that the tails are reached too seldom."
    )


def summary_table(rows: list[SummaryRow], caption: str) -> None:
    """Show mean, error, interval and diagnostics of each number."""

    def said(value: float | None, digits: int = 3) -> str:
        return "–" if value is None else number(value, digits)

    table = [
        [
            row.name if len(row.name) < 50 else row.name[:49] + "…",
            number(row.mean, 4),
            said(row.mcse, 2),
            number(row.sd),
            number(row.q5),
            number(row.q95),
            "–" if row.ess_bulk is None else f"{row.ess_bulk:,.0f}",
            "–" if row.ess_tail is None else f"{row.ess_tail:,.0f}",
            "–" if row.r_hat is None else f"{row.r_hat:.3f}",
        ]
        for row in rows[:_ROWS]
    ]
    head = ["Quantity", "mean", "± MCSE", "spread", "5 %", "95 %", "bulk ESS", "tail ESS", "R-hat"]
    text.table(head, table, caption=caption)
    if len(rows) > _ROWS:
        st.caption(f"The first {_ROWS} of {len(rows):,} rows; Export has all draws.")
