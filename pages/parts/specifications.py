"""The runs that a session's settings stand for: asked for by its pages, and their results."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st

from gmm_core.jobs import service
from gmm_core.mixture import Mixture, Parameters, Priors, fewest_components
from gmm_core.runs import kinds
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from pages.parts import given, links, session, settings
from pages.parts.platform import browser


def fit() -> Specification:
    """Return the fit that the Fit page shows.

    Raises
    ------
    ValueError
        When a setting is out of range, or the mixture does not fit the data.
    """
    return Specification(
        dataset=session.dataset(),
        mixture=session.mixture(),
        engine=settings.engine("map"),
        **_begun("map"),
    )


def posterior() -> Specification:
    """Return the draws that the Posterior page shows.

    Raises
    ------
    ValueError
        When a setting is out of range, a prior is flat, or the mixture does not fit the data.
    """
    return Specification(
        dataset=session.dataset(),
        mixture=session.mixture(),
        engine=settings.engine("posterior"),
        **_begun(posterior_kind()),
    )


def posterior_kind() -> str:
    """Return the kind of run that the engine chosen on the Posterior page computes."""
    return kinds.by_engine("posterior", settings.engine("posterior")).name


def compare() -> Specification:
    """Return the sweep that the Compare page shows.

    Raises
    ------
    ValueError
        When a setting is out of range, or no mixture can be fitted to the data.
    """
    options = settings.options("compare")
    chosen = Priors.flat() if st.session_state["compare_prior"] == "flat" else session.priors()
    extras = session.extras()
    K = fewest_components(session.dataset(), extras["labels"])
    mixture = Mixture(n_components=K, priors=chosen, **extras)
    return Specification(
        dataset=session.dataset(),
        mixture=mixture,
        options=options,
        engine=settings.engine("compare"),
    )


def _begun(kind: str) -> dict[str, Any]:
    """Return the options of a kind, and the points to begin at that came with its settings.

    Without points of this data and mixture the run begins where it does by default.
    """
    options = settings.options(kind)
    begins = given.points(kind, session.dataset(), session.mixture())
    if begins is not None:
        return {"options": options, "parameters": begins}
    if kinds.named(kind).starts_from_point(options):
        options = options.model_copy(update={"start": type(options)().start})
    return {"options": options}


def forget_points() -> None:
    """Let the settings say so, before they are drawn, where runs do not begin at a given point."""
    with suppress(ValueError):  # a setting is out of range, and the page says so
        given.forget(session.dataset(), session.mixture())


def submit(spec: Specification) -> str:
    """Ask for a run, under the id that this version of the program gives it, and return that."""
    run_id = service().submit(spec, session.owner(), browser.place())
    st.session_state.get("stored_ids", {}).pop(run_id, None)
    return run_id


def fitted() -> MapFit | None:
    """Return the finished fit of the current data, mixture and options, or None."""
    try:
        run_id = links.stored_id(fit())
        return service().result(run_id)
    except ValueError:
        return None


def fitted_parameters() -> Parameters | None:
    """Return the chosen parameters of the current fit, components by weight; None without one."""
    result = fitted()
    if result is None or result.verdict[result.chosen] == "failed":
        return None
    return result.parameters.permuted(result.parameters.order)
