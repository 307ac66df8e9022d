"""The Compare page: the answer in words, every way on to Fit, and what a sweep remembers."""

from __future__ import annotations

import re

import pytest

from gmm_core.data.examples import example
from gmm_core.mixture import Mixture, Priors
from gmm_core.runs.options import CompareOptions
from gmm_core.runs.specification import Specification


def page_text(app):
    """All that the page says, without markup."""
    kinds = ("markdown", "caption", "error", "warning", "title")
    pieces = [e.value for kind in kinds for e in app.get(kind)]
    pieces += [e.proto.body for e in app.get("html")]
    return re.sub(r"<[^>]+>", " ", " ".join(map(str, pieces))).replace("\\", "")


def faithful(view, **state):
    settings = {"compare.n_components": [1, 2, 3], "compare.restarts": 5} | state
    return view("compare", dataset=example("faithful"), prior="data", **settings)


def test_a_short_sweep_starts_by_itself_and_answers_in_words(view, finished):
    app = finished(faithful(view), "compare")
    text = page_text(app)
    assert (
        "Three components with a shared full covariance fit these 272 points best: BIC 2,314.3"
        in text
    )
    assert "strong evidence" in text
    assert re.search(r"\d of \d starts agree, of \d kinds; .* found it first", text)
    assert "The best by BIC" in text
    assert app.query_params["run"] == app.session_state["runs"]["compare"]


def test_the_criterion_changes_answer_and_table_without_a_new_run(view, finished):
    app = finished(faithful(view), "compare")
    run_id = app.session_state["runs"]["compare"]
    app.session_state["compare_criterion"] = "icl"
    app.run()
    text = page_text(app)
    assert (
        "Two components with full covariances of their own fit these 272 points best: ICL 2,323.6"
        in text
    )
    assert "The best by ICL" in text
    assert app.session_state["runs"]["compare"] == run_id


@pytest.mark.parametrize("way", ["button", "figure"])
def test_a_cell_opens_on_fit_with_its_mixture_priors_and_starts(view, finished, way):
    app = finished(faithful(view), "compare")
    if way == "button":
        app.button(key="compare_go").click().run()
    else:
        app.session_state["compare_open"] = [3, "full", True]
        app.run()
    assert not app.exception
    state = app.session_state
    assert (state["n_components"], state["covariance"], state["tied"]) == (3, "full", True)
    assert (state["prior"], state["map.restarts"], state["map.first_seed"]) == ("flat", 5, 0)
    how = [state[f"map.{name}"] for name in ("start", "choose", "method")]
    assert how == ["search", "final", "em"]
    text = page_text(finished(view("fit", query={"run": state["runs"]["map"]})))
    assert "Three components explain these 272 points" in text
    # The optimum of the cell itself: log likelihood -1126.316.
    assert "1126.32" in text.replace(",", "")


def test_a_link_brings_the_sweep_back_and_leaves_the_mixture_alone(view, service, finished):
    spec = Specification(
        dataset=example("galaxies"),
        mixture=Mixture(priors=Priors.flat()),
        options=CompareOptions(
            n_components=(1, 2, 4), covariances="full", restarts=3, first_seed=7
        ),
    )
    run_id = service.submit(spec)
    mine = {"dataset": example("galaxies"), "n_components": 4, "prior": "conjugate"}
    app = finished(view("compare", query={"run": run_id}, **mine), "compare")
    assert app.session_state["runs"]["compare"] == run_id
    assert app.session_state["compare_range"] == (1, 4)
    assert app.session_state["compare.first_seed"] == 7
    assert app.session_state["n_components"] == 4
    assert app.session_state["prior"] == "conjugate"
    assert "fit these 82 points best" in page_text(app)


def test_collapsed_mixtures_are_told_with_the_cure(view, finished):
    few = {"compare.n_components": [2, 3, 4, 5, 6], "compare.restarts": 3}
    app = finished(view("compare", **few), "compare")
    text = page_text(app)
    assert "(red crosses)" in text
    assert "at least as many points" in text
    app.button(key="cure_compare").click().run()
    assert not app.exception
    assert app.session_state["compare_prior"] == "fit"
    assert app.session_state["prior"] == "data"
    assert "collapsed" not in page_text(finished(app, "compare"))


def test_without_a_covariance_the_page_says_what_to_do(view):
    app = view("compare", **{"compare.covariances": []})
    assert "No covariance is chosen. Choose one or more of the six." in page_text(app)
    assert not app.exception


def test_a_long_sweep_waits_for_its_button(view, finished):
    app = faithful(view, **{"compare.n_components": range(1, 16), "compare.restarts": 200})
    assert "Which of 90 mixtures suits these points best?" in page_text(app)
    assert "compare" not in app.session_state["runs"]
    assert "start_compare" in {button.key for button in app.button}


def test_the_runs_page_names_a_sweep(view, finished):
    app = finished(faithful(view), "compare")
    run_id = app.session_state["runs"]["compare"]
    text = page_text(view("runs", query={"run": run_id}))
    assert (
        "Comparison** of **faithful** (272 points, 2 columns) · K = 1 to 3, 6 covariances" in text
    )
    assert "best by BIC: K = 3, full, shared, 2314.3" in text


def test_the_evidence_is_asked_for_by_a_switch(view, finished):
    settings = {"compare.n_components": [1, 2], "compare.covariances": [("spherical", True)]}
    settings |= {"compare.restarts": 3, "compare.start": "kmeans++"}
    switched = settings | {
        "compare.evidence": True,
        "prior": "data",
        "dataset": example("tutorial"),
    }
    app = view("compare", compare_prior="flat", **switched)
    assert "flat ones are nothing to average over" in page_text(app)
    app = finished(view("compare", compare_prior="fit", **switched), "compare")
    app.session_state["compare_criterion"] = "log_evidence"
    app.run()
    text = page_text(app)
    assert "best: log evidence −" in text
    assert "with equal odds before it: K = " in text
    assert "of new points without choosing K" in text
