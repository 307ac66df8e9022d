"""The figure component as the page sees it: it runs, and it insists on a text alternative."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import figure


def page_with_a_figure() -> None:
    import streamlit as st

    from gmm_core.figures import style
    from pages.parts import figure

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
