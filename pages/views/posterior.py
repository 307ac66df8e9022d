"""The Posterior page: every mixture the data allows, as NUTS draws them."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.figures import posterior as figures
from gmm_core.formatting import count
from gmm_core.jobs import service
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.summary import finite_draws, thinned
from gmm_core.runs.options import SmcOptions
from gmm_core.runs.specification import Specification
from gmm_core.sharing import tables
from gmm_core.words.chain_groups import apart_advice, apart_words, weighed_instead
from gmm_core.words.posterior import partial_answer, posterior_answer, some_answer
from gmm_core.words.robustness import tied_words
from gmm_core.words.sampled import lead
from gmm_core.words.segments import Segment
from gmm_core.words.weighed import so_far_words
from pages.parts import (
    controls,
    frame,
    given,
    header,
    layout,
    links,
    session,
    settings,
    specifications,
    suggestion,
    text,
)
from pages.parts.posterior import calibrated, checks, computed, diagnostics, sections
from pages.parts.stream import live, partial
from pages.parts.stream.cache import Figure

_WEIGHING_LIMIT = 60.0  # seconds that draws by weight may take where the chains do not agree
_LIVE_DRAWS = 200  # of a running chain, for its bands: a frame has a third of a second
_SECTIONS = ["What it says", "Labels", "Can I trust it?", "Checks"]


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    if (sweep := suggestion.first_mixture()) is not None:
        return suggestion.in_place_of("posterior", sweep)
    data = session.dataset()
    page = layout.with_settings()
    with page.settings():
        options()
        column = pick_column(data)
    view = sampled()
    weighing = weigh(view)
    with page.head:
        files = exports(data, view)
        header.show("posterior", answer(view, weighing), view, files, place=page.actions)
    with page.main:
        main_figure(data, view, weighing, column)
        if not view.error:
            live.status_line(view, "posterior", "Sample")
        if weighing is not None and not weighing.error:
            live.status_line(weighing, "weighing", "Weigh the modes")
        other = under_way(view)
        if view.error and not session.mixture().priors.proper:
            controls.cure("Priors from the data", {"prior": "data"}, "cure_priors")
    more = section(data, view, weighing, column)
    return [view, *([weighing] if weighing is not None else []), *other, *more]


def options() -> None:
    """Draw the options of the sampler that is chosen."""
    controls.engine("posterior")
    OPTIONS[specifications.posterior_kind()]()


def nuts_options() -> None:
    """Draw the options of NUTS."""
    st.number_input(
        **settings.number("posterior", "draws"),
        step=100,
        help="How many draws each chain keeps. The error of a mean falls with their square root, "
        "$\\mathrm{sd}/\\sqrt{\\mathrm{ESS}}$.",
    )
    st.number_input(
        **settings.number("posterior", "warmup"),
        step=100,
        help="Steps in which the sampler finds the posterior and adapts its step size and its "
        "scales. They are not kept.",
    )
    left, right = st.columns(2)
    left.number_input(
        **settings.number("posterior", "chains"),
        help="Chains begin far apart, each in a process of its own. When they agree "
        "($\\hat R \\le 1.01$) they have probably arrived. With one there is nothing to compare.",
    )
    right.number_input(**settings.number("posterior", "seed"))
    with st.expander("More"):
        st.number_input(
            **settings.number("posterior", "target_accept"),
            step=0.05,
            help="Warm-up makes the step as long as this acceptance allows. Raise it when draws "
            "diverge: shorter steps follow sharper bends.",
        )
        st.number_input(
            **settings.number("posterior", "max_tree_depth"),
            help="A draw doubles its path until it turns back, at most to $2^{\\mathrm{depth}}$ "
            "steps.",
        )


def smc_options() -> None:
    """Draw the options of the sampler that weighs modes."""
    specifications.forget_points()
    st.number_input(
        **{**settings.number("smc", "draws"), "label": "Draws per population"},
        step=100,
        help="Each population begins at all modes that a search has found, and at the prior, and "
        "keeps so many draws, each of equal weight.",
    )
    left, right = st.columns(2)
    left.number_input(
        **settings.number("smc", "populations"),
        help="They know nothing of each other; how far their estimates of the evidence differ "
        "tells its error.",
    )
    right.number_input(**settings.number("smc", "seed"))
    if st.session_state["smc.start"] == "given":
        st.caption("Begins also at the modes where chains of an earlier run lay.")
    with st.expander("More"):
        st.number_input(
            **settings.number("smc", "prior_share"),
            step=0.05,
            help="So many of the first draws come from the prior, for what no optimum tells of.",
        )


OPTIONS = {"posterior": nuts_options, "smc": smc_options}


def pick_column(data: Dataset) -> int:
    """Let the person pick the column to look along."""
    if len(data.columns) == 1:
        return 0
    return st.selectbox(
        "Column to look along",
        list(range(len(data.columns))),
        index=suggestion.columns()[0],
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
    return live.view("posterior", specifications.posterior, limit=5.0)


def weigh(view: live.View) -> live.View | None:
    """Weigh the modes beside chains that do not agree; None where there is no need."""
    of = computed.answer(view)
    if of is None or not computed.needs_weights(of):
        return None
    return live.view("weighing", lambda: weighing_of(of), limit=_WEIGHING_LIMIT, link=False)


def weighing_of(of: computed.Answer) -> Specification:
    """Return the run that weighs the modes that a search finds and those where chains stayed."""
    return Specification(
        dataset=of.data,
        mixture=of.mixture,
        options=SmcOptions(start="given"),
        engine="smc",
        parameters=computed.highest(of),
    )


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
        links.go_to(last)
    right.button(
        "Cancel it", key="cancel_last", on_click=live.cancel, args=(last,), width="stretch"
    )
    return [live.View(None, last, status)]


def answer(view: live.View, weighing: live.View | None) -> list[Segment]:
    """Say what was found, or what is going on."""
    if view.error or view.spec is None:
        return []
    posterior: Posterior | None = view.result
    if posterior is not None:
        data, mixture = view.spec.dataset, view.spec.mixture
        of = computed.answer(view)
        by_weight = None if of is None else computed.weighed(of, weighing)
        shown = by_weight or of
        summary = None if shown is None else computed.overview_of(shown)
        segments = posterior_answer(
            data, mixture, posterior if shown is None else shown.draws, summary
        )
        if shown is not None and (some := some_answer(shown.draws)):
            segments = [Segment(f"{some} "), *segments]
        if sentence := lead(view.spec):
            segments = [Segment(sentence), *segments]
        if of is not None and by_weight is not None:
            segments = [Segment(chains_misled(of, by_weight)), *segments]
        elif of is not None and of.groups.apart:
            segments = [Segment(apart_words(of.groups)), *segments]
        if view.status is not None and view.status.state == "cancelled":
            return [Segment(f"{partial_answer(posterior, computed.chosen(view))} "), *segments]
        return segments
    if view.live:
        if (now := partial.weighing(view)) is not None:
            return [Segment(so_far_words(*(chains.tolist() for chains in now)))]
        C, S = computed.chosen(view).chains, computed.chosen(view).draws
        each_of = "each of " if C > 1 else ""
        return [Segment(f"Taking {count(S, 'draw')} in {each_of}{count(C, 'chain')} …")]
    if view.status is not None and view.status.state == "cancelled":
        return [
            Segment("Stopped before the first draw, so there is nothing to show. Run it again.")
        ]
    N = len(view.spec.dataset.values)
    return [
        Segment(
            f"The fit is a single best mixture of {count(N, 'point')}. The sampler draws all that "
            "are plausible, to show how certain it is."
        )
    ]


def chains_misled(of: computed.Answer, by_weight: computed.Answer) -> str:
    """Say which chains are not believed, with the weight of where they lay."""
    draws = by_weight.draws.n_chains * by_weight.draws.n_draws
    seen = computed.seen(of, by_weight).tolist()
    added = int(by_weight.draws.stats["added"].max())
    return weighed_instead(of.groups, seen, draws, computed.misled(of, by_weight), added)


def main_figure(data: Dataset, view: live.View, weighing: live.View | None, column: int) -> None:
    """Draw the posterior of the density, as far as there are draws."""

    def draw(view: live.View) -> Figure:
        points = None
        if weighing is not None and weighing.result is not None:
            points = thinned(weighing.result)
        elif (of := computed.answer(view)) is not None:
            points = thinned(of.draws)
        elif partial.has_draws(view):
            with suppress(ValueError):  # still in its warm-up
                points = finite_draws(partial.draws(view)["draws"], _LIVE_DRAWS)
        return figures.density_bands(data, points, column)

    live.show(view, "posterior_density", draw)


def section(
    data: Dataset, view: live.View, weighing: live.View | None, column: int
) -> list[live.View]:
    """Draw the section that is chosen, and compute nothing of the others; return its own runs.

    Labels and trust are the chains' own; what is said of the mixture is of draws by weight.
    """
    of = computed.answer(view)
    by_weight = None if of is None else computed.weighed(of, weighing)
    if of is not None and (on_ties := computed.tied(of)) is not None:
        text.note("A mode on equal values", tied_words(on_ties), trap=True)
    if of is not None and of.groups.apart and by_weight is None:
        text.note("Why are chains set aside?", apart_advice(of.groups), trap=True)
        by_smc = {
            **settings.named("posterior", {"engine": "smc"}),
            **settings.named("smc", {"start": "given"}),
            **given.giving(weighing_of(of)),
        }
        controls.cure("Weigh the modes", by_smc, "cure_smc")
    if of is None and not partial.has_draws(view):
        return []
    chosen = st.segmented_control(
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
    elif chosen == "Labels":
        sections.labels(of, column)
    elif chosen == "Can I trust it?":
        diagnostics.show(of, column)
        return calibrated.show(view)
    elif chosen == "Checks":
        checks.checks(by_weight or of, column)
    else:
        sections.says(by_weight or of, column)
    return []


def exports(data: Dataset, view: live.View) -> header.Exports:
    """Return the files that the draws can be saved as."""
    if view.result is None:
        return {}
    return {"draws.csv": ("text/csv", lambda posterior: tables.draws_csv(data, posterior))}


frame.require()
live.page(body)
