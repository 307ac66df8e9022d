"""The Runs page: every run, what it was of and what came of it, and the way back to it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import streamlit as st

from gmm_core.jobs import RunStatus, service
from gmm_core.mixture import Mixture
from gmm_core.store import LIVE, RunRow, now
from gmm_core.words import Segment, count
from gmm_core.words_comparison import sweep_label
from gmm_core.words_jobs import in_line
from pages.parts import frame, header, live, pins, session, text

PER_PAGE = 20
KINDS = {
    "map": "Fit",
    "guide": "Membership",
    "posterior": "Posterior",
    "compare": "Comparison",
    "em": "EM",
}
STATES = ("queued", "running", "done", "failed", "cancelled")
ALL = "all"


def body() -> list[live.View]:
    """Draw the page from top to bottom; it ticks while a run of the list is under way."""
    store, owner = service().store, session.owner()
    counts = store.run_counts(owner)
    header.show("Runs", answer(counts))
    if not counts:
        if st.button("Go to Fit, which starts the first one by itself", key="to_fit"):
            st.switch_page("pages/views/fit.py")
        return []
    if store.keep_days:
        st.caption(
            f"A run goes {count_days(store.keep_days)} after it was last asked for. Keep those "
            "that you want to stay."
        )
    pins.panel()
    kinds, states = filters()
    chosen = sum(n for (kind, state), n in counts.items() if kind in kinds and state in states)
    if not chosen:
        st.caption("No run is of this kind and in this state. Choose others above.")
    first = page_start(chosen)
    shown = store.runs(owner, states, kinds=kinds, limit=PER_PAGE, offset=first)
    views = [line(run) for run in shown]
    pager(first, chosen)
    return views


def answer(counts: dict[tuple[str, str], int]) -> list[Segment]:
    """Say how many runs there are and how they ended."""
    if not counts:
        return [
            Segment(
                "There is no run yet. Every fit, membership and posterior that is computed stands "
                "here, with a link that opens it again."
            )
        ]
    states: Counter[str] = Counter()
    for (_, state), n in counts.items():
        states[state] += n
    each = ", ".join(f"{states[state]:,} {state}" for state in STATES if states[state])
    return [Segment(f"{count(states.total(), 'run')}, newest first: {each}.")]


def count_days(days: float) -> str:
    """Say a number of days: "1 day", "30 days", "0.5 days"."""
    return count(int(days), "day") if days == int(days) else f"{days:g} days"


def filters() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Let the person choose a kind and a state; return the kinds and states to list."""
    with st.container(horizontal=True, gap="medium"):
        kind = st.segmented_control(
            "Kind",
            (ALL, *KINDS),
            default=ALL,
            required=True,
            format_func=lambda kind: KINDS.get(kind, "All"),
            key="runs_kind",
            persist_state="session",
            wrap=True,
        )
        state = st.segmented_control(
            "State",
            (ALL, *STATES),
            default=ALL,
            required=True,
            format_func=str.capitalize,
            key="runs_state",
            persist_state="session",
            wrap=True,
        )
    return (
        tuple(KINDS) if kind == ALL else (kind,),
        STATES if state == ALL else (state,),
    )


def line(run: RunRow) -> live.View:
    """Draw one run: what it is of, where it stands, and what can be done with it."""
    status = _status(run.id) if run.state in LIVE else None
    with st.container(border=True, key=f"run_{run.id}", gap="xsmall"):
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left:
            st.markdown(
                f"**{KINDS.get(run.kind, 'Run')}** of **{text.plain(run.dataset)}** "
                f"({count(run.n, 'point')}, {count(run.d, 'column')}) · {_mixture(run)}"
            )
            st.caption(text.plain(facts(run, status)))
        with right.container(horizontal=True, horizontal_alignment="right"):
            actions(run, status)
        if status is not None and status.live:
            st.progress(status.fraction)
        elif said := run.headline or run.message:
            st.markdown(text.plain(said))
    return live.View(None, run.id, status)


