"""The Runs page: every run, what it was of and what came of it, and the way back to it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import streamlit as st

from gmm_core.formatting import count
from gmm_core.jobs import RunStatus, service
from gmm_core.mixture import Mixture
from gmm_core.runs import kinds
from gmm_core.store import LIVE, MOST_NOTE, MOST_TITLE, RunRow, now
from gmm_core.words.jobs import in_line
from gmm_core.words.segments import Segment
from pages.parts import frame, header, links, pages, pins, session, text
from pages.parts.stream import live

PER_PAGE = 20
STATES = ("queued", "running", "done", "failed", "cancelled")
ALL = "all"


def body() -> list[live.View]:
    """Draw the page from top to bottom; it ticks while a run of the list is under way."""
    store, owner = service().store, session.owner()
    counts = store.run_counts(owner)
    header.show("runs", answer(counts))
    if not counts:
        if st.button("Go to Fit", key="to_fit"):
            st.switch_page(pages.entry("fit").script)
        return []
    if store.keep_days:
        st.caption(
            f"A run goes {count_days(store.keep_days)} after it was last asked for. Keep those "
            "that you want to stay."
        )
    pins.panel()
    names, states, search = filters()
    if search:
        counts = store.run_counts(owner, search=search)
    chosen = sum(n for (kind, state), n in counts.items() if kind in names and state in states)
    if not chosen:
        st.caption("No run is of this kind and state and has these words. Choose others above.")
    first = page_start(chosen)
    shown = store.runs(owner, states, kinds=names, search=search, limit=PER_PAGE, offset=first)
    marked(shown)
    views = [line(run) for run in shown]
    pager(first, chosen)
    return views


def answer(counts: dict[tuple[str, str], int]) -> list[Segment]:
    """Say how many runs there are and how they ended."""
    if not counts:
        return [
            Segment(
                "There is no run yet. Every fit, membership and posterior is listed "
                "here, with a link that opens it again."
            )
        ]
    states: Counter[str] = Counter()
    for (_, state), n in counts.items():
        states[state] += n
    counted = ", ".join(f"{states[state]:,} {state}" for state in STATES if states[state])
    return [Segment(f"{count(states.total(), 'run')}, newest first: {counted}.")]


def count_days(days: float) -> str:
    """Say a number of days: "1 day", "30 days", "0.5 days"."""
    return count(int(days), "day") if days == int(days) else f"{days:g} days"


def labels() -> dict[str, str]:
    """Name the kinds of run, in the order of the pages that show them."""
    order = [name for page in pages.PAGES for name in page.kinds]
    names = {kind.name: kind.label for kind in kinds.every()}
    return {name: names[name] for name in [*order, *(names.keys() - set(order))]}


def filters() -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Let the person choose a kind, a state and words; return what to list."""
    names = labels()
    with st.container(horizontal=True, gap="medium"):
        search = st.text_input(
            "Search",
            key="runs_search",
            persist_state="session",
            placeholder="name, note, data or result",
            width=260,
        )
        kind = st.segmented_control(
            "Kind",
            (ALL, *names),
            default=ALL,
            required=True,
            format_func=lambda kind: names.get(kind, "All"),
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
        tuple(names) if kind == ALL else (kind,),
        STATES if state == ALL else (state,),
        search.strip(),
    )


def marked(shown: list[RunRow]) -> None:
    """Draw what can be done with the runs that are marked."""
    ended = [run.id for run in shown if run.state not in LIVE]
    chosen = [run_id for run_id in ended if st.session_state.get(f"mark_{run_id}")]
    with st.container(horizontal=True, vertical_alignment="center", key="marked"):
        st.button(
            "Mark none" if chosen else "Mark all on this page",
            key="mark_all",
            on_click=mark,
            args=(ended, not chosen),
            disabled=not ended,
        )
        with st.popover("Delete the marked ones", disabled=not chosen):
            st.write(f"Delete {count(len(chosen), 'run')}? Their links will no longer open.")
            st.button(
                f"Delete {count(len(chosen), 'run')}",
                type="primary",
                key="delete_marked",
                on_click=lambda: [delete(run_id) for run_id in chosen],
            )


