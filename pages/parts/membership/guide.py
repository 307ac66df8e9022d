"""Membership once more, as parameters of a guide that enumerates, held to the closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.figures import guide as figures
from gmm_core.membership.certainty import largest_difference, map_loss
from gmm_core.mixture import Parameters, responsibilities
from gmm_core.mixture.observation import observed
from gmm_core.runs.options import GuideOptions
from gmm_core.runs.results import GuideFit
from gmm_core.runs.specification import Specification
from gmm_core.words.membership import guide_answer, guide_verdict
from pages.parts import controls, session, settings, specifications, text
from pages.parts.stream import live, partial

Array = NDArray[Any]


def guide(data: Dataset, point: Parameters) -> live.View:
    """Fit the membership again, by a guide that enumerates, and hold it to the closed form."""
    st.header(
        "Membership by enumeration in the guide",
        anchor=False,
        help="The learned globals stay fixed and each point gets probabilities $q_{nk}$ of its "
        "own, found by Adam. The loss is $-\\mathrm{ELBO} = \\mathrm{MAP\\ loss} + \\sum_n "
        "\\mathrm{KL}(q_n \\,\\|\\, p(z_n \\mid x_n))$, so it comes down to the MAP loss exactly "
        "when $q$ is the closed form.",
    )
    if data.weights is not None:
        st.caption(
            "Each row counts once here: its weight does not change which component it belongs to."
        )
    order = _order(point)
    left, right = st.columns([3, 1], gap="large")
    with right:
        _options()

    def make() -> Specification:
        return Specification(
            dataset=data,
            mixture=session.mixture(),
            options=settings.options("guide"),
            parameters=point.permuted(np.argsort(order)),
        )

    view = live.view("guide", make)
    with left:
        if view.error:
            st.error(text.plain(view.error))
            return view
        live.status_line(view, "guide", "Run the guide")
        _fitted(data, point, order, view)
    return view


def _order(point: Parameters) -> Array:
    """Return which component of the guide's run each of the page's is.

    They are the same, but where class j is component j: in the fit, and in a guide that is open.
    """
    same = np.arange(len(point.weights))
    if not session.mixture().classes_fixed:
        return same
    fit, (_, opened) = specifications.fitted(), st.session_state.get("membership_spec", ("", None))
    for run in (fit, opened):
        if run is not None:
            order = run.parameters.order
            if np.array_equal(run.parameters.permuted(order).locs, point.locs):
                return order
    return same


def _options() -> None:
    """Draw the options of the guide."""
    st.number_input(
        **settings.number("guide", "steps"),
        step=100,
        help="How many steps Adam makes. The tutorial's 200 are not enough: look at the gradient "
        "norm, not only at the loss.",
    )
    controls.learning_rate("guide", 0.05, "The probabilities are a softmax there.")
    controls.betas("guide")


def _fitted(data: Dataset, point: Parameters, order: Array, view: live.View) -> None:
    """Draw the guide's curves and its probabilities, live and when it is done."""
    assert view.spec is not None
    assert view.spec.parameters is not None
    optimum = map_loss(data, view.spec.mixture, view.spec.parameters)
    component = observed(data, view.spec.mixture).component

    def shown(probs: Array) -> Array:
        """Return probabilities in the page's order, without those of points of known class."""
        if not len(probs):  # before the first report
            return probs
        behind = np.arange(len(order), probs.shape[1])  # the noise
        probs = probs[:, np.concatenate([order, behind])]
        if component is not None:
            probs[component >= 0] = np.nan
        return probs

    left, right = st.columns(2)
    with left:
        live.show(view, "guide_loss", lambda v: figures.loss(partial.guide(v)["loss"], optimum))
    with right:
        live.show(view, "guide_gradient", lambda v: figures.gradient(partial.guide(v)["norm"]))
    live.show(
        view,
        "guide_probs",
        lambda v: figures.probabilities(data, point, shown(partial.guide(v)["probs"])),
    )
    fit: GuideFit | None = view.result
    if fit is None:
        return
    gap = largest_difference(shown(fit.assignment_probs), responsibilities(point, data.values))
    text.note("How close is it?", guide_answer(fit, optimum, gap))
    options = view.spec.options
    assert isinstance(options, GuideOptions)
    verdict = guide_verdict(fit, optimum)
    if verdict == "moving" and options.steps < 20_000:
        more = min(20_000, 10 * options.steps)
        controls.cure(f"{more:,} steps", {"guide.steps": more}, "cure_guide_steps")
    elif verdict in ("stuck", "failed"):
        lower = float(f"{min(0.2, options.learning_rate / 4):.2g}")
        controls.cure(f"Learning rate {lower:g}", {"guide.learning_rate": lower}, "cure_guide_rate")
