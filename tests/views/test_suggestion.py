"""New data is shown with the mixture that a sweep suggests; the person's own choice wins."""

from __future__ import annotations

import time

import numpy as np
import pytest

from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example
from gmm_core.runs.options import MapOptions


def settled(app):
    """Run the page until no sweep is under way."""
    until = time.monotonic() + 120
    while "suggest" in app.session_state and time.monotonic() < until:
        assert not app.exception
        app.run(timeout=60)
    assert not app.exception
    return app


def mixture(app):
    state = app.session_state
    return state["n_components"], state["covariance"], state["tied"]


def test_the_first_fit_of_other_data_is_the_suggested_one_and_another_choice_stays(view):
    app = view("data")
    app.button(key="use_faithful").click().run()
    app.switch_page("pages/views/fit.py").run(timeout=60)
    settled(app)
    assert mixture(app) == (3, "full", True)
    captions = " ".join(c.value for c in app.caption).replace("\\", "")
    assert (
        "Three components with a shared full covariance: chosen by BIC among 36 mixtures"
        in captions
    )
    app.session_state["n_components"] = 2
    app.run(timeout=60)
    assert mixture(app) == (2, "full", True)
    assert any(
        "three components with a shared full covariance suit" in w.value.replace("\\", "")
        for w in app.warning
    )
    # The sweep was of mixtures without noise, and says nothing against one that has it.
    app.session_state["noise"] = True
    app.run(timeout=60)
    assert not any("By BIC" in w.value for w in app.warning)
    assert any("chosen without noise; the Compare page" in c.value for c in app.caption)
    app.session_state["noise"] = False
    app.run(timeout=60)
    app.button(key="use_suggestion").click().run(timeout=60)
    assert mixture(app) == (3, "full", True)


def test_a_browser_that_has_not_heard_of_the_suggestion_does_not_undo_it(view):
    app = view("data")
    app.button(key="use_faithful").click().run()
    app.switch_page("pages/views/fit.py").run(timeout=60)
    settled(app)
    # What a figure sends as it comes into view brings all settings along, as the browser has them.
    app.session_state["n_components"] = 2
    app.session_state["covariance"], app.session_state["tied"] = "spherical", True
    app.run(timeout=60)
    assert mixture(app) == (3, "full", True)


@pytest.mark.parametrize("page", ["fit", "membership", "posterior"])
def test_each_page_says_that_the_sweep_is_under_way(view, page):
    seed = len(page)  # data that no other page has seen
    data = Dataset.from_values(np.random.default_rng(seed).normal(size=(300, 2)), name="mine")
    app = view(page, dataset=data, suggest=data.fingerprint, prior="data")
    text = " ".join(e.proto.body for e in app.get("html"))
    assert "Choosing the number of components" in text
    settled(app)


def test_other_data_is_fitted_as_its_mixture_was_chosen_and_a_link_keeps_its_method(view, service):
    app = view("data")
    assert app.session_state["map.method"] == "adam"  # as the tutorial has it
    app.button(key="use_faithful").click().run()
    app.switch_page("pages/views/fit.py").run(timeout=60)
    settled(app)
    spec = service.store.specification(app.session_state["runs"]["map"])
    assert (spec.options.method, spec.options.start, spec.options.restarts) == ("em", "search", 100)
    adam = spec.model_copy(update={"options": MapOptions(restarts=3)})
    run = service.submit(adam)
    assert view("fit", query={"run": run}).session_state["map.method"] == "adam"
    app.switch_page("pages/views/data.py").run()
    app.button(key="use_tutorial").click().run()
    assert app.session_state["map.method"] == "adam"


def test_a_page_that_has_no_time_to_compare_says_that_nothing_has(view, monkeypatch):
    app = view("data")
    app.button(key="use_galaxies").click().run()
    monkeypatch.setattr("pages.parts.suggestion.PATIENCE", 1e-9)
    app.switch_page("pages/views/fit.py").run(timeout=60)
    assert mixture(app) == (2, "diag", False)
    assert any("Nothing has compared this mixture" in c.value for c in app.caption)


def test_the_tutorial_keeps_its_own_mixture(view):
    app = view("fit")
    assert app.session_state["dataset"] == example("tutorial")
    assert mixture(app) == (2, "spherical", True)
    assert not app.warning