def mark(run_ids: list[str], on: bool) -> None:
    """Mark runs, or take their marks off."""
    for run_id in run_ids:
        st.session_state[f"mark_{run_id}"] = on


def line(run: RunRow) -> live.View:
    """Draw one run: what it is of, where it stands, and what can be done with it."""
    status = _status(run.id) if run.state in LIVE else None
    with st.container(border=True, key=f"run_{run.id}", gap="xsmall"):
        left, right = st.columns([1, 1], vertical_alignment="center")
        with left:
            if run.title:
                st.markdown(f"**{text.plain(run.title)}**")
            st.markdown(
                f"**{labels().get(run.kind, 'Run')}** of **{text.plain(run.dataset)}** "
                f"({count(run.n, 'point')}, {count(run.d, 'column')}) · {_mixture(run)}"
            )
            st.caption(text.plain(facts(run, status)))
            if run.note:
                st.markdown(text.plain(run.note))
        with right.container(horizontal=True, horizontal_alignment="right"):
            actions(run, status)
        if status is not None and status.live:
            st.progress(status.fraction)
        elif words := run.headline or run.message:
            st.markdown(text.plain(words))
    return live.View(None, run.id, status)


def facts(run: RunRow, status: RunStatus | None) -> str:
    """Say in a few words where a run stands, how old it is and how long it took."""
    words = [run.state.capitalize()]
    if status is not None and status.live:
        if status.stage == "stopping":
            words = ["Stopping"]
        elif status.stage == "waiting":
            words = [in_line(status.position)]
        elif status.total:
            words = ["Running", f"{status.done:,} of {status.total:,}"]
            words += [f"{live.duration(status.remaining)} left"] if status.remaining else []
        else:
            words = ["Starting"]
    elif run.seconds is not None:
        how = "in" if run.state == "done" else "after"
        words = [f"{run.state.capitalize()} {how} {live.duration(run.seconds)}"]
    words += [age(run.created), run.engine, run.id[:8]]
    if run.id in st.session_state["runs"].values():
        words.append("open now")
    return " · ".join(words)


def actions(run: RunRow, status: RunStatus | None) -> None:
    """Draw the mark, Open, Name, Link, and Cancel or Delete."""
    if run.state not in LIVE:
        st.checkbox(
            "Mark", key=f"mark_{run.id}", label_visibility="collapsed", persist_state="session"
        )
    if st.button("Open", key=f"open_{run.id}"):
        try:
            links.go_to(run.id)
        except ValueError as error:  # deleted meanwhile, or of a version that knows more
            st.warning(text.plain(text.sentence(error)))
    kind = _kind(run)
    if run.state == "done" and kind is not None and kind.compared:
        pins.button(run.id, f"pin_{run.id}")
    if service().store.keep_days and run.state not in LIVE:
        st.button(
            "Kept" if run.pinned else "Keep",
            key=f"keep_{run.id}",
            on_click=service().store.unpin if run.pinned else keep,
            args=(run.id, session.owner()),
            type="primary" if run.pinned else "secondary",
        )
    with st.popover("Name"):
        words(run)
    with st.popover("Link"):
        st.caption("Whoever opens this link sees this run.")
        address = header.link(run.id, pages.showing(run.kind).name)
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


def words(run: RunRow) -> None:
    """Let the person name a run, and note something about it."""
    title = st.text_input("Name", run.title, key=f"title_{run.id}", max_chars=MOST_TITLE)
    note = st.text_area("Note", run.note, key=f"note_{run.id}", max_chars=MOST_NOTE)
    st.caption("Only you see them.")
    if st.button("Save", key=f"save_{run.id}", type="primary"):
        service().store.describe(run.id, session.owner(), title, note)
        st.rerun()


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
    state["runs"] = {slot: run for slot, run in state["runs"].items() if run != run_id}


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


def _kind(run: RunRow) -> kinds.Kind | None:
    """Return the kind of a run; None when a version that knew others kept it."""
    return next((kind for kind in kinds.every() if kind.name == run.kind), None)


def _mixture(run: RunRow) -> str:
    mixtures = None if (kind := _kind(run)) is None else kind.mixtures
    if mixtures is not None:
        return text.plain(mixtures(run.options))
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
