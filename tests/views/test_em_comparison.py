"""EM's opinion on the Fit page: asked by a switch, from the start that is shown."""

from __future__ import annotations

import re

from gmm_core.data.examples import example


def page_text(app):
    pieces = [e.value for kind in ("markdown", "caption", "error") for e in app.get(kind)]
    pieces += [e.proto.body for e in app.get("html")]
    return re.sub(r"<[^>]+>", " ", " ".join(map(str, pieces))).replace("\\", "")


def test_em_is_asked_only_by_its_switch_and_finds_the_same_optimum(view, finished):
    app = finished(
        view(
            "fit",
            dataset=example("faithful"),
            prior="flat",
            covariance="full",
            tied=False,
            **{"map.restarts": 5},
        )
    )
    assert "EM made" not in page_text(app)
    assert "em" not in app.session_state["runs"]
    app.toggle(key="ask_em").set_value(True).run()
    assert not app.exception
    text = page_text(finished(app, "em"))
    assert "ended in the same optimum" in text
    assert "Parameters, components matched" in text


def test_with_the_tutorials_priors_em_says_what_they_hold_back(view, finished):
    app = finished(view("fit", ask_em=True))
    text = page_text(finished(app, "em"))
    assert "it ignores the priors; they move our parameters" in text
    assert "0.70711" in text  # the scale at the maximum of the likelihood: sqrt(1/2)
