"""The Runs page: every run with what came of it, and the ways to open, stop and delete it."""

from __future__ import annotations

import re
from typing import ClassVar

import pytest

from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example
from gmm_core.mixture import Mixture
from gmm_core.runs.options import MapOptions, NutsOptions
from gmm_core.runs.specification import Specification


def page_text(app):
    """All that the page says, without markup."""
    kinds = ("markdown", "caption", "error", "warning", "title")
    pieces = [e.value for kind in kinds for e in app.get(kind)]
    pieces += [e.proto.body for e in app.get("html")]
    return re.sub(r"<[^>]+>", " ", " ".join(map(str, pieces))).replace("\\", "")


def keys(app):
    return {button.key for button in app.button}


def specification(data=None, options=None, engine=None, **mixture):
    return Specification(
        dataset=data or example("tutorial"),
        mixture=Mixture(**mixture),
        engine=engine,
        options=options or MapOptions(restarts=1, steps=20),
    )


@pytest.fixture(autouse=True)
def empty(service):
    """Begin without any run."""
    for run in service.store.runs():
        service.delete(run.id)


@pytest.fixture
def done(service, owner):
    """Return a function that runs a specification to its end."""

    def ended(spec=None, by=owner):
        run_id = service.submit(spec or specification(), by)
        service.wait(run_id, timeout=120)
        return run_id

    return ended


def test_without_runs_the_page_says_what_will_stand_here(view):
    app = view("runs")
    assert "There is no run yet" in page_text(app)
    assert "to_fit" in keys(app)


def test_run_is_shown_with_data_mixture_state_and_age(view, done):
    run_id = done(specification(n_components=3, covariance="full", tied=False))
    text = page_text(view("runs"))
    assert "1 run, newest first: 1 done." in text
    assert "Fit** of **tutorial** (5 points, 1 column) · K = 3, full, own" in text
    assert "Done in" in text
    assert re.search(r"just now|\d min ago", text)
    assert run_id[:8] in text


def test_link_names_the_page_of_the_run(view, done):
    run_id = done()
    app = view("runs")
    assert any(code.value.endswith(f"/fit?run={run_id}") for code in app.get("code"))


def test_open_sets_the_session_to_the_run(view, done):
    run_id = done(specification(n_components=4))
    app = view("runs", query={"run": run_id})
    assert app.session_state["n_components"] == 4
    assert "open now" in page_text(app)


@pytest.mark.parametrize("page", ["fit", "membership", "posterior", "compare"])
def test_link_to_a_page_of_other_runs_leads_to_the_page_of_the_run(view, done, page):
    for options, title in ((None, "Fit"), (NutsOptions(draws=5, warmup=5, chains=1), "Posterior")):
        run_id = done(specification(options=options, n_components=3))
        app = view(page, query={"run": run_id})
        assert [title.value for title in app.title] == [title]
        assert app.query_params["run"] == run_id
        assert app.session_state["n_components"] == 3


def test_deleted_run_is_gone_from_list_store_and_session(view, done, service):
    run_id = done()
    app = view("runs", query={"run": run_id})
    app.button(key=f"delete_{run_id}").click().run()
    assert not app.exception
    assert "There is no run yet" in page_text(app)
    assert service.store.runs() == []
    assert app.session_state["runs"] == {}


def test_runs_of_others_are_not_listed(view, done):
    done(by="somebody@example.org")
    assert "There is no run yet" in page_text(view("runs"))


def test_live_run_shows_progress_and_is_cancelled(view, service, owner):
    spec = specification(options=NutsOptions(draws=5000, warmup=5000, chains=1), engine="pyro")
    run_id = service.submit(spec, owner)
    app = view("runs")
    assert f"cancel_{run_id}" in keys(app)
    assert f"delete_{run_id}" not in keys(app)
    app.button(key=f"cancel_{run_id}").click().run()
    assert service.wait(run_id, timeout=30).state == "cancelled"
    app.run()
    assert "1 cancelled" in page_text(app)
    assert f"delete_{run_id}" in keys(app)


def test_filter_by_kind_and_state(view, done):
    done()
    app = view("runs", runs_kind="posterior")
    assert "No run is of this kind" in page_text(app)
    app = view("runs", runs_kind="map", runs_state="done")
    assert "Fit** of **tutorial" in page_text(app)


def test_twenty_runs_are_on_a_page(view, service, owner):
    for seed in range(23):
        spec = specification(options=MapOptions(restarts=1, steps=20, first_seed=seed))
        service.store.create_run(spec, owner)
        service.store.set_state(spec.id, "cancelled", "Cancelled.")

    def shown(app):
        return sum(key.startswith("open_") for key in keys(app))

    app = view("runs")
    assert shown(app) == 20
    assert "1 to 20 of 23" in page_text(app)
    app.button(key="runs_older").click().run()
    assert shown(app) == 3
    assert "21 to 23 of 23" in page_text(app)
    app.button(key="runs_newer").click().run()
    assert shown(app) == 20


def test_hostile_names_are_shown_as_text(view, done):
    done(specification(Dataset.from_values([1.0, 2, 3], name="**x** <script>$a$")))
    app = view("runs")
    line = next(m.value for m in app.markdown if "of **" in m.value)
    assert r"\*\*x\*\* \<script\>\$a\$" in line


