"""What a command prints and writes: a table or JSON, progress on the way, a figure's file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmm_core.runs.progress import OnProgress, Progress

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from rich.console import Console

_WIDE = 200  # columns where the output is no terminal: a table in a file is not folded
PICTURES = (".html", ".png")


def table(words: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print an answer: its sentence, then its table."""
    from rich import box
    from rich.table import Table

    console = _console()
    console.print(words, markup=False, highlight=False, soft_wrap=not sys.stdout.isatty())
    if not rows:
        return
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(head):
        grid.add_column(_literal(name), justify="right" if number else "left")
    for row in rows:
        grid.add_row(*map(_literal, row))
    console.print(grid, highlight=False)


def as_json(body: Any) -> None:
    """Print plain values as JSON."""
    sys.stdout.write(json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def progress(label: str) -> Iterator[OnProgress]:
    """Show a bar of a run's progress where a person watches; else nothing."""
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TimeRemainingColumn

    console = Console(stderr=True)
    with Bars(
        *Bars.get_default_columns()[:-1],
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:
        bar = bars.add_task(_literal(label).plain, total=None)

        def report(now: Progress) -> None:
            bars.update(bar, completed=now.done, total=max(now.total, 1))

        yield report


def check_figure(path: Path) -> None:
    """Refuse a figure's file of another kind, before anything is computed.

    Raises
    ------
    ValueError
        When its name ends in neither .html nor .png, its folder is not there, or a picture is asked
        for and what draws it is not installed.
    """
    if path.suffix.lower() not in PICTURES:
        raise ValueError(
            f'--figure is "{path.name}", but a name that ends in {" or ".join(PICTURES)} was '
            "expected. Correct it."
        )
    if not path.resolve().parent.is_dir():
        raise ValueError(f'There is no folder "{path.parent}". Make it, or name another.')
    if path.suffix.lower() == ".png":
        try:
            import kaleido  # noqa: F401
        except ImportError as error:
            raise ValueError(
                "A PNG needs kaleido and a Chrome or Chromium: pip install kaleido. "
                "Or give a name that ends in .html."
            ) from error


def write_figure(fig: go.Figure, path: Path) -> None:
    """Write a figure as a page that opens offline, or as a picture of 2 pixels a point.

    Raises
    ------
    ValueError
        When the file cannot be written, or no browser draws the picture.
    """
    try:
        if path.suffix.lower() == ".html":
            fig.write_html(path, include_plotlyjs=True, full_html=True)
        else:
            fig.write_image(path, scale=2, width=fig.layout.width or 900)
    except OSError as error:
        raise ValueError(f'"{path}" cannot be written ({error.strerror or error}).') from error
    except RuntimeError as error:  # kaleido: no Chrome, or one that ends at once
        raise ValueError(
            "The picture could not be drawn: no Chrome or Chromium answered. Give a name that ends "
            "in .html."
        ) from error


def _console() -> Console:
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


def _literal(text: str) -> Any:
    """Return a text as it is: what people named is no markup."""
    from rich.text import Text

    return Text(str(text))
