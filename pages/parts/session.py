"""What holds on every page of a session: the data, the mixture, and whose they are.

The mixture and the options live in the widgets' own keys (kept for the session), so that a link
or a cure sets them before the widgets are drawn.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example, examples, is_tutorial
from gmm_core.jobs import service
from gmm_core.mixture import Mixture, Priors
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.family import Family
from gmm_core.mixture.priors import NAMED
from pages.parts import settings
from pages.parts.platform import browser

DEFAULTS: dict[str, Any] = {
    "n_components": 2,
    "covariance": "spherical",
    "tied": True,
    "noise": False,
    "class_labels": "ignore",
    "prior": "tutorial",
    "compare_prior": "flat",
}


def begin() -> bool:
    """Fill in what a new session starts with; return whether it is one."""
    state = st.session_state
    for name, value in DEFAULTS.items():
        state.setdefault(name, value)
    settings.begin()
    state.pop("prior_problem", None)
    new = "dataset" not in state
    state.setdefault("dataset", example("tutorial"))
    state.setdefault("own_priors", Priors.tutorial())
    state.setdefault("runs", {})
    return new


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
    whole, current = chosen.whole, dataset().whole
    if chosen.fingerprint == dataset().fingerprint and whole is not None and current is not None:
        # The same rows, of which more is counted: nothing that was chosen for them changes.
        st.session_state["dataset"] = replace(chosen, whole=current.joined(whole))
        return
    take(chosen)
    st.query_params.pop("run", None)
    st.query_params.pop("data", None)


def open_data(address: str) -> str:
    """Work on the data that an address names; return a sentence when that is not possible."""
    if address in ("", data_address()):
        return ""
    try:
        known = address in examples()
        take(example(address) if known else service().store.load_dataset(address, owner()))
    except ValueError as error:
        return str(error)
    return ""


def take(chosen: Dataset) -> None:
    """Work on other data from now on, with priors that suit it, and leave the address to others."""
    state = st.session_state
    settings.suit(chosen)
    state["dataset"] = chosen
    state["runs"] = {}
    tutorial = is_tutorial(chosen)
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
        **extras(),
    )


def extras() -> dict[str, Any]:
    """Return what the mixture has beside its components, as chosen on the Fit page."""
    state = st.session_state
    return {
        "noise": state["noise"],
        "labels": state["class_labels"] if dataset().class_names else "ignore",
    }


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
