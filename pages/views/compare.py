"""The Compare page: which K and which covariance suit the data, and how sure that is."""

from __future__ import annotations

import streamlit as st

from gmm_core.comparison import odds, sweep
from gmm_core.comparison.criteria import CRITERIA
from gmm_core.comparison.sweep import Cell, ComparisonRow
from gmm_core.figures import averaged
from gmm_core.figures import comparison as figures
from gmm_core.formatting import count
from gmm_core.jobs import service
from gmm_core.mixture import COVARIANCES, MAX_COMPONENTS
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.runs.options import CompareOptions
from gmm_core.runs.specification import Specification
from gmm_core.words import Segment, sampled, transformed
from gmm_core.words import comparison as say
from gmm_core.words import settings as words
from pages.parts import (
    controls,
    frame,
    header,
    layout,
    links,
    session,
    settings,
    specifications,
    text,
)
from pages.parts.platform import widget_state
from pages.parts.stream import live
from pages.parts.stream.cache import Figure

_PRIORS = {"flat": "none: maximum likelihood", "fit": "those of the Fit page"}


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    if cell := st.session_state.pop("compare_open", None):
        open_cell(Cell(*cell))
    page = layout.with_settings()
    with page.settings():
        sweep_settings()
    view = live.view("compare", specifications.compare)
    rows = finished(view)
    with page.main:
        criterion, whole = pick_criterion()
    with page.head:
        files: header.Exports = {
            "comparison.csv": ("text/csv", lambda comparison: sweep.to_csv(comparison.rows)),
        }
        header.show("compare", answer(view, rows, criterion), view, files, place=page.actions)
    with page.main:
        main_figure(view, criterion, whole)
        live.status_line(view, "compare", "Compare")
    if any(row.density for row in rows):
        averaged_over(view)
    # While it runs the order changes with every row. What was cancelled may have reported rows and
    # kept none.
    if rows and not view.live:
        way_to_fit(rows, criterion)
        tables(rows, criterion)
    return [view]


def sweep_settings() -> None:
    """Draw what is swept over."""
    D = session.dataset().values.shape[1]
    sweep_range()
    chosen = st.session_state["compare.covariances"]
    more = any(tied is None for _, tied in chosen)
    every = more or st.session_state.get("compare_every_family", False)
    st.pills(
        "Covariances",
        list(FAMILIES) if every else COVARIANCES,
        selection_mode="multi",
        format_func=lambda pair: say.form(*pair),
        **widget_state.value("compare.covariances", name="default"),
        help="Spherical: one spread for all columns. Diagonal: one for each. Full: also "
        "correlations. Shared: all components have the same one; own: each has its own. The "
        "letters of a code are size, shape and "
        "direction: equal (E), varying (V), or none (I).",
    )
    st.toggle(
        "All fourteen families",
        **widget_state.value("compare_every_family", False),
        disabled=more,
        help="Also the eight that share some of size, shape and direction.",
    )
    if D == 1:
        st.caption("With one column the three forms are the same, and are fitted once.")
    st.radio(
        "Priors",
        **widget_state.choice("compare_prior", _PRIORS),
        format_func=_PRIORS.__getitem__,
        help="BIC, AIC and ICL are made for the maximum of the likelihood. With priors they are "
        "taken at the MAP (Fraley and Raftery 2007), where collapses are rarer.",
    )
    left, right = st.columns(2)
    left.number_input(
        **settings.number("compare", "restarts"),
        help="Every mixture is fitted from so many starts, and the best sound optimum counts. A "
        "third of a search's are components that are moved.",
    )
    right.number_input(**settings.number("compare", "first_seed"))
    st.toggle(
        **settings.switch("compare", "evidence"),
        help="Also integrate each mixture's likelihood over its priors, which has to be proper "
        "ones: how probable the data is under the mixture as a whole. It takes a second or so for "
        "each.",
    )
    st.selectbox(
        **settings.choice("compare", "start"),
        help="A search takes starts of several kinds, the best of K − 1 with a component split and "
        "the optima of simpler covariances, by EM; then it moves components to other places. An "
        "optimum wins only where every component holds at least 2 (D + 1) points.",
    )


def sweep_range() -> None:
    """Draw the slider of K. A sweep from elsewhere may leave out some K, which it cannot show."""
    state, listed = st.session_state, "compare.n_components"
    state["compare_range"] = (state[listed][0], state[listed][-1])

    def turned() -> None:
        first, last = state["compare_range"]
        state[listed] = list(range(first, last + 1))

    most = 12 if state[listed][-1] <= 12 else MAX_COMPONENTS
    st.slider(
        words.name("n_components"),
        **widget_state.number("compare_range", 1, most),
        on_change=turned,
        help="From the fewest to the most components that are tried.",
    )


def finished(view: live.View) -> list[ComparisonRow]:
    """Return the rows that are known by now."""
    if view.result is not None:
        return list(view.result.rows)
    if view.spec is None or view.status is None:
        return []
    arrays = view.status.snapshot
    return sweep.rows_so_far(view.spec.options, len(view.spec.dataset.columns), arrays)


def answer(view: live.View, rows: list[ComparisonRow], criterion: str) -> list[Segment]:
    """Say which mixture suits the data best."""
    if view.spec is None:
        return []
    if view.waiting and not rows:
        n = len(sweep.cells(view.spec.options))
        return [Segment(f"Which of {n} mixtures suits these points best? Press Compare.")]
    data = view.spec.dataset
    expected = len(sweep.cells(view.spec.options))
    lead = [Segment(lead_text)] if (lead_text := sampled.lead(view.spec)) else []
    return [*lead, *say.comparison_answer(data.n, len(data.columns), rows, criterion, expected)]


