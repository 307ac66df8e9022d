"""Drawings on their way to browsers: asked for by name, packed, and only those that are looked at.

What Streamlit sends goes to the browser unpacked, and again whenever the page runs again. So a page
names its drawings only, by what they show, and a figure asks for its own when it comes into view.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from weakref import WeakValueDictionary

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response

from pages.parts.platform import addresses
from pages.parts.stream.cache import Drawing

PATH = "/drawings"
_STATE = "drawings"
_MOST = 60  # drawings of a session, with those that a browser may be late to ask for

# A session holds its drawings, and they end with it. Their names are as hard to guess as they are.
_held: WeakValueDictionary[str, Drawing] = WeakValueDictionary()


def hold(drawing: Drawing) -> str:
    """Keep a drawing for the browser of this session; return the name that it is asked for by."""
    drawings: OrderedDict[str, Drawing] = st.session_state.setdefault(_STATE, OrderedDict())
    drawings[drawing.name] = _held.setdefault(drawing.name, drawing)
    drawings.move_to_end(drawing.name)
    while len(drawings) > _MOST:
        drawings.popitem(last=False)
    return drawing.name


def packed(name: str) -> bytes | None:
    """Return a drawing's JSON, and after a line's end that of its frames; None when it is gone."""
    drawing = _held.get(name)
    if drawing is None:
        return None
    return gzip.compress(f"{drawing.json}\n{drawing.frames}".encode(), 5, mtime=0)


async def _answer(request: Request) -> Response:
    body = await asyncio.to_thread(packed, request.path_params["name"])
    if body is None:
        return Response("Not found", 404, {"Cache-Control": "no-store"})
    # Its name says what it shows: a browser that has it never asks again.
    headers = {
        "Cache-Control": "private, max-age=86400, immutable",
        "Content-Encoding": "gzip",
        "Vary": "Accept-Encoding",
    }
    return Response(body, headers=headers, media_type="text/plain; charset=utf-8")


ROUTES = addresses.routes(f"{PATH}/{{name}}", _answer)
