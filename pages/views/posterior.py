"""The Posterior page: every mixture the data allows, as NUTS draws them."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from gmm_core import export
from gmm_core.dataset import Dataset
from gmm_core.figures import posterior as figures
from gmm_core.jobs import service
from gmm_core.posterior_summary import finite_draws, thinned
from gmm_core.results import Posterior
from gmm_core.words import Segment, count
from gmm_core.words_posterior import partial_answer, posterior_answer
from pages.parts import controls, frame, header, kept, live, session, so_far, text
from pages.parts.drawn import Figure
from pages.parts.posterior import checks, computed, sections, trusted

_LIVE_DRAWS = 200  # of a running chain, for its bands: a frame has a third of a second
_SECTIONS = ["What it says", "Labels", "Can I trust it?", "Checks"]


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
    section(data, view, column)
    return [view, *other]


def options() -> None:
    """Draw the options of NUTS."""
    st.number_input(
        "Draws per chain",
        **kept.number("draws", 1, 20_000),
        step=100,
        help="How many draws each chain keeps. The error of a mean falls with their square root, "
        "$\\mathrm{sd}/\\sqrt{\\mathrm{ESS}}$.",
    )
    st.number_input(
        "Warm-up",
        **kept.number("warmup", 0, 20_000),
        step=100,
        help="Steps in which the sampler finds the posterior and adapts its step size and its "
        "scales. They are not kept.",
    )
    left, right = st.columns(2)
    left.number_input(
        "Chains",
        **kept.number("chains", 1, 32),
        help="Chains begin far apart, each in a process of its own. When they agree "
        "($\\hat R \\le 1.01$) they have probably arrived. With one there is nothing to compare.",
    )
    right.number_input("Seed", **kept.number("nuts_seed", 0, 2**32 - 1))
    controls.engine("posterior")
    with st.expander("More"):
        st.number_input(
            "Target acceptance",
            **kept.number("target_accept", 0.01, 0.999),
            step=0.05,
            format="%g",
            help="Warm-up makes the step as long as this acceptance allows. Raise it when draws "
            "diverge: shorter steps follow sharper bends.",
        )
        st.number_input(
            "Largest tree depth",
            **kept.number("max_tree_depth", 1, 15),
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
        bind="query-params",
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
        "Cancel it", key="cancel_last", on_click=live.cancel, args=(last,), width="stretch"
    )
    return [live.View(None, last, status)]


def answer(view: live.View) -> list[Segment]:
    """Say what was found, or what is going on."""
    if view.error or view.spec is None:
        return []
    found: Posterior | None = view.result
    if found is not None:
        data, mixture = view.spec.dataset, view.spec.mixture
        of = computed.drawn(view)
        look = None if of is None else computed.looked(of)
        said = posterior_answer(data, mixture, found, look)
        if view.status is not None and view.status.state == "cancelled":
            return [Segment(f"{partial_answer(found, computed.chosen(view))} "), *said]
        return said
    if view.live:
        C, S = computed.chosen(view).chains, computed.chosen(view).draws
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

    def draw(view: live.View) -> Figure:
        points = None
        if view.result is not None:
            points = thinned(view.result)
        elif so_far.has_draws(view):
            with suppress(ValueError):  # still in its warm-up
                points = finite_draws(so_far.draws(view)["draws"], _LIVE_DRAWS)
        return figures.density_bands(data, points, column)

    live.show(view, "posterior_density", draw)


def section(data: Dataset, view: live.View, column: int) -> None:
    """Draw the section that is chosen, and compute nothing of the others."""
    of = computed.drawn(view)
    if of is None and not so_far.has_draws(view):
        return
    asked = st.segmented_control(
        "Section",
        _SECTIONS,
        default=_SECTIONS[0],
        required=True,
        key="section",
        bind="query-params",
        label_visibility="collapsed",
        disabled=of is None,
    )
    if of is None:
        sections.running(view, column)
    elif asked == "Labels":
        sections.labels(of, column)
    elif asked == "Can I trust it?":
        trusted.trust(of, column)
    elif asked == "Checks":
        checks.checks(of, column)
    else:
        sections.says(of, column)


def exports(data: Dataset, view: live.View) -> header.Exports:
    """Return the files that the draws can be saved as."""
    if view.result is None:
        return {}
    return {"draws.csv": ("text/csv", lambda found: export.draws_csv(data, found))}


frame.require()
live.page(body)
