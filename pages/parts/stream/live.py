"""A run on a page: submitted when its specification is new, followed while it runs.

`page` draws a page's body in one top-level fragment, which ticks only while a run of the page is
under way. In the body, `view` says where the run of a specification stands, and `status_line`
shows it, always at the same height, so that nothing moves when a run ends.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from gmm_core.inference.cost import estimate_seconds
from gmm_core.jobs import DatabaseAwayError, RunStatus, service
from gmm_core.runs.specification import Specification
from gmm_core.store import LIVE
from gmm_core.words.jobs import in_line
from pages.parts import away, frame, links, session, specifications, text
from pages.parts.stream import cache, figure, frames
from pages.parts.stream.throttle import throttle

TICK = 0.3  # seconds: three frames a second, as much as figures of this size redraw calmly
# Seconds, where the browser brings the figures' frames by itself: words can wait, but not for long.
STREAMED, PATIENT = 1.0, 4.0
LATER_BY = 0.1  # of the time that a run has gone on: what changes slowly is looked at less often
QUEUED = 1.0  # seconds: a place in the queue is no stream
AUTO = 15.0  # seconds: a longer run waits for its button
PASSING = 3.0  # seconds: who stays shorter with a run only passes it, as a slider moves
# A run that is expected to be this short is waited for so long, and the page changes once instead
# of thrice; until then it stays as it is. Workers that are warm take less than expected.
SHORT, BLINK = 1.5, 0.5  # seconds
_STATUS = 52  # pixels: a button, or a bar with its words
_LATE = 2.0  # seconds: a run that was thought to be short, and is not, is followed like any other


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
        # Streamlit keeps a place outside of a fragment for what each run of the script has put
        # there: also for one whose body does not come to its end.
        line = frame.mixture()
        try:
            with throttle.turn():
                with frames.drawing():
                    views = body()
                interval = _interval(views)
            frame.mixture(line)
        except (DatabaseAwayError, SQLAlchemyError) as error:
            away.say(error)
            interval = away.AGAIN
        if interval != st.session_state.get(key):
            st.session_state[key] = interval
            st.rerun()

    st.fragment(tick, run_every=st.session_state.get(key))()


def _interval(views: list[View]) -> float | None:
    """Return the seconds after which a page is drawn again; None when it shows nothing live."""
    live = [view.status for view in views if view.live and view.status is not None]
    # A short run's figures tell the page when it ends: to draw it in between would only cost time.
    if not live or all(_tells_its_end(view) for view in views if view.live):
        return None
    waiting = all(status.stage == "waiting" for status in live)
    if waiting:
        return throttle.slower * QUEUED
    stream = all(frames.shows(status.run_id) for status in live)
    shortest = STREAMED if stream else TICK
    # In steps, since a page begins anew when its interval changes.
    gone = min(status.elapsed or 0.0 for status in live)
    later = shortest * _step(LATER_BY * gone / shortest)
    if not stream:
        return max(throttle.slower * TICK, min(later, PATIENT))
    # Two such pages a second in all: what more of them would take, their figures need.
    crowded = _step(frames.pages() / 2)
    return min(max(throttle.slower * STREAMED, crowded, later), PATIENT)


def _step(times: float) -> float:
    """Return the power of two from 1 on that is next above."""
    return 2.0 ** math.ceil(math.log2(max(times, 1)))


def _tells_its_end(view: View) -> bool:
    return (
        view.spec is not None
        and view.status is not None
        and view.status.stage != "waiting"
        and (view.status.elapsed or 0.0) < _LATE
        and frames.shows(view.status.run_id)
        and estimate_seconds(view.spec) < SHORT
    )


def show(
    view: View,
    key: str,
    make: Callable[[View], cache.Figure],
    on_click: Callable[[Any], None] | None = None,
    of: Hashable = None,
) -> None:
    """Draw a figure of a run; while the run is under way, the browser follows it by itself.

    Parameters
    ----------
    make : draws the figure of where the run stands, and asks nothing of the session.
    key, on_click, of : as in `figure.show`.
    """
    # The stream outlives this run of the page: it holds nothing of what the run has found so far.
    bare = replace(view, status=None)
    stream = frames.follow(key, view.status, lambda status: make(replace(bare, status=status)))
    figure.show(lambda: make(view), key, on_click=on_click, of=of, stream=stream)


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
    pressed = st.session_state.pop(f"run {slot}", False)
    try:
        spec = make()
    except ValueError as error:
        return View(None, error=text.sentence(error))
    runs, run_id = st.session_state["runs"], links.stored_id(spec)
    status = _status(run_id)
    last = runs.get(slot)
    if status is None or status.state in ("failed", "cancelled"):
        # One that somebody stopped elsewhere, or a turn of a knob here, is as good as none: what
        # stays stopped is a run that this page shows, by its link or since it was stopped on it.
        stopped = status is not None and status.state == "cancelled" and last != run_id
        fresh = (status is None or stopped) and auto and estimate_seconds(spec) <= limit
        if not (pressed or fresh):
            result = service().result(run_id) if status else None
            if status:
                runs[slot] = run_id
            return View(spec, run_id if status else None, status, result, waiting=True)
        # Turning a knob replaces the run that the last turn started.
        if last and last != run_id and (before := _status(last)) and before.live:
            _replace(before)
        try:
            run_id = specifications.submit(spec)
        except DatabaseAwayError:
            raise
        except ValueError as error:  # too large here, or too many are waiting
            return View(spec, error=text.sentence(error))
        # Not on a session's first run: whoever comes sees the page at once.
        if (last or not link) and estimate_seconds(spec) < SHORT:
            with throttle.aside():
                service().wait(run_id, BLINK)
        status = _status(run_id)
        if fresh and link:
            st.session_state["came_by"] = run_id, time.monotonic()
    elif status.state == "done":
        links.note_visit(run_id)
    if last != run_id:
        _pass_by(last)
        runs[slot] = run_id
    if link and st.query_params.get("run") != run_id:
        st.session_state["opened"] = run_id
        st.query_params["run"] = run_id
    result = None if status is None or status.live else service().result(run_id)
    return View(spec, run_id, status, result)


def status_line(view: View, slot: str, label: str = "Run") -> None:
    """Show how far the run is, with Cancel while it runs and a button when it waits for one."""
    # Why a run failed may take many lines, which no height that is kept would show.
    failed = view.status is not None and view.status.state == "failed"
    height = "content" if failed else _STATUS
    with st.container(height=height, border=False, key=f"status_{slot}"):
        if view.error:
            return
        # The words take what the button leaves, which is whole in a narrow column too.
        line = st.container(horizontal=True, vertical_alignment="center")
        status = view.status
        if view.live and status is not None:
            line.progress(status.fraction, text=_words(status))
            if session.owner() in status.owners:
                line.button(
                    "Cancel",
                    key=f"cancel_{slot}",
                    on_click=cancel,
                    args=(view.run_id,),
                    width="content",
                )
            return
        if view.waiting and view.spec is not None:
            seconds = estimate_seconds(view.spec)
            words = "" if status is None else _words(status) + " "
            line.caption(f"{words}This run takes {about(seconds)}.")
            line.button(
                label,
                key=f"start_{slot}",
                type="primary",
                on_click=_ask,
                args=(slot,),
                width="content",
            )
            return
        if status is not None:
            line.caption(_words(status))


def _pass_by(run_id: str | None) -> None:
    """Leave a run out of the list that began by itself, and that the person was on only briefly."""
    began, since = st.session_state.get("came_by", ("", 0.0))
    if run_id and run_id == began and time.monotonic() - since < PASSING:
        service().store.pass_by(run_id, session.owner())


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
    except DatabaseAwayError:
        raise
    except ValueError:
        return None


def about(seconds: float | None) -> str:
    """Say an estimate of time in words: "about 12 s", "under 0.1 s"."""
    words = duration(seconds)
    return words if words.startswith("under") else f"about {words}"


def duration(seconds: float | None) -> str:
    """Say a time in words: "0.4 s", "12 s", "3 min"."""
    if seconds is None:
        return "–"
    if seconds < 0.1:
        return "under 0.1 s"
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
        if status.done >= status.total:
            return f"Finishing · {duration(status.elapsed)}"
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
