"""plotly.js comes from this server, is kept for good by browsers, and is named early."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import Any

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from gmm_core.figures import plotly_internals
from pages.parts.platform import plotly_script


async def page(_: object) -> HTMLResponse:
    return HTMLResponse("<html></html>")


async def text(_: object) -> PlainTextResponse:
    return PlainTextResponse("ok")


APP = Starlette(
    routes=[*plotly_script.ROUTES, Route("/fit", page), Route("/health", text)],
    middleware=[Middleware(plotly_script.Preload)],
)


def get(path: str, encoding: str = "gzip") -> tuple[int, Headers, bytes]:
    """Status, headers and body that a browser gets."""
    messages: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    headers = [(b"accept-encoding", encoding.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    asyncio.run(APP(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in messages)
    return messages[0]["status"], Headers(raw=messages[0]["headers"]), body


@pytest.mark.parametrize("base", ["", "team/explorer"])
def test_script_is_that_of_the_package_and_is_kept(
    monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": base}.get)
    address = plotly_script.url()
    assert address.startswith(f"/{base}/plotly/" if base else "/plotly/")
    whole = plotly_internals.script().read_bytes()
    for encoding, unpack in {"gzip": gzip.decompress, "identity": bytes}.items():
        status, headers, body = get(address, encoding)
        assert status == 200
        assert headers["content-encoding"] == encoding
        assert "immutable" in headers["cache-control"]
        assert headers["content-type"].startswith("text/javascript")
        assert unpack(body) == whole


def test_another_version_of_the_script_is_not_there() -> None:
    assert get("/plotly/0123456789abcdef.js")[0] == 404


def test_pages_name_the_script_and_nothing_else_does() -> None:
    _, headers, _ = get("/fit")
    (address,) = re.findall(r"^<(\S+)>; rel=preload; as=script$", headers["link"])
    assert address == plotly_script.url()
    assert get(address)[0] == 200
    assert "link" not in get("/health")[1]
