"""Parameters against each other: draws with contours, and where the sampler diverged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from gmm_core.figures import style
from gmm_core.figures.remarks import corner, widened
from gmm_core.posterior.summary import Named, central_range

Array = NDArray[np.float64]

LARGEST = 4  # parameters: six panels can still be read
_DOTS = 250  # draws of a panel; each is a node of the page
_MARKS = 150  # divergences of a panel
_BINS = 24
_SHOWN = 0.97  # of the draws; an empty component's loc follows its wide prior
_GAP = 0.025


def pairs(quantities: Sequence[Named], diverging: ArrayLike) -> go.Figure:
    """Draw each pair of parameters: contours of the draws' density, draws, divergences.

    Parameters
    ----------
    quantities : two to four parameters with their draws [C, S].
    diverging : [C, S], where the integrator lost the energy.
    """
    some = list(quantities)[:LARGEST]
    P = len(some)
    values = [np.ravel(quantity.draws) for quantity in some]
    bad = np.flatnonzero(np.ravel(np.asarray(diverging)))
    limits = [widened(central_range(v, _SHOWN)) for v in values]
    names = [style.escape(quantity.name, 24) for quantity in some]
    n = len(bad)
    alt = (
        f"{P * (P - 1) // 2} panels of {', '.join(names)} against each other over "
        f"{len(values[0]):,} draws; {n:,} divergent {'draw is' if n == 1 else 'draws are'} marked."
    )
    fig = style.figure("Parameters in pairs", "", "", alt=alt, height=200 + 150 * (P - 1))
    size = (1 - _GAP * (P - 2)) / (P - 1)
    for row in range(1, P):
        for column in range(row):
            number = (row - 1) * (P - 1) + column + 1
            tag = "" if number == 1 else str(number)
            _panel(
                fig,
                (values[column], values[row]),
                (limits[column], limits[row]),
                bad,
                tag,
                f"{names[column]} and {names[row]}",
            )
            left = column * (size + _GAP)
            bottom = 1 - row * size - (row - 1) * _GAP
            fig.update_layout(
                {
                    f"xaxis{tag}": {
                        "domain": [left, min(left + size, 1)],
                        "anchor": f"y{tag}",
                        "range": limits[column],
                        "nticks": 5,
                        "title": {"text": names[column] if row == P - 1 else ""},
                        "showticklabels": row == P - 1,
                    },
                    f"yaxis{tag}": {
                        "domain": [max(bottom, 0), min(bottom + size, 1)],
                        "anchor": f"x{tag}",
                        "range": limits[row],
                        "nticks": 5,
                        "showgrid": False,
                        "title": {"text": names[row] if column == 0 else ""},
                        "showticklabels": column == 0,
                    },
                }
            )
    divergences = f"✕ {n:,} divergent" if n else "no draw diverged"
    corner(fig, divergences, style.COLLAPSED if n else style.MUTED)
    return fig


def _panel(
    fig: go.Figure,
    pair: tuple[Array, Array],
    limits: tuple[tuple[float, float], tuple[float, float]],
    bad: NDArray[np.int64],
    tag: str,
    name: str,
) -> None:
    x, y = pair
    axes = {"xaxis": f"x{tag}", "yaxis": f"y{tag}"}
    dots = np.linspace(0, len(x) - 1, min(_DOTS, len(x))).astype(int)
    fig.add_scatter(
        x=x[dots],
        y=y[dots],
        mode="markers",
        marker={"size": 3, "color": style.fade(style.PALETTE[0], 0.35)},
        hoverinfo="skip",
        **axes,
    )
    counts, xs, ys = np.histogram2d(x, y, bins=_BINS, range=limits)
    fig.add_contour(
        x=(xs[1:] + xs[:-1]) / 2,
        y=(ys[1:] + ys[:-1]) / 2,
        z=np.log(_smooth(counts).T + 3).round(4),
        ncontours=7,
        contours={"coloring": "none"},
        line={"color": style.PALETTE[0], "width": 1},
        showscale=False,
        hovertemplate=f"%{{x:.4g}}, %{{y:.4g}}<extra>{name}</extra>",
        **axes,
    )
    if len(bad):
        marks = bad[np.linspace(0, len(bad) - 1, min(_MARKS, len(bad))).astype(int)]
        fig.add_scatter(
            x=x[marks],
            y=y[marks],
            mode="markers",
            marker={
                "symbol": "x-thin",
                "size": 7,
                "line": {"color": style.COLLAPSED, "width": 1.5},
            },
            hovertemplate="%{x:.4g}, %{y:.4g}<extra>divergent</extra>",
            **axes,
        )


def _smooth(counts: Array) -> Array:
    """Average counts over each cell and its neighbours, with weights 1 2 1 along both axes."""
    padded = np.pad(counts, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
