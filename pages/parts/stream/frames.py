"""Figures of a run under way, sent to the browser without a run of the page for each frame.

To run a page costs the server several times what its figures do. So a page is drawn for its words,
every one to four seconds, and its browser asks for the frames in between, by a token that only it
was given.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response

from gmm_core.jobs import RunStatus, service
from pages.parts.platform import addresses
from pages.parts.stream import cache

PATH = "/frames"
_MOST = 16  # figures that one request may ask for
_LATELY = 5.0  # seconds
_STATE, _SHOWN = "streams", "streams shown"

# So many are drawn at once, beside the pages that have their turn.
_pool = ThreadPoolExecutor(2, thread_name_prefix="gmm-stream")


@dataclass(eq=False)
class FigureStream:
    """One figure of one session, as a function of where its run stands.

    page : tells its session from others.
    done : the units of work that were done when it was last drawn; a worker that dies takes some
        along.
    drawn : counts how often it was drawn, so that the browser knows the newest.
    asked : when a frame of it was last asked for, by `time.monotonic`.
    """

    run_id: str
    make: Callable[[RunStatus], cache.Figure]
    page: int
    done: int
    drawn: int = 0
    asked: float = field(default_factory=time.monotonic)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))


# A session holds its streams, and they end with it.
_streams: WeakValueDictionary[str, FigureStream] = WeakValueDictionary()


@contextmanager
def drawing() -> Iterator[None]:
    """Keep, of the session's streams, those of the figures that are drawn in this block.

    The others are of a page that was left, where nobody asks for them any more.
    """
    st.session_state[_SHOWN] = set()
    yield
    streams = st.session_state.get(_STATE, {})
    for key in streams.keys() - st.session_state[_SHOWN]:
        del streams[key]


def follow(
    key: str, status: RunStatus | None, make: Callable[[RunStatus], cache.Figure]
) -> FigureStream | None:
    """Return the stream of the figure that `key` names; None when its run is not under way.

    `make` is called outside of the page, and so asks nothing of the session.
    """
    streams: dict[str, FigureStream] = st.session_state.setdefault(_STATE, {})
    if status is None or not status.live:
        streams.pop(key, None)
        return None
    stream = streams.get(key)
    if stream is None or stream.run_id != status.run_id:
        stream = streams[key] = FigureStream(status.run_id, make, id(streams), status.done)
        _streams[stream.token] = stream
    st.session_state[_SHOWN].add(key)
    stream.make, stream.done = make, status.done
    stream.drawn += 1
    return stream


def shows(run_id: str) -> bool:
    """Whether a figure of the page that was drawn last follows a run by itself."""
    streams: dict[str, FigureStream] = st.session_state.get(_STATE, {})
    return any(stream.run_id == run_id for stream in streams.values())


def pages() -> int:
    """Count the pages whose browsers ask for frames."""
    lately = time.monotonic() - _LATELY
    return len({stream.page for stream in list(_streams.values()) if stream.asked > lately})


def frames(tokens: Iterable[str]) -> dict[str, dict[str, Any] | None]:
    """Return what is new, by token: None for nothing, {} for a stream that has ended."""
    standing: dict[str, RunStatus] = {}
    answers: dict[str, dict[str, Any] | None] = {}
    for token in tokens:
        stream = _streams.get(token)
        if stream is None:
            answers[token] = {}
            continue
        stream.asked = time.monotonic()
        if stream.run_id not in standing:
            try:
                standing[stream.run_id] = service().status(stream.run_id)
            except ValueError:  # the page says it
                return answers
        status = standing[stream.run_id]
        if not status.live:
            answers[token] = {}
        elif status.done == stream.done:
            answers[token] = None
        else:
            stream.done = status.done
            stream.drawn += 1
            drawing = cache.draw(stream.make(status))
            answers[token] = {"figure": drawing.json, "alt": drawing.alt, "drawn": stream.drawn}
    return answers


async def _answer(request: Request) -> Response:
    tokens = request.path_params["tokens"].split(",")[:_MOST]
    body = await asyncio.get_running_loop().run_in_executor(_pool, _packed, tokens)
    headers = {"Cache-Control": "no-store", "Content-Encoding": "gzip"}
    return Response(body, headers=headers, media_type="application/json")


def _packed(tokens: Iterable[str]) -> bytes:
    # At the fastest level: figures come several times a second.
    return gzip.compress(json.dumps(frames(tokens)).encode(), 1, mtime=0)


ROUTES = addresses.routes(f"{PATH}/{{tokens}}", _answer)
