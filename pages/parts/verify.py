"""What made a run, and the button that computes it again and says whether the numbers agree."""

from __future__ import annotations

import streamlit as st

from gmm_core.jobs import RunStatus, service, verify
from gmm_core.runs import sameness
from gmm_core.words.verify import made_with, verdict_words
from pages.parts import session, text
from pages.parts.platform import browser
from pages.parts.stream import live

_WIDTH = 552  # pixels, as the link above: the longest sentence would fill the page


def panel(run_id: str) -> None:
    """Draw it for a run that is done; it ticks only while the run is computed again."""
    key = f"verifying {run_id}"

    def tick() -> None:
        outcome = verify.verdict_on(service(), run_id)
        under_way = isinstance(outcome, RunStatus)
        _draw(run_id, outcome)
        if under_way != st.session_state.get(key, False):
            st.session_state[key] = under_way
            st.rerun()

    with st.container(width=_WIDTH):
        versions = made_with(service().store.state(run_id).versions)
        st.caption(text.plain(f"{versions} Verify computes it again and compares every number."))
        st.fragment(tick, run_every=live.TICK if st.session_state.get(key) else None)()


def _draw(run_id: str, outcome: RunStatus | sameness.Verdict | None) -> None:
    if isinstance(outcome, RunStatus):
        st.progress(outcome.fraction, text="Computing it again…")
        if session.owner() in outcome.owners:
            st.button(
                "Cancel",
                key="verify_cancel",
                on_click=service().cancel,
                args=(outcome.run_id, session.owner()),
            )
        return
    st.button(
        "Verify",
        key="verify",
        on_click=_start,
        args=(run_id,),
    )
    problem = st.session_state.pop("verify_problem", "")
    if problem:
        st.warning(text.plain(problem))
    elif isinstance(outcome, sameness.Verdict):
        words = text.plain(verdict_words(outcome))
        (st.success if outcome.answer in ("equal", "close") else st.warning)(words)


def _start(run_id: str) -> None:
    try:
        verify.start(service(), run_id, session.owner(), browser.place())
    except ValueError as error:
        st.session_state["verify_problem"] = text.sentence(error)