def test_unknown_run_is_answered(view):
    for run_id in ("0" * 32, "nonsense"):
        assert "No run has the id" in page_text(view("runs", query={"run": run_id}))


def test_two_pinned_fits_stand_side_by_side_and_in_the_link(view, done):
    first, second = done(specification()), done(specification(n_components=3))
    app = view("runs")
    app.button(key=f"pin_{first}").click().run()
    assert "Pin another fit" in page_text(app)
    app.button(key=f"pin_{second}").click().run()
    assert not app.exception
    text = page_text(app)
    assert "Settings that differ" in text
    assert "Parameters, components matched" in text
    assert "has the smaller BIC" in text
    assert app.query_params["pins"] == f"{first},{second}"
    again = view("runs", query={"pins": f"{first},{second}"})
    assert "Settings that differ" in page_text(again)
    again.button(key="unpin").click().run()
    assert "Settings that differ" not in page_text(again)
    assert "pins" not in again.query_params


def test_a_third_pin_takes_the_place_of_the_oldest(view, done):
    runs = [done(specification(n_components=k)) for k in (1, 2, 3)]
    app = view("runs")
    for run_id in runs:
        app.button(key=f"pin_{run_id}").click().run()
    assert app.session_state["pins"] == runs[1:]
    app.button(key=f"pin_{runs[1]}").click().run()
    assert app.session_state["pins"] == runs[2:]


def test_only_finished_fits_are_pinned(view, done):
    posterior = done(specification(options=NutsOptions(draws=5, warmup=5, chains=1)))
    app = view("runs", query={"pins": f"{posterior},{'0' * 32}"})
    assert f"pin_{posterior}" not in keys(app)
    assert "not a finished fit" in page_text(app)


def test_link_shows_anothers_run_without_a_way_to_cancel_it(view, service, owner):
    spec = specification(options=NutsOptions(draws=5000, warmup=5000, chains=1), engine="pyro")
    run_id = service.submit(spec, "browser:of-somebody-else")
    app = view("posterior", {"run": run_id})
    assert app.session_state["runs"]["posterior"] == run_id
    assert service.status(run_id).live
    assert "cancel_posterior" not in keys(app)
    assert "There is no run yet" in page_text(view("runs"))
    service.submit(spec, owner)  # who asks for it too has it in the list, and may leave it
    app = view("runs")
    app.button(key=f"cancel_{run_id}").click().run()
    assert service.status(run_id).live
    assert "There is no run yet" in page_text(app)
    service.cancel(run_id)
    assert service.wait(run_id, timeout=30).state == "cancelled"


def test_a_run_that_is_refused_says_what_to_change_and_leaves_the_page_as_it_was(
    view, service, monkeypatch
):
    monkeypatch.setattr(service, "settings", service.settings.model_copy(update={"run_size": 10}))
    app = view("fit", **{"map.restarts": 7, "map.steps": 30})
    assert any("too large for this server" in error.value for error in app.error)
    assert any("fewer points, components, starts or steps" in e.value for e in app.error)
    assert app.session_state["map.restarts"] == 7


def test_browser_keeps_its_runs_by_its_cookie_alone(view, owner, monkeypatch):
    from pages.parts.platform import browser

    class Context:
        url = "http://127.0.0.1/"
        cookies: ClassVar = {browser.COOKIE: "b" * 43}

    state = {}
    monkeypatch.setattr(browser.st, "context", Context)
    monkeypatch.setattr(browser.st, "session_state", state)
    assert browser.owner() == owner
    state.clear()
    Context.cookies = {browser.COOKIE: "../forged"}
    assert browser.owner() != owner
    new = state["browser"]
    state.clear()
    browser.owner()
    assert state["browser"] != new
    assert len(new) == 43


def test_runs_are_named_searched_and_deleted_several_at_once(view, service, owner):
    specs = [
        specification(options=MapOptions(restarts=1, steps=20, first_seed=seed))
        for seed in (9101, 9102, 9103)
    ]
    for spec in specs:
        service.submit(spec, owner)
        service.wait(spec.id, timeout=60)
    first, second, third = (spec.id for spec in specs)
    app = view("runs")
    app.text_input(key=f"title_{first}").input("Before *cleaning*")
    app.text_area(key=f"note_{first}").input("row 7 looks odd")
    app.button(key=f"save_{first}").click().run()
    assert "Before *cleaning*" in page_text(app)
    app.text_input(key="runs_search").input("odd").run()
    keys = {button.key for button in app.button}
    assert f"open_{first}" in keys
    assert f"open_{second}" not in keys
    app.text_input(key="runs_search").input("").run()
    for run_id in (second, third):
        app.checkbox(key=f"mark_{run_id}").check()
    app.run()
    app.button(key="delete_marked").click().run()
    assert not app.exception
    left = {row.id for row in service.store.runs(owner)}
    assert first in left
    assert not {second, third} & left


def test_positions_that_a_slider_passes_do_not_pile_up(view, finished, service, owner):
    app = finished(view("fit", **{"map.first_seed": 9_201, "map.restarts": 2}))
    before = {row.id for row in service.store.runs(owner)}
    for K in (3, 4, 3):
        app.slider(key="n_components").set_value(K).run()
    assert not app.exception
    stayed = app.session_state["runs"]["map"]
    new = {row.id for row in service.store.runs(owner)} - before
    assert new <= {stayed}