def facts(run: RunRow, status: RunStatus | None) -> str:
    """Say in a few words where a run stands, how old it is and how long it took."""
    said = [run.state.capitalize()]
    if status is not None and status.live:
        if status.stage == "stopping":
            said = ["Stopping"]
        elif status.stage == "waiting":
            said = [in_line(status.position)]
        elif status.total:
            said = ["Running", f"{status.done:,} of {status.total:,}"]
            said += [f"{live.duration(status.remaining)} left"] if status.remaining else []
        else:
            said = ["Starting"]
    elif run.seconds is not None:
        how = "in" if run.state == "done" else "after"
        said = [f"{run.state.capitalize()} {how} {live.duration(run.seconds)}"]
    said += [age(run.created), run.engine, run.id[:8]]
    if run.id in st.session_state["runs"].values():
        said.append("open now")
    return " · ".join(said)


def actions(run: RunRow, status: RunStatus | None) -> None:
    """Draw Open, Link, and Cancel or Delete."""
    if st.button("Open", key=f"open_{run.id}"):
        session.go_to(run.id)
    if run.kind == "map" and run.state == "done":
        pins.button(run.id, f"pin_{run.id}")
    if service().store.keep_days and run.state not in LIVE:
        st.button(
            "Kept" if run.pinned else "Keep",
            key=f"keep_{run.id}",
            on_click=service().store.unpin if run.pinned else keep,
            args=(run.id, session.owner()),
            type="primary" if run.pinned else "secondary",
        )
    with st.popover("Link"):
        st.caption("Whoever opens this link sees this run.")
        address = header.link(run.id, session.PAGES[run.kind])
        st.code(address, language=None, wrap_lines=True)
    if status is not None and status.live:
        st.button(
            "Cancel",
            key=f"cancel_{run.id}",
            on_click=live.cancel,
            args=(run.id,),
            disabled=status.stage == "stopping",
        )
        return
    with st.popover("Delete"):
        st.write("Delete this run and its result? Its link will no longer open.")
        st.button(
            "Delete it", type="primary", key=f"delete_{run.id}", on_click=delete, args=(run.id,)
        )


def keep(run_id: str, owner: str) -> None:
    """Keep a run from expiring, unless it has just gone."""
    try:
        service().store.pin(run_id, owner)
    except ValueError as error:
        st.session_state["link_error"] = str(error)


def delete(run_id: str) -> None:
    """Take a run off the list, and out of this session."""
    service().delete(run_id, session.owner())
    state = st.session_state
    state["runs"] = {slot: known for slot, known in state["runs"].items() if known != run_id}


def page_start(n: int) -> int:
    """Return the number of the first run to show; the list may have become shorter."""
    last = max(0, (n - 1) // PER_PAGE) * PER_PAGE
    return min(st.session_state.get("runs_first", 0), last)


def pager(first: int, n: int) -> None:
    """Draw the way to newer and older runs, when they do not all fit on the page."""
    if n <= PER_PAGE:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, target, key in (
            ("Newer", first - PER_PAGE, "newer"),
            ("Older", first + PER_PAGE, "older"),
        ):
            st.button(
                label,
                key=f"runs_{key}",
                disabled=not 0 <= target < n,
                on_click=st.session_state.update,
                kwargs={"runs_first": target},
            )
        st.caption(f"{first + 1:,} to {min(first + PER_PAGE, n):,} of {n:,}")


def age(moment: datetime) -> str:
    """Say how long ago something was: "just now", "5 min ago", "3 days ago"."""
    seconds = (now() - moment).total_seconds()
    for size, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            n = int(seconds // size)
            return f"{count(n, unit) if unit == 'day' else f'{n} {unit}'} ago"
    return "just now"


def _mixture(run: RunRow) -> str:
    if run.kind == "compare":
        return text.plain(sweep_label(run.options))
    try:
        return text.plain(Mixture.model_validate(run.mixture).label)
    except ValueError:  # kept by a version that knew other mixtures
        return "a mixture of another version"


def _status(run_id: str) -> RunStatus | None:
    try:
        return service().status(run_id)
    except ValueError:  # deleted meanwhile
        return None


frame.require()
live.page(body)
