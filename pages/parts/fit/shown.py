"""Which start of a fit the page shows: the best one, or the one that the person opened."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import streamlit as st

from gmm_core.jobs import service
from gmm_core.runs.one_restart import alone, opened
from gmm_core.runs.results import MapFit
from gmm_core.words import starts as start_words
from gmm_core.words.sampled import everywhere
from pages.parts.stream import live


def open_start(view: live.View) -> tuple[MapFit | None, live.View | None]:
    """Return the fit as it is shown, and the run of the opened start by itself, if there is one.

    The best start is shown until the person opens another one; a new run shows its best again.
    """
    fit: MapFit | None = view.result
    run, r = st.session_state.get("opened_start", ("", -1))
    if fit is None or view.spec is None or run != view.run_id or not 0 <= r < len(fit.loss):
        r = -1
    if view.spec is not None and everywhere(view.spec):  # of its starts the way of the best is kept
        r = -1
    if fit is None or r in (-1, fit.chosen):
        st.query_params.pop("start", None)
        return fit, None
    st.query_params["start"] = str(r)
    spec = alone(view.spec, r, fit)
    by_itself = live.view("start", lambda: spec, limit=120, link=False)
    return opened(fit, r, by_itself.result), by_itself


def fetching(view: live.View, shown: MapFit, by_itself: live.View | None) -> Callable[[], MapFit]:
    """Return a function that gives the fit as it is shown once more, and holds nothing of it."""
    run_id, r = str(view.run_id), shown.chosen
    alone_id = None if by_itself is None else by_itself.run_id

    def fetch() -> MapFit:
        fit_alone = None if alone_id is None else service().result(alone_id)
        return opened(service().result(run_id), r, fit_alone)

    return fetch


def open_now(run_id: str | None, r: int) -> None:
    """Open restart `r` of a run; -1 is its best."""
    st.session_state["opened_start"] = (run_id, int(r))
    st.session_state["shown_start"] = int(r)


def picked(run_id: str | None) -> None:
    """Open the restart that was picked in the list."""
    r = st.session_state["shown_start"]
    # Who turns a knob while the page is being drawn brings the last run's name of its best along,
    # which may be none of this run's: nobody picked it.
    if isinstance(r, int):
        open_now(run_id, r)


def pick_start(view: live.View, best: MapFit, shown: MapFit) -> None:
    """Draw the control that opens a start without a pointer, and the way back to the best."""
    other = shown.chosen != best.chosen
    # Held for as long as the page is open, and so the names, not the fit that gives them.
    names = {r: start_words.start_name(best, r) for r in range(len(best.loss))}
    names[-1] = f"the best, {best.chosen}"
    st.session_state["shown_start"] = shown.chosen if other else -1
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    left.selectbox(
        "Show start",
        [-1, *range(len(best.loss))],
        format_func=names.__getitem__,
        key="shown_start",
        on_change=picked,
        args=(view.run_id,),
        help="Everything on this page then shows where that start ended. A click on a point here, "
        "or on a curve of the loss, does the same.",
    )
    right.button(
        "Back to the best",
        key="best_start",
        on_click=open_now,
        args=(view.run_id, -1),
        disabled=not other,
        width="stretch",
    )


def shown_name(view: live.View, shown: MapFit) -> str:
    """Name the start that is shown."""
    best = shown.chosen == view.result.chosen
    return "chosen start" if best else f"start {shown.chosen}"


def finished(view: live.View, shown: MapFit | None, *more: Hashable) -> Hashable:
    """Say what a figure of the run's best start is a function of; None where it may yet change."""
    if shown is None or view.status is None or view.status.state != "done":
        return None
    return (view.run_id, *more) if shown.chosen == view.result.chosen else None
