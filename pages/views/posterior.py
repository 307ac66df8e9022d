"""The Posterior page: every mixture the data allows, as NUTS draws them."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from gmm_core import export
from gmm_core.dataset import Dataset
from gmm_core.figures import posterior as figures
from gmm_core.figures.style import escape, number
from gmm_core.jobs import service
from gmm_core.options import NutsOptions
from gmm_core.posterior_summary import (
    Overview,
    SummaryRow,
    finite_draws,
    overview,
    summary,
    thinned,
)
from gmm_core.results import Posterior
from gmm_core.trust import ChainRow, chain_rows
from gmm_core.words import Segment, count
from gmm_core.words_posterior import advice, partial_answer, posterior_answer
from pages.parts import controls, figure, frame, header, live, session, text

_KEEP = "session"
_LIVE_DRAWS = 200  # of a running chain, for its bands: a frame has a third of a second
_ROWS = 40  # of a table on the page; the download has them all
# Component and column of the locs along x and y.
Pair = tuple[tuple[int, int], tuple[int, int]]

_LABELS = {"raw": "raw", "relabelled": "relabelled"}
_PARAMETERS = {"locs": "locs", "weights": "weights", "scale": "scale", "log_joint": "log joint"}


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    data = session.dataset()
    top = st.container()
    left, right = st.columns([3, 1], gap="large")
    with right:
        options()
        column = pick_column(data)
    view = sampled()
    with top:
        header.show("Posterior", answer(view), view, exports(data, view))
    with left:
        hero(data, view, column)
        if not view.error:
            live.status_line(view, "posterior", "Sample")
        other = under_way(view)
        if view.error and not session.mixture().priors.proper:
            controls.cure("Priors from the data", {"prior": "data"}, "cure_priors")
    draws(data, view, column)
    return [view, *other]


def options() -> None:
    """Draw the options of NUTS."""
    st.number_input(
        "Draws per chain",
        1,
        20_000,
        step=100,
        key="draws",
        persist_state=_KEEP,
        help="How many draws each chain keeps. The error of a mean falls with their square root, "
        "$\\mathrm{sd}/\\sqrt{\\mathrm{ESS}}$.",
    )
    st.number_input(
        "Warm-up",
        0,
        20_000,
        step=100,
        key="warmup",
        persist_state=_KEEP,
        help="Steps in which the sampler finds the posterior and adapts its step size and its "
        "scales. They are not kept.",
    )
    left, right = st.columns(2)
    left.number_input(
        "Chains",
        1,
        32,
        key="chains",
        persist_state=_KEEP,
        help="Chains begin far apart, each in a process of its own. When they agree "
        "($\\hat R \\le 1.01$) they have probably arrived. With one there is nothing to compare.",
    )
    right.number_input("Seed", 0, 2**32 - 1, key="nuts_seed", persist_state=_KEEP)
    controls.engine("posterior")
    with st.expander("More"):
        st.number_input(
            "Target acceptance",
            0.01,
            0.999,
            step=0.05,
            key="target_accept",
            persist_state=_KEEP,
            format="%g",
            help="Warm-up makes the step as long as this acceptance allows. Raise it when draws "
            "diverge: shorter steps follow sharper bends.",
        )
        st.number_input(
            "Largest tree depth",
            1,
            15,
            key="max_tree_depth",
            persist_state=_KEEP,
            help="A draw doubles its path until it turns back, at most to $2^{\\mathrm{depth}}$ "
            "steps.",
        )


def pick_column(data: Dataset) -> int:
    """Let the person pick the column to look along."""
    if len(data.columns) == 1:
        return 0
    return st.selectbox(
        "Column to look along",
        list(range(len(data.columns))),
        format_func=lambda c: data.columns[c],
        key=f"posterior_column_{data.fingerprint[:8]}",
        help="The posterior is of all columns; the density shows one, the others integrated out.",
    )


def sampled() -> live.View:
    """Return where the run of the current settings stands; a short one starts by itself."""
    try:
        proper = session.mixture().priors.proper
    except ValueError as error:
        return live.View(None, error=text.sentence(error))
    if not proper:
        return live.View(
            None,
            error="Without priors there is no posterior to draw from. Choose priors on the Fit "
            "page, or take those from the data: they are weak and suit most data.",
        )
    return live.view("posterior", session.posterior_specification, limit=5.0)


def under_way(view: live.View) -> list[live.View]:
    """Offer the run that is still going when the settings are no longer its own."""
    last = st.session_state["runs"].get("posterior")
    if last is None or last == view.run_id:
        return []
    try:
        status = service().status(last)
    except ValueError:
        return []
    if not status.live:
        return []
    left, middle, right = st.columns([3, 1, 1], vertical_alignment="center")
    left.caption("A run with the settings from before is still under way.")
    if middle.button("Show it", key="show_last", width="stretch"):
        session.go_to(last)
    right.button(
        "Cancel it", key="cancel_last", on_click=service().cancel, args=(last,), width="stretch"
    )
    return [live.View(None, last, status)]


def answer(view: live.View) -> list[Segment]:
    """Say what was found, or what is going on."""
    if view.error or view.spec is None:
        return []
    found: Posterior | None = view.result
    if found is not None:
        data, mixture = view.spec.dataset, view.spec.mixture
        said = posterior_answer(data, mixture, found, looked(data, view))
        if view.status is not None and view.status.state == "cancelled":
            return [Segment(f"{partial_answer(found, chosen(view))} "), *said]
        return said
    if view.live:
        C, S = chosen(view).chains, chosen(view).draws
        each = "each of " if C > 1 else ""
        return [Segment(f"Taking {count(S, 'draw')} in {each}{count(C, 'chain')} …")]
    if view.status is not None and view.status.state == "cancelled":
        return [
            Segment("Stopped before the first draw, so there is nothing to show. Run it again.")
        ]
    N = len(view.spec.dataset.values)
    return [
        Segment(
            f"The fit is one mixture; {count(N, 'point')} allow many. NUTS draws them as often as "
            "they are probable, and shows how sure the picture is."
        )
    ]


def hero(data: Dataset, view: live.View, column: int) -> None:
    """Draw the posterior of the density, as far as there are draws."""
    points = None
    found: Posterior | None = view.result
    if found is not None:
        points = thinned(found)
    elif arrays := snapshot(view):
        try:
            points = finite_draws(arrays["draws"], _LIVE_DRAWS)
        except ValueError:
            points = None  # still in its warm-up
    figure.show(figures.density_bands(data, points, column), key="posterior_density")


def draws(data: Dataset, view: live.View, column: int) -> None:
    """Draw what the chains did: traces, two locs together, who is with whom, tables."""
    found: Posterior | None = view.result
    arrays = snapshot(view) if found is None else {}
    if found is None and not arrays:
        return
    kind, labels, pair, mirror = pickers(data, view, column)
    warmup = None
    if found is not None:
        shown = relabelled(found, view) if labels == "relabelled" else found
        chains, stats = shown.draws, shown.stats
    else:
        chains, stats = arrays["draws"], arrays["stats"]
        warmup = arrays["warmup"] if kind == "locs" else None
    left, right = st.columns(2, gap="large")
    with left:
        trace(data, chains, stats, warmup, kind, labels, column)
    with right:
        if pair is not None:
            two_locs(data, chains["locs"], pair, mirror)
    left, right = st.columns(2, gap="large")
    with left:
        if found is not None:
            matrix(data, looked(data, view))
    with right:
        chain_table(chain_rows(stats))
        if found is not None and view.spec is not None:
            notes(view)
    if found is not None:
        summary_table(summarised(shown, view, labels, column), data, column, labels)


def pickers(data: Dataset, view: live.View, column: int) -> tuple[str, str, Pair | None, bool]:
    """Let the person pick what the trace and the histogram show."""
    assert view.spec is not None
    K, D = view.spec.mixture.n_components, len(data.columns)
    left, right = st.columns(2, gap="large")
    one, two = left.columns(2, vertical_alignment="bottom")
    three, four, five = right.columns(3, vertical_alignment="bottom")
    kinds = list(_PARAMETERS) if view.result is not None else list(_PARAMETERS)[:3]
    kind = one.selectbox(
        "Trace of", kinds, format_func=_PARAMETERS.__getitem__, key="trace_of", persist_state=_KEEP
    )
    labels = two.segmented_control(
        "Labels",
        list(_LABELS),
        format_func=_LABELS.__getitem__,
        default="raw",
        required=True,
        key="labels",
        disabled=view.result is None or K == 1,
        help="Raw: as they were drawn, where component 1 may change places with component 2. "
        "Relabelled: the components of each draw are matched to the others', the heaviest is 1.",
    )
    if K * D < 2:
        return kind, labels or "raw", None, False
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
        "Along x", every, index=start, format_func=named, key=f"loc_x_{keys}_{column}"
    )
    b = four.selectbox("Along y", every, index=end, format_func=named, key=f"loc_y_{keys}_{column}")
    mirrored = locs[a][0] != locs[b][0] and locs[a][1] == locs[b][1]
    mirror = five.toggle(
        "Mirror",
        key="mirror",
        disabled=not mirrored,
        help="Counts each draw $(a, b)$ also as $(b, a)$. The posterior is symmetric, so this is "
        "what chains would show that jump often enough.",
    )
    return kind, labels or "raw", (locs[a], locs[b]), mirror and mirrored


def trace(
    data: Dataset,
    chains: dict[str, Any],
    stats: dict[str, Any],
    warmup: Any,
    kind: str,
    labels: str,
    column: int,
) -> None:
    """Draw the trace of the chosen parameter."""
    name = escape(data.columns[column], 24)
    K = chains["weights"].shape[-1]
    title = f"Trace of the {_PARAMETERS[kind]}" + (f" ({labels} labels)" if K > 1 else "")
    names = None
    if kind == "locs":
        values, axis = chains["locs"][..., column], f"loc, {name}"
        warmup = None if warmup is None else warmup[..., column]
    elif kind == "weights":
        values, axis = chains["weights"], "weight"
    elif kind == "scale":
        values = np.sqrt((chains["scale_tril"][..., column, :] ** 2).sum(axis=-1))
        axis = f"standard deviation, {name}"
        if np.array_equal(values, np.repeat(values[..., :1], K, axis=-1), equal_nan=True):
            values, title = values[..., 0], "Trace of the scale"
    else:
        values, axis, title = stats["log_joint"], "log joint", "Trace of the log joint"
    shown = figures.trace(
        values,
        axis,
        title=title,
        diverging=stats["diverging"],
        warmup=warmup,
        labels=names,
    )
    figure.show(shown, key="trace")


def two_locs(data: Dataset, locs: Any, pair: Pair, mirror: bool) -> None:
    """Draw the histogram of the two chosen locs."""
    (i, c), (j, d) = pair
    D = len(data.columns)

    def named(k: int, column: int) -> str:
        return f"loc of component {k + 1}" + (
            f", {escape(data.columns[column], 24)}" if D > 1 else ""
        )

    shown = figures.two_locs(
        locs[..., i, c],
        locs[..., j, d],
        (named(i, c), named(j, d)),
        mirrored=i != j and c == d,
        symmetrised=mirror,
    )
    figure.show(shown, key="two_locs")


def matrix(data: Dataset, look: Overview) -> None:
    """Draw who shares a component with whom."""
    N, P = len(data.values), len(look.rows)
    single = len(data.columns) == 1
    values = data.values[look.rows, 0]
    names = [number(float(v), 4) for v in values] if single else [f"{r + 1}" for r in look.rows]
    if single and all(float(v).is_integer() and abs(v) < 1e6 for v in values):
        names = [number(int(v)) for v in values]
    axis = escape(data.columns[0]) if single else "row"
    subset = "" if P == N else f", {P} of {N:,}"
    figure.show(figures.together(look.together, names, axis, subset), key="together")


def chain_table(rows: list[ChainRow]) -> None:
    """Show how each chain goes: divergences, acceptance, tree depth, energy, step size."""
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
        ]
        for c, row in enumerate(rows)
    ]
    text.table(head, table, caption="How the chains went")
    st.caption(
        "Depth d makes a path of up to 2ᵈ steps, each as long as “step”. E-BFMI below 0.3 means "
        "that the tails are reached too seldom."
    )


def notes(view: live.View) -> None:
    """Explain what these draws suffer from, with its cure one click away."""
    assert view.spec is not None
    for i, said in enumerate(
        advice(looked(view.spec.dataset, view), view.spec.mixture, chosen(view))
    ):
        text.note(said.title, said.body, trap=said.trap)
        if said.updates:
            controls.cure(said.label, said.updates, f"cure_posterior_{i}")


def summary_table(rows: list[SummaryRow], data: Dataset, column: int, labels: str) -> None:
    """Show mean, interval and diagnostics of each parameter."""

    def said(value: float | None, digits: int = 3) -> str:
        return "–" if value is None else number(value, digits)

    table = [
        [
            row.name if len(row.name) < 50 else row.name[:49] + "…",
            number(row.mean, 4),
            number(row.sd),
            number(row.q5),
            number(row.q95),
            "–" if row.ess_bulk is None else f"{row.ess_bulk:,.0f}",
            "–" if row.ess_tail is None else f"{row.ess_tail:,.0f}",
            "–" if row.r_hat is None else f"{row.r_hat:.3f}",
        ]
        for row in rows[:_ROWS]
    ]
    head = ["Parameter", "mean", "sd", "5 %", "95 %", "bulk ESS", "tail ESS", "R-hat"]
    where = f" along {data.columns[column]:.30}" if len(data.columns) > 1 else ""
    caption = f"Summary of the draws ({labels} labels){where}"
    text.table(head, table, caption=caption)
    if len(rows) > _ROWS:
        st.caption(f"The first {_ROWS} of {len(rows):,} parameters; Export has all draws.")
    if labels == "raw" and any(row.name == "weight 2" for row in rows):
        st.caption(
            "Under raw labels the rows of a component mix its mirror images. The log joint and "
            "a shared scale mean what they say; for the others choose relabelled."
        )


def snapshot(view: live.View) -> dict[str, Any]:
    """Return the draws, statistics and warm-up of a running run so far; {} before its first."""
    arrays = view.status.snapshot if view.status is not None and view.live else {}
    if view.spec is None or not any(n.startswith(("draws.", "warmup.")) for n in arrays):
        return {}
    o, K = chosen(view), view.spec.mixture.n_components
    D = len(view.spec.dataset.columns)
    C, S, W = o.chains, o.draws, o.warmup
    shapes = {"weights": (K,), "locs": (K, D), "scale_tril": (K, D, D)}
    chains = {
        name: arrays.get(f"draws.{name}", np.full((C, S, *shape), np.nan))
        for name, shape in shapes.items()
    }
    stats = {
        name: arrays.get(f"stats.{name}", np.full(shape, np.nan))
        for name, shape in (("diverging", (C, S)), ("acceptance", (C, S)), ("step_size", (C,)))
    }
    warmup = arrays.get("warmup.locs", np.full((C, W, K, D), np.nan)) if W else None
    return {"draws": chains, "stats": stats, "warmup": warmup}


def chosen(view: live.View) -> NutsOptions:
    """Return the options of the run."""
    assert view.spec is not None
    assert isinstance(view.spec.options, NutsOptions)
    return view.spec.options


def looked(data: Dataset, view: live.View) -> Overview:
    """Return what the page says of the draws, computed once for each run."""
    return _overview(_key(view), data, view.result)


def relabelled(found: Posterior, view: live.View) -> Posterior:
    """Return the relabelled draws, computed once for each run."""
    return _relabelled(_key(view), found)


def summarised(shown: Posterior, view: live.View, labels: str, column: int) -> list[SummaryRow]:
    """Return the summary of the draws under these labels, computed once for each run."""
    assert view.spec is not None
    columns = view.spec.dataset.columns
    return _summary((*_key(view), labels), shown, columns, column)


def _key(view: live.View) -> tuple[str, int, int]:
    """Name the draws of a run: one that was stopped may be run again and have more of them."""
    found: Posterior = view.result
    return str(view.run_id), found.n_chains, found.n_draws


@st.cache_resource(max_entries=16, show_spinner=False)
def _overview(key: tuple[str, int, int], _data: Dataset, _found: Posterior) -> Overview:
    return overview(_data, _found)


@st.cache_resource(max_entries=4, show_spinner=False)
def _relabelled(key: tuple[str, int, int], _found: Posterior) -> Posterior:
    return _found.relabelled()


@st.cache_resource(max_entries=16, show_spinner=False)
def _summary(
    key: tuple[str, int, int, str], _shown: Posterior, columns: tuple[str, ...], column: int
) -> list[SummaryRow]:
    return summary(_shown, columns, column)


def exports(data: Dataset, view: live.View) -> header.Exports:
    """Return the files that the draws can be saved as."""
    found: Posterior | None = view.result
    if found is None:
        return {}
    return {"draws.csv": ("text/csv", lambda: export.draws_csv(data, found))}


frame.require()
live.page(body)
