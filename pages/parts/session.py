"""What holds on every page of a session: the data, the mixture, the options, and the last runs.

The mixture and the options live in the widgets' own keys (kept for the session), so that a link
or a cure sets them before the widgets are drawn.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from gmm_core.dataset import Dataset
from gmm_core.example_data import example
from gmm_core.jobs import service
from gmm_core.mixture import COVARIANCES, Mixture, Parameters, Priors
from gmm_core.options import CompareOptions, GuideOptions, MapOptions, NutsOptions
from gmm_core.results import MapFit
from gmm_core.specification import Specification
from pages.parts import browser

PAGES = {
    "map": "fit",
    "guide": "membership",
    "posterior": "posterior",
    "compare": "compare",
    "em": "fit",
}
PRIORS = ("tutorial", "data", "flat", "own")

DEFAULTS: dict[str, Any] = {
    "n_components": 2,
    "covariance": "spherical",
    "tied": True,
    "prior": "tutorial",
    "restarts": 100,
    "first_seed": 0,
    "steps": 200,
    "learning_rate": 0.1,
    "beta1": 0.8,
    "beta2": 0.99,
    "start": "subsample",
    # Training all is what answers "is this the best optimum", and takes no longer than a blink.
    "choose": "final",
    "start_scale": 1.0,
    "polish": True,
    "map_engine": "compiled",
    "posterior_engine": "nutpie",
    # Shorter steps and more draws than usual: five points leave tails that chains cross slowly.
    "draws": 2000,
    "warmup": 1000,
    "chains": 4,
    "nuts_seed": 0,
    "target_accept": 0.9,
    "max_tree_depth": 10,
    "guide_steps": 200,
    "guide_rate": 0.2,
    "guide_beta1": 0.8,
    "guide_beta2": 0.99,
    "compare_k": (1, 6),
    "compare_covariances": list(COVARIANCES),
    "compare_restarts": 20,
    "compare_seed": 0,
    "compare_start": "kmeans++",
    "compare_steps": 50,
    "compare_prior": "flat",
}


def begin(page: str) -> None:
    """Fill in what a new session starts with, and open the run that its link names.

    A link to a page of runs of another kind leads to the page that shows this one.
    """
    state = st.session_state
    for name, value in DEFAULTS.items():
        state.setdefault(name, value)
    state.setdefault("dataset", example("tutorial"))
    state.setdefault("own_priors", Priors.tutorial())
    state.setdefault("runs", {})
    asked = st.query_params.get("run")
    if asked and asked != state.get("opened") and _followed():
        state["opened"] = asked
        state["link_error"] = _open(asked)
        start = st.query_params.get("start", "")
        if re.fullmatch("[0-9]{1,6}", start):
            state["opened_start"] = (asked, int(start))
        # Not on the browser's way back: it could never get past that address.
        if not (state["link_error"] or _went()) and page in PAGES.values():
            (kind,) = state["runs"]
            if PAGES[kind] != page:
                go_to(asked)


def _followed() -> bool:
    """Whether an address that names another run was meant: it is new, or the browser went back.

    Any other is the address of a browser that has not heard yet of the run that it asked for: to
    open that one would undo the setting that the person has just changed.
    """
    return _went() or "opened" not in st.session_state


def _went() -> bool:
    """Whether the browser went back or forward to its address."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def dataset() -> Dataset:
    """Return the data that every page works on."""
    return st.session_state["dataset"]


def use_dataset(chosen: Dataset) -> None:
    """Work on other data from now on, with priors that suit it."""
    state = st.session_state
    if chosen.fingerprint == dataset().fingerprint and chosen.name == dataset().name:
        return
    state["dataset"] = chosen
    state["runs"] = {}
    tutorial = chosen.fingerprint == example("tutorial").fingerprint
    # The tutorial's priors are made for its own five numbers.
    state["prior"] = "tutorial" if tutorial else "data"
    st.query_params.pop("run", None)


def priors() -> Priors:
    """Return the priors that are chosen on the Fit page."""
    state = st.session_state
    return {
        "tutorial": Priors.tutorial,
        "data": lambda: Priors.for_data(dataset()),
        "flat": Priors.flat,
        "own": lambda: state["own_priors"],
    }[state["prior"]]()


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
        covariance=state["covariance"],
        tied=state["tied"],
        priors=priors(),
    )


def map_options() -> MapOptions:
    """Return the options of the fit."""
    state = st.session_state
    names = (
        "restarts",
        "first_seed",
        "steps",
        "learning_rate",
        "start",
        "choose",
        "start_scale",
        "polish",
    )
    return MapOptions(
        betas=(state["beta1"], state["beta2"]), **{name: state[name] for name in names}
    )


def guide_options() -> GuideOptions:
    """Return the options of the enumerating guide."""
    state = st.session_state
    return GuideOptions(
        steps=state["guide_steps"],
        learning_rate=state["guide_rate"],
        betas=(state["guide_beta1"], state["guide_beta2"]),
    )


