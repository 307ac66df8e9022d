"""Sweeps and pairs: a criterion over K for every covariance, EM's climb beside ours, two fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.comparison.criteria import CRITERIA
from gmm_core.comparison.sweep import Cell, ComparisonRow, best, canonical, distinct, known
from gmm_core.data.dataset import Dataset
from gmm_core.figures import density, style
from gmm_core.figures.in_table import in_table_units
from gmm_core.formatting import number
from gmm_core.mixture import Parameters, component_log_densities, log_density
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.matching import matched
from gmm_core.words.comparison import CRITERION, cell_name, components, form

Array = NDArray[np.float64]

HEIGHT = 440
_SYMBOLS = (
    "circle", "square", "diamond", "triangle-up", "star", "hexagon", "cross", "pentagon",
    "triangle-down", "hourglass", "bowtie", "triangle-left", "triangle-right", "star-square",
)  # fmt: skip
# Labels closer than this many pixels are pushed apart.
_LINE_HEIGHT = 17
_FEW = 6  # mixtures that the view is made for
_PLOT_HEIGHT = HEIGHT - 100  # about what title and axis leave of it


def criterion_over_k(
    rows: Sequence[ComparisonRow],
    n_components: Sequence[int],
    n_columns: int,
    criterion: str = "bic",
    whole: bool = False,
) -> go.Figure:
    """Draw a criterion over K, a line for each covariance, as mclust's BIC plot; up is better.

    Cells without an optimum are red crosses at the bottom. The `customdata` of each point are K,
    covariance and whether it is tied.

    Parameters
    ----------
    rows : of the finished cells, in any number.
    n_components : all K of the sweep, so that the axis is there from the first moment.
    n_columns : D; with a single column all forms of a covariance are one.
    whole : show all values. Otherwise the view is of the best few, with room around them, since
        a mixture that does not fit at all would squeeze together those that do.
    """
    name = CRITERION[criterion]
    downwards = not CRITERIA[criterion].larger_is_better
    rows = distinct(rows, n_columns)
    known_rows = known(rows, criterion)
    sound = [rows[i] for i in known_rows]
    unsound = [row for i, row in enumerate(rows) if i not in known_rows and not row.sound]
    values = np.array([getattr(row, criterion) for row in sound])
    edge, top = _view(values if not downwards else -values, whole)
    if downwards:
        edge, top = -edge, -top
    y_title = f"{name} (smaller is better, and drawn higher)" if downwards else name
    fig = style.figure(
        f"{name} of each covariance over K",
        "number of components K",
        y_title,
        alt=_alt(rows, n_columns, criterion),
        height=HEIGHT,
    )
    hidden, labels = [], []
    for i, (pair, family) in enumerate(FAMILIES.items()):
        # One component has nothing to share; its row stands under the first form that has it.
        alone = canonical(Cell(1, *pair), n_columns)
        line = [
            row for row in sound if row.cell[1:] == pair or canonical(row.cell, n_columns) == alone
        ]
        if not any(row.cell[1:] == pair for row in line):
            continue
        line.sort(key=lambda row: row.n_components)
        y = [getattr(row, criterion) for row in line]
        colour, reused = style.PALETTE[i % len(style.PALETTE)], i >= len(style.PALETTE)
        dash = ("dash" if reused else "dot") if family.own(n_columns) else "solid"
        label = form(*pair, n_columns)
        fig.add_scatter(
            x=[row.n_components for row in line],
            y=y,
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": dash},
            marker={"symbol": _SYMBOLS[i % len(_SYMBOLS)], "size": 9, "color": colour},
            name=label,
            customdata=[[row.n_components, row.covariance, row.tied] for row in line],
            text=[_hover(row, n_columns, criterion) for row in line],
            hovertemplate="%{text}<extra></extra>",
            error_y=_errors(line, criterion),
        )
        inside = [j for j, v in enumerate(y) if (v - edge) * (v - top) <= 0]
        if inside:
            last = inside[-1]
            labels.append((line[last].n_components, y[last], label, colour))
        else:
            hidden.append(label)
    _label_lines(fig, labels, edge, top)
    _mark_best(fig, sound, criterion, n_columns)
    _crosses(fig, unsound, n_columns, edge)
    if hidden:
        below = f"below: {'; '.join(hidden)}"
        style.label(fig, 0, 0, below, style.MUTED, xref="paper", yref="paper", dx=6, dy=24)
    K = sorted(n_components)
    step = max(1, round((K[-1] - K[0] + 1) / 12))
    fig.update_xaxes(range=[K[0] - 0.4, K[-1] + 0.4], tickvals=K[::step])
    fig.update_layout(margin_r=96 if n_columns > 1 else 60)  # where the lines' names stand
    fig.update_yaxes(range=[edge, top])
    if not rows:
        fig.update_yaxes(showticklabels=False)
    return fig


def _view(goodness: Array, whole: bool) -> tuple[float, float]:
    """Return the lower and upper edge of the view; larger is better here."""
    if not goodness.size:
        return 0.0, 1.0
    high = float(goodness.max())
    low = float(goodness.min())
    if not whole:
        # Twice as far as the best few reach, and never less than a difference that counts.
        few = np.sort(goodness)[-min(_FEW, -(-goodness.size // 2)) :]
        low = max(low, high - max(2 * (high - float(few[0])), 20.0))
    room = 0.12 * max(high - low, 1.0)
    return low - room, high + room


def _hover(row: ComparisonRow, n_columns: int, criterion: str) -> str:
    shown = dict.fromkeys((criterion, "bic", "aic", "icl"))  # each once, the one drawn first
    values = " · ".join(f"{CRITERION[name]} {getattr(row, name):,.2f}" for name in shown)
    return (
        f"<b>{cell_name(row.cell, n_columns)}</b><br>{values}<br>"
        f"log likelihood {row.log_likelihood:,.3f}, "
        f"{row.n_parameters} parameters<br>{row.agree} of {row.restarts} starts agree, "
        f"smallest component {row.smallest:.3g} points"
    )


def _errors(line: list[ComparisonRow], criterion: str) -> dict[str, Any] | None:
    """Two Monte Carlo standard errors of the log evidence on either side."""
    if criterion != "log_evidence":
        return None
    return {"array": [2 * row.evidence_error for row in line], "thickness": 1.2, "width": 4}


def _label_lines(
    fig: go.Figure, labels: list[tuple[int, float, str, str]], edge: float, top: float
) -> None:
    """Name each line at its last point, pushed apart where names would cover each other."""
    pixels = _PLOT_HEIGHT / (top - edge)
    free: dict[int, float] = {}
    for x, y, text, colour in sorted(labels, key=lambda item: (item[1] - edge) * pixels):
        at = (y - edge) * pixels
        place = max(at, free.get(x, -np.inf))
        free[x] = place + _LINE_HEIGHT
        style.label(fig, x, y, text, colour, dx=10, dy=place - at)


def _mark_best(fig: go.Figure, sound: list[ComparisonRow], criterion: str, n_columns: int) -> None:
    best_row = best(sound, criterion)
    if best_row is None:
        return
    row = sound[best_row]
    fig.add_scatter(
        x=[row.n_components],
        y=[getattr(row, criterion)],
        mode="markers",
        marker={"symbol": "circle-open", "size": 20, "color": style.INK, "line": {"width": 2}},
        hoverinfo="skip",
        name="best",
    )
    style.label(
        fig,
        row.n_components,
        getattr(row, criterion),
        f"<b>best: {cell_name(row.cell, n_columns)}</b>",
        anchor="center",
        dy=20,
    )


def _crosses(fig: go.Figure, unsound: list[ComparisonRow], n_columns: int, edge: float) -> None:
    """Draw the cells without an optimum at the bottom, side by side."""
    if not unsound:
        return
    families = {(row.covariance, row.tied) for row in unsound}
    order = [pair for pair in FAMILIES if pair in families]
    shift = {pair: 0.1 * (i - (len(order) - 1) / 2) for i, pair in enumerate(order)}
    fig.add_scatter(
        x=[row.n_components + shift[row.covariance, row.tied] for row in unsound],
        y=[edge] * len(unsound),
        mode="markers",
        marker={"symbol": "x", "size": 9, "color": style.COLLAPSED},
        name="no optimum",
        customdata=[[row.n_components, row.covariance, row.tied] for row in unsound],
        text=[
            f"<b>{cell_name(row.cell, n_columns)}</b>: {row.verdict}"
            + "".join(f"<br>{part}" for part in _wrapped(row.reason))
            for row in unsound
        ],
        hovertemplate="%{text}<extra></extra>",
        cliponaxis=False,
    )


def _wrapped(text: str, width: int = 60) -> list[str]:
    lines: list[str] = []
    for word in style.escape(text, 300).split(" "):
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [line for line in lines if line]


def _alt(rows: Sequence[ComparisonRow], n_columns: int, criterion: str) -> str:
    """Tell the best of each covariance, and how many cells have no optimum."""
    name = CRITERION[criterion]
    if not rows:
        return f"{name} over the number of components; no cell is finished yet."
    sentences = []
    for pair in FAMILIES:
        line = [row for row in rows if row.cell[1:] == pair]
        i = best(line, criterion)
        if i is not None:
            value = getattr(line[i], criterion)
            sentences.append(f"{cell_name(line[i].cell, n_columns)} at {value:,.1f}")
    n_unsound = sum(not row.sound for row in rows)
    text = f"{name} over the number of components. Best of each covariance: {'; '.join(sentences)}."
    i = best(rows, criterion)
    if i is not None:
        text += f" Best of all: {components(rows[i].cell, n_columns)}."
    return text + (f" {n_unsound} without an optimum." if n_unsound else "")


def climbs(steps: NDArray[np.int64], ours: Array, em: Array, prior: bool) -> go.Figure:
    """Draw the log likelihood along our way and along EM's, from the same start.

    Parameters
    ----------
    steps, ours : [M], our steps and the log likelihood there.
    em : [T + 1], after each iteration of EM; NaN where it has not been.
    prior : whether ours has priors, and so climbs something else.
    """
    em = em[np.isfinite(em)]
    alt = f"Ours ends at {ours[-1]:,.4f} after {int(steps[-1]):,} steps"
    if em.size:
        alt += f", EM at {em[-1]:,.4f} after {len(em) - 1:,} iterations"
    why = " Ours climbs the log joint, EM the likelihood alone." if prior else ""
    fig = style.figure(
        "Log likelihood: EM's climb beside ours",
        "step of Adam, or iteration of EM",
        "log likelihood",
        alt=f"{alt}.{why}",
        height=300,
    )
    curves = [("ours", steps, ours, style.PALETTE[0], "solid")]
    if em.size:
        curves.append(("EM", np.arange(len(em)), em, style.PALETTE[1], "dash"))
    for name, at, values, colour, dash in curves:
        x, y = style.thin(at, values)
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines+markers" if len(x) <= 30 else "lines",
            line={"color": colour, "width": 2, "dash": dash},
            name=name,
            hovertemplate="%{y:.5f} at %{x}<extra>" + name + "</extra>",
        )
    # Both climbs end high up, so there is room for their names at the bottom right.
    ends = [("ours", float(ours[-1]), style.PALETTE[0])]
    if em.size:
        ends.append(("EM", float(em[-1]), style.PALETTE[1]))
    for i, (name, value, colour) in enumerate(ends):
        alt = f"{name} ends at {number(value, 7)}"
        up = 34 - 18 * i
        style.label(fig, 1, 0, alt, colour, anchor="right", dy=up, xref="paper", yref="paper")
    return fig


def two_densities(
    dataset: Dataset,
    points: tuple[Parameters, Parameters],
    names: tuple[str, str],
    columns: Sequence[int] = (0,),
) -> go.Figure:
    """Draw two fits over the same data: the first solid, the second dashed, components matched.

    Parameters
    ----------
    points : two fits of the same columns; the components of the second are matched to the first.
    names : what the two are called.
    columns : one column for densities, two for ellipses at 1 and 2 standard deviations.
    """
    first = points[0].permuted(points[0].order)
    pair = (first, matched(first, points[1]))
    alt = "; ".join(
        f"{name} has "
        + ", ".join(
            f"weight {w:.3g} at {', '.join(f'{v:.4g}' for v in loc[list(columns)])}"
            for w, loc in zip(point.weights, point.locs, strict=True)
        )
        for name, point in zip(names, pair, strict=True)
    )
    flat = tuple(point.marginal(columns) for point in pair)
    fig = density.as_fitted(dataset, None, columns, height=360)
    fig.update_layout(
        title_text=f"{style.escape(names[0])} (solid) and {style.escape(names[1])} (dashed)",
        meta={"alt": f"Two fits over the same data: {alt}."},
    )
    draw = _pair_lines if len(columns) == 1 else _pair_rings
    draw(fig, dataset.values[:, list(columns)], flat, names)
    x, *y = columns
    return in_table_units(fig, dataset, x, *y, density=not y)


def _pair_lines(
    fig: go.Figure, x: Array, pair: tuple[Parameters, ...], names: Sequence[str]
) -> None:
    low, high = float(x.min()), float(x.max())
    margin = 0.12 * (high - low)
    grid = np.linspace(low - margin, high + margin, 300)
    narrow = [
        np.linspace(m - 4 * s, m + 4 * s, 41)
        for point in pair
        for m, s in zip(point.locs[:, 0], point.scale_tril[:, 0, 0], strict=True)
    ]
    grid = np.unique(np.concatenate([grid, *narrow]))
    grid = grid[(grid >= low - margin) & (grid <= high + margin)]
    top = 0.0
    for point, name, dash in zip(pair, names, ("solid", "dash"), strict=True):
        parts = np.exp(component_log_densities(point, grid))
        for k in range(parts.shape[1]):
            fig.add_scatter(
                x=grid,
                y=parts[:, k],
                mode="lines",
                line={"color": style.component_style(k).colour, "width": 1.5, "dash": dash},
                hoverinfo="skip",
            )
        total = np.exp(log_density(point, grid))
        top = max(top, float(total.max()))
        fig.add_scatter(
            x=grid,
            y=total,
            mode="lines",
            line={"color": style.INK, "width": 2, "dash": dash},
            name=name,
            hovertemplate="%{y:.4g} at %{x:.4g}<extra>" + style.escape(name) + "</extra>",
        )
    fig.update_yaxes(range=[0, 1.1 * top], showticklabels=True, title_text="density")
    style.density_ticks(fig)
    fig.update_xaxes(range=[grid[0], grid[-1]])


def _pair_rings(
    fig: go.Figure, x: Array, pair: tuple[Parameters, ...], names: Sequence[str]
) -> None:
    turn = np.linspace(0, 2 * np.pi, 61)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    for point, name, dash in zip(pair, names, ("solid", "dash"), strict=True):
        for k in range(len(point.weights)):
            colour = style.component_style(k).colour
            for radius in (1, 2):
                ring = point.locs[k][:, None] + radius * point.scale_tril[k] @ circle
                fig.add_scatter(
                    x=ring[0],
                    y=ring[1],
                    mode="lines",
                    line={"color": colour, "width": 3 - radius, "dash": dash},
                    name=f"{style.escape(name)}, component {k + 1}",
                    hoverinfo="name",
                )
