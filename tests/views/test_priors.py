"""The priors' control: what is believed beforehand, in numbers and over the data."""

from __future__ import annotations

import re


def page_text(app):
    text = " ".join(e.proto.body for e in app.get("html"))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_priors_stand_in_numbers_in_the_datas_units(view, finished):
    app = finished(view("fit"))
    assert "weights Dirichlet(0.500) locs −16.4 to 16.4" in page_text(app)
    app.selectbox(key="prior").set_value("flat").run()
    assert "locs no prior" in page_text(app)


def test_draws_from_the_priors_are_shown_over_the_data(view, finished):
    app = finished(view("fit"))
    app.toggle(key="show_prior_draws").set_value(True).run()
    assert not app.exception
