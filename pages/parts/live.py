"""A run on a page: submitted when its specification is new, followed while it runs.

`page` draws a page's body in one top-level fragment, which ticks only while a run of the page is
under way. In the body, `view` says where the run of a specification stands, and `status_line`
shows it, always at the same height, so that nothing moves when a run ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from gmm_core.inference import estimate_seconds
from gmm_core.jobs import RunStatus, service
from gmm_core.specification import Specification
from gmm_core.store import LIVE
from gmm_core.words_jobs import in_line
from pages.parts import drawn, figure, film, session, text
from pages.parts.turns import turns

TICK = 0.3  # seconds: three frames a second, as much as figures of this size redraw calmly
# Seconds, where the browser brings the figures' frames by itself: words can wait, but not for long.
FILMED, PATIENT = 1.0, 4.0
QUEUED = 1.0  # seconds: a place in the queue is no film
AUTO = 15.0  # seconds: a longer run waits for its button
BLINK = 0.4  # seconds: a run this short is waited for, and the page changes once instead of thrice


@dataclass(frozen=True)
class View:
    """Where a page's run stands: its specification, status, result and what is wrong.

    `waiting` means that nothing was started, since the run would take long.
    """

    spec: Specification | None
    run_id: str | None = None
    status: RunStatus | None = None
    result: Any = None
    error: str = ""
    waiting: bool = False

    @property
    def live(self) -> bool:
        """Whether the run is queued or under way."""
        return self.status is not None and self.status.live


def page(body: Callable[[], list[View]]) -> None:
    """Draw `body`, again and again while one of the views it returns is live."""
    key = f"ticking {body.__module__}"

    def tick() -> None:
        with turns.turn():
            interval = _interval(body())
        if interval != st.session_state.get(key):
            st.session_state[key] = interval
            st.rerun()

    st.fragment(tick, run_every=st.session_state.get(key))()


def _interval(views: list[View]) -> float | None:
    """Return the seconds after which a page is drawn again; None when it shows nothing live."""
    live = [view.status for view in views if view.live and view.status is not None]
    if not live:
        return None
    waiting = all(status.stage == "waiting" for status in live)
    if waiting:
        return turns.slower * QUEUED
    filmed = all(film.shows(status.run_id) for status in live)
    if not filmed:
        return turns.slower * TICK
    # Two such pages a second in all: what more of them would take, their figures need. In steps,
    # since a page begins anew when its interval changes.
    crowded = 2.0 ** math.ceil(math.log2(max(film.pages() / 2, 1)))
    return min(max(turns.slower * FILMED, crowded), PATIENT)


def show(
    view: View,
    key: str,
    make: Callable[[View], drawn.Figure],
    on_click: Callable[[Any], None] | None = None,
    of: Hashable = None,
) -> None:
    """Draw a figure of a run; while the run is under way, the browser follows it by itself.

    Parameters
    ----------
    make : draws the figure of where the run stands, and asks nothing of the session.
    key, on_click, of : as in `figure.show`.
    """
    # The film outlives this run of the page: it holds nothing of what the run has found so far.
    bare = replace(view, status=None)
    frames = film.follow(key, view.status, lambda status: make(replace(bare, status=status)))
    figure.show(lambda: make(view), key, on_click=on_click, of=of, filmed=frames)


def view(
    slot: str,
    make: Callable[[], Specification],
    auto: bool = True,
    limit: float = AUTO,
    link: bool = True,
) -> View:
    """Return where the run of `make()` stands; submit it when it is new.

    Parameters
    ----------
    slot : names the run on its page, such as "map".
    make : builds the specification; its ValueError becomes the view's error.
    auto : start without a button when it takes less than `limit` seconds.
    limit : in seconds.
    link : put the run into the page's address.
    """
    asked = st.session_state.pop(f"run {slot}", False)
    try:
        spec = make()
    except ValueError as error:
        return View(None, error=text.sentence(error))
    runs, run_id = st.session_state["runs"], spec.id
    known = _status(run_id)
    last = runs.get(slot)
    if known is None or known.state in ("failed", "cancelled"):
        # One that somebody stopped elsewhere, or a turn of a knob here, is as good as none: what
        # stays stopped is a run that this page shows, by its link or since it was stopped on it.
        stopped = known is not None and known.state == "cancelled" and last != run_id
        fresh = (known is None or stopped) and auto and estimate_seconds(spec) <= limit
        if not (asked or fresh):
            result = service().result(run_id) if known else None
            if known:
                runs[slot] = run_id
            return View(spec, run_id if known else None, known, result, waiting=True)
        # Turning a knob replaces the run that the last turn started.
        if last and last != run_id and (before := _status(last)) and before.live:
            _replace(before)
        try:
            service().submit(spec, session.owner())
        except ValueError as error:  # too large here, or too many are waiting
            return View(spec, error=text.sentence(error))
        # Not on a session's first run: whoever comes sees the page at once.
        if (last or not link) and estimate_seconds(spec) < BLINK:
            with turns.aside():
                service().wait(run_id, BLINK)
        known = _status(run_id)
    if last != run_id:
        runs[slot] = run_id
    if link and st.query_params.get("run") != run_id:
        st.session_state["opened"] = run_id
        st.query_params["run"] = run_id
    result = None if known is None or known.live else service().result(run_id)
    return View(spec, run_id, known, result)


def status_line(view: View, slot: str, label: str = "Run") -> None:
    """Show how far the run is, with Cancel while it runs and a button when it waits for one."""
    with st.container(height=64, border=False, key=f"status_{slot}"):
        if view.error:
            return
        left, right = st.columns([4, 1], vertical_alignment="center")
        status = view.status
        if view.live and status is not None:
            left.progress(status.fraction, text=_words(status))
            if session.owner() in status.owners:
                right.button(
                    "Cancel",
                    key=f"cancel_{slot}",
                    on_click=cancel,
                    args=(view.run_id,),
                    width="stretch",
                )
            return
        if view.waiting and view.spec is not None:
            seconds = estimate_seconds(view.spec)
            said = "" if status is None else _words(status) + " "
            left.caption(f"{said}This run takes about {duration(seconds)}.")
            right.button(
                label,
                key=f"start_{slot}",
                type="primary",
                on_click=_ask,
                args=(slot,),
                width="stretch",
            )
            return
        if status is not None:
            left.caption(_words(status))


def _replace(before: RunStatus) -> None:
    """Stop a run that this person no longer wants; one of somebody else's goes on."""
    if session.owner() in before.owners:
        service().cancel(before.run_id, session.owner())


