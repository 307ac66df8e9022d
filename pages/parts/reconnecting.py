"""A browser that comes back hears only of what it asks for then.

A connection that breaks while a page is drawn stops the drawing, and that the page is finished
waits in its session. Told to the browser as it comes back, it would take what was not drawn any
more for gone, and forget what the person had set there; what it forgot begins at its default again.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


class Reconnecting:
    """Drops what waits for a browser that comes back, until what it asks for begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on everything but that."""
        if not _comes_back(scope):
            await self._app(scope, receive, send)
            return
        asked: bool | None = None  # None for nothing yet; then whether for the whole page
        begun = False

        async def hear() -> Message:
            nonlocal asked, begun
            message = await receive()
            if asked is None and not begun and message["type"] == "websocket.receive":
                asked = _whole(message.get("bytes") or b"")
                # Anything else than a page, such as a place to upload to, is answered at once.
                begun = asked is None
            return message

        async def tell(message: Message) -> None:
            nonlocal begun
            if not begun and message["type"] == "websocket.send":
                begun = asked is not None and asked == _begins(message["bytes"])
                if not begun:
                    return
            await send(message)

        await self._app(scope, hear, tell)


def _comes_back(scope: Scope) -> bool:
    """Whether a request is a browser's that had a session before.

    Streamlit's browser side names the session as the third of the subprotocols.
    """
    if scope["type"] != "websocket":
        return False
    offered = b",".join(v for k, v in scope["headers"] if k == b"sec-websocket-protocol")
    return any(part.strip() for part in offered.split(b",")[2:3])


def _whole(request: bytes) -> bool | None:
    """Whether a browser's message asks for the whole page, or for a part; None for neither."""
    try:
        asked = BackMsg.FromString(request)
    except DecodeError:  # Streamlit answers it
        return None
    return not asked.rerun_script.fragment_id if asked.HasField("rerun_script") else None


def _begins(answer: bytes) -> bool | None:
    """Whether a message begins to draw the whole page, or a part; None for neither."""
    said = ForwardMsg.FromString(answer)
    return not said.metadata.run.fragment_ids if said.HasField("new_session") else None
