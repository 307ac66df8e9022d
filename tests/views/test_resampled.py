"""How sure a fit is: the bootstrap and the test of one component more, asked by their switches."""

from __future__ import annotations

from gmm_core.data.examples import example

from .test_em_comparison import page_text

FAITHFUL = {
    "dataset": example("faithful"),
    "prior": "flat",
    "covariance": "full",
    "tied": False,
    "map.restarts": 5,
    "bootstrap.replicates": 30,
    "likelihood_ratio.replicates": 9,
    "n_components": 1,
}


def test_both_are_asked_only_by_their_switches_and_answer_in_words(view, finished):
    app = finished(view("fit", **FAITHFUL))
    assert "replicates of the data" not in page_text(app)
    app.toggle(key="ask_bootstrap").set_value(True).run()
    text = page_text(finished(app, "bootstrap"))
    assert "30 replicates of the data, each fitted anew." in text
    assert "standard error" in text
    app.toggle(key="ask_one_more").set_value(True).run()
    text = page_text(finished(app, "likelihood_ratio"))
    assert "Likelihood ratio of one component against two: 319.1, p = 0.10" in text


def test_a_long_table_of_errors_folds_up_and_has_every_parameter(view, finished):
    fields = {"n_components": 4, "map.restarts": 2, "bootstrap.replicates": 4}
    app = finished(view("fit", **{**FAITHFUL, "dataset": example("iris"), **fields}))
    app.toggle(key="ask_bootstrap").set_value(True).run()
    text = page_text(finished(app, "bootstrap"))
    # Four weights, 16 locs, 16 scales and 24 correlations.
    (folded,) = [each for each in app.expander if each.label.startswith("Bootstrap")]
    assert folded.label == "Bootstrap: 60 parameters"
    assert "correlation 4 Petal.Length Petal.Width" in text