def cancel(run_id: str) -> None:
    """Stop a run, as a button does: it may have been left or given up meanwhile."""
    with suppress(ValueError):
        service().cancel(run_id, session.owner())


def _ask(slot: str) -> None:
    # Not which run: a setting that came with the click, or just before it, counts.
    st.session_state[f"run {slot}"] = True


def _status(run_id: str) -> RunStatus | None:
    try:
        return service().status(run_id)
    except ValueError:
        return None


def duration(seconds: float | None) -> str:
    """Say a time in words: "0.4 s", "12 s", "3 min"."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _words(status: RunStatus) -> str:
    if status.state in LIVE and status.message:
        return status.message
    if status.state == "queued":
        if status.stage == "waiting":
            return f"{in_line(status.position)}: this run starts when a worker is free."
        return _preparing(status)
    if status.state == "running":
        if not status.total:
            return _preparing(status)
        left = "" if status.remaining is None else f" · {duration(status.remaining)} left"
        return f"{status.done:,} of {status.total:,} · {duration(status.elapsed)}{left}"
    if status.state == "done":
        return f"Done in {duration(status.elapsed)}."
    if status.state == "cancelled":
        return f"Cancelled after {duration(status.elapsed)}."
    return status.message or "Failed."


def _preparing(status: RunStatus) -> str:
    # The first run of an installation compiles the kernel, which takes up to half a minute.
    slow = status.elapsed is not None and status.elapsed > 3
    return "Preparing the engine: the first start compiles it." if slow else "Starting."