def nuts_options() -> NutsOptions:
    """Return the options of NUTS."""
    state = st.session_state
    names = ("draws", "warmup", "chains", "target_accept", "max_tree_depth")
    return NutsOptions(seed=state["nuts_seed"], **{name: state[name] for name in names})


def set_specification(spec: Specification) -> None:
    """Set every control to what a run was made of."""
    state = st.session_state
    state["dataset"] = spec.dataset
    given = spec.mixture
    if isinstance(spec.options, CompareOptions):
        _set_comparison(spec.options, given.priors)
        if given.priors == Priors.flat():
            return  # the sweep leaves the Fit page's priors alone
    else:
        state["n_components"], state["covariance"] = given.n_components, given.covariance
        state["tied"] = given.tied
    known = {
        "tutorial": Priors.tutorial(),
        "data": Priors.for_data(spec.dataset),
        "flat": Priors.flat(),
    }
    state["prior"] = next((n for n, p in known.items() if p == given.priors), "own")
    if state["prior"] == "own":
        set_own_priors(given.priors)
    if spec.kind in ("compare", "em"):
        return
    values = spec.options.model_dump()
    betas = values.pop("betas", None)
    prefix = {"map": "", "guide": "guide_", "posterior": ""}[spec.kind]
    if betas:
        state[f"{prefix}beta1"], state[f"{prefix}beta2"] = betas
    renamed = {
        ("guide", "steps"): "guide_steps",
        ("guide", "learning_rate"): "guide_rate",
        ("posterior", "seed"): "nuts_seed",
    }
    if spec.kind != "guide":
        state[f"{spec.kind}_engine"] = spec.engine
    for name, value in values.items():
        state[renamed.get((spec.kind, name), name)] = value


def _set_comparison(options: CompareOptions, priors: Priors) -> None:
    state = st.session_state
    state["compare_k"] = (options.n_components[0], options.n_components[-1])
    # A sweep from elsewhere may leave out some K, which a slider cannot show.
    state["compare_listed"] = options.n_components
    state["compare_covariances"] = list(options.covariances)
    state["compare_restarts"], state["compare_seed"] = options.restarts, options.first_seed
    state["compare_start"], state["compare_steps"] = options.start, options.steps
    state["compare_prior"] = "flat" if priors == Priors.flat() else "fit"


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
        options=map_options(),
        engine=st.session_state["map_engine"],
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
        options=nuts_options(),
        engine=st.session_state["posterior_engine"],
    )


def compare_options() -> CompareOptions:
    """Return the options of the sweep.

    Raises
    ------
    ValueError
        When a setting is out of range.
    """
    state = st.session_state
    first, last = state["compare_k"]
    listed = state.get("compare_listed", ())
    if not listed or (listed[0], listed[-1]) != (first, last):
        listed = tuple(range(first, last + 1))
    return CompareOptions(
        n_components=listed,
        covariances=tuple(state["compare_covariances"]),
        restarts=state["compare_restarts"],
        first_seed=state["compare_seed"],
        start=state["compare_start"],
        steps=state["compare_steps"],
    )


def compare_specification() -> Specification:
    """Return the sweep that the Compare page shows.

    Raises
    ------
    ValueError
        When a setting is out of range, or no mixture can be fitted to the data.
    """
    options = compare_options()
    chosen = Priors.flat() if st.session_state["compare_prior"] == "flat" else priors()
    mixture = Mixture(n_components=1, priors=chosen)
    return Specification(dataset=dataset(), mixture=mixture, options=options)


def fit() -> MapFit | None:
    """Return the finished fit of the current data, mixture and options, or None."""
    try:
        run_id = fit_specification().id
        return service().result(run_id)
    except ValueError:
        return None


def fit_parameters() -> Parameters | None:
    """Return the chosen parameters of the current fit, components by weight; None without one."""
    found = fit()
    if found is None or found.verdict[found.chosen] == "failed":
        return None
    return found.parameters.permuted(found.parameters.order)


def opened() -> str:
    """Return the id of the run that the address names and that could be opened, or ""."""
    state = st.session_state
    return "" if state.get("link_error") else str(st.query_params.get("run", ""))


def go_to(run_id: str) -> None:
    """Open a run on the page of its kind."""
    spec = service().store.specification(run_id)
    st.session_state["opened"] = run_id
    set_specification(spec)
    st.session_state["runs"] = {spec.kind: run_id}
    page = PAGES[spec.kind]
    st.switch_page(f"pages/views/{page}.py", query_params={"run": run_id})


def _open(run_id: str) -> str:
    """Set the session to the run of a link; return a sentence when that is not possible."""
    try:
        spec = service().store.specification(run_id)
    except ValueError as error:
        return str(error)
    set_specification(spec)
    st.session_state["runs"] = {spec.kind: run_id}
    return ""
