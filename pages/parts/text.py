"""Text on a page: what a person entered is shown as text, and an exception as a sentence."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

import streamlit as st

from gmm_core.figures import style
from gmm_core.mixture.refusals import Refused
from gmm_core.words import settings
from gmm_core.words.segments import NOISE, Segment

_WHOLE = re.compile(r"\bR-hat\b")  # names that no line may break at their hyphen
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@&])")


def plain(text: object) -> str:
    """Escape what a person entered, so that markdown shows it as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def sentence(error: Exception) -> str:
    """Turn an exception into a sentence: what came, what was expected, what to do."""
    if isinstance(error, Refused) and error.field in settings.NAMES:
        return f"{settings.NAMES[error.field]} {error.reason}"
    return str(error)


def answer(segments: Iterable[Segment], room: str = "") -> None:
    """Show the page's one sentence; what speaks of a component has its colour.

    `room` is the class that keeps the room of a long one, so that nothing moves as it comes.
    """
    parts = []
    for segment in segments:
        words = _WHOLE.sub(r'<span class="gmm-whole">\g<0></span>', html.escape(segment.text))
        if segment.component is not None:
            # The colour is a bar under the words, and the words stay in the text colour: some
            # of the palette is too light to be read.
            colour = _colour(segment.component)
            words = f'<b style="border-bottom: 3px solid {colour}">{words}</b>'
        parts.append(words)
    st.html(f'<p class="gmm-answer {room}">{"".join(parts)}</p>')


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    caption: str = "",
    words: Sequence[int] = (),
) -> None:
    """Show a small table as HTML that screen readers can read; numbers stand to the right.

    A cell may be a `Segment`: its component's colour stands before it as a dot. The columns
    numbered in `words` hold text, which stands to the left and wraps.
    """

    def kind(i: int) -> str:
        return ' class="gmm-words"' if i in words else ""

    def cell(value: object, i: int) -> str:
        dot = ""
        if isinstance(value, Segment):
            if value.component is not None:
                colour = _colour(value.component)
                dot = f'<span class="gmm-dot" style="background:{colour}"></span>'
            value = value.text
        tag = "td" if i else "th"
        scope = "" if i else ' scope="row"'
        return f"<{tag}{scope}{kind(i)}>{dot}{html.escape(str(value))}</{tag}>"

    head = "".join(
        f'<th scope="col"{kind(i)}>{html.escape(name)}</th>' for i, name in enumerate(columns)
    )
    body = "".join(
        "<tr>" + "".join(cell(value, i) for i, value in enumerate(row)) + "</tr>" for row in rows
    )
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    st.html(
        f'<div class="gmm-scroll" tabindex="0"><table class="gmm-table">{title}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _colour(component: int) -> str:
    return style.NOISE if component == NOISE else style.component_style(component).colour


def note(title: str, body: str, trap: bool = False) -> None:
    """Show an explanation beside a bar, red where it is of a `trap`."""
    kind = "gmm-note gmm-trap" if trap else "gmm-note"
    st.html(f'<div class="{kind}"><b>{html.escape(title)}</b> {html.escape(body)}</div>')
