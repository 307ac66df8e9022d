"""A session answers its own browser alone, and takes uploads within a budget once it is let in."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import HTMLResponse
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from pages.parts.platform import own_sessions, streamlit_internals
from pages.parts.platform.own_sessions import OwnSessions

ANN, EVE = "gmm_door=" + "a" * 43, "gmm_door=" + "e" * 43


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    gone = []
    for registry in (own_sessions._keys, own_sessions._admitted, own_sessions._files):
        registry.clear()
    monkeypatch.setattr(streamlit_internals, "forget_upload", lambda *one: gone.append(one))
    return gone


def ask(kind, path="/", method="GET", session="s1", **headers):
    """What the server sees of a request, and what it answers."""
    seen, sent = [], []

    async def inside(scope, receive, send):
        seen.append(scope)
        if scope["type"] == "http":
            await HTMLResponse("page")(scope, receive, send)
        else:
            begun = ForwardMsg()
            begun.new_session.initialize.session_id = session
            await send({"type": "websocket.send", "bytes": begun.SerializeToString()})

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": kind, "path": path, "method": method, "headers": raw}
    asyncio.run(OwnSessions(inside)(scope, receive, send))
    return seen, sent


def protocols(session, **headers):
    (seen, _) = ask("websocket", sec_websocket_protocol=f"streamlit, x, {session}", **headers)
    return dict(seen[0]["headers"])[b"sec-websocket-protocol"]


def test_a_page_gives_each_browser_a_key_that_no_script_reads_and_once():
    _, sent = ask("http")
    (cookie,) = [v.decode() for k, v in sent[0]["headers"] if k == b"set-cookie"]
    assert cookie.startswith("gmm_door=")
    assert "HttpOnly; SameSite=Lax" in cookie
    _, sent = ask("http", cookie=ANN)
    assert b"set-cookie" not in dict(sent[0]["headers"])


def test_a_session_is_continued_by_its_own_browser_only():
    ask("websocket", cookie=ANN)
    assert protocols("s1", cookie=ANN) == b"streamlit, x, s1"
    assert protocols("s1", cookie=EVE) == b"streamlit, x"
    assert protocols("s1") == b"streamlit, x"


def put(session="s1", file="f", size=10, **headers):
    path = f"/base/_stcore/upload_file/{session}/{file}"
    _, sent = ask("http", path, "PUT", content_length=str(size), **headers)
    return sent[0]["status"]


def test_uploads_are_for_those_who_were_let_in():
    ask("websocket", cookie=ANN)
    assert put(cookie=ANN) == 403  # no page has been drawn: it may wait for a sign-in
    own_sessions._admitted["s1"] = None
    assert put(cookie=ANN) == 200
    assert put(cookie=EVE) == 403
    assert put("s2", cookie=ANN) == 403
    path = "/_stcore/upload_file/s1/f"
    assert ask("http", path, "PUT", cookie=ANN, transfer_encoding="chunked")[1][0]["status"] == 411


def test_the_oldest_uploads_go_when_there_are_too_many(fresh):
    for session in ("s1", "s2", "s3", "s4", "s5"):
        ask("websocket", session=session, cookie=ANN)
        own_sessions._admitted[session] = None
    size = 50 * 2**20
    for i in range(4):
        assert put(file=f"f{i}", size=size, cookie=ANN) == 200
    assert fresh == [("s1", "f0"), ("s1", "f1")]
    assert put(size=120 * 2**20, cookie=ANN) == 413
    for session in ("s2", "s3", "s4", "s5"):
        for i in range(2):
            assert put(session, f"f{i}", size, cookie=ANN) == 200
    assert sum(own_sessions._files.values()) <= own_sessions._ALL
