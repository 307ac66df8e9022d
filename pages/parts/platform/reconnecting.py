"""A browser that comes back hears only of what it asks for then.

A connection that breaks while a page is drawn stops the drawing, and that the page is finished
waits in its session. Told to the browser as it comes back, it would take what was not drawn any
more for gone, and forget what the person had set there; what it forgot begins at its default again.

What answers a request need not be what was asked for: Streamlit draws the whole page where it was
asked for a fragment and for the page before it had begun with either. So every request counts, and
once there is one, a whole page that begins is an answer to any of them.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.parts.platform.streamlit_internals import begins, request, returning


class Reconnecting:
    """Drops what waits for a browser that comes back, until what it asks for begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on everything but that."""
        if not returning(scope):
            await self._app(scope, receive, send)
            return
        waiting = _Waiting()

        async def hear() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                waiting.hear(message.get("bytes") or b"")
            return message

        async def tell(message: Message) -> None:
            if message["type"] != "websocket.send" or waiting.passes(message.get("bytes") or b""):
                await send(message)

        await self._app(scope, hear, tell)


class _Waiting:
    """What a browser has asked for since it came back, and whether any of it has begun."""

    def __init__(self) -> None:
        self._requested = False
        self._fragments: set[str] = set()
        self._begun = False

    def hear(self, message: bytes) -> None:
        """Note what a browser's message asks for."""
        part = request(message)
        if part is None:
            # Anything else than a page, such as a place to upload to, is answered at once.
            self._begun = True
        else:
            self._requested = True
            self._fragments |= part.fragments

    def passes(self, message: bytes) -> bool:
        """Whether a server's message is for the browser."""
        if self._begun:
            return True
        try:
            part = begins(message)
        except ValueError:
            return True  # whatever it is, the browser is the one to judge it
        if part is not None and self._requested:
            self._begun = part.whole or bool(part.fragments & self._fragments)
        return self._begun
