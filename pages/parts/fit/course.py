"""How the shown fit got where it is: played back, split into terms, and as a path on a slice."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gmm_core import objective, words_fit
from gmm_core.dataset import Dataset
from gmm_core.figures import curves
from gmm_core.figures.slice import objective_slice
from gmm_core.figures.style import escape
from gmm_core.figures.trajectory import trajectory
from gmm_core.mixture import Mixture, Parameters
from gmm_core.results import MapFit
from pages.parts import figure, live, session
from pages.parts.fit.shown import finished


def how_it_got_there(view: live.View, fit: MapFit, columns: list[int]) -> None:
    """Play the shown fit back, and show on what it climbed and through which landscape."""
    data, mixture = session.dataset(), session.mixture()
    steps, points = fit.trajectory
    made = fit.loss[fit.chosen]
    loss = np.append(made, fit.final_loss[fit.chosen])[np.minimum(steps, len(made))]
    loss[-1] = fit.final_loss[fit.chosen]
    st.header("How it got there", anchor=False)
    figure.show(
        lambda: trajectory(data, steps, points, loss, columns),
        key="trajectory",
        of=finished(view, fit, *columns),
    )
    left, right = st.columns(2, gap="large")
    with right:
        figure.show(
            lambda: curves.course(steps, objective.course(mixture, points, loss), height=516),
            key="course",
            of=finished(view, fit),
        )
    with left:
        slice_through(view, fit)


def slice_through(view: live.View, fit: MapFit) -> None:
    """Draw the objective over two numbers of the point that the person picks."""
    data, mixture = session.dataset(), session.mixture()
    order = fit.parameters.order
    listed = objective.coordinates(mixture, len(data.columns))
    names = {c: words_fit.coordinate_name(c, data.columns) for c in listed}
    named = names.__getitem__
    tied = "_tied" * mixture.tied
    key = f"{data.fingerprint[:8]}_{mixture.n_components}_{mixture.covariance}{tied}"
    left, right = st.columns(2)
    across = left.selectbox(
        "Across", listed, format_func=named, key=f"across_{key}", bind="query-params"
    )
    rest = [c for c in listed if not objective.together(c, across)]
    first = next((i for i, c in enumerate(rest) if c.component != across.component), 0)
    up = right.selectbox("Up", rest, first, format_func=named, key=f"up_{key}", bind="query-params")
    point, path = fit.parameters.permuted(order), fit.trajectory[1].permuted(order)
    found = _cut((view.run_id, fit.chosen, len(path)), across, up, data, mixture, point, path)
    shown = escape(names[across]), escape(names[up])
    figure.show(
        lambda: objective_slice(found, shown, point, path),
        key="slice",
        of=finished(view, fit, across, up),
    )
    st.caption(words_fit.slice_caption(found, len(data.values)))


@st.cache_data(max_entries=32, show_spinner=False)
def _cut(
    shown: tuple[str | None, int, int],
    across: objective.Coordinate,
    up: objective.Coordinate,
    _data: Dataset,
    _mixture: Mixture,
    _point: Parameters,
    _path: Parameters,
) -> objective.Slice:
    """Compute the slice once for what is shown: the run, the start and its frames."""
    return objective.cut(_data, _mixture, _point, across, up, _path)
