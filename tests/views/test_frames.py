"""The frames of a run under way, which the browser brings between two runs of its page."""

from __future__ import annotations

import json

import pytest
from processes import until

from pages.parts.stream import frames

LONG = {"map.engine": "pyro", "map.choose": "initial", "map.steps": 15_003}


@pytest.fixture
def running(view, service):
    """The Fit page with a run under way that has drawn, and that run's id."""
    app = view("fit", **LONG)
    app.button("start_map").click().run()
    run_id = app.session_state["runs"]["map"]
    until(lambda: service.status(run_id).done)
    app.run()
    yield app, run_id
    service.cancel(run_id)
    service.wait(run_id)


def streams(app) -> dict[str, frames.FigureStream]:
    return app.session_state[frames._STATE]


def test_frames_go_on_while_the_page_stands_still(running):
    app, _ = running
    followed = streams(app)
    assert set(followed) == {"density", "loss", "gradient"}
    tokens = {key: one.token for key, one in followed.items()}
    before = {key: one.drawn for key, one in followed.items()}
    latest: dict[str, dict] = {}

    def brought() -> bool:
        latest.update({t: new for t, new in frames.frames(tokens.values()).items() if new})
        return len(latest) == len(tokens)

    until(brought)
    for key, token in tokens.items():
        assert latest[token]["drawn"] > before[key]
        assert latest[token]["alt"]
    curve = json.loads(latest[tokens["loss"]]["figure"])
    assert curve["layout"]["meta"]["alt"] == latest[tokens["loss"]]["alt"]
    # Nothing is drawn twice.
    at_once = {key: one.drawn for key, one in followed.items()}
    again = frames.frames(tokens.values())
    for key, token in tokens.items():
        assert again[token] is None or again[token]["drawn"] > at_once[key]


def test_a_run_that_begins_anew_is_drawn_anew(running):
    app, _ = running
    one = streams(app)["loss"]
    one.done = 10**9  # what a worker that died had done, and took along
    before = one.drawn
    assert frames.frames([one.token])[one.token]["drawn"] > before


def test_stream_of_frames_ends_with_its_run(running, service):
    app, run_id = running
    tokens = [one.token for one in streams(app).values()]
    service.cancel(run_id)
    service.wait(run_id)
    assert frames.frames(tokens) == {token: {} for token in tokens}
    app.run()
    assert streams(app) == {}
    # What is gone with its session says the same as what never was.
    assert frames.frames([*tokens, "guessed"]) == {token: {} for token in [*tokens, "guessed"]}


def test_every_session_has_streams_of_its_own(running, view):
    app, run_id = running
    other = view("fit", query={"run": run_id})
    tokens = {one.token for page in (app, other) for one in streams(page).values()}
    assert len(tokens) == 6
    frames.frames(tokens)
    assert frames.pages() >= 2
    assert len({one.page for page in (app, other) for one in streams(page).values()}) == 2


def test_streams_of_a_page_that_was_left_are_gone(running):
    app, run_id = running
    token = streams(app)["density"].token
    # Membership waits for the same run, and has no figure that would tell it the end.
    app.switch_page("pages/views/membership.py").run()
    assert app.session_state["runs"]["map"] == run_id
    assert not {"density", "loss", "gradient"} & set(streams(app))
    assert frames.frames([token]) == {token: {}}
