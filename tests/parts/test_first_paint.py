"""A page keeps its menu's room from the first moment on; what is no page passes as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse
from starlette.routing import Route

from pages.parts.platform.first_paint import LOOK, FirstPaint


def app(tmp_path) -> Starlette:
    file = tmp_path / "index.html"
    file.write_text("<html><head><title>é</title></head><body></body></html>")

    async def page(_: object) -> FileResponse:
        return FileResponse(file)

    async def text(_: object) -> PlainTextResponse:
        return PlainTextResponse("</head>")

    async def bare(_: object) -> HTMLResponse:
        return HTMLResponse("<p>", 404)

    routes = [Route("/fit", page), Route("/health", text), Route("/none", bare)]
    return Starlette(routes=routes, middleware=[Middleware(FirstPaint)])


def get(served: Starlette, path: str, **headers: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body that a browser gets."""
    messages: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    pairs = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": pairs}
    scope["asgi"] = {"spec_version": "2.4"}
    asyncio.run(served(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in messages)
    return messages[0]["status"], Headers(raw=messages[0]["headers"]), body


def test_page_keeps_room_for_the_menu(tmp_path):
    served = app(tmp_path)
    status, headers, body = get(served, "/fit", accept="text/html,*/*")
    assert status == 200
    assert body.index(b"--gmm-menu") < body.index(b"</head>")
    # The look of all parts, behind what Streamlit adds to the head: it is there before they are.
    look = LOOK.read_bytes()
    assert look in body
    assert body.index(b"</head>") < body.index(look) < body.index(b"</body>")
    assert "<title>é</title>" in body.decode()
    assert int(headers["content-length"]) == len(body)
    # What a browser has kept under the file's own tag is not this page.
    assert "etag" not in headers
    tag = get(served, "/fit")[1]["etag"]
    assert get(served, "/fit", accept="text/html", if_none_match=tag)[2] == body
    assert get(served, "/fit", accept="text/html", range="bytes=0-9")[::2] == (200, body)


@pytest.mark.parametrize(("path", "accept"), [("/fit", "*/*"), ("/health", "text/html")])
def test_all_else_passes_as_it_is(tmp_path, path, accept):
    assert b"gmm-menu" not in get(app(tmp_path), path, accept=accept)[2]


def test_page_without_a_head_is_whole(tmp_path):
    status, headers, body = get(app(tmp_path), "/none", accept="text/html")
    assert (status, body, headers["content-length"]) == (404, b"<p>", "3")
