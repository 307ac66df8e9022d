"""The figure component as the page sees it: it runs, and it insists on a text alternative."""

from __future__ import annotations

from collections import OrderedDict

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from gmm_core.figures import style
from pages.parts.stream import cache, figure


def page_with_a_figure() -> None:
    import streamlit as st

    from gmm_core.figures import style
    from pages.parts.stream import figure

    @st.fragment(run_every=1.0)
    def live() -> None:
        fig = style.figure("Loss", "step", "loss", alt="The loss falls.")
        fig.add_scatter(x=[0, 1, 2], y=[3.0, 2.0, 1.0])
        figure.show(fig, key="loss", on_click=st.write)

    live()
    figure.show(style.figure("Empty", "x", "y", alt="Nothing yet."), key="empty")


def test_page_with_figures_runs_again_and_again() -> None:
    app = AppTest.from_function(page_with_a_figure).run()
    assert not app.exception
    assert not app.run().exception


def test_figure_without_a_text_alternative_is_refused() -> None:
    with pytest.raises(ValueError, match="no text alternative"):
        figure.show(go.Figure(), key="loss")


def test_figure_of_the_same_is_made_once_for_everybody() -> None:
    made = []

    def make() -> go.Figure:
        made.append(1)
        return style.figure("Loss", "step", "loss", alt=f"The loss of run {len(made)}.")

    first = cache.once(("loss", "run 1"), make)
    assert cache.once(("loss", "run 1"), make) is first
    assert cache.once(("loss", "run 2"), make).alt == "The loss of run 2."
    assert len(made) == 2


def test_kept_figures_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_kept", OrderedDict())
    monkeypatch.setattr(cache, "_BYTES", 50_000)
    big = style.figure("Loss", "step", "loss", alt="x" * 10_000)
    for i in range(20):
        cache.once(i, lambda: big)
    assert list(cache._kept) == [16, 17, 18, 19]
