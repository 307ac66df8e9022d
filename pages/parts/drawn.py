"""Figures as the browser gets them, kept while they are in use.

To draw a finished run's figures takes most of a page's time, and each turn of any knob asks for
them again. Who shows a figure may say what it is a function of, and then it is drawn once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple

# Plotly asks whether pandas is loaded, and takes it for loaded while another thread still does so.
import pandas  # noqa: F401
import plotly.graph_objects as go
import plotly.io

from gmm_core.figures.style import alternative

_BYTES = 10 * 2**20  # of JSON: the pages of some twenty runs

# A figure, or one with the JSON of its frames.
Figure = go.Figure | tuple[go.Figure, str]


class Drawing(NamedTuple):
    """What of a figure goes to the browser."""

    json: str
    alt: str
    height: int
    frames: str


_kept: OrderedDict[Hashable, Drawing] = OrderedDict()
_lock = threading.Lock()


def draw(figure: Figure) -> Drawing:
    """Write a figure down; `alt` is "" when it has no text alternative."""
    fig, frames = figure if isinstance(figure, tuple) else (figure, "")
    height = int(fig.layout.height or 320)
    return Drawing(plotly.io.to_json(fig, validate=False), alternative(fig), height, frames)


def once(of: Hashable, make: Callable[[], Figure]) -> Drawing:
    """Return the drawing of `make()`, which is a function of `of` and drawn when it is not kept."""
    with _lock:
        if of in _kept:
            _kept.move_to_end(of)
            return _kept[of]
    drawing = draw(make())
    with _lock:
        _kept[of] = drawing
        while sum(len(d.json) + len(d.frames) for d in _kept.values()) > _BYTES:
            _kept.popitem(last=False)
    return drawing
