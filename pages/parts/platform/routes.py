"""The server around the pages: starts what they stand on, and tells operators how it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gmm_core.serving.server import Answer, Serving
from pages.parts import run_json
from pages.parts.platform import plotly_script, streamlit_internals
from pages.parts.platform.door import Door
from pages.parts.platform.first_paint import FirstPaint
from pages.parts.platform.own_sessions import OwnSessions
from pages.parts.platform.reconnecting import Reconnecting
from pages.parts.stream import drawings, figure_script, frames

_serving = Serving(streamlit_internals.sessions)


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Serve from before the first visit until the server is told to end."""
    _serving.start()
    yield
    await asyncio.to_thread(_serving.stop)


async def _health(_: Request) -> Response:
    # In a thread: what is away may take seconds to show it.
    answer: Answer = await asyncio.to_thread(_serving.health)
    return Response(
        answer.body,
        answer.status,
        {"Cache-Control": "no-store"},
        media_type=answer.content_type,
    )


ROUTES = [
    Route("/health", _health),
    *figure_script.ROUTES,
    *drawings.ROUTES,
    *frames.ROUTES,
    *plotly_script.ROUTES,
    *run_json.ROUTES,
]
MIDDLEWARE = [
    Middleware(Door),
    Middleware(OwnSessions),
    Middleware(FirstPaint),
    Middleware(Reconnecting),
    Middleware(plotly_script.Preload, more=figure_script.link),
]
