"""What holds on every page of a session: the data, the mixture, the options, and the last runs.

The mixture and the options live in the widgets' own keys (kept for the session), so that a link
or a cure sets them before the widgets are drawn.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example, examples
from gmm_core.jobs import service
from gmm_core.mixture import Mixture, Parameters, Priors, fewest_components
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.family import Family
from gmm_core.mixture.priors import NAMED
from gmm_core.runs import kinds
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from pages.parts import given, pages, settings
from pages.parts.platform import browser
from pages.parts.platform.streamlit_internals import went_through_history

DEFAULTS: dict[str, Any] = {
    "n_components": 2,
    "covariance": "spherical",
    "tied": True,
    "noise": False,
    "labels": "ignore",
    "prior": "tutorial",
    "compare_prior": "flat",
}


def begin(page: str) -> None:
    """Fill in what a new session starts with, and open the run that its link names.

    A link to a page of runs of another kind leads to the page that shows this one.
    """
    state = st.session_state
    for name, value in DEFAULTS.items():
        state.setdefault(name, value)
    settings.begin()
    state.pop("prior_problem", None)
    first = "dataset" not in state
    state.setdefault("dataset", example("tutorial"))
    state.setdefault("own_priors", Priors.tutorial())
    state.setdefault("runs", {})
    arrived = first or went_through_history()
    state["data_problem"] = _open_data(st.query_params.get("data", "")) if arrived else ""
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


def dataset() -> Dataset:
    """Return the data that every page works on."""
    return st.session_state["dataset"]


def in_use(data: Dataset) -> bool:
    """Whether every page works on this data, and shows all that is counted of it."""
    now = dataset()
    if data.fingerprint != now.fingerprint or data.whole is None or now.whole is None:
        return data.fingerprint == now.fingerprint
    return set(data.whole.pairs) <= set(now.whole.pairs)


def data_address() -> str:
    """Return what names the current data in an address; "" for the tutorial's, the first of all."""
    data = dataset()
    if is_example(data):
        return "" if data.name == "tutorial" else data.name
    return data.fingerprint


def is_example(data: Dataset | None = None) -> bool:
    """Whether some data, by default that in use, is one of the examples."""
    data = dataset() if data is None else data
    return data.name in examples() and example(data.name) == data


def use_dataset(chosen: Dataset) -> None:
    """Work on other data from now on, with priors that suit it; a reload finds it again."""
    if in_use(chosen) and chosen.name == dataset().name:
        return
    if not is_example(chosen):
        service().store.save_dataset(chosen, owner())
    whole, of_now = chosen.whole, dataset().whole
    if chosen.fingerprint == dataset().fingerprint and whole is not None and of_now is not None:
        # The same rows, of which more is counted: nothing that was chosen for them changes.
        st.session_state["dataset"] = replace(chosen, whole=of_now.joined(whole))
        return
    _take(chosen)
    st.query_params.pop("run", None)
    st.query_params.pop("data", None)


def _open_data(address: str) -> str:
    """Work on the data that an address names; return a sentence when that is not possible."""
    if address in ("", data_address()):
        return ""
    try:
        known = address in examples()
        _take(example(address) if known else service().store.load_dataset(address, owner()))
    except ValueError as error:
        return str(error)
    return ""


def _take(chosen: Dataset) -> None:
    state = st.session_state
    settings.suit(chosen)
    state["dataset"] = chosen
    state["runs"] = {}
    tutorial = chosen.fingerprint == example("tutorial").fingerprint
    # The tutorial's priors are made for its own five numbers.
    state["prior"] = "tutorial" if tutorial else "data"
    if tutorial:
        set_mixture(2, "spherical", tied=True)
    else:
        state["suggest"] = chosen.fingerprint  # until the Fit page has chosen a mixture for it


def mixture_chosen() -> bool:
    """Whether the mixture in use is of this data: for new data one has yet to be suggested."""
    return st.session_state.get("suggest") != dataset().fingerprint


def set_mixture(n_components: int, covariance: str, tied: bool | None) -> None:
    """Choose a mixture, as its controls on the Fit page do."""
    state = st.session_state
    state["n_components"], state["covariance"] = n_components, covariance
    if tied is not None:
        state["tied"] = tied


def family() -> Family:
    """Return the family of covariances that is chosen on the Fit page."""
    covariance, tied = st.session_state["covariance"], st.session_state["tied"]
    return FAMILIES.get((covariance, tied)) or FAMILIES[covariance, None]


def priors() -> Priors:
    """Return the priors that are chosen on the Fit page."""
    state = st.session_state
    named = NAMED.get(state["prior"])
    return state["own_priors"] if named is None else named(dataset())


def mixture() -> Mixture:
    """Return the mixture that is chosen on the Fit page.

    Raises
    ------
    ValueError
        When a setting is out of range.
    """
    state = st.session_state
    return Mixture(
        n_components=state["n_components"],
        covariance=family().covariance,
        tied=family().tied,
        priors=priors(),
        **_extras(),
    )


def _extras() -> dict[str, Any]:
    """Return what the mixture has beside its components, as chosen on the Fit page."""
    state = st.session_state
    return {
        "noise": state["noise"],
        "labels": state["labels"] if dataset().class_names else "ignore",
    }


