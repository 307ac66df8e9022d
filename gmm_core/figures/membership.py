"""Figures of membership: which component each point came from, how surely, and where that changes.

Components are drawn in the order they come in; pages give them by weight, largest first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.data.class_columns import ClassColumn
from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.figures import data, style
from gmm_core.figures.groups import Group, by_class, marker, tell
from gmm_core.figures.in_table import as_table, in_table_units
from gmm_core.formatting import member, number, place
from gmm_core.membership.against_classes import class_colours
from gmm_core.membership.certainty import Overview, inner_boundaries, overview, visible_range
from gmm_core.mixture import Parameters, assign, responsibilities

Array = NDArray[np.float64]

_GRID = 400  # points of a curve: one for every second pixel of a wide figure
_AROUND = 41  # more of them across each boundary, where a curve may jump
_NAMED = 8  # components or boundaries with a name on the figure; more would cover each other
_CELLS = 160  # of a shaded map, along each axis
_SMALL, _GROWTH = 8.0, 24.0  # pixels of a certain point, and what complete doubt adds


def main_figure(
    dataset: Dataset,
    parameters: Parameters,
    pair: tuple[int, int] = (0, 1),
    classes: ClassColumn | None = None,
) -> go.Figure:
    """Responsibilities along one column, or the map of the components for more columns.

    In the units of the table.
    """
    if parameters.locs.shape[1] == 1:
        return in_table_units(responsibility_curves(dataset, parameters, classes), dataset, 0)
    return in_table_units(assignment_map(dataset, parameters, pair, classes), dataset, *pair)


def responsibility_curves(
    dataset: Dataset, parameters: Parameters, classes: ClassColumn | None = None
) -> go.Figure:
    """Responsibility of each component along one column, the data below, boundaries marked.

    Points are coloured by component, or by class as `assignment_map` does.
    """
    certainty = overview(dataset, parameters)
    K = len(parameters.weights)
    edges = inner_boundaries(dataset, parameters)
    grid = along(dataset, edges)
    probs = responsibilities(parameters, grid)
    name = table_columns(dataset)[0]
    places = in_table(dataset, 0, edges)
    ends = in_table(dataset, 0, grid[[0, -1]]).tolist()
    fig = style.figure(
        "Probability of each component along the data",
        style.escape(name),
        "probability",
        alt=(
            f"Probability of each of {K} components for values of {name} from "
            f"{number(ends[0])} to {number(ends[1])}. "
            f"{_edges_in_words(places)} {_sure_in_words(certainty)}"
        ),
        height=380,
    )
    for k in range(probs.shape[1]):
        look_k = style.component_style(k, K)
        fig.add_scatter(
            x=grid,
            y=probs[:, k],
            mode="lines",
            line={"color": look_k.colour, "width": 2, "dash": look_k.dash},
            fill="tozeroy",
            fillcolor=style.fade(look_k.colour, 0.12),
            name=member(k, K),
            hovertemplate=f"{member(k, K)}: %{{y:.6g}} at %{{x:.6g}}<extra></extra>",
        )
    xy = np.column_stack([dataset.values[certainty.rows, 0], np.full(len(certainty.rows), -0.09)])
    if classes is None:
        _points(fig, K, xy[:, 0], xy[:, 1], certainty.probs, certainty.rows)
    else:
        _classes(fig, classes, class_colours(dataset, parameters, classes), xy, certainty)
    fig.update_xaxes(range=[grid[0], grid[-1]])
    mark_boundaries(fig, edges, "boundary ", y=0.5, values=places)
    winner = probs.argmax(axis=1)
    for k, middle, share in _territories(grid, winner, probs.shape[1]):
        text = "noise" if k == K else f"<b>{k + 1}</b>"
        if k < K and share > 0.15:
            text += f"  near {number(float(in_table(dataset, 0, parameters.locs[k, 0])), 4)}"
        style.label(fig, middle, 1.07, text, style.component_style(k, K).colour, anchor="center")
    fig.update_yaxes(range=[-0.16, 1.13], tickvals=[0, 0.25, 0.5, 0.75, 1])
    return fig


def assignment_map(
    dataset: Dataset,
    parameters: Parameters,
    pair: tuple[int, int] = (0, 1),
    classes: ClassColumn | None = None,
) -> go.Figure:
    """Points by their most probable component; for two columns over the regions of each.

    Parameters
    ----------
    pair : the columns along x and y. For more than two columns regions cannot be drawn, since
        the other columns decide as well.
    classes : what points are coloured by in place of their component: a class has the colour of
        the component that stands for it.
    """
    certainty = overview(dataset, parameters)
    K, D = parameters.locs.shape
    i, j = pair
    x_range, y_range = visible_range(dataset, i), visible_range(dataset, j)
    names = dataset.columns[i], dataset.columns[j]
    coloured = "Most probable component" if classes is None else style.escape(classes.name, 40)
    shading = ", shading the regions" + (" of components" if classes is not None else "")
    fig = style.figure(
        f"{coloured}: point size is doubt" + (shading if D == 2 else ""),
        style.escape(names[0]),
        style.escape(names[1]),
        alt=(
            f"{names[1]} against {names[0]}, {len(certainty.rows):,} points by their most "
            f"probable component: {_sizes_in_words(certainty.sizes, K)}. "
            f"{_sure_in_words(certainty)}"
        ),
        height=440,
    )
    if D == 2:
        xs, ys = np.linspace(*x_range, _CELLS), np.linspace(*y_range, _CELLS)
        cells = np.stack(np.meshgrid(xs, ys), axis=-1)[..., [pair.index(0), pair.index(1)]]
        winner = assign(parameters, cells.reshape(-1, 2)).reshape(_CELLS, _CELLS)
        W = parameters.every_weight.shape[-1]
        edges = np.linspace(0, 1, W + 1)
        scale = [
            [edge, style.fade(style.component_style(k, K).colour, 0.16)]
            for k in range(W)
            for edge in (edges[k], edges[k + 1])
        ]
        fig.add_heatmap(
            x=xs,
            y=ys,
            z=winner.astype(np.int8),
            zmin=-0.5,
            zmax=W - 0.5,
            colorscale=scale,
            showscale=False,
            hoverinfo="skip",
        )
    xy = dataset.values[certainty.rows][:, [i, j]]
    if classes is None:
        _points(fig, K, xy[:, 0], xy[:, 1], certainty.probs, certainty.rows)
    else:
        _classes(fig, classes, class_colours(dataset, parameters, classes), xy, certainty)
    _name_locs(fig, parameters, pair)
    fig.update_xaxes(range=list(x_range))
    fig.update_yaxes(range=list(y_range), showgrid=False)
    return fig


def every_pair(
    dataset: Dataset,
    parameters: Parameters,
    pair: tuple[int, int],
    classes: ClassColumn | None = None,
) -> go.Figure:
    """Draw each pair of up to five columns of the table, that of the main figure among them.

    Points are coloured by component, or by class as `assignment_map` does.
    """
    K = len(parameters.weights)
    shown = [*pair, *(d for d in range(len(dataset.columns)) if d not in pair)]
    chosen = sorted(shown[: data.MATRIX_COLUMNS])
    if classes is not None:
        groups = by_class(classes, 4, class_colours(dataset, parameters, classes))
        fig = data.matrix(as_table(dataset), chosen, groups)
        tell(fig, classes, groups)
        return fig
    component = overview(dataset, parameters).component
    groups = [
        Group(member(k, K), component == k, marker(k, 4, n_components=K))
        for k in range(parameters.every_weight.shape[-1])
    ]
    return data.matrix(as_table(dataset), chosen, groups)


def along(dataset: Dataset, edges: Array) -> Array:
    """Values along one column [M], dense around each boundary, where curves cross steeply."""
    low, high = visible_range(dataset)
    # Geometric steps reach every width of a change, however narrow.
    steps = (high - low) * np.geomspace(1e-6, 0.05, _AROUND // 2)
    near = [edge + sign * steps for edge in edges[:_NAMED] for sign in (-1, 1)]
    grid = np.unique(np.concatenate([np.linspace(low, high, _GRID), edges[:_NAMED], *near]))
    return grid[(grid >= low) & (grid <= high)]


def _territories(grid: Array, winner: NDArray[np.int64], K: int) -> list[tuple[int, float, float]]:
    """(component, middle, share of the axis) of the widest stretch where it is most probable."""
    cuts = np.flatnonzero(np.diff(winner)) + 1
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(grid)]]) - 1
    widths = (grid[ends] - grid[starts]) / (grid[-1] - grid[0])
    stretches = []
    for k in range(K):
        members = np.flatnonzero(winner[starts] == k)
        if members.size:
            widest = members[np.argmax(widths[members])]
            # A number takes some 15 of 700 pixels.
            if widths[widest] > 0.02:
                middle = float(grid[starts[widest]] + grid[ends[widest]]) / 2
                stretches.append((k, middle, float(widths[widest])))
    return stretches


def _points(
    fig: go.Figure, K: int, x: Array, y: Array, probs: Array, rows: NDArray[np.int64]
) -> None:
    """Draw points in the colour of their most probable component, larger where in doubt."""
    winner, doubt = probs.argmax(axis=1), 1 - probs.max(axis=1)
    for k in range(probs.shape[1]):
        members = winner == k
        if not members.any():
            continue
        fig.add_scatter(
            x=x[members],
            y=y[members],
            mode="markers",
            marker=marker(k, _SMALL + _GROWTH * doubt[members], line=True, n_components=K),
            customdata=np.stack([rows[members] + 1, probs[members, k]], axis=1),
            hovertemplate=(
                f"row %{{customdata[0]:,}}: {member(k, K)} with probability "
                "%{customdata[1]:.6g}<br>%{x:.6g}, %{y:.6g}<extra></extra>"
                if (y != y[0]).any()
                else f"row %{{customdata[0]:,}}: %{{x:.6g}}<br>{member(k, K)} with "
                "probability %{customdata[1]:.6g}<extra></extra>"
            ),
            name=member(k, K),
        )


def _classes(
    fig: go.Figure, classes: ClassColumn, colours: Sequence[int], xy: Array, certainty: Overview
) -> None:
    """Draw points [N, 2] in the colours of their classes, larger where in doubt."""
    size = _SMALL + _GROWTH * (1 - certainty.probs.max(axis=1))
    groups = by_class(classes, _SMALL, colours)
    for group in groups:
        members = group.members[certainty.rows]
        fig.add_scatter(
            x=xy[members, 0],
            y=xy[members, 1],
            mode="markers",
            marker={**group.marker, "size": size[members]},
            customdata=certainty.rows[members] + 1,
            hovertemplate=f"row %{{customdata:,}}: {group.name}<br>%{{x:.6g}}, %{{y:.6g}}"
            "<extra></extra>",
            name=group.name,
        )
    tell(fig, classes, groups)


def mark_boundaries(
    fig: go.Figure, edges: Array, name: str, y: float, values: Array | None = None
) -> None:
    """Draw boundaries as dotted lines, the first few with their values, or with `values`."""
    values = edges if values is None else values
    spread = float(np.ptp(fig.layout.xaxis.range)) if fig.layout.xaxis.range else 0.0
    for edge in edges:
        fig.add_vline(x=float(edge), line={"color": style.MUTED, "width": 1, "dash": "dot"})
    few = len(edges) <= 2
    for edge, value in zip(edges[:_NAMED], values[:_NAMED], strict=True):
        text = (name if few else "") + place(float(value), spread)
        style.label(fig, float(edge), y, text, style.MUTED, dx=6)


def _name_locs(fig: go.Figure, parameters: Parameters, pair: tuple[int, int]) -> None:
    for k in range(min(_NAMED, len(parameters.weights))):
        x, y = parameters.locs[k, list(pair)]
        style.label(
            fig,
            float(x),
            float(y),
            f"<b>{k + 1}</b>",
            style.component_style(k).colour,
            anchor="center",
        )
        # Among many points a small number is lost.
        fig.layout.annotations[-1].font.size = 17


def _edges_in_words(edges: Array) -> str:
    if not len(edges):
        return "There is no boundary in this range."
    listed = ", ".join(number(float(edge)) for edge in edges[:_NAMED])
    more = f" and {len(edges) - _NAMED} more" if len(edges) > _NAMED else ""
    return f"{'Boundary' if len(edges) == 1 else 'Boundaries'} at {listed}{more}."


def _sure_in_words(certainty: Overview) -> str:
    return (
        f"Which component a point belongs to is at least 99.9 % certain for "
        f"{_count(certainty.certain)} of {_count(certainty.total)} points, and less than 90 % for "
        f"{_count(certainty.doubtful)}."
    )


def _count(n: float) -> str:
    return f"{n:,}" if isinstance(n, int) else number(n, 4)


def _sizes_in_words(sizes: Sequence[float], K: int) -> str:
    listed = ", ".join(f"{_count(n)} in {member(k, K)}" for k, n in enumerate(sizes[:_NAMED]))
    return listed + (f" and {len(sizes) - _NAMED} further components" if len(sizes) > 8 else "")
