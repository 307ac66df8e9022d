"""The one way a figure reaches the page: drawn once, then updated in place.

`st.plotly_chart` builds a new chart whenever its data changes, and the person's zoom is gone.
This component keeps its node and lets Plotly change what differs, so a figure can stream. It
also carries the page's theme, the text alternative and the downloads to every figure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import streamlit as st

from pages.parts.platform import addresses, plotly_script
from pages.parts.stream import cache, drawings, figure_script
from pages.parts.stream.frames import PATH, FigureStream

_draw = st.components.v2.component(
    "gmm_figure",
    html='<div class="gmm-figure"></div>',
    js=figure_script.LOADER,
    # Plotly puts its rules into the head of the page, where a shadow root does not see them.
    isolate_styles=False,
)
# Height of the controls under a figure that can be played, in pixels; figure.css has it too.
_PLAYER = 44


def show(
    figure: cache.Figure | Callable[[], cache.Figure],
    key: str,
    on_click: Callable[[Any], None] | None = None,
    frames: str = "",
    of: Hashable = None,
    stream: FigureStream | None = None,
    bar: bool = True,
) -> None:
    """Draw `figure`, or update the figure that `key` drew before.

    Parameters
    ----------
    figure : needs `layout.meta["alt"]`, its text alternative; `style.figure` gives a figure
        that has one. `layout.height` is kept free from the first moment on. May be a function
        that makes it, or makes it with its frames.
    key : names the figure on its page; the same key is the same node in the browser.
    on_click : called with the clicked point's `customdata`, or where its trace has none with
        the trace's `meta`, before the page (inside a fragment: the fragment) runs again. Points
        with neither are not clickable. A figure is clicked with a pointer only: give a control
        that does the same beside it.
    frames : JSON of the frames that the browser plays back under buttons of its own, as
        `figures.trajectory.trajectory` gives it.
    of : all that the figure is a function of besides its key, such as a finished run's id; where
        it was shown before, for whomever, `figure` is not called again.
    bar : whether it has buttons for zoom, downloads and full screen.
    stream : brings further frames of it while its run is under way, as `live.show` has it.

    Raises
    ------
    ValueError
        When the figure has no text alternative.
    """
    make = figure if callable(figure) else lambda: (figure, frames)
    drawing = cache.draw(make()) if of is None else cache.once((key, of), make)
    if not drawing.alt:
        raise ValueError(
            f"Figure {key!r} has no text alternative. Set layout.meta = {{'alt': '...'}} to a "
            "sentence that says what it shows, or make it with style.figure(..., alt=...)."
        )

    def clicked() -> None:
        point = st.session_state[key].get("clicked")
        if on_click is not None and point is not None:
            on_click(point["customdata"])

    listening = {} if on_click is None else {"on_clicked_change": clicked}
    if stream is not None:
        # Nothing to do but to draw the page again, which happens anyway.
        listening["on_ended_change"] = lambda: None
    _draw(
        key=key,
        data={
            "drawing": drawings.hold(drawing),
            "drawings": addresses.address(f"{drawings.PATH}/"),
            "alt": drawing.alt,
            "name": key,
            "height": drawing.height,
            "script": figure_script.url(),
            "plotly": plotly_script.url(),
            "clickable": on_click is not None,
            "bar": bar,
            "stream": "" if stream is None else stream.token,
            "drawn": 0 if stream is None else stream.drawn,
            "streams": addresses.address(f"{PATH}/"),
        },
        height=drawing.height + (_PLAYER if drawing.frames else 0),
        **listening,
    )
