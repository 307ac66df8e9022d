"""What the draws say, and what their labels do: two sections of the Posterior page."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.figures import labels as label_figures
from gmm_core.figures import posterior as figures
from gmm_core.figures.style import escape
from gmm_core.formatting import number
from gmm_core.posterior import exact_check
from gmm_core.posterior.diagnostics import chain_rows
from gmm_core.posterior.overview import Overview
from gmm_core.posterior.relabelling import jumps_so_far
from gmm_core.words.chain_groups import of_which
from gmm_core.words.checks import (
    boundary_words,
    label_words,
    live_jumps,
    occupancy_words,
    occupied_words,
)
from gmm_core.words.posterior import switching
from pages.parts import text
from pages.parts.posterior import computed, draws
from pages.parts.posterior.computed import Answer
from pages.parts.stream import figure, live, partial
from pages.parts.stream.cache import Figure


def running(view: live.View, column: int) -> None:
    """Draw the chains of a run that is under way: traces, two locs, how each goes."""
    assert view.spec is not None
    data, K = view.spec.dataset, view.spec.mixture.n_components
    parameter, pair, mirror = draws.pickers(data, K, column, running=True)

    def trace(view: live.View) -> Figure:
        now = partial.draws(view)
        every = now["every"]
        stats = {n: a[:, ::every] if a.ndim > 1 else a for n, a in now["stats"].items()}
        return draws.trace(
            data, now["draws"], stats, now["warmup"], parameter, "raw", column, every
        )

    left, right = st.columns(2, gap="large")
    with left:
        live.show(view, "trace", trace)
    with right:
        if pair is not None:
            live.show(
                view,
                "two_locs",
                lambda v: draws.two_locs(data, partial.draws(v)["draws"]["locs"], pair, mirror),
            )
    now = partial.draws(view)
    left, right = st.columns(2, gap="large")
    with left:
        if K > 1:
            text.note("Labels so far.", live_jumps(jumps_so_far(now["draws"]), now["every"]))
    with right:
        if partial.weighing(view) is None:
            draws.chain_table(chain_rows(now["stats"]))


def says(of: Answer, column: int) -> None:
    """Draw what does not depend on labels: pairs, boundary, occupied components; and the chains."""
    data, K = of.data, of.mixture.n_components
    picked = draws.pickers(data, K, column, running=False)
    left, right = st.columns(2, gap="large")
    with left:
        trace = draws.trace(
            data,
            of.every.draws,
            of.every.stats,
            None,
            picked.parameter,
            "raw",
            column,
            of.every.every,
        )
        figure.show(trace, key="trace")
    with right:
        if picked.pair is not None:
            two_locs = draws.two_locs(data, of.draws.draws["locs"], picked.pair, picked.mirror)
            figure.show(two_locs, key="two_locs")
    left, right = st.columns(2, gap="large")
    with left:
        matrix(data, computed.overview_of(of))
    if K == 1:
        return
    with right:
        occupied = computed.occupied(of)
        same = exact_check.summable(data, of.mixture)
        exact = None if same is None else computed.exact_comparison(of, same).exact.occupied
        figure.show(figures.occupied(occupied, exact), key="occupied")
    with left, st.container():
        st.caption(
            "Averaged over the draws: given one, two points share a component with the product of "
            "their responsibilities, summed over components."
        )
    with right:
        st.caption(
            f"{occupied_words(occupied)} A component counts as occupied when at least one point is "
            "assigned to it; summed over all assignments of each draw."
        )
    if len(data.columns) == 1:
        low, high = computed.edges(data)
        boundary_draws = computed.boundaries(of, low, high)
        left, right = st.columns(2, gap="large")
        with left:
            figure.show(figures.boundary(data, boundary_draws, low, high), key="boundary")
        with right:
            text.note("Where is the boundary?", boundary_words(data, boundary_draws))


def labels(of: Answer, column: int) -> None:
    """Draw the same chains under raw, ordered or relabelled labels, and which orders they saw."""
    data, K = of.data, of.mixture.n_components
    summary = computed.overview_of(of)
    naming = st.segmented_control(
        "Labels",
        list(computed.LABELS),
        default="raw",
        required=True,
        key="labels",
        bind="query-params",
        disabled=K == 1,
        help="Raw: as they were drawn, where component 1 may change places with component 2. "
        "Ordered: by the loc along the column, lowest first. Relabelled: each draw's components "
        "are matched to the others' by whose points they are responsible for (Stephens 2000); "
        "the heaviest is 1.",
    )
    naming = naming or "raw"
    assert summary.labels is not None
    st.markdown(text.plain(f"{label_words(summary.labels)} {of_which(of.groups)}"))
    shown = computed.labelled(of, naming, column)
    picked = draws.pickers(data, K, column, running=False)
    left, right = st.columns(2, gap="large")
    with left:
        trace = draws.trace(
            data,
            shown.draws,
            shown.stats,
            None,
            picked.parameter,
            naming,
            column,
            shown.every,
            of.groups.together,
        )
        figure.show(trace, key="trace")
    with right:
        if picked.pair is not None:
            two_locs = draws.two_locs(data, shown.draws["locs"], picked.pair, picked.mirror)
            figure.show(two_locs, key="two_locs")
    if K > 1:
        left, right = st.columns(2, gap="large")
        occupancy = summary.labels.occupancy()
        with left:
            if occupancy is not None:
                figure.show(
                    label_figures.occupancy(*occupancy, of.groups.together), key="occupancy"
                )
            else:
                text.note("How many orders are there?", occupancy_words(summary.labels))
        with right:
            if occupancy is not None:
                text.note("Label orders", occupancy_words(summary.labels))
            sentence = switching(K)
            text.note(sentence.title, sentence.body)
            if naming == "ordered":
                text.note(
                    "Why not simply sort?",
                    "Sorting by loc splits a component wherever two overlap along the column, and "
                    "pulls its summaries apart. Relabelling looks at whose points they are.",
                )
    several = len(data.columns) > 1 or data.transforms is not None
    where = f" along {data.columns[column]:.30}" if several else ""
    draws.summary_table(
        computed.summarised(of, naming, column), f"Summary of the draws ({naming} labels){where}"
    )
    if naming == "raw" and K > 1:
        st.caption(
            "Under raw labels the rows of a component mix its mirror images. The log joint and "
            "a shared scale mean what they say; for the others choose relabelled."
        )


def matrix(data: Dataset, summary: Overview) -> None:
    """Draw who shares a component with whom."""
    names, axis = point_names(data, summary.rows)
    N, P = len(data.values), len(summary.rows)
    subset = "" if P == N else f", {P} of {N:,}"
    figure.show(figures.together(summary.together, names, axis, subset), key="together")


def point_names(data: Dataset, rows: Any) -> tuple[list[str], str]:
    """Name points by their value where there is one column, else by their row; and the axis."""
    single = len(data.columns) == 1
    values = in_table(data, 0, data.values[rows, 0])
    names = [number(float(v), 4) for v in values] if single else [f"{r + 1}" for r in rows]
    if single and all(float(v).is_integer() and abs(v) < 1e6 for v in np.asarray(values)):
        names = [number(int(v)) for v in values]
    return names, escape(table_columns(data)[0]) if single else "row"
