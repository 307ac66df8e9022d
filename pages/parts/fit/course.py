"""How the shown fit got where it is: played back, split into terms, and as a path on a slice."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.figures import curves
from gmm_core.figures.slice import objective_slice
from gmm_core.figures.style import escape
from gmm_core.figures.trajectory import trajectory
from gmm_core.mixture import Mixture, Parameters, landscape
from gmm_core.runs.results import MapFit
from gmm_core.words import slice as slice_words
from pages.parts import session
from pages.parts.fit.shown import finished
from pages.parts.stream import figure, live

_HEIGHTS = {1: 430, 2: 600}
"""Pixels: of ellipses the shape is to be seen, which a flat picture hides."""


def how_it_got_there(view: live.View, fit: MapFit, columns: list[int]) -> None:
    """Play the shown fit back, and show on what it climbed and through which landscape."""
    mixture = session.mixture()
    (steps, points), loss = fit.trajectory, fit.trajectory_loss
    st.header("How it got there", anchor=False)
    if not st.session_state.get("play_on_top"):
        playback(view, fit, columns)
    left, right = st.columns(2, gap="large")
    with right:
        figure.show(
            lambda: curves.course(steps, landscape.course(mixture, points, loss), height=516),
            key="course",
            of=finished(view, fit),
        )
    with left:
        slice_through(view, fit)


def playback(view: live.View, fit: MapFit, columns: list[int]) -> None:
    """Draw the fit with the buttons that play it, along these columns."""
    data = session.dataset()
    steps, points = fit.trajectory
    figure.show(
        lambda: trajectory(
            data, steps, points, fit.trajectory_loss, columns, height=_HEIGHTS[len(columns)]
        ),
        key="trajectory",
        of=finished(view, fit, *columns),
    )


def slice_through(view: live.View, fit: MapFit) -> None:
    """Draw the objective over two numbers of the point that the person picks."""
    data, mixture = session.dataset(), session.mixture()
    order = fit.parameters.order
    listed = landscape.coordinates(mixture, len(data.columns))
    names = {c: slice_words.coordinate_name(c, data.columns) for c in listed}
    named = names.__getitem__
    tied = "_tied" * bool(mixture.tied)
    key = f"{data.fingerprint[:8]}_{mixture.n_components}_{mixture.covariance}{tied}"
    left, right = st.columns(2)
    across = left.selectbox(
        "x axis", listed, format_func=named, key=f"across_{key}", bind="query-params"
    )
    rest = [c for c in listed if not landscape.together(c, across)]
    first = next((i for i, c in enumerate(rest) if c.component != across.component), 0)
    up = right.selectbox(
        "y axis", rest, first, format_func=named, key=f"up_{key}", bind="query-params"
    )
    point, path = fit.parameters.permuted(order), fit.trajectory[1].permuted(order)
    cut = _cut((view.run_id, fit.chosen, len(path)), across, up, data, mixture, point, path)
    shown = escape(names[across]), escape(names[up])
    if cut.finite:
        figure.show(
            lambda: objective_slice(cut, shown, point, path),
            key="slice",
            of=finished(view, fit, across, up),
        )
    st.caption(slice_words.slice_caption(cut, len(data.values)))


@st.cache_data(max_entries=32, show_spinner=False)
def _cut(
    shown: tuple[str | None, int, int],
    across: landscape.Coordinate,
    up: landscape.Coordinate,
    _data: Dataset,
    _mixture: Mixture,
    _point: Parameters,
    _path: Parameters,
) -> landscape.Slice:
    """Compute the slice once for what is shown: the run, the start and its frames."""
    return landscape.cut(_data, _mixture, _point, across, up, _path)
