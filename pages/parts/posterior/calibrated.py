"""Whether the sampler gives calibrated answers, asked by data that the priors themselves make."""

from __future__ import annotations

import streamlit as st

from gmm_core.figures.calibration import rank_histogram
from gmm_core.posterior.calibration import QUANTITIES
from gmm_core.runs.specification import Specification
from gmm_core.words.calibration import (
    CALIBRATION_HEAD,
    calibration_rows,
    calibration_words,
    so_far_words,
)
from pages.parts import settings, text
from pages.parts.stream import live, partial
from pages.parts.stream.cache import Figure

_AUTO = 20.0  # seconds that a switch is worth without a button


def show(view: live.View) -> list[live.View]:
    """Draw the switch and what was found; return the run that was asked for."""
    if view.spec is None:
        return []
    of = view.spec
    switched_on = st.toggle(
        "Simulation-based calibration",
        key="ask_calibration",
        bind="query-params",
        help="Does this sampler, on this mixture, with so many points, give calibrated answers? "
        "Draws mixtures from the priors, data from each, samples its posterior, and ranks what "
        "is true among the draws: the ranks are even where the sampler is right.",
    )
    if not switched_on:
        return []
    left, middle, right = st.columns(3)
    left.number_input(**settings.number("calibration", "sets"))
    middle.number_input(**settings.number("calibration", "thin"))
    right.number_input(**settings.number("calibration", "seed"))

    def make() -> Specification:
        options = settings.options("calibration").model_copy(update={"sampler": of.engine})
        return Specification(dataset=of.dataset, mixture=of.mixture, options=options)

    run = live.view("calibration", make, limit=_AUTO, link=False)
    if run.error:
        st.error(text.plain(run.error))
        return []
    calibration = partial.calibration(run)
    if run.result is not None:
        st.markdown(text.plain(calibration_words(run.result)))
    elif calibration is not None:
        sets = calibration.ranks.shape[1]
        st.markdown(text.plain(so_far_words(calibration.known.shape[1], sets)))
    live.status_line(run, "calibration", "Calibrate")
    if calibration is not None:
        quantity = st.selectbox(
            "Ranks of", list(QUANTITIES), key="calibration_of", bind="query-params"
        )

        def draw(run: live.View) -> Figure:
            now = partial.calibration(run)
            return rank_histogram(now or calibration, quantity)

        live.show(run, "calibration_ranks", draw)
    if run.result is not None and run.result.n_bins:
        text.table(
            list(CALIBRATION_HEAD), calibration_rows(run.result), caption="Ranks of each quantity"
        )
    return [run]
