"""Figures of a run under way, sent to the browser without a run of the page for each frame.

To run a page costs the server several times what its figures do. So a page is drawn for its words,
every one to four seconds, and its browser asks for the frames in between, by a token that only it
was given.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gmm_core.jobs import RunStatus, service
from pages.parts import drawn

PATH = "/film"
_MOST = 16  # figures that one request may ask for
_LATELY = 5.0  # seconds
_LEFT = 60.0  # seconds
_STATE = "films"

# So many are drawn at once, beside the pages that have their turn.
_pool = ThreadPoolExecutor(2, thread_name_prefix="gmm-film")


@dataclass(eq=False)
class Film:
    """One figure of one session, as a function of where its run stands.

    page : tells its session from others.
    done : the units of work that were done when it was last drawn; a worker that dies takes some
        along.
    drawn : counts how often it was drawn, so that the browser knows the newest.
    asked : when a frame of it was last asked for, by `time.monotonic`.
    """

    run_id: str
    make: Callable[[RunStatus], drawn.Figure]
    page: int
    done: int
    drawn: int = 0
    asked: float = field(default_factory=time.monotonic)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))


# A session holds its films, and they end with it.
_films: WeakValueDictionary[str, Film] = WeakValueDictionary()


def follow(
    key: str, status: RunStatus | None, make: Callable[[RunStatus], drawn.Figure]
) -> Film | None:
    """Return the film of the figure that `key` names; None when its run is not under way.

    `make` is called outside of the page, and so asks nothing of the session.
    """
    films: dict[str, Film] = st.session_state.setdefault(_STATE, {})
    # Of a page that was left: nobody asks for them any more.
    left = time.monotonic() - _LEFT
    for other in [name for name, film in films.items() if film.asked < left]:
        del films[other]
    if status is None or not status.live:
        films.pop(key, None)
        return None
    known = films.get(key)
    if known is None or known.run_id != status.run_id:
        known = films[key] = Film(status.run_id, make, id(films), status.done)
        _films[known.token] = known
    known.make, known.done = make, status.done
    known.drawn += 1
    return known


def shows(run_id: str) -> bool:
    """Whether the session's browser follows a run by itself."""
    films: dict[str, Film] = st.session_state.get(_STATE, {})
    return any(film.run_id == run_id for film in films.values())


def pages() -> int:
    """Count the pages whose browsers ask for frames."""
    lately = time.monotonic() - _LATELY
    return len({film.page for film in list(_films.values()) if film.asked > lately})


def frames(tokens: Iterable[str]) -> dict[str, dict[str, Any] | None]:
    """Return what is new, by token: None for nothing, {} for a film that has ended."""
    standing: dict[str, RunStatus] = {}
    found: dict[str, dict[str, Any] | None] = {}
    for token in tokens:
        film = _films.get(token)
        if film is None:
            found[token] = {}
            continue
        film.asked = time.monotonic()
        if film.run_id not in standing:
            try:
                standing[film.run_id] = service().status(film.run_id)
            except ValueError:  # the page says it
                return found
        status = standing[film.run_id]
        if not status.live:
            found[token] = {}
        elif status.done == film.done:
            found[token] = None
        else:
            film.done = status.done
            film.drawn += 1
            drawing = drawn.draw(film.make(status))
            found[token] = {"figure": drawing.json, "alt": drawing.alt, "drawn": film.drawn}
    return found


async def _answer(request: Request) -> Response:
    tokens = request.path_params["tokens"].split(",")[:_MOST]
    found = await asyncio.get_running_loop().run_in_executor(_pool, frames, tokens)
    # Figures come several times a second: to pack them would cost more than to send them.
    said = {"Cache-Control": "no-store", "Content-Encoding": "identity"}
    return Response(json.dumps(found), headers=said, media_type="application/json")


# With a base path (server.baseUrlPath) before it, which Streamlit gives to its own routes only.
ROUTES = [Route(f"{base}{PATH}/{{tokens}}", _answer) for base in ("", "/{base:path}")]
