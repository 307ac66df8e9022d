"""The draws themselves: trace and two locs together, live or finished, under chosen labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import parameter_columns
from gmm_core.figures import chains, labels
from gmm_core.figures.style import escape
from gmm_core.formatting import number
from gmm_core.mixture.in_table import arrays_in_table
from gmm_core.posterior.diagnostics import ChainRow
from gmm_core.posterior.summary import SummaryRow
from pages.parts import text

_ROWS = 40  # of a table on the page; the download has them all
# Component and column of the locs along x and y.
Pair = tuple[tuple[int, int], tuple[int, int]]


class Series(NamedTuple):
    """What a trace shows of the draws.

    values : [C, S], or [C, S, K].
    axis : what is along y.
    title : in place of the parameter's, where labels do not matter.
    """

    values: Any
    axis: str
    title: str = ""


class Traced(NamedTuple):
    """A parameter that can be traced.

    label : what people read.
    series : of (draws, statistics, column, name of the column).
    warmup : of the warm-up's draws and the column, where they are kept.
    running : whether it is known while the chains run.
    """

    label: str
    series: Callable[[dict[str, Any], dict[str, Any], int, str], Series]
    warmup: Callable[[Any, int], Any] = lambda warmup, column: None
    running: bool = True


def _scales(draws: dict[str, Any], stats: dict[str, Any], column: int, name: str) -> Series:
    values = np.sqrt((draws["scale_tril"][..., column, :] ** 2).sum(axis=-1))
    axis = f"standard deviation, {name}"
    if np.array_equal(values, np.repeat(values[..., :1], values.shape[-1], -1), equal_nan=True):
        return Series(values[..., 0], axis, "Trace of the scale")
    return Series(values, axis)


TRACED = {
    "locs": Traced(
        "locs",
        lambda draws, stats, column, name: Series(draws["locs"][..., column], f"loc, {name}"),
        warmup=lambda warmup, column: warmup[..., column],
    ),
    "weights": Traced(
        "weights", lambda draws, stats, column, name: Series(draws["weights"], "weight")
    ),
    "scale": Traced("scale", _scales),
    "log_joint": Traced(
        "log joint",
        lambda draws, stats, column, name: Series(
            stats["log_joint"], "log joint", "Trace of the log joint"
        ),
        running=False,
    ),
}
"""All parameters that can be traced, by the name that links have."""


class Picked(NamedTuple):
    """What the person wants to see of the draws: a name of `TRACED`, and two locs."""

    parameter: str
    pair: Pair | None
    mirror: bool


def pickers(data: Dataset, K: int, column: int, running: bool) -> Picked:
    """Let the person pick what the trace and the histogram show."""
    D = len(data.columns)
    left, right = st.columns(2, gap="large")
    three, four, five = right.columns(3, vertical_alignment="bottom")
    parameter = left.selectbox(
        "Trace of",
        [name for name, traced in TRACED.items() if traced.running or not running],
        format_func=lambda name: TRACED[name].label,
        key="trace_of",
        bind="query-params",
    )
    if K * D < 2:
        return Picked(parameter, None, False)
    locs = [(k, d) for k in range(min(K, 12)) for d in range(min(D, 30))]
    keys = f"{data.fingerprint[:8]}_{K}"

    def named(i: int) -> str:
        k, d = locs[i]
        return f"loc {k + 1}" + (f", {parameter_columns(data)[d]}" if D > 1 else "")

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
    return Picked(parameter, (locs[a], locs[b]), mirror and mirrored)


def trace(
    data: Dataset,
    draws: dict[str, Any],
    stats: dict[str, Any],
    warmup: Any,
    parameter: str,
    naming: str,
    column: int,
    every: int = 1,
    numbers: Sequence[int] | None = None,
) -> go.Figure:
    """Return the trace of the chosen parameter; the last two as in `figures.chains.trace`."""
    traced, K = TRACED[parameter], draws["weights"].shape[-1]
    draws, named = arrays_in_table(data, draws), parameter_columns(data)[column]
    values, axis, title = traced.series(draws, stats, column, escape(named, 24))
    if warmup is not None:
        warmup = arrays_in_table(data, {"locs": warmup})["locs"]
    return chains.trace(
        values,
        axis,
        title=title or f"Trace of the {traced.label}" + (f" ({naming} labels)" if K > 1 else ""),
        diverging=stats.get("diverging"),
        warmup=None if warmup is None else traced.warmup(warmup, column),
        every=every,
        numbers=numbers,
    )


def two_locs(data: Dataset, locs: Any, pair: Pair, mirror: bool) -> go.Figure:
    """Return the histogram of the two chosen locs."""
    (i, c), (j, d) = pair
    several, columns = len(data.columns) > 1 or data.transforms is not None, parameter_columns(data)
    locs = arrays_in_table(data, {"locs": locs})["locs"]

    def named(k: int, column: int) -> str:
        return f"loc of component {k + 1}" + (f", {escape(columns[column], 24)}" if several else "")

    return labels.two_locs(
        locs[..., i, c],
        locs[..., j, d],
        (named(i, c), named(j, d)),
        mirrored=i != j and c == d,
        symmetrised=mirror,
    )


def chain_table(rows: list[ChainRow], starts: Any = None) -> None:
    """Show how each chain goes: divergences, acceptance, tree depth, energy, step size."""
    has_starts = starts is not None and len(starts) == len(rows)
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
            *([str(starts[c])] if has_starts else []),
        ]
        for c, row in enumerate(rows)
    ]
    text.table(
        [*head, "began at"] if has_starts else head,
        table,
        caption="How the chains went",
        words=[len(head)] if has_starts else (),
    )
    st.caption(
        "Depth d makes a path of up to 2ᵈ steps, each as long as “step”. E-BFMI below 0.3 means "
        "that the tails are reached too seldom."
    )


def summary_table(rows: list[SummaryRow], caption: str) -> None:
    """Show mean, error, interval and diagnostics of each number."""

    def cell(value: float | None, digits: int = 3) -> str:
        return "–" if value is None else number(value, digits)

    table = [
        [
            row.name if len(row.name) < 50 else row.name[:49] + "…",
            number(row.mean, 4),
            cell(row.mcse, 2),
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
