"""Settings that a session keeps: how their widgets are told what they hold.

A browser that loses its connection while a page is drawn takes the widgets that did not arrive for
gone, and forgets what they held. When they come again it begins at the widget's default and reports
that as the person's choice. So the default is always what the session holds. Each function returns
what a widget is called with, beside its label and its help.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st


def value(key: str, otherwise: Any = None, name: str = "value") -> dict[str, Any]:
    """Keep what is held as it is: toggles, texts; with `name` "default", pills and segments."""
    current = st.session_state.get(key, otherwise)
    return {"key": key, "persist_state": "session", name: current}


def number(key: str, low: float, high: float | None = None) -> dict[str, Any]:
    """Keep a number, or a pair of them, within bounds of its type."""
    current = st.session_state[key]
    pair = isinstance(current, tuple | list)
    within = tuple(_within(x, low, high) for x in (current if pair else [current]))
    return {
        **value(key),
        "min_value": low,
        "max_value": high,
        "value": within if pair else within[0],
    }


def choice(key: str, options: Sequence[Any]) -> dict[str, Any]:
    """Keep one of some options."""
    listed = list(options)
    current = st.session_state[key]
    return {
        "key": key,
        "persist_state": "session",
        "options": listed,
        "index": listed.index(current) if current in listed else 0,
    }


def _within(typed: float | None, low: float, high: float | None) -> float | None:
    # A run from elsewhere may have used what this widget does not offer.
    if typed is None:
        return None
    bounded = max(typed, low) if high is None else min(max(typed, low), high)
    return type(low)(bounded)
