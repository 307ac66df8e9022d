"""What a page looks like before the first word of the app has come: with room for its menu.

Streamlit draws its page first, narrow, and a second later as wide as asked for, with the menu
beside it, which moves everything. The few rules that keep the room free stand in the page itself,
and so does the look of its parts (frame.css): sent as an element, it comes after some of those
that it gives their places, which jump then.
"""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Wider than 768 pixels the menu begins open, 300 pixels wide (Streamlit's theme: breakpoints.md,
# and the width a person gave it is kept by Streamlit under that name). A server in front that
# allows scripts by their hashes needs this one's, too: deploy/nginx.conf has it.
HEAD = b"""<style>
.stApp:not(.streamlit-wide) .stMainBlockContainer { max-width: none; }
@media (min-width: 769px) {
  .stAppViewContainer:not(:has(> .stSidebar)) > :has(> .stMain) {
    margin-left: var(--gmm-menu, 300px);
  }
}
</style>
<script>
try {
  const width = parseInt(localStorage.getItem("sidebarWidth"), 10);
  if (width) document.documentElement.style.setProperty("--gmm-menu", `${width}px`);
} catch {}
</script>
</head>"""
LOOK = Path(__file__).parents[1] / "frame.css"
# Of a request: what would be answered by less than the whole page, or by one that cannot be read.
_PARTIAL = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range", b"if-range"}


class FirstPaint:
    """Puts the rules into each HTML page: those for its beginning, and the look of its parts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on all that is no page."""
        accepted = Headers(scope=scope).get("accept", "") if scope["type"] == "http" else ""
        if not accepted.startswith("text/html") or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name not in _PARTIAL]
        start: Message | None = None
        body = b""

        async def tell(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    await _send_page(start, body, send)

        await self._app(scope | {"headers": headers, "extensions": {}}, receive, tell)


def _is_page(start: Message) -> bool:
    return MutableHeaders(scope=start).get("content-type", "").startswith("text/html")


async def _send_page(start: Message, body: bytes, send: Send) -> None:
    # Behind the styles that Streamlit adds to the head: of two rules the later one holds.
    look = b"<style>" + LOOK.read_bytes() + b"</style></body>"
    body = body.replace(b"</head>", HEAD, 1).replace(b"</body>", look, 1)
    headers = MutableHeaders(scope=start)
    headers["content-length"] = str(len(body))
    for name in ("etag", "last-modified", "accept-ranges"):
        del headers[name]
    await send(start)
    await send({"type": "http.response.body", "body": body})
