"""Points that are told apart by how they are drawn: components, or classes that a table has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.class_columns import ClassColumn
from gmm_core.figures import style

Array = NDArray[np.float64]

_SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon")
_LEGEND = 28  # pixels of a line of names above a figure
_LINE = 60  # characters that stand in it on a phone


class Group(NamedTuple):
    """Points that are drawn alike: what they are called, which they are [N], and their marker."""

    name: str
    members: NDArray[np.bool_]
    marker: Mapping[str, object]


def marker(
    k: int, size: float | Array, line: bool = False, n_components: int | None = None
) -> dict[str, object]:
    """How a point of component k is drawn; another shape where the palette begins again."""
    marker: dict[str, object] = {
        "color": style.component_style(k, n_components).colour,
        "symbol": _SHAPES[k // len(style.PALETTE) % len(_SHAPES)],
        "size": size,
        "opacity": 0.8,
    }
    if line:
        marker["line"] = {"color": style.BACKGROUND, "width": 1}
    return marker


def by_class(
    classes: ClassColumn, size: float, colours: Sequence[int] | None = None
) -> list[Group]:
    """Group points by class, those of unknown class first, so that they lie below.

    Parameters
    ----------
    colours : of the C classes, as numbers of components; by default 0, 1, ...
    """
    places = range(len(classes.names)) if colours is None else colours
    unknown = {"color": style.NOISE, "symbol": "circle-open", "size": size, "opacity": 0.6}
    groups = [Group("unknown", classes.member < 0, unknown)] + [
        Group(style.escape(name, 30), classes.member == c, marker(k, size))
        for c, (name, k) in enumerate(zip(classes.names, places, strict=True))
    ]
    return [group for group in groups if group.members.any()]


def in_words(classes: ClassColumn) -> str:
    """Say how many points are of each class."""
    counts = [f"{(classes.member == c).sum():,} {name}" for c, name in enumerate(classes.names)]
    unknown = int((classes.member < 0).sum())
    counts += [f"{unknown:,} unknown"] if unknown else []
    return f"by {classes.name}: {', '.join(counts)}"


def tell(fig: go.Figure, classes: ClassColumn, groups: Sequence[Group]) -> None:
    """Name the groups of classes above the axes, and count them in the text alternative.

    The figure grows by the height of the line of names, so that its axes keep theirs.
    """
    fig.layout.meta = {"alt": f"{fig.layout.meta['alt']} Coloured {in_words(classes)}."}
    seen: set[str] = set()
    names = {group.name for group in groups}
    for trace in fig.data:
        if trace.name in names:
            trace.update(legendgroup=trace.name, showlegend=trace.name not in seen)
            seen.add(trace.name)
        else:
            trace.showlegend = False
    lines = 1 + sum(len(group.name) + 5 for group in groups) // _LINE
    room = lines * _LEGEND
    fig.update_layout(
        showlegend=True,
        height=fig.layout.height + room,
        margin={"t": 44 + room},
        legend={"y": 1.0, "yanchor": "bottom", "itemsizing": "constant"},
    )
