"""The server around the pages: starts what they stand on, and tells operators how it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit import runtime

from gmm_core.serving import Answer, Serving
from pages.parts import film
from pages.parts.reconnecting import Reconnecting

_FAMILY = "active_sessions"


def _sessions() -> int:
    stats = runtime.get_instance().stats_mgr.get_stats(family_names=[_FAMILY])
    return sum(int(stat.value) for stat in stats.get(_FAMILY, ()))


_serving = Serving(_sessions)


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


ROUTES = [Route("/health", _health), *film.ROUTES]
MIDDLEWARE = [Middleware(Reconnecting)]
