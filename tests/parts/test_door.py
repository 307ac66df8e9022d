"""Who is let in: this server's own names and addresses, and what its answers forbid."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest
import streamlit as st
from starlette.responses import PlainTextResponse

from pages.parts.platform.door import Door

NAMES = ["localhost", "127.0.0.1"]


@pytest.fixture(autouse=True)
def names():
    before = st.get_option("server.allowedHosts")
    st.config.set_option("server.allowedHosts", NAMES)
    yield
    st.config.set_option("server.allowedHosts", before)


async def inside(scope, receive, send):
    """What the door leads to: a page, and a stream that sends back what it hears."""
    if scope["type"] == "http":
        page = PlainTextResponse("secret", headers={"Referrer-Policy": "no-referrer"})
        await page(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    heard = await receive()
    if heard["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": heard["bytes"]})


def ask(kind, path="/page", *, heard=(), **headers):
    """All that the server sends to one request."""
    sent, waiting = [], iter(heard)

    async def receive():
        return next(waiting)

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind,
        "path": path,
        "method": "GET",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    asyncio.run(Door(inside)(scope, receive, send))
    return sent


def test_the_default_names_are_this_machines_own():
    config = tomllib.loads(Path(".streamlit/config.toml").read_text())
    assert config["server"]["allowedHosts"] == ["localhost", "127.0.0.1", "::1"]


@pytest.mark.parametrize("host", ["evil.example:8501", "127.0.0.1.evil.example", "", "a@b:1"])
def test_a_rebound_name_gets_nothing(host):
    start, body = ask("http", host=host)
    assert start["status"] == 403
    assert b"secret" not in body["body"]
    assert ask("http", "/health", host=host)[0]["status"] == 200


def test_no_site_may_frame_a_page_and_what_a_page_says_itself_holds():
    start, body = ask("http", host="localhost:8501")
    headers = dict(start["headers"])
    assert body["body"] == b"secret"
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"content-security-policy"] == b"frame-ancestors 'none'"
    assert headers[b"referrer-policy"] == b"no-referrer"


OPENS = [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": b"hello"}]


@pytest.mark.parametrize(
    ("origin", "host", "let_in"),
    [
        ("http://127.0.0.1:8501", "127.0.0.1:8501", True),
        ("https://team.example", "team.example", True),
        ("http://127.0.0.1:8888", "127.0.0.1:8501", False),
        ("http://localhost:8888", "127.0.0.1:8501", False),
        ("http://127.0.0.1:x", "127.0.0.1:8501", False),
    ],
)
def test_a_page_of_another_port_opens_no_session(origin, host, let_in):
    sent = ask("websocket", heard=OPENS, origin=origin, host=host)
    if let_in:
        assert sent[-1] == {"type": "websocket.send", "bytes": b"hello"}
    else:
        assert [message["type"] for message in sent] == ["websocket.close"]


def test_text_is_answered_by_closing():
    messages = [OPENS[0], {"type": "websocket.receive", "text": "hello"}]
    sent = ask("websocket", heard=messages, host="localhost")
    assert sent[-1] == {"type": "websocket.close", "code": 1003}