def pick_criterion() -> tuple[str, bool]:
    """Let the person pick the criterion, and whether to see its worst values too."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        criterion = st.segmented_control(
            "Criterion",
            offered(),
            default="bic",
            required=True,
            format_func=say.CRITERION.__getitem__,
            key="compare_criterion",
            bind="query-params",
            wrap=True,
            help="With $L$ the likelihood, $p$ parameters, $N$ points and responsibilities "
            "$r_{nk}$:\n\n"
            + "\n".join(f"- {say.CRITERION[n]} $= {c.formula}$" for n, c in CRITERIA.items())
            + "\n\nICL (Biernacki et al. 2000) favours separate components; mclust's is that of "
            "the most probable ones. Smaller is better, but for the likelihood. A BIC smaller by 2 "
            "is positive, by 6 strong and by 10 very strong evidence (Kass and Raftery 1995).",
        )
        whole = st.toggle(
            "Show all values",
            key="compare_whole",
            bind="query-params",
            help="Without it the figure shows the best mixtures, whose differences matter.",
        )
    return criterion or "bic", bool(whole)


def offered() -> list[str]:
    """List the criteria that the sweep of these settings has."""
    with_evidence = bool(st.session_state["compare.evidence"])
    return [name for name, entry in CRITERIA.items() if with_evidence or entry.value is not None]


def main_figure(view: live.View, criterion: str, whole: bool) -> None:
    """Draw the criterion over K."""
    D = len(session.dataset().columns)

    def draw(view: live.View) -> Figure:
        K = options_of(view).n_components
        return figures.criterion_over_k(finished(view), K, D, criterion, whole)

    live.show(view, "criterion", draw, ask_to_open if view.result is not None else None)


def averaged_over(view: live.View) -> None:
    """Draw the density that all mixtures have together, along one of the first columns."""
    data, column = session.dataset(), 0
    names = data.columns[: odds.COLUMNS]
    if len(names) > 1:
        column = st.selectbox(
            "Density along",
            range(len(names)),
            format_func=names.__getitem__,
            key="compare_density",
            bind="query-params",
            width=320,
        )

    def draw(view: live.View) -> Figure:
        K = options_of(view).n_components
        return averaged.averaged(data, finished(view), column, K)

    live.show(view, "average", draw, of=column)
    st.caption(
        "Each mixture's density is the mean over its posterior, and counts by how probable it is: "
        "what is known of new points without choosing K."
    )


def options_of(view: live.View) -> CompareOptions:
    """Return the sweep's options, or the defaults where a setting is wrong."""
    return view.spec.options if view.spec is not None else CompareOptions()


def ask_to_open(cell: object) -> None:
    """Remember the cell that was clicked until the page runs again."""
    st.session_state["compare_open"] = cell


def open_cell(cell: Cell) -> None:
    """Go to the Fit page with the mixture, priors and starts of a cell."""
    spec = specifications.compare()
    options: CompareOptions = spec.options
    one = Specification(
        dataset=spec.dataset,
        mixture=sweep.mixture_of(cell, spec.mixture),
        options=options.map_options,
    )
    try:
        run_id = service().submit(one, session.owner())
    except ValueError as error:  # too many are waiting
        st.error(text.plain(text.sentence(error)))
        return
    links.go_to(run_id)


def way_to_fit(rows: list[ComparisonRow], criterion: str) -> None:
    """Draw the way to the Fit page that needs no mouse: the same as a click in the figure."""
    D = len(session.dataset().columns)
    different = sweep.distinct(rows, D)
    order = sweep.ranked(different, criterion)
    if not order:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "See it on the Fit page",
            [tuple(different[i].cell) for i in order],
            format_func=lambda cell: say.cell_name(Cell(*cell), D),
            key=f"compare_pick_{criterion}",
            help="Or click a point of the figure.",
            width=320,
        )
        if (
            st.button(
                "Open fit",
                key="compare_go",
                type="primary",
                help="Sets the Fit page to this mixture, with the priors and starts of this page.",
            )
            and chosen is not None
        ):
            open_cell(Cell(*chosen))


def tables(rows: list[ComparisonRow], criterion: str) -> None:
    """Show the best mixtures in numbers, and why some have no optimum."""
    D = len(session.dataset().columns)
    head = list(say.TABLE_HEAD)
    head[1] = say.CRITERION[criterion]
    if sentence := transformed.comparable(session.dataset()):
        st.caption(text.plain(sentence))
    best = say.table_rows(rows, criterion, D)
    unsound = say.lost_rows(rows, D)
    if best:
        text.table(head, best, caption=f"The best by {say.CRITERION[criterion]}")
    if unsound:
        with st.expander(f"Why {count(len(unsound), 'mixture')} found no optimum"):
            text.table(["Mixture", "verdict", "reason"], unsound, words=(1, 2))
    if any(row.verdict == "collapsed" for row in rows):
        text.note(
            "Why do mixtures collapse?",
            "Without priors the likelihood has no bound: a component that shrinks onto a few "
            "points, or onto points on a line, gains without end. Such starts are set aside. "
            "Priors from the data keep components from shrinking.",
            trap=True,
        )
        if st.session_state["compare_prior"] == "flat":
            controls.cure(
                "Compare with priors from the data",
                {"compare_prior": "fit", "prior": "data"},
                "cure_compare",
            )


frame.require()
live.page(body)
