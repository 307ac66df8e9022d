"""A third opinion on a fit: scikit-learn's EM from the same start, laid over our own climb."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from gmm_core.comparison import against_em
from gmm_core.data.dataset import Dataset
from gmm_core.figures import comparison as figures
from gmm_core.mixture import Priors, matching
from gmm_core.runs.results import MapFit
from gmm_core.words import comparison as say
from pages.parts import text
from pages.parts.stream import figure, live

_ROWS = 20  # a longer table folds up


def show(view: live.View, fit: MapFit) -> list[live.View]:
    """Draw the switch that asks EM, and what it found; return its run, if it was asked.

    Parameters
    ----------
    view : the run of the fit.
    fit : the fit as it is shown; its trajectory begins at the start that EM gets.
    """
    spec = view.spec
    if spec is None or fit.verdict[fit.chosen] == "failed":
        return []
    st.header("Is this optimum real?", anchor=False)
    switched_on = st.toggle(
        "Ask EM",
        key="ask_em",
        bind="query-params",
        help="Runs scikit-learn's expectation maximisation from the same start. It knows nothing "
        "of this program's code, gradients or steps, so where it ends is an opinion of its own. It "
        "maximises the likelihood, without priors.",
    )
    steps, _ = fit.trajectory
    # Of a start that was just opened only the end is known yet.
    if not switched_on or steps[0] != 0:
        return []
    em_view = live.view(
        "em",
        lambda: against_em.specification(spec.dataset, spec.mixture, fit),
        limit=60,
        link=False,
    )
    steps, path_objective = _path((view.run_id, fit.chosen, len(steps)), spec.dataset, fit)
    prior = spec.mixture.priors != Priors.flat()
    if em_view.error:
        st.error(text.plain(em_view.error))
        return []
    if em_view.result is not None:
        collapsed = str(fit.verdict[fit.chosen]) == "collapsed"
        sentences = say.em_answer(
            spec.mixture, fit.parameters, float(path_objective[-1]), em_view.result, collapsed
        )
        st.markdown(text.plain(sentences))
    live.status_line(em_view, "em", "Ask EM")
    left, right = st.columns(2, gap="large")
    with left:
        figure.show(figures.climbs(steps, path_objective, _trace(em_view), prior), key="climbs")
    with right:
        if em_view.result is not None:
            _table(spec.dataset, fit, em_view)
    return [em_view]


def _trace(view: live.View) -> NDArray[np.float64]:
    """Return EM's log likelihood as far as it is."""
    if view.result is not None:
        return view.result.log_likelihood
    arrays = view.status.snapshot if view.status is not None else {}
    return arrays.get("log_likelihood", np.empty(0))


def _table(dataset: Dataset, fit: MapFit, view: live.View) -> None:
    """Show the parameters side by side, components matched."""
    point = fit.parameters.permuted(fit.parameters.order)
    rows = say.difference_rows(matching.differences(dataset, point, view.result.parameters))
    head = ["Component", "", "ours", "EM", "difference"]
    if len(rows) <= _ROWS:
        text.table(head, rows, caption="Parameters, components matched", words=(1,))
        return
    with st.expander(f"Parameters, components matched: {len(rows)} numbers"):
        text.table(head, rows, words=(1,))


@st.cache_data(max_entries=32, show_spinner=False)
def _path(
    shown: tuple[str | None, int, int], _dataset: Dataset, _fit: MapFit
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Compute our climb once for what is shown: the run, the start and its frames."""
    return against_em.likelihood_path(_dataset, _fit)
