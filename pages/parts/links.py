"""Links: the run or the data that an address names, opened, and what a session shows of it."""

from __future__ import annotations

import re

import streamlit as st

from gmm_core.jobs import service
from gmm_core.mixture import Priors
from gmm_core.mixture.priors import NAMED
from gmm_core.runs import kinds
from gmm_core.runs.specification import Specification
from pages.parts import given, pages, session, settings
from pages.parts.platform.streamlit_internals import went_through_history


def begin(page: str) -> None:
    """Begin the session where it is new, and open the data and the run that its address names.

    A link to a page of runs of another kind leads to the page that shows this one.
    """
    state = st.session_state
    arrived = session.begin() or went_through_history()
    state["data_problem"] = session.open_data(st.query_params.get("data", "")) if arrived else ""
    run_id = st.query_params.get("run")
    if run_id and run_id != state.get("opened") and _followed():
        state["opened"] = run_id
        state["link_error"] = _open(run_id)
        start = st.query_params.get("start", "")
        if re.fullmatch("[0-9]{1,6}", start):
            state["opened_start"] = (run_id, int(start))
        # Not on the browser's way back: it could never get past that address.
        named_page = pages.named(page)
        if (
            not (state["link_error"] or went_through_history())
            and named_page is not None
            and named_page.kinds
        ):
            (kind,) = state["runs"]
            if pages.showing(kind) is not named_page:
                go_to(run_id)


def _followed() -> bool:
    """Whether an address that names another run was meant: it is new, or the browser went back.

    Any other is the address of a browser that has not heard yet of the run that it asked for: to
    open that one would undo the setting that the person has just changed.
    """
    return went_through_history() or "opened" not in st.session_state


def opened() -> str:
    """Return the id of the run that the address names and that could be opened, or ""."""
    state = st.session_state
    return "" if state.get("link_error") else str(st.query_params.get("run", ""))


def stored_id(spec: Specification) -> str:
    """Return the id under which the store has a run: that of the link it was opened by, or its own.

    The id of a run that another version of the program made need not be the one that this version
    computes. What was opened is shown, and not computed again unasked.
    """
    return st.session_state.get("stored_ids", {}).get(spec.id, spec.id)


def note_visit(run_id: str) -> None:
    """Note, once in a session, that this person looks at a run that is done, so that it stays.

    What their settings lead to is theirs, whoever computed it first; what they came to by a link is
    somebody else's.
    """
    state = st.session_state
    visited = state.setdefault("visited", set())
    if run_id not in visited:
        visited.add(run_id)
        service().note_visit(run_id, None if state.get("opened") == run_id else session.owner())


def go_to(run_id: str) -> None:
    """Open a run on the page of its kind.

    Raises
    ------
    ValueError
        When no run has this id, or this version of the program does not know what it holds.
    """
    spec = service().store.specification(run_id)
    st.session_state["opened"] = run_id
    _show(spec, run_id)
    st.switch_page(pages.showing(spec.kind).script, query_params={"run": run_id})


def _open(run_id: str) -> str:
    """Set the session to the run of a link; return a sentence when that is not possible."""
    try:
        spec = service().store.specification(run_id)
    except ValueError as error:
        return str(error)
    _show(spec, run_id)
    return ""


def _show(spec: Specification, run_id: str) -> None:
    """Set the session to a stored run."""
    _set_specification(spec)
    st.session_state.setdefault("stored_ids", {})[spec.id] = run_id
    st.session_state["runs"] = {spec.kind: run_id}


def _set_specification(spec: Specification) -> None:
    """Set every control to what a run was made of."""
    state = st.session_state
    # A run is of numbers; what this person's own table says of its rows is theirs.
    saved = service().store.as_saved(spec.dataset, session.owner())
    several = kinds.named(spec.kind).mixtures is not None
    if several and saved.fingerprint != session.dataset().fingerprint:
        session.take(saved)  # whoever compares mixtures has not chosen one
    settings.suit(spec.dataset)
    state["dataset"] = saved
    settings.take(spec)
    state.update(given.giving(spec))
    mixture = spec.mixture
    state["noise"], state["class_labels"] = mixture.noise, mixture.labels
    if several:
        state["compare_prior"] = "flat" if mixture.priors == Priors.flat() else "fit"
        if mixture.priors == Priors.flat():
            return  # the sweep leaves the Fit page's priors alone
    else:
        for name in ("suggest", "suggest_given"):  # whoever made the run has chosen
            state.pop(name, None)
        session.set_mixture(mixture.n_components, mixture.covariance, mixture.tied)
    known = (name for name, make in NAMED.items() if make(spec.dataset) == mixture.priors)
    state["prior"] = next(known, "own")
    if state["prior"] == "own":
        session.set_own_priors(mixture.priors)
