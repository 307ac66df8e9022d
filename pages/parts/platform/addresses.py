"""Addresses of the server's own beside those of Streamlit, also below a base path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def address(path: str) -> str:
    """Return where a browser finds a path of this server."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path


def routes(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> list[Route]:
    """Serve a path, also with a base path before it, which Streamlit gives to its own only."""
    return [Route(f"{base}{path}", endpoint) for base in ("", "/{base:path}")]
