"""plotly.js for the browsers, from the installed package: a host may be offline.

Its address names its content, so a browser keeps it for good and asks again only for another one.
It is large, and nothing is seen without it: each page of the server tells the browser at once to
fetch it, beside Streamlit's own scripts instead of after them.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from functools import cache
from hashlib import sha256

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gmm_core.figures.plotly_internals import script
from pages.parts.platform import addresses

PATH = "/plotly"
_KEEP = "public, max-age=31536000, immutable"


@cache
def _name() -> str:
    return f"{sha256(script().read_bytes()).hexdigest()[:16]}.js"


@cache
def _packed() -> bytes:
    # Once: Streamlit's own middleware would pack it again for every browser.
    return gzip.compress(script().read_bytes(), 6, mtime=0)


def url() -> str:
    """Return the address that browsers load plotly.js from."""
    return addresses.address(f"{PATH}/{_name()}")


async def _answer(request: Request) -> Response:
    if request.path_params["name"] != await asyncio.to_thread(_name):
        return Response("Not found", 404)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "Cache-Control": _KEEP,
        "Content-Encoding": "gzip" if packed else "identity",
        "Vary": "Accept-Encoding",
    }
    body = await asyncio.to_thread(_packed if packed else script().read_bytes)
    return Response(body, headers=headers, media_type="text/javascript")


ROUTES = addresses.routes(f"{PATH}/{{name}}", _answer)


class Preload:
    """Names plotly.js in the head of each HTML page, so that a browser fetches it at once.

    more : another link that is named there.
    """

    def __init__(self, app: ASGIApp, more: Callable[[], str] | None = None) -> None:
        self._app = app
        self._more = more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    link = f"<{await asyncio.to_thread(url)}>; rel=preload; as=script"
                    headers.append("Link", link)
                    if self._more is not None:
                        headers.append("Link", self._more())
            await send(message)

        await self._app(scope, receive, tell)
