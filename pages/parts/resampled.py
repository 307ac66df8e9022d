"""How sure a fit is: refits to resampled data, and one component more, on the Fit page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gmm_core.mixture.model import MAX_COMPONENTS
from gmm_core.runs.specification import Specification
from gmm_core.words.resampled import (
    BOOTSTRAP_HEAD,
    bootstrap_rows,
    bootstrap_words,
    ratio_words,
    rejects,
)
from pages.parts import controls, settings, text
from pages.parts.stream import live

_AUTO = 20.0  # seconds that a switch is worth without a button
_ROWS = 40  # a longer table folds up


def show(view: live.View) -> list[live.View]:
    """Draw the two switches and what was found; return the runs that were asked for."""
    if view.spec is None:
        return []
    st.header("How sure is it?", anchor=False)
    return [
        run
        for ask in (bootstrap, one_more)
        if (run := ask(view.spec)) is not None and not run.error
    ]


def bootstrap(spec: Specification) -> live.View | None:
    """Draw standard errors and intervals by the bootstrap, where they are asked for."""
    switched_on = st.toggle(
        "Bootstrap",
        key="ask_bootstrap",
        bind="query-params",
        help="Fits the mixture anew to data sets drawn from this one, and shows how much the "
        "parameters move. Components are matched by whose points they are responsible for.",
    )
    if not switched_on:
        return None
    left, middle, right = st.columns(3)
    left.number_input(**settings.number("bootstrap", "replicates"))
    with middle:
        st.selectbox(**settings.choice("bootstrap", "by"))
    right.number_input(**settings.number("bootstrap", "seed"))
    shown = _run(spec, "bootstrap", "Bootstrap")
    if shown.result is not None:
        st.markdown(text.plain(bootstrap_words(shown.result)))
        _table(bootstrap_rows(shown.result, spec.dataset))
    return shown


def _table(rows: Sequence[Sequence[str]]) -> None:
    if len(rows) <= _ROWS:
        text.table(list(BOOTSTRAP_HEAD), rows, caption="Bootstrap")
        return
    with st.expander(f"Bootstrap: {len(rows)} parameters"):
        text.table(list(BOOTSTRAP_HEAD), rows)


def one_more(spec: Specification) -> live.View | None:
    """Draw the likelihood ratio test against one component more, where it is asked for."""
    K = spec.mixture.n_components
    switched_on = st.toggle(
        "Test one component more",
        key="ask_one_more",
        bind="query-params",
        help="Twice the gain in log likelihood by one component more, beside what it is in data "
        "sets that the smaller mixture makes (McLachlan 1987).",
    )
    if not switched_on:
        return None
    left, right = st.columns(2)
    left.number_input(**settings.number("likelihood_ratio", "replicates"))
    right.number_input(**settings.number("likelihood_ratio", "seed"))
    shown = _run(spec, "likelihood_ratio", "Test")
    if shown.result is not None:
        st.markdown(text.plain(ratio_words(shown.result, K)))
        if rejects(shown.result) and K < MAX_COMPONENTS:
            controls.cure(f"Go on with K = {K + 1}", {"n_components": K + 1}, "one_more_still")
    return shown


def _run(spec: Specification, kind: str, label: str) -> live.View:
    """Return the run of a kind on the data and mixture of a fit, with its state drawn."""

    def make() -> Specification:
        return Specification(
            dataset=spec.dataset, mixture=spec.mixture, options=settings.options(kind)
        )

    shown = live.view(kind, make, limit=_AUTO, link=False)
    if shown.error:
        st.error(text.plain(shown.error))
    else:
        live.status_line(shown, kind, label)
    return shown
