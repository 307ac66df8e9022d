"""Figures are named on the page, and asked for by name: packed, while a session holds them."""

from __future__ import annotations

import gc
import gzip
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gmm_core.figures import style
from pages.parts.stream import cache, drawings


def page() -> None:
    from gmm_core.figures import style
    from pages.parts.stream import figure

    fig = style.figure("Loss", "step", "loss", alt="The loss falls.")
    fig.add_scatter(x=list(range(1000)), y=[1.0 / (i + 1) for i in range(1000)])
    figure.show(fig, key="loss")


def test_a_page_names_its_drawing_and_the_drawing_is_asked_for_by_that_name() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    (name,) = app.session_state["drawings"]
    body = drawings.packed(name)
    assert body is not None
    text, frames = gzip.decompress(body).decode().split("\n")
    assert json.loads(text)["layout"]["meta"]["alt"] == "The loss falls."
    assert frames == ""
    assert len(body) < len(text) / 2


def test_equal_drawings_have_one_name_and_others_another() -> None:
    def named(title: str) -> str:
        return cache.draw(style.figure(title, "x", "y", alt="Nothing.")).name

    assert named("Loss") == named("Loss")
    assert named("Loss") != named("Gain")


def test_what_no_session_holds_is_gone_as_what_never_was() -> None:
    drawing = cache.draw(style.figure("Mine", "x", "y", alt="Of one session."))
    name = drawing.name
    drawings._held[name] = drawing
    assert drawings.packed(name) is not None
    del drawing
    gc.collect()
    assert drawings.packed(name) is None
    assert drawings.packed("guessed") is None


@pytest.mark.parametrize(
    ("values", "halved"),
    [
        (np.linspace(0, 1, 500), True),
        (1e8 + np.linspace(0, 1, 500), False),  # in single precision a staircase of steps of 8
        (np.full(500, 3.25), False),
        (np.linspace(0, 1, 20), False),
        (np.linspace(0, 1e200, 500), False),  # beyond its range
    ],
)
def test_long_series_are_halved_where_that_is_not_seen(values, halved) -> None:
    fig = style.figure("Loss", "x", "y", alt="A line.")
    fig.add_scatter(y=values)
    series = json.loads(cache.draw(fig).json)["data"][0]["y"]
    assert (series["dtype"] == "f4") == halved
