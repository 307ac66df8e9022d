"""A session is its browser's alone, and what is uploaded to it is within a budget.

Streamlit lets whoever names a session's id continue it, and upload to it; ids stand in addresses.
So each browser gets a random key in a cookie that no script reads, and a session answers only the
browser that began it. Uploads are taken for sessions that a page has let in, which is after the
sign-in where there is one.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.parts.platform import streamlit_internals

_COOKIE = "gmm_door"
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)$")
_SESSIONS = 10_000  # that are remembered
_EACH = 110 * 2**20  # bytes in one session: two files of the largest size
_ALL = 400 * 2**20

_keys: OrderedDict[str, str] = OrderedDict()  # session -> the key of its browser
_admitted: OrderedDict[str, None] = OrderedDict()
_files: OrderedDict[tuple[str, str], int] = OrderedDict()  # (session, file) -> bytes


def admit() -> None:
    """Let the session that draws a page upload from now on."""
    session = streamlit_internals.this_session()
    if session:
        _admitted[session] = None
        _shorten(_admitted)


class OwnSessions:
    """Gives each browser its key, and sees to it that sessions and uploads are its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what a browser may ask."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        match = _UPLOAD.search(scope["path"])
        if match and scope["method"] in ("PUT", "POST", "DELETE"):
            status, sentence = _upload(scope, key, *match.groups())
            if status:
                await PlainTextResponse(sentence, status)(scope, receive, send)
                return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and not key:
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    fresh = secrets.token_urlsafe(32)
                    safe = "; Secure" if scope.get("scheme") == "https" else ""
                    headers.append(
                        "Set-Cookie", f"{_COOKIE}={fresh}; Path=/; HttpOnly; SameSite=Lax{safe}"
                    )
            await send(message)

        await self._app(scope, receive, tell)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        session_id = streamlit_internals.session_asked_for(scope)
        if session_id and _keys.get(session_id, key) != key:
            scope = streamlit_internals.without_session(scope)
        named = False

        async def tell(message: Message) -> None:
            nonlocal named
            if message["type"] == "websocket.send" and not named:
                session = streamlit_internals.session_of(message.get("bytes") or b"")
                if session:
                    named = True
                    _keys[session] = key
                    _shorten(_keys)
            await send(message)

        await self._app(scope, receive, tell)


def _upload(scope: Scope, key: str, session: str, file: str) -> tuple[int, str]:
    """Return why an upload is not taken, and 0 when it is."""
    if session not in _admitted or _keys.get(session) != key:
        return 403, "This session takes no uploads. Load the page again.\n"
    if scope["method"] == "DELETE":
        _files.pop((session, file), None)
        return 0, ""
    length = Headers(scope=scope).get("content-length", "")
    if not length.isdigit():
        return 411, "The size of the file is to be said first.\n"
    size = int(length)
    while sum(s for (whose, _), s in _files.items() if whose == session) + size > _EACH:
        oldest = next((one for one in _files if one[0] == session), None)
        if oldest is None:
            return 413, "The file is too large.\n"
        _forget(oldest)
    while _files and sum(_files.values()) + size > _ALL:
        _forget(next(iter(_files)))
    _files[session, file] = size
    return 0, ""


def _forget(one: tuple[str, str]) -> None:
    del _files[one]
    streamlit_internals.forget_upload(*one)


def _key(scope: Scope) -> str:
    cookies = "; ".join(Headers(scope=scope).getlist("cookie"))
    cookie = cookie_parser(cookies).get(_COOKIE, "")
    return cookie if re.fullmatch(r"[A-Za-z0-9_-]{43}", cookie) else ""


def _shorten(entries: OrderedDict[str, Any]) -> None:
    while len(entries) > _SESSIONS:
        entries.popitem(last=False)
