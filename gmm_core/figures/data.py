"""The data itself, before anything is fitted: one column, two, or a few against each other.

A browser draws every point as a node of its own, so large data is drawn as a random sample, and
the title says so; histograms always count every point.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from gmm_core.data.class_columns import ClassColumn
from gmm_core.data.dataset import Dataset
from gmm_core.figures import style
from gmm_core.figures.bars import draw_bars, draw_shares, histogram_of, middles, once, shares
from gmm_core.figures.counts import counted, of_sample
from gmm_core.figures.groups import Group, by_class, tell
from gmm_core.formatting import number
from gmm_core.partitions.opened import counts_of

Array = NDArray[np.float64]

SCATTER = 2000
"""Points of one scatter that a browser without a GPU draws without stutter."""

MATRIX_COLUMNS = 5
"""Columns of a scatter matrix: with more, a panel is too small to show anything."""

RUG = 200
"""Points that still can be told apart as ticks under a histogram."""

_MATRIX_POINTS = 6000  # in all panels together


def preview(
    dataset: Dataset,
    columns: Sequence[int] | None = None,
    height: int = 340,
    classes: ClassColumn | None = None,
) -> go.Figure:
    """Draw one column as a histogram, two as a scatter, three to five as a scatter matrix.

    Of data whose rows stay in partitions it draws how all of them lie along the first two of them.

    Parameters
    ----------
    dataset : N points in D columns.
    columns : which of them, counted from 0; the first ones that fit when None.
    height : of a histogram or a scatter, in pixels; a matrix is higher.
    classes : what points and bars are coloured by.

    Raises
    ------
    ValueError
        When there is no such column, none is given, or more than five.
    """
    D = dataset.values.shape[1]
    if dataset.whole is not None:
        counts = counts_of(dataset, tuple(columns or range(D))[:2])
        if counts is not None:
            return counted(counts, height=height)
    chosen = list(range(min(D, MATRIX_COLUMNS))) if columns is None else list(columns)
    groups = [] if classes is None else by_class(classes, 7 if len(chosen) <= 2 else 4)
    if len(chosen) == 1:
        fig = histogram(dataset, chosen[0], height, groups)
    elif len(chosen) == 2:
        fig = scatter(dataset, chosen, height, groups)
    else:
        fig = matrix(dataset, chosen, groups)
    if classes is not None:
        tell(fig, classes, groups)
    return of_sample(fig, dataset)


def histogram(
    dataset: Dataset, column: int = 0, height: int = 340, groups: Sequence[Group] = ()
) -> go.Figure:
    """Draw the distribution of one column: a histogram, and a tick for each point if they are few.

    Parameters
    ----------
    dataset : N points in D columns.
    column : which of them, counted from 0.
    height : pixels.
    groups : whose shares of each bar stand on each other; by default bars are one.

    Raises
    ------
    ValueError
        When there is no such column.
    """
    x, name = _column(dataset, column)
    counts, edges = histogram_of(dataset, column)
    fig = style.figure(
        f"How {name} is distributed",
        name,
        "points per bar",
        alt=f"Histogram of {len(dataset.seen(column)):,} values of {name}: {_range(x)}, most "
        f"around {number(middles(edges)[int(np.argmax(counts))])}.",
        height=height,
    )
    everything = Group("points", np.ones(len(x), dtype=bool), {"color": style.INK})
    for group in groups or [everything]:
        if groups:
            share = shares(dataset, column, group.members, edges)
            draw_shares(fig, share, edges, group.name, str(group.marker["color"]))
        else:
            draw_bars(fig, counts, edges)
        if len(x) <= RUG:
            its_own = x[group.members]
            fig.add_scatter(
                x=its_own,
                # Below the bars, where a tick hides nothing.
                y=np.full(len(its_own), -0.05 * counts.max()),
                mode="markers",
                marker={
                    "symbol": "line-ns",
                    "size": 11,
                    "line": {"width": 1.5, "color": style.fade(str(group.marker["color"]), 0.6)},
                },
                name=group.name,
                hovertemplate="%{x}<extra></extra>",
                cliponaxis=False,
            )
    fig.update_yaxes(range=[-0.1 * counts.max() if len(x) <= RUG else 0, 1.08 * counts.max()])
    if counts.max() < 6:  # no half points on the axis
        fig.update_yaxes(dtick=1)
    return fig


def scatter(
    dataset: Dataset,
    columns: Sequence[int] = (0, 1),
    height: int = 380,
    groups: Sequence[Group] = (),
) -> go.Figure:
    """Draw two columns against each other; of more than 2,000 points, a random sample.

    Parameters
    ----------
    dataset : N points in D columns.
    columns : two of them, counted from 0.
    height : pixels.
    groups : what is told apart by its markers; by default nothing.

    Raises
    ------
    ValueError
        When there is no such column, or they are not two.
    """
    if len(columns) != 2:
        raise ValueError(f"A scatter needs two columns, but {len(columns)} came. Choose two.")
    (x, x_name), (y, y_name) = (_column(dataset, column) for column in columns)
    N = len(x)
    rows = _sample(N, SCATTER)
    fig = style.figure(
        f"{x_name} and {y_name}{_counted(N, len(rows))}",
        x_name,
        y_name,
        alt=f"{y_name} over {x_name} for {len(rows):,} of {N:,} points: "
        f"{x_name} {_range(x)}, {y_name} {_range(y)}{_correlation(dataset, columns)}.",
        height=height,
    )
    everything = Group("points", np.ones(N, dtype=bool), _marker(len(rows), 7))
    for group in groups or [everything]:
        its_rows = rows[group.members[rows]]
        fig.add_scatter(
            x=x[its_rows],
            y=y[its_rows],
            mode="markers",
            marker=group.marker,
            name=group.name,
            hovertemplate=f"{x_name} %{{x}}<br>{y_name} %{{y}}"
            f"<extra>{group.name if groups else ''}</extra>",
        )
    return fig


def matrix(
    dataset: Dataset, columns: Sequence[int] | None = None, groups: Sequence[Group] = ()
) -> go.Figure:
    """Draw every pair of two to five columns, with their histograms on the diagonal.

    Parameters
    ----------
    dataset : N points in D columns.
    columns : which of them, counted from 0; by default the first five.
    groups : what is told apart by its markers; by default nothing.

    Raises
    ------
    ValueError
        When there is no such column, or they are not two to five.
    """
    D = dataset.values.shape[1]
    chosen = list(range(min(D, MATRIX_COLUMNS))) if columns is None else list(columns)
    M = len(chosen)
    if not 2 <= M <= MATRIX_COLUMNS:
        raise ValueError(
            f"A scatter matrix shows 2 to {MATRIX_COLUMNS} columns, but {M} came. "
            "Choose some of them."
        )
    data = [_column(dataset, column) for column in chosen]
    N = len(dataset.values)
    rows = _sample(N, min(SCATTER, _MATRIX_POINTS * 2 // (M * (M - 1))))
    names = ", ".join(name for _, name in data)
    everything = Group("", np.ones(N, dtype=bool), _marker(len(rows), 4))
    series = [(g, rows[g.members[rows]]) for g in groups or [everything]]
    fig = style.figure(
        f"Every pair of {M} columns{_counted(N, len(rows))}",
        "",
        "",
        alt=f"Scatter plots of each pair of {names} for {len(rows):,} of {N:,} points, and a "
        "histogram of each: "
        + "; ".join(f"{name} {_range(x)}" for x, name in data)
        + ". Pairs: "
        + "; ".join(
            f"{data[i][1]} and {data[j][1]}{_correlation(dataset, (chosen[i], chosen[j]))}"
            for i in range(M)
            for j in range(i)
        )
        + ".",
        height=120 * M + 80,
    )
    grid = make_subplots(
        M,
        M,
        specs=[[{} if j <= i else None for j in range(M)] for i in range(M)],
        shared_xaxes="columns",
        horizontal_spacing=0.03,
        vertical_spacing=0.03,
    )
    layout = fig.layout.to_plotly_json()
    for axis in ("xaxis", "yaxis"):  # the subplots bring their own
        layout.pop(axis, None)
    fig = grid.update_layout(layout)
    for i in range(M):
        for j in range(i + 1):
            place = {"row": i + 1, "col": j + 1}
            if i == j:
                counts, edges = histogram_of(dataset, chosen[i], most=40)
                draw_bars(fig, counts, edges, **place)
                fig.update_yaxes(showticklabels=False, showgrid=False, **place)
                continue
            where = f"{data[j][1]} %{{x}}<br>{data[i][1]} %{{y}}"
            for group, its_rows in series:
                fig.add_scatter(
                    x=data[j][0][its_rows],
                    y=data[i][0][its_rows],
                    mode="markers",
                    marker=group.marker,
                    name=group.name,
                    hovertemplate=f"{where}<extra>{group.name}</extra>",
                    **place,
                )
            if j == 0:
                fig.update_yaxes(title_text=_short(data[i][1]), nticks=4, **place)
            else:
                fig.update_yaxes(showticklabels=False, matches=f"y{_axis(i, 0)}", **place)
    for j in range(M):
        for i in range(j, M):
            fig.update_xaxes(
                showticklabels=i == M - 1,
                ticks="outside" if i == M - 1 else "",
                row=i + 1,
                col=j + 1,
            )
        # Names stand side by side: on a phone there are some 50 letters for all of them.
        title = _short(data[j][1], max(6, 48 // M))
        fig.update_xaxes(title_text=title, nticks=4 if M < 5 else 3, row=M, col=j + 1)
    return fig


def spark(dataset: Dataset, height: int = 40) -> go.Figure:
    """Draw the first column as a tiny histogram without axes, for the margin of a page."""
    x, name = _column(dataset, 0)
    counts, edges = histogram_of(dataset, 0, most=48)
    fig = _bare(f"Small histogram of {name}: {_range(x)}.", height)
    draw_bars(fig, counts, edges)
    fig.update_traces(hoverinfo="skip", hovertemplate=None)
    fig.update_yaxes(range=[0, counts.max()])
    return fig


def thumbnail(dataset: Dataset, height: int = 72) -> go.Figure:
    """Draw the shape of the data, without axes: a histogram, or two columns against each other."""
    if dataset.values.shape[1] == 1:
        return spark(dataset, height)
    (x, x_name), (y, y_name) = _column(dataset, 0), _column(dataset, 1)
    rows = _sample(len(x), 300)
    fig = _bare(f"Small scatter of {x_name} and {y_name}{_correlation(dataset, (0, 1))}.", height)
    fig.add_scatter(
        x=x[rows], y=y[rows], mode="markers", marker=_marker(len(rows), 3), hoverinfo="skip"
    )
    return fig


def _column(dataset: Dataset, column: int) -> tuple[Array, str]:
    """Return a column [N] and its name, safe to draw."""
    D = dataset.values.shape[1]
    if not 0 <= column < D:
        raise ValueError(f"There is no column {column}: they count from 0 to {D - 1}. Choose one.")
    return dataset.values[:, column], style.escape(dataset.columns[column], 40)


def _bare(alt: str, height: int) -> go.Figure:
    fig = style.figure("", "", "", alt=alt, height=height)
    fig.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode=False)
    fig.update_xaxes(visible=False, fixedrange=True)
    fig.update_yaxes(visible=False, fixedrange=True)
    return fig


def _marker(n: int, size: int) -> dict[str, object]:
    """Dots that stay distinct where they lie over each other."""
    return {
        "size": size if n <= 500 else max(size - 2, 3),
        "color": style.fade(style.INK, 0.6 if n <= 500 else 0.4),
        "line": {"width": 0},
    }


def _sample(N: int, limit: int) -> NDArray[np.intp]:
    """Return rows of at most `limit` points, always the same ones of the same data."""
    if limit >= N:
        return np.arange(N)
    return np.sort(np.random.default_rng(0).choice(N, limit, replace=False))


def _counted(N: int, shown: int) -> str:
    return "" if shown == N else f" · a sample of {shown:,} of {N:,} points"


def _range(x: Array) -> str:
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    if low == high:
        return f"all equal to {number(low, 4)}"
    return f"from {number(low, 4)} to {number(high, 4)}"


def _correlation(dataset: Dataset, columns: Sequence[int]) -> str:
    """Say how two columns go together, when that can be said."""

    def make() -> float:
        with np.errstate(all="ignore"):
            pair = dataset.values[:, list(columns)]
            a, b = ((v - v.mean()) / v.std() for v in pair[~np.isnan(pair).any(axis=1)].T)
            return float((a * b).mean())

    r = once(dataset, ("correlation", *columns), make)
    return f", correlation {number(r, 2)}" if np.isfinite(r) else ""


def _short(name: str, letters: int = 16) -> str:
    """Shorten a name to fit beside a small panel; an entity counts as one character."""
    return style.escape(html.unescape(name), min(letters, 16))


def _axis(i: int, j: int) -> str:
    """Return the panel of panel (i, j) of a lower triangle, as Plotly counts its axes."""
    panel = i * (i + 1) // 2 + j + 1
    return "" if panel == 1 else str(panel)
