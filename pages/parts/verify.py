"""What made a run, and the button that computes it again and says whether the numbers agree."""

from __future__ import annotations

import streamlit as st

from gmm_core import verify
from gmm_core.jobs import RunStatus, service
from gmm_core.words_verify import made_with, verdict_words
from pages.parts import live, session, text

_WIDTH = 552  # pixels, as the link above: the longest sentence would fill the page


def panel(run_id: str) -> None:
    """Draw it for a run that is done; it ticks only while the run is computed again."""
    key = f"verifying {run_id}"

    def tick() -> None:
        found = verify.look(service(), run_id)
        under_way = isinstance(found, RunStatus)
        _draw(run_id, found)
        if under_way != st.session_state.get(key, False):
            st.session_state[key] = under_way
            st.rerun()

    with st.container(width=_WIDTH):
        said = made_with(service().store.state(run_id).versions)
        st.caption(text.plain(f"{said} Verify computes it again and compares every number."))
        st.fragment(tick, run_every=live.TICK if st.session_state.get(key) else None)()


def _draw(run_id: str, found: RunStatus | verify.Verdict | None) -> None:
    if isinstance(found, RunStatus):
        st.progress(found.fraction, text="Computing it again…")
        if session.owner() in found.owners:
            st.button(
                "Cancel",
                key="verify_cancel",
                on_click=service().cancel,
                args=(found.run_id, session.owner()),
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
    elif isinstance(found, verify.Verdict):
        words = text.plain(verdict_words(found))
        (st.success if found.answer in ("equal", "close") else st.warning)(words)


def _start(run_id: str) -> None:
    try:
        verify.start(service(), run_id, session.owner())
    except ValueError as error:
        st.session_state["verify_problem"] = text.sentence(error)
