"""The first mixture of a person's own data: suggested by a short sweep, and theirs to change."""

from __future__ import annotations

import time

import streamlit as st

from gmm_core.comparison import suggestion
from gmm_core.comparison.suggestion import Suggestion
from gmm_core.data.examples import is_tutorial
from gmm_core.figures import data as data_figures
from gmm_core.inference import estimate_seconds
from gmm_core.jobs import service
from gmm_core.runs.specification import Specification
from gmm_core.words import Segment
from gmm_core.words import suggestion as say
from pages.parts import header, session, text
from pages.parts.stream import figure, live

PATIENCE = 15.0
"""Estimated seconds that the first picture of new data may take; a smaller sweep is tried first."""

_UNHEARD = 5.0  # seconds after which a browser has heard of a mixture that was set
CHOOSING = Segment("Choosing the number of components and their covariance …")


def first_mixture() -> live.View | None:
    """Choose the mixture for data that is new to the session, before its settings are drawn.

    Who turns a setting meanwhile has chosen.

    Returns
    -------
    The sweep while it runs; None when the mixture is settled.
    """
    state, data = st.session_state, session.dataset()
    if state.get("suggest") != data.fingerprint:
        _hold()
        return None
    if state.setdefault("suggest_in_place_of", _cell()) != _cell():
        del state["suggest"], state["suggest_in_place_of"]
        return None
    spec = _sweep()
    view = None if spec is None else live.view("suggest", lambda: spec, limit=PATIENCE, link=False)
    if view is not None and view.live:
        return view
    before = state.pop("suggest_in_place_of")
    del state["suggest"]
    result = None if view is None else view.result
    suggested = None if result is None else suggestion.suggest(result.rows, len(data.columns))
    if suggested is None:  # the sweep would take too long, failed, or was stopped
        session.set_mixture(2, "full" if len(data.columns) > 1 else "diag", tied=False)
    else:
        session.set_mixture(*suggested.best.cell)
    state["suggest_given"] = (data.fingerprint, before, _cell(), time.monotonic())
    return None


def _hold() -> None:
    """Choose the suggested mixture again where a browser undid it that had not heard of it yet.

    What a browser sends, a figure that came into view for one, brings the settings along that it
    shows. Who turns a setting changes one of them, and not the mixture to what was there before.
    """
    state = st.session_state
    if "suggest_given" not in state:
        return
    fingerprint, before, given, since = state["suggest_given"]
    if fingerprint != session.dataset().fingerprint or time.monotonic() - since > _UNHEARD:
        del state["suggest_given"]
    elif before == _cell() != given:
        session.set_mixture(*given)


def in_place_of(page: str, sweep: live.View) -> list[live.View]:
    """Draw the data while the sweep chooses the mixture that a page is to show."""
    data = session.dataset()
    header.show(page, [CHOOSING])
    figure.show(data_figures.preview(data), key=f"suggest_{data.fingerprint[:8]}")
    live.status_line(sweep, "suggest")
    return [sweep]


def columns() -> tuple[int, int]:
    """Return the two columns that show most of the data's components, unless others are picked."""
    suggestion = _suggestion() if len(session.dataset().columns) > 2 else None
    return (0, 1) if suggestion is None else suggestion.columns()


def note(sweep: live.View | None) -> None:
    """Say what the sweep suggests, with the way back to it when another mixture is shown.

    Its place is kept while the sweep runs: one that ends as the page is drawn has not chosen yet.
    """
    suggestion = None if sweep else _suggestion()
    if suggestion is None and sweep is None:
        if _too_long():
            with st.container(key="suggestion"):
                st.caption(
                    "Nothing has compared this mixture with others yet: that takes longer than a "
                    "first picture may. The Compare page does."
                )
        return
    with st.container(key="suggestion"):
        if suggestion is not None:
            _advice(suggestion)
        else:
            st.caption("A short comparison of mixtures by BIC chooses the one to begin with.")


def _advice(suggestion: Suggestion) -> None:
    D = len(session.dataset().columns)
    try:
        mixture = session.mixture()
    except ValueError:  # a setting is out of range, and the page says so
        return
    if not suggestion.compares(mixture):
        st.caption(text.plain(say.not_compared(mixture)))
    elif (mixture.n_components, mixture.covariance, mixture.tied) == tuple(suggestion.best.cell):
        st.caption(text.plain(say.chosen(suggestion, D)))
    elif sentence := say.cost(suggestion, mixture, D):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(text.plain(sentence), width="stretch")
            st.button(
                "Use it",
                key="use_suggestion",
                on_click=session.set_mixture,
                args=suggestion.best.cell,
            )


def _cell() -> tuple[object, ...]:
    state = st.session_state
    return state["n_components"], state["covariance"], state["tied"]


def _sweep() -> Specification | None:
    """Return the largest sweep that the first picture can wait for; None where there is none."""
    for most in (6, 4, 2):
        try:
            spec = suggestion.specification(session.dataset(), most)
        except ValueError:  # no mixture can be fitted, and the fit itself says why
            return None
        if estimate_seconds(spec) <= PATIENCE:
            return spec
    return None


def _too_long() -> bool:
    """Whether there would be a sweep of data other than the tutorial's, had the page the time."""
    data = session.dataset()
    if is_tutorial(data) or _sweep() is not None:
        return False
    try:
        suggestion.specification(data, 2)
    except ValueError:
        return False
    return True


def _suggestion() -> Suggestion | None:
    """Return what the sweep of this data said, where it was made before."""
    spec = _sweep()
    if spec is None:
        return None
    try:
        if service().status(spec.id).state != "done":
            return None
    except ValueError:
        return None
    result = service().result(spec.id)
    return None if result is None else suggestion.suggest(result.rows, len(spec.dataset.columns))
