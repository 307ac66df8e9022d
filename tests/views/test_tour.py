"""The Tour: the tutorial's numbers, computed here, in its order."""

from __future__ import annotations

from .test_fit import page_text

SLOTS = ("fit", "starts", "wide", "nuts")


def test_tour_tells_the_tutorials_numbers_and_our_corrections(view, service):
    app = view("tour")
    for slot in SLOTS:
        service.wait(app.session_state["runs"][f"tour {slot}"], timeout=240)
    app.run()  # the fit is known, and the guide begins
    service.wait(app.session_state["runs"]["tour guide"], timeout=120)
    app.run()
    assert not app.exception
    text = page_text(app)
    for fact in ("10.984", "17.4433", "35 starts collapsed", "5.721", "0.672", "0.651", "338.6"):
        assert fact in text, fact


def test_tour_always_works_on_the_tutorials_data(view):
    from gmm_core.data.examples import example

    app = view("tour", dataset=example("faithful"), prior="data")
    spec = app.session_state["runs"]["tour fit"]
    assert spec == view("tour").session_state["runs"]["tour fit"]
