"""Figures as the browser gets them, kept while they are in use.

To draw a finished run's figures takes most of a page's time, and each turn of any knob asks for
them again. Who shows a figure may say what it is a function of, and then it is drawn once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

# Plotly asks whether pandas is loaded, and takes it for loaded while another thread still does so.
import numpy as np
import pandas  # noqa: F401
import plotly.graph_objects as go
import plotly.io

from gmm_core.figures.style import alternative

_LONG = 50  # numbers
_SPREAD = 1e-2  # of the largest number: seven digits of it are then five of what is seen
_BYTES = 10 * 2**20  # of JSON: the pages of some twenty runs

# A figure, or one with the JSON of its frames.
Figure = go.Figure | tuple[go.Figure, str]


@dataclass(frozen=True, eq=False)
class Drawing:
    """What of a figure goes to the browser."""

    json: str
    alt: str
    height: int
    frames: str
    name: str = field(init=False)

    def __post_init__(self) -> None:
        content = f"{self.json}\n{self.frames}".encode()
        object.__setattr__(self, "name", hashlib.sha256(content).hexdigest()[:40])


_kept: OrderedDict[Hashable, Drawing] = OrderedDict()
_lock = threading.Lock()


def draw(figure: Figure) -> Drawing:
    """Write a figure down; `alt` is "" when it has no text alternative."""
    fig, frames = figure if isinstance(figure, tuple) else (figure, "")
    _lighten(fig)
    height = int(fig.layout.height or 320)
    return Drawing(plotly.io.to_json(fig, validate=False), alternative(fig), height, frames)


def _lighten(fig: go.Figure) -> None:
    """Halve long series of numbers, where what they lose is far below a pixel."""
    for trace in fig.data:
        for axis in ("x", "y", "z"):
            values = getattr(trace, axis, None)
            if not isinstance(values, np.ndarray) or values.dtype != np.float64:
                continue
            finite = values[np.isfinite(values)]
            if finite.size < _LONG:
                continue
            largest = float(np.abs(finite).max())
            if 1e-30 < largest < 1e30 and np.ptp(finite) > _SPREAD * largest:
                setattr(trace, axis, values.astype(np.float32))


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
