"""The calibration of the page's sampler is asked by its switch, and answers in words and bars."""

from __future__ import annotations

from .test_em_comparison import page_text
from .test_posterior import SMALL

FEW = {"calibration.sets": 12, "calibration.thin": 1, "calibration.warmup": 20}


def test_it_is_asked_by_its_switch_of_the_sampler_that_is_chosen(view, finished, service):
    app = finished(view("posterior", section="Can I trust it?", **SMALL, **FEW), "posterior")
    assert "simulated" not in page_text(app)
    app.toggle(key="ask_calibration").set_value(True).run()
    text = page_text(finished(app, "calibration"))
    assert "Not enough to tell: 12 data sets of at least 50" in text
    run = app.session_state["runs"]["calibration"]
    spec = service.store.specification(run)
    assert (spec.kind, spec.options.sampler, spec.options.sets) == ("calibration", "nutpie", 12)
    assert service.result(run).ranks.shape == (9, 12)
