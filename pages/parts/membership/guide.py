"""Membership once more, as parameters of a guide that enumerates, held to the closed form."""

from __future__ import annotations

import streamlit as st

from gmm_core.dataset import Dataset
from gmm_core.figures import guide as figures
from gmm_core.membership import largest_difference, map_loss
from gmm_core.mixture import Parameters, responsibilities
from gmm_core.options import GuideOptions
from gmm_core.results import GuideFit
from gmm_core.specification import Specification
from gmm_core.words_membership import guide_answer, guide_verdict
from pages.parts import controls, kept, live, session, so_far, text


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
    left, right = st.columns([3, 1], gap="large")
    with right:
        _options()

    def make() -> Specification:
        return Specification(
            dataset=data,
            mixture=session.mixture(),
            options=session.guide_options(),
            parameters=point,
        )

    view = live.view("guide", make)
    with left:
        if view.error:
            st.error(text.plain(view.error))
            return view
        live.status_line(view, "guide", "Run the guide")
        _found(data, point, view)
    return view


def _options() -> None:
    """Draw the options of the guide."""
    st.number_input(
        "Steps",
        **kept.number("guide_steps", 1, 20_000),
        step=100,
        help="How many steps Adam makes. The tutorial's 200 are not enough: look at the gradient "
        "norm, not only at the loss.",
    )
    controls.learning_rate("guide_rate", 0.05, "The probabilities are a softmax there.")
    controls.betas("guide_")


def _found(data: Dataset, point: Parameters, view: live.View) -> None:
    """Draw the guide's curves and its probabilities, live and when it is done."""
    assert view.spec is not None
    optimum = map_loss(data, view.spec.mixture, point)
    left, right = st.columns(2)
    with left:
        live.show(view, "guide_loss", lambda v: figures.loss(so_far.guide(v)["loss"], optimum))
    with right:
        live.show(view, "guide_gradient", lambda v: figures.gradient(so_far.guide(v)["norm"]))
    live.show(
        view,
        "guide_probs",
        lambda v: figures.probabilities(data, point, so_far.guide(v)["probs"]),
    )
    fit: GuideFit | None = view.result
    if fit is None:
        return
    gap = largest_difference(fit.assignment_probs, responsibilities(point, data.values))
    text.note("How close is it?", guide_answer(fit, optimum, gap))
    options = view.spec.options
    assert isinstance(options, GuideOptions)
    verdict = guide_verdict(fit, optimum)
    if verdict == "moving" and options.steps < 20_000:
        more = min(20_000, 10 * options.steps)
        controls.cure(f"{more:,} steps", {"guide_steps": more}, "cure_guide_steps")
    elif verdict in ("stuck", "failed"):
        lower = float(f"{min(0.2, options.learning_rate / 4):.2g}")
        controls.cure(f"Learning rate {lower:g}", {"guide_rate": lower}, "cure_guide_rate")
