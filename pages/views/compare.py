"""The Compare page: which K and which covariance suit the data, and how sure that is."""

from __future__ import annotations

import streamlit as st

from gmm_core import comparison, words
from gmm_core import words_comparison as say
from gmm_core.comparison import Cell, ComparisonRow, Criterion
from gmm_core.figures import comparison as figures
from gmm_core.jobs import service
from gmm_core.mixture import COVARIANCES, MAX_COMPONENTS
from gmm_core.options import CompareOptions
from gmm_core.specification import Specification
from pages.parts import controls, frame, header, kept, live, session, text
from pages.parts.drawn import Figure

_PRIORS = {"flat": "none: maximum likelihood", "fit": "those of the Fit page"}


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    if cell := st.session_state.pop("compare_open", None):
        open_cell(Cell(*cell))
    top = st.container()
    left, right = st.columns([3, 1], gap="large")
    with controls.panel(right):
        settings()
    view = live.view("compare", session.compare_specification)
    rows = finished(view)
    with left:
        criterion, whole = pick_criterion()
    with top:
        files: header.Exports = {
            "comparison.csv": ("text/csv", lambda found: comparison.to_csv(found.rows)),
        }
        header.show("Compare", answer(view, rows, criterion), view, files)
    with left:
        hero(view, criterion, whole)
        live.status_line(view, "compare", "Compare")
    if any(row.parameters is not None for row in rows):
        way_to_fit(rows, criterion)
        tables(rows, criterion)
    return [view]


def settings() -> None:
    """Draw what is swept over."""
    D = session.dataset().values.shape[1]
    known = st.session_state["compare_k"][1]
    st.slider(
        "Components K",
        **kept.number("compare_k", 1, 12 if known <= 12 else MAX_COMPONENTS),
        help="From the fewest to the most components that are tried.",
    )
    st.pills(
        "Covariances",
        COVARIANCES,
        selection_mode="multi",
        format_func=lambda pair: say.form(*pair),
        **kept.value("compare_covariances", name="default"),
        help="Spherical: one spread for all columns. Diagonal: one for each. Full: also "
        "correlations. Tied: all components share one.",
    )
    if D == 1:
        st.caption("With one column the three forms are the same, and are fitted once.")
    st.radio(
        "Priors",
        **kept.choice("compare_prior", _PRIORS),
        format_func=_PRIORS.__getitem__,
        help="BIC, AIC and ICL are made for the maximum of the likelihood. With priors they are "
        "taken at the MAP (Fraley and Raftery 2007), where collapses are rarer.",
    )
    left, right = st.columns(2)
    left.number_input(
        "Starts",
        **kept.number("compare_restarts", 1, 200),
        help="Every mixture is fitted from so many starts, and each fit is polished. The best "
        "sound optimum counts.",
    )
    right.number_input("First seed", **kept.number("compare_seed", 0, 2**32 - 1))


def finished(view: live.View) -> list[ComparisonRow]:
    """Return the rows that are known by now."""
    if view.result is not None:
        return list(view.result.rows)
    if view.spec is None or view.status is None:
        return []
    arrays = view.status.snapshot
    return comparison.rows_so_far(view.spec.options, len(view.spec.dataset.columns), arrays)


def answer(view: live.View, rows: list[ComparisonRow], criterion: Criterion) -> list[words.Segment]:
    """Say which mixture suits the data best."""
    if view.spec is None:
        return []
    if view.waiting and not rows:
        n = len(comparison.cells(view.spec.options))
        return [words.Segment(f"Which of {n} mixtures suits these points best? Press Compare.")]
    N, D = view.spec.dataset.values.shape
    expected = len(comparison.cells(view.spec.options))
    return say.comparison_answer(N, D, rows, criterion, expected)


def pick_criterion() -> tuple[Criterion, bool]:
    """Let the person pick the criterion, and whether to see its worst values too."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        criterion = st.segmented_control(
            "Criterion",
            comparison.CRITERIA,
            default="bic",
            required=True,
            format_func=say.CRITERION.__getitem__,
            key="compare_criterion",
            bind="query-params",
            wrap=True,
            help="With $\\log L$ the log likelihood, $p$ parameters and $N$ points: "
            "BIC $= -2\\log L + p\\log N$, AIC $= -2\\log L + 2p$, and ICL = BIC $+\\,2H$ with the "
            "entropy of the responsibilities $H = -\\sum_{nk} r_{nk}\\log r_{nk}$ "
            "(Biernacki et al. 2000), which favours separate components. Smaller is better. A "
            "BIC smaller by 2 is positive, by 6 strong and by 10 very strong evidence "
            "(Kass and Raftery 1995).",
        )
        whole = st.toggle(
            "Show all values",
            key="compare_whole",
            bind="query-params",
            help="Without it the figure shows the better half of the mixtures, in which the "
            "differences that matter can be seen.",
        )
    return criterion or "bic", bool(whole)


def hero(view: live.View, criterion: Criterion, whole: bool) -> None:
    """Draw the criterion over K."""
    D = len(session.dataset().columns)

    def draw(view: live.View) -> Figure:
        K = options_of(view).n_components
        return figures.criterion_over_k(finished(view), K, D, criterion, whole)

    live.show(view, "criterion", draw, ask_to_open if view.result is not None else None)


def options_of(view: live.View) -> CompareOptions:
    """Return the sweep's options, or the defaults where a setting is wrong."""
    return view.spec.options if view.spec is not None else CompareOptions()


def ask_to_open(cell: object) -> None:
    """Remember the cell that was clicked until the page runs again."""
    st.session_state["compare_open"] = cell


def open_cell(cell: Cell) -> None:
    """Go to the Fit page with the mixture, priors and starts of a cell."""
    spec = session.compare_specification()
    options: CompareOptions = spec.options
    one = Specification(
        dataset=spec.dataset,
        mixture=comparison.mixture_of(cell, spec.mixture),
        options=options.map_options,
    )
    try:
        run_id = service().submit(one, session.owner())
    except ValueError as error:  # too many are waiting
        st.error(text.plain(text.sentence(error)))
        return
    session.go_to(run_id)


def way_to_fit(rows: list[ComparisonRow], criterion: Criterion) -> None:
    """Draw the way to the Fit page that needs no mouse: the same as a click in the figure."""
    D = len(session.dataset().columns)
    different = comparison.distinct(rows, D)
    order = comparison.ranked(different, criterion)
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
        if st.button("Open fit", key="compare_go", type="primary") and chosen is not None:
            open_cell(Cell(*chosen))


def tables(rows: list[ComparisonRow], criterion: Criterion) -> None:
    """Show the best mixtures in numbers, and why some have no optimum."""
    D = len(session.dataset().columns)
    head = list(say.TABLE_HEAD)
    head[1] = say.CRITERION[criterion]
    best = say.table_rows(rows, criterion, D)
    lost = say.lost_rows(rows, D)
    if best:
        text.table(head, best, caption=f"The best by {say.CRITERION[criterion]}")
    if lost:
        with st.expander(f"Why {words.count(len(lost), 'mixture')} found no optimum"):
            text.table(["Mixture", "verdict", "reason"], lost, words=(1, 2))
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
