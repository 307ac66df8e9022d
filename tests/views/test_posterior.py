"""The Posterior page: it starts by its button, keeps what was drawn, and explains it."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core import Mixture, NutsOptions, Priors, Specification, example
from gmm_core.data.dataset import Dataset
from tests.draws import separated

from .test_fit import page_text

SMALL = {
    "posterior.draws": 400,
    "posterior.warmup": 200,
    "posterior.chains": 2,
    "posterior.seed": 5,
    "posterior.target_accept": 0.8,
}
PYRO = SMALL | {"posterior.draws": 20, "posterior.warmup": 20, "posterior.engine": "pyro"}


@pytest.fixture(scope="module")
def run_id(service) -> str:
    """A finished run of the tutorial's data with the settings of `SMALL`."""
    options = NutsOptions(draws=400, warmup=200, chains=2, seed=5)
    spec = Specification(dataset=example("tutorial"), mixture=Mixture(), options=options)
    submitted = service.submit(spec)
    assert service.wait(submitted, timeout=240).state == "done"
    return submitted


def test_long_run_waits_for_its_button(view, finished, service):
    app = view("posterior", **PYRO)
    assert "posterior" not in app.session_state["runs"]
    app.button(key="start_posterior").click().run()
    assert service.status(app.session_state["runs"]["posterior"]).live
    text = page_text(finished(app, "posterior"))
    assert "share a component with probability" in text
    assert "counts as occupied" in text


def test_run_that_is_in_the_store_is_shown_at_once(view, run_id):
    app = view("posterior", **SMALL)
    assert app.session_state["runs"]["posterior"] == run_id
    text = page_text(app)
    assert "Which one is called" in text
    assert "R-hat" in text
    assert "Where is the boundary?" in text


def test_link_opens_the_run_with_its_settings(view, run_id):
    app = view("posterior", query={"run": run_id})
    assert "share a component" in page_text(app)
    assert {name: app.session_state[name] for name in SMALL} == SMALL


def test_labels_change_the_summary_and_are_counted(view, run_id):
    app = view("posterior", query={"run": run_id}, section="Labels")
    texts = [page_text(app)]
    for labels in ("ordered", "relabelled"):
        app.session_state["labels"] = labels
        app.run()
        assert not app.exception
        texts.append(page_text(app))
        assert f"Summary of the draws ({labels} labels)" in texts[-1]
    assert len(set(texts)) == 3
    assert "had to be renamed" in texts[0].replace("\\", "")
    assert "equally probable" in texts[0]


def test_trust_is_answered_with_diagnostics_and_where_each_chain_began(view, run_id):
    text = page_text(view("posterior", {"run": run_id}, section="Can I trust it?"))
    for words in (
        *("What does not depend on labels", "± MCSE", "lowest loc", "log density at 12.00"),
        *("How the chains went", "began at", "Relabelled parameters"),
    ):
        assert words in text


def test_checks_compare_with_the_exact_answer_and_with_replicated_data(view, run_id):
    text = page_text(view("posterior", {"run": run_id}, section="Checks"))
    for words in (
        *("All 16 partitions were summed", "0 1 | 10 11 12", "0.8838", "1.8226"),
        *("Test quantities in 400 replicated data sets of 5 points", "skewness"),
        "90 % of the values that the priors expect",
        *("Each point foretold from all others", "With every prior to the power 0.8 or 1.25"),
    ):
        assert words in text.replace("\\", "")


@pytest.mark.parametrize("kind", ["locs", "weights", "scale", "log_joint"])
def test_every_trace_is_drawn(view, run_id, kind):
    assert "share a component" in page_text(view("posterior", {"run": run_id}, trace_of=kind))


def test_flat_priors_say_what_to_do_and_the_cure_does_it(view):
    app = view("posterior", prior="flat")
    assert "Without priors there is no posterior" in page_text(app)
    app.button(key="cure_priors").click().run()
    assert app.session_state["prior"] == "data"
    assert not app.error


def test_more_components_than_points_are_sampled(view, finished):
    app = finished(view("posterior", n_components=7, **SMALL), "posterior")
    assert "of seven components" in page_text(app)


def test_cancelled_run_is_shown_as_such_and_can_be_run_again(view, service):
    settings = {
        "posterior.draws": 15_000,
        "posterior.warmup": 0,
        "posterior.chains": 1,
        "posterior.engine": "pyro",
    }
    app = view("posterior", **settings)
    app.button(key="start_posterior").click().run()
    run_id = app.session_state["runs"]["posterior"]
    while service.status(run_id).done < 5:
        assert service.status(run_id).live
    service.cancel(run_id)
    assert service.wait(run_id, timeout=30).state == "cancelled"
    app.run()
    text = page_text(app)
    assert "Stopped early" in text
    assert "One chain cannot tell" in text
    assert app.button(key="start_posterior")


def test_a_stopped_run_whose_labels_would_take_long_is_shown_by_some_of_its_draws(view, service):
    draws = separated(K=8, D=1, S=8_000)
    data = Dataset.from_values(np.arange(80.0), columns=["x"])
    mixture = Mixture(n_components=8, priors=Priors.for_data(data))
    options = NutsOptions(draws=20_000, warmup=20, chains=2)
    spec = Specification(dataset=data, mixture=mixture, options=options)
    store = service.store
    run_id = store.create_run(spec, "ann").id
    assert store.claim(run_id, "a" * 32, "a server")
    assert store.save_result(run_id, draws, "cancelled", "Cancelled.", attempt="a" * 32)
    text = page_text(view("posterior", {"run": run_id}))
    assert "8,000 draws of 20,000" in text
    assert "is of every 3rd draw" in text
    assert "R-hat" in text


