"""Who may speak to this server, and what every answer of it tells a browser.

A page elsewhere can have a name of its own resolve to this machine ("rebinding"), or stand on
another port of it; to both the browser would give this server's answers. So the host that a
request names has to be one of this server's (`server.allowedHosts`), and the page that opens a
websocket has to be of this very address.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.parts.platform.streamlit_internals import is_host_allowed

# Asked by whoever keeps the server running, by the machine's own name for itself. They tell nothing
# of anybody.
_OPERATORS = ("/health", "/_stcore/health")
_HOME = {"localhost", "127.0.0.1", "::1"}
_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # A link to a run is what opens it: it is not told to other sites.
    "Referrer-Policy": "same-origin",
}
_WRONG_FRAME = 1003  # RFC 6455, section 7.4.1: data of a type that is not taken


class Door:
    """Refuses strangers, and sends the headers that keep a page from being framed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is meant for this server."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host")
        if scope["path"] not in _OPERATORS and not is_host_allowed(host):
            sentence = "This server is not known by that name (server.allowedHosts).\n"
            await PlainTextResponse(sentence, 403)(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, tell)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if _neighbour(headers.get("origin"), headers.get("host")):
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
            return

        async def hear() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and message.get("bytes") is None:
                # Streamlit speaks in bytes, and would write a traceback for each text.
                await send({"type": "websocket.close", "code": _WRONG_FRAME})
                return {"type": "websocket.disconnect", "code": _WRONG_FRAME}
            return message

        await self._app(scope, hear, send)


def _neighbour(origin: str | None, host: str | None) -> bool:
    """Whether a page of this machine, but of another port, asks; Streamlit would let it in."""
    if not origin:
        return False
    try:
        from_, to = urlsplit(origin), urlsplit(f"//{host}")
        return from_.hostname in _HOME and to.hostname in _HOME and from_.port != to.port
    except ValueError:
        return True
