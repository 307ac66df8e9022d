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