def set_specification(spec: Specification) -> None:
    """Set every control to what a run was made of."""
    state = st.session_state
    # A run is of numbers; what this person's own table says of its rows is theirs.
    saved = service().store.as_saved(spec.dataset, owner())
    several = kinds.named(spec.kind).mixtures is not None
    if several and saved.fingerprint != dataset().fingerprint:
        _take(saved)  # whoever compares mixtures has not chosen one
    settings.suit(spec.dataset)
    state["dataset"] = saved
    settings.take(spec)
    state.update(given.giving(spec))
    mixture = spec.mixture
    state["noise"], state["labels"] = mixture.noise, mixture.labels
    if several:
        state["compare_prior"] = "flat" if mixture.priors == Priors.flat() else "fit"
        if mixture.priors == Priors.flat():
            return  # the sweep leaves the Fit page's priors alone
    else:
        for name in ("suggest", "suggest_given"):  # whoever made the run has chosen
            state.pop(name, None)
        set_mixture(mixture.n_components, mixture.covariance, mixture.tied)
    known = (name for name, make in NAMED.items() if make(spec.dataset) == mixture.priors)
    state["prior"] = next(known, "own")
    if state["prior"] == "own":
        set_own_priors(mixture.priors)


def set_own_priors(chosen: Priors) -> None:
    """Choose these priors, and show them in the fields of "My own"."""
    state = st.session_state
    state["prior"], state["own_priors"] = "own", chosen
    for name in Priors.model_fields:
        state.pop(f"own_{name}", None)


def owner() -> str:
    """Return whose runs these are: the signed-in person's, or without sign-in the browser's."""
    user = st.user
    if not user.get("is_logged_in", False):
        return browser.owner()
    # The only two claims that name a person for good (OpenID Connect Core 1.0, section 5.7); an
    # address may change hands, or never have been checked.
    who = json.dumps([str(user["iss"]), str(user["sub"])])
    return "person:" + hashlib.sha256(who.encode()).hexdigest()[:32]


def fit_specification() -> Specification:
    """Return the fit that the Fit page shows.

    Raises
    ------
    ValueError
        When a setting is out of range, or the mixture does not fit the data.
    """
    return Specification(
        dataset=dataset(),
        mixture=mixture(),
        engine=settings.engine("map"),
        **_begun("map"),
    )


def posterior_specification() -> Specification:
    """Return the draws that the Posterior page shows.

    Raises
    ------
    ValueError
        When a setting is out of range, a prior is flat, or the mixture does not fit the data.
    """
    return Specification(
        dataset=dataset(),
        mixture=mixture(),
        engine=settings.engine("posterior"),
        **_begun(posterior_kind()),
    )


def _begun(kind: str) -> dict[str, Any]:
    """Return the options of a kind, and the points to begin at that came with its settings.

    Without points of this data and mixture the run begins where it does by default.
    """
    options = settings.options(kind)
    begins = given.points(kind, dataset(), mixture())
    if begins is not None:
        return {"options": options, "parameters": begins}
    if kinds.named(kind).starts_from_point(options):
        options = options.model_copy(update={"start": type(options)().start})
    return {"options": options}


def forget_points() -> None:
    """Let the settings say so, before they are drawn, where runs do not begin at a given point."""
    with suppress(ValueError):  # a setting is out of range, and the page says so
        given.forget(dataset(), mixture())


def posterior_kind() -> str:
    """Return the kind of run that the engine chosen on the Posterior page computes."""
    return kinds.by_engine("posterior", settings.engine("posterior")).name


def compare_specification() -> Specification:
    """Return the sweep that the Compare page shows.

    Raises
    ------
    ValueError
        When a setting is out of range, or no mixture can be fitted to the data.
    """
    options = settings.options("compare")
    chosen = Priors.flat() if st.session_state["compare_prior"] == "flat" else priors()
    extras = _extras()
    K = fewest_components(dataset(), extras["labels"])
    mixture = Mixture(n_components=K, priors=chosen, **extras)
    return Specification(
        dataset=dataset(), mixture=mixture, options=options, engine=settings.engine("compare")
    )


def fit() -> MapFit | None:
    """Return the finished fit of the current data, mixture and options, or None."""
    try:
        run_id = stored_id(fit_specification())
        return service().result(run_id)
    except ValueError:
        return None


def fit_parameters() -> Parameters | None:
    """Return the chosen parameters of the current fit, components by weight; None without one."""
    result = fit()
    if result is None or result.verdict[result.chosen] == "failed":
        return None
    return result.parameters.permuted(result.parameters.order)


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


def submit(spec: Specification) -> str:
    """Ask for a run, under the id that this version of the program gives it, and return that."""
    run_id = service().submit(spec, owner(), browser.place())
    st.session_state.get("stored_ids", {}).pop(run_id, None)
    return run_id


def note_visit(run_id: str) -> None:
    """Note, once in a session, that this person looks at a run that is done, so that it stays.

    What their settings lead to is theirs, whoever computed it first; what they came to by a link is
    somebody else's.
    """
    state = st.session_state
    visited = state.setdefault("visited", set())
    if run_id not in visited:
        visited.add(run_id)
        service().note_visit(run_id, None if state.get("opened") == run_id else owner())


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
    set_specification(spec)
    st.session_state.setdefault("stored_ids", {})[spec.id] = run_id
    st.session_state["runs"] = {spec.kind: run_id}