def test_two_columns_and_three_components_are_shown_along_the_chosen_column(view, service):
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [8, 1], [0, 9]])[np.arange(90) % 3]
    data = Dataset.from_values(centres + rng.standard_normal((90, 2)), columns=["a<b", "loc 1"])
    mixture = Mixture(n_components=3, priors=Priors.for_data(data))
    options = NutsOptions(draws=30, warmup=40, chains=2, seed=1)
    spec = Specification(dataset=data, mixture=mixture, options=options)
    run_id = service.submit(spec)
    assert service.wait(run_id, timeout=300).state == "done"
    app = view("posterior", {"run": run_id}, **{f"posterior_column_{data.fingerprint[:8]}": 1})
    text = page_text(app)
    assert "of the pairs of these 90 points" in text
    assert "six mirror images" in text
    for section in ("Labels", "Can I trust it?", "Checks"):
        app.session_state["section"] = section
        app.run()
        assert not app.exception
        if section == "Labels":
            assert "along loc 1" in page_text(app)
            assert "six label orders" in page_text(app)
    assert "summed exactly" in page_text(app)


def test_link_says_what_of_the_run_is_shown(view, run_id):
    app = view("posterior", query={"run": run_id, "section": "Labels", "labels": "ordered"})
    assert "Summary of the draws (ordered labels)" in page_text(app)
    link = next(code.value for code in app.code if "run=" in code.value)
    assert "section=Labels" in link
    assert "labels=ordered" in link


def test_nonsense_in_a_link_shows_what_would_be_shown_without_it(view, run_id):
    app = view("posterior", query={"run": run_id, "section": "<b>", "labels": "\0", "mirror": "7"})
    assert "Where is the boundary?" in page_text(app)


WEIGHED = {"posterior.engine": "smc", "smc.draws": 100, "smc.populations": 2, "smc.seed": 1}


def test_modes_are_weighed_by_the_engine_that_is_chosen(view, finished, service):
    app = finished(view("posterior", **WEIGHED), "posterior")
    run_id = app.session_state["runs"]["posterior"]
    spec = service.store.specification(run_id)
    assert (spec.kind, spec.engine, spec.options.draws) == ("smc", "smc", 100)
    text = page_text(app)
    assert "share a component with probability" in text
    assert "Log evidence −17." in text
    assert "jumped between" not in text

    again = view("posterior", query={"run": run_id}, section="Can I trust it?")
    assert not again.exception
    text = page_text(again)
    assert "k of the first weights" in text
    assert "What each population found" in text
    assert {name: again.session_state[name] for name in WEIGHED} == WEIGHED


def crabs() -> Dataset:
    """Two forms whose five measures all grow with size, as crabs' do: a narrow optimum."""
    rng = np.random.default_rng(11)
    growth = np.array([[0.43, 0.36, 0.88, 1.0, 0.38], [0.50, 0.40, 0.90, 1.0, 0.45]])
    form, size = np.repeat([0, 1], 100), rng.normal(36, 7.5, 200)
    values = growth[form] * size[:, None] + rng.normal(0, 0.5, (200, 5))
    return Dataset(values.round(1), ("FL", "RW", "CL", "CW", "BD"))


def test_chains_that_stay_where_nothing_lies_are_named_and_draws_by_weight_answer(view, service):
    """One of four chains never leaves the prior's empty component."""
    state = {"dataset": crabs(), "prior": "data", "covariance": "full", "tied": False}
    settings = SMALL | {
        "posterior.draws": 100,
        "posterior.warmup": 200,
        "posterior.chains": 4,
        "posterior.seed": 0,
    }
    app = view("posterior", **state, **settings)
    if "posterior" not in app.session_state["runs"]:
        app.button(key="start_posterior").click().run()
    for slot in ("posterior", "weighing"):
        service.wait(app.session_state["runs"][slot], timeout=240)
        app.run()
        assert not app.exception
    text = page_text(app).replace("\\", "")
    assert "Chain 2 stayed where a component is empty, in a mode that holds less than" in text
    assert "4,000 draws in which every mode has its own weight" in text
    assert "instead of 0.00" in text
    assert "Log evidence −1,679.56" in text
    assert "Both components have a point with probability" in text
    assert "take more draws" not in text

    # The run that answers has a link of its own, with the points where the chains lay.
    answering = app.session_state["runs"]["weighing"]
    assert service.store.specification(answering).parameters.lead == (4,)
    opened = view("posterior", query={"run": answering})
    assert not opened.exception
    assert opened.session_state["runs"]["posterior"] == answering
    assert "Log evidence −1,679.56" in page_text(opened)
    assert "where chains of an earlier run lay" in page_text(opened)
    # Another mixture has not these points.
    opened.session_state["n_components"] = 1
    opened.run()
    assert not opened.exception
    assert "where chains of an earlier run lay" not in page_text(opened)


def test_labels_of_draws_are_not_those_of_classes(view, finished):
    app = view("posterior", dataset=example("iris"), **SMALL, section="Labels", labels="ordered")
    text = page_text(finished(app, "posterior"))
    assert "(ordered labels)" in text
    assert app.session_state["class_labels"] == "ignore"
