"""Figures of membership: which component each point came from, how surely, and where that changes.

Components are drawn in the order they come in; pages give them by weight, largest first.
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.figures import style
from gmm_core.membership import inner_boundaries, overview, visible_range
from gmm_core.mixture import Parameters, assign, responsibilities

Array = NDArray[np.float64]

_GRID = 400  # points of a curve: one for every second pixel of a wide figure
_AROUND = 41  # more of them across each boundary, where a curve may jump
_NAMED = 8  # components or boundaries with a name on the figure; more would cover each other
_CELLS = 160  # of a shaded map, along each axis
_ZOOM = 100  # the tutorial's: 5.5 to 6 in steps of 0.005
_SMALL, _GROWTH = 8.0, 24.0  # pixels of a certain point, and what complete doubt adds


def hero(dataset: Dataset, parameters: Parameters, pair: tuple[int, int] = (0, 1)) -> go.Figure:
    """Responsibilities along one column, or the map of the components for more columns."""
    if parameters.locs.shape[1] == 1:
        return responsibility_curves(dataset, parameters)
    return assignment_map(dataset, parameters, pair)


def responsibility_curves(dataset: Dataset, parameters: Parameters) -> go.Figure:
    """Responsibility of each component along one column, the data below, boundaries marked."""
    look = overview(dataset, parameters)
    K = len(parameters.weights)
    edges = inner_boundaries(dataset, parameters)
    grid = along(dataset, edges)
    probs = responsibilities(parameters, grid)
    name = dataset.columns[0]
    fig = style.figure(
        "Probability of each component along the data",
        style.escape(name),
        "probability",
        alt=(
            f"Probability of each of {K} components for values of {name} from "
            f"{style.number(grid[0])} to {style.number(grid[-1])}. "
            f"{_edges_in_words(edges)} {look.certain:,} of {look.n_points:,} points are certain "
            f"to 99.9 %, {look.doubtful:,} are below 90 %."
        ),
        height=380,
    )
    for k in range(K):
        look_k = style.component_style(k)
        fig.add_scatter(
            x=grid,
            y=probs[:, k],
            mode="lines",
            line={"color": look_k.colour, "width": 2, "dash": look_k.dash},
            fill="tozeroy",
            fillcolor=style.fade(look_k.colour, 0.12),
            name=f"component {k + 1}",
            hovertemplate=f"component {k + 1}: %{{y:.6g}} at %{{x:.6g}}<extra></extra>",
        )
    _points(
        fig, dataset.values[look.rows, 0], np.full(len(look.rows), -0.09), look.probs, look.rows
    )
    fig.update_xaxes(range=[grid[0], grid[-1]])
    _mark(fig, edges, "boundary ", y=0.5)
    winner = probs.argmax(axis=1)
    for k, middle, share in _territories(grid, winner, K):
        near = f"  near {style.number(float(parameters.locs[k, 0]), 4)}" if share > 0.15 else ""
        colour = style.component_style(k).colour
        style.label(fig, middle, 1.07, f"<b>{k + 1}</b>{near}", colour, anchor="center")
    fig.update_yaxes(range=[-0.16, 1.13], tickvals=[0, 0.25, 0.5, 0.75, 1])
    return fig


def assignment_map(
    dataset: Dataset, parameters: Parameters, pair: tuple[int, int] = (0, 1)
) -> go.Figure:
    """Points by their most probable component; for two columns over the regions of each.

    Parameters
    ----------
    pair : the columns along x and y. For more than two columns regions cannot be drawn, since
        the other columns decide as well.
    """
    look = overview(dataset, parameters)
    K, D = parameters.locs.shape
    i, j = pair
    x_range, y_range = visible_range(dataset, i), visible_range(dataset, j)
    names = dataset.columns[i], dataset.columns[j]
    fig = style.figure(
        "Most probable component: point size is doubt"
        + (", shading the regions" if D == 2 else ""),
        style.escape(names[0]),
        style.escape(names[1]),
        alt=(
            f"{names[1]} against {names[0]}, {len(look.rows):,} points coloured by their most "
            f"probable component: {_sizes_in_words(look.sizes)}. "
            f"{look.certain:,} of {look.n_points:,} points are certain to 99.9 %, "
            f"{look.doubtful:,} are below 90 %."
        ),
        height=440,
    )
    if D == 2:
        xs, ys = np.linspace(*x_range, _CELLS), np.linspace(*y_range, _CELLS)
        cells = np.stack(np.meshgrid(xs, ys), axis=-1)[..., [pair.index(0), pair.index(1)]]
        winner = assign(parameters, cells.reshape(-1, 2)).reshape(_CELLS, _CELLS)
        edges = np.linspace(0, 1, K + 1)
        scale = [
            [edge, style.fade(style.component_style(k).colour, 0.16)]
            for k in range(K)
            for edge in (edges[k], edges[k + 1])
        ]
        fig.add_heatmap(
            x=xs,
            y=ys,
            z=winner.astype(np.int8),
            zmin=-0.5,
            zmax=K - 0.5,
            colorscale=scale,
            showscale=False,
            hoverinfo="skip",
        )
    xy = dataset.values[look.rows][:, [i, j]]
    _points(fig, xy[:, 0], xy[:, 1], look.probs, look.rows)
    _name_locs(fig, parameters, pair)
    fig.update_xaxes(range=list(x_range))
    fig.update_yaxes(range=list(y_range), showgrid=False)
    return fig


def assignments(
    dataset: Dataset, parameters: Parameters, temperature: float = 0, seed: int = 0
) -> go.Figure:
    """Draw the assignment of the data and of a grid along one column: most probable, or random."""
    K = len(parameters.weights)
    look = overview(dataset, parameters)
    low, high = visible_range(dataset)
    grid = np.linspace(low, high, 181)  # the tutorial's -3 to 15 in steps of 0.1
    fig = style.figure(
        _assigned(temperature),
        style.escape(dataset.columns[0]),
        "component",
        alt=(
            f"{_assigned(temperature)} of {len(look.rows):,} points and of {len(grid)} values "
            f"from {style.number(low)} to {style.number(high)}, one row per component."
        ),
        height=300,
    )
    fig.update_xaxes(range=[low, high])
    _mark(fig, inner_boundaries(dataset, parameters), "", y=K + 0.42)
    _jittered(fig, parameters, grid, temperature, seed, lift=-0.22)
    values = dataset.values[look.rows]
    drawn = assign(parameters, values, temperature, seed)
    for k in range(K):
        mine = drawn == k
        if mine.any():
            fig.add_scatter(
                x=values[mine, 0],
                y=k + 1 + 0.16 + 0.1 * _jitter(look.rows[mine]) * (temperature > 0),
                mode="markers",
                marker=marker(k, 10, line=True),
                customdata=look.rows[mine] + 1,
                hovertemplate=(
                    f"row %{{customdata:,}}: %{{x:.6g}} → component {k + 1}<extra></extra>"
                ),
            )
    _component_rows(fig, K)
    return fig


def boundary_zoom(
    dataset: Dataset,
    parameters: Parameters,
    boundary: float,
    width: float,
    temperature: float = 0,
    seed: int = 0,
) -> go.Figure:
    """Draw the assignment of 100 values around one boundary: most probable, or random.

    Parameters
    ----------
    boundary, width : centre and length of the window, in the data's units.
    """
    K = len(parameters.weights)
    low, high = boundary - width / 2, boundary + width / 2
    grid = np.linspace(low, high, _ZOOM + 1)
    probs = responsibilities(parameters, grid)
    ends = [int(probs[0].argmax()), int(probs[-1].argmax())]
    centre = place(boundary, width)
    fig = style.figure(
        "Zoom to the boundary"
        + (f": drawn, T = {style.number(float(temperature), 2)}" if temperature else ""),
        style.escape(dataset.columns[0]),
        "component",
        alt=(
            f"{_assigned(temperature)} of {len(grid)} values from {place(low, width)} to "
            f"{place(high, width)}, around the boundary at {centre}. At the left end component "
            f"{ends[0] + 1} has probability {style.percent(float(probs[0, ends[0]]))}, at the "
            f"right end component {ends[1] + 1} has "
            f"{style.percent(float(probs[-1, ends[1]]))}."
        ),
        height=300,
    )
    fig.update_xaxes(range=[low, high])
    _mark(fig, np.array([boundary]), "", y=K + 0.42)
    _jittered(fig, parameters, grid, temperature, seed, lift=0.0, size=6)
    for end, anchor, x in ((0, "left", low), (-1, "right", high)):
        k = ends[end]
        style.label(
            fig,
            x,
            k + 1.32,
            f"P({k + 1}) = {style.percent(float(probs[end, k]))}",
            style.component_style(k).colour,
            anchor=anchor,
            dx=4 if anchor == "left" else -4,
        )
    _component_rows(fig, K)
    return fig


def drawn_map(
    dataset: Dataset,
    parameters: Parameters,
    pair: tuple[int, int],
    temperature: float = 0,
    seed: int = 0,
) -> go.Figure:
    """Draw the assignment of the data in two columns, with a ring where it is not the likeliest."""
    look = overview(dataset, parameters)
    i, j = pair
    values = dataset.values[look.rows]
    drawn = assign(parameters, values, temperature, seed)
    moved = drawn != look.probs.argmax(axis=1)
    fig = style.figure(
        _assigned(temperature) + (": ringed where not the most probable" if moved.any() else ""),
        style.escape(dataset.columns[i]),
        style.escape(dataset.columns[j]),
        alt=(
            f"{_assigned(temperature)} of {len(values):,} points; {int(moved.sum()):,} of them "
            "are in another component than their most probable one."
        ),
        height=360,
    )
    for k in range(len(parameters.weights)):
        mine = drawn == k
        if mine.any():
            ringed = marker(k, 8)
            ringed["line"] = {
                "color": style.INK,
                "width": np.where(moved[mine], 2, 0).tolist(),
            }
            fig.add_scatter(
                x=values[mine, i],
                y=values[mine, j],
                mode="markers",
                marker=ringed,
                customdata=look.rows[mine] + 1,
                hovertemplate=f"row %{{customdata:,}} → component {k + 1}<extra></extra>",
            )
    fig.update_xaxes(range=list(visible_range(dataset, i)))
    fig.update_yaxes(range=list(visible_range(dataset, j)), showgrid=False)
    return fig


def place(x: float, spread: float) -> str:
    """Format a place with the digits that a window of length `spread` shows, at least three.

    >>> place(5.7210, 18.0), place(100000005.72, 18.0)
    ('5.72', '1.0000000572×10⁸')
    """
    if not (spread > 0 and np.isfinite(spread)) or x == 0:
        return style.number(x)
    digits = int(np.floor(np.log10(abs(x))) - np.floor(np.log10(spread))) + 3
    return style.number(x, min(max(digits, 3), 15))


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
    found = []
    for k in range(K):
        mine = np.flatnonzero(winner[starts] == k)
        if mine.size:
            widest = mine[np.argmax(widths[mine])]
            # A number takes some 15 of 700 pixels.
            if widths[widest] > 0.02:
                middle = float(grid[starts[widest]] + grid[ends[widest]]) / 2
                found.append((k, middle, float(widths[widest])))
    return found


def _points(fig: go.Figure, x: Array, y: Array, probs: Array, rows: NDArray[np.int64]) -> None:
    """Draw points in the colour of their most probable component, larger where in doubt."""
    K = probs.shape[1]
    winner, doubt = probs.argmax(axis=1), 1 - probs.max(axis=1)
    for k in range(K):
        mine = winner == k
        if not mine.any():
            continue
        fig.add_scatter(
            x=x[mine],
            y=y[mine],
            mode="markers",
            marker=marker(k, _SMALL + _GROWTH * doubt[mine], line=True),
            customdata=np.stack([rows[mine] + 1, probs[mine, k]], axis=1),
            hovertemplate=(
                f"row %{{customdata[0]:,}}: component {k + 1} with probability "
                "%{customdata[1]:.6g}<br>%{x:.6g}, %{y:.6g}<extra></extra>"
                if (y != y[0]).any()
                else f"row %{{customdata[0]:,}}: %{{x:.6g}}<br>component {k + 1} with "
                "probability %{customdata[1]:.6g}<extra></extra>"
            ),
            name=f"component {k + 1}",
        )


def marker(k: int, size: float | Array, line: bool = False) -> dict[str, object]:
    """How a point of component k is drawn; another shape where the palette begins again."""
    shapes = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon")
    marker: dict[str, object] = {
        "color": style.component_style(k).colour,
        "symbol": shapes[k // len(style.PALETTE) % len(shapes)],
        "size": size,
        "opacity": 0.8,
    }
    if line:
        marker["line"] = {"color": style.BACKGROUND, "width": 1}
    return marker


def _mark(fig: go.Figure, edges: Array, name: str, y: float) -> None:
    """Draw boundaries as dotted lines, the first few with their value."""
    spread = float(np.ptp(fig.layout.xaxis.range)) if fig.layout.xaxis.range else 0.0
    for edge in edges:
        fig.add_vline(x=float(edge), line={"color": style.MUTED, "width": 1, "dash": "dot"})
    few = len(edges) <= 2
    for edge in edges[:_NAMED]:
        text = (name if few else "") + place(float(edge), spread)
        style.label(fig, float(edge), y, text, style.MUTED, dx=6)


def _jittered(
    fig: go.Figure,
    parameters: Parameters,
    grid: Array,
    temperature: float,
    seed: int,
    *,
    lift: float,
    size: float = 4,
) -> None:
    """Draw the assignment of a grid, spread a little where it is drawn at random."""
    drawn = assign(parameters, grid, temperature, seed)
    spread = 0.16 * _jitter(np.arange(len(grid))) * (temperature > 0)
    for k in range(len(parameters.weights)):
        mine = drawn == k
        if mine.any():
            fig.add_scatter(
                x=grid[mine],
                y=k + 1 + lift + spread[mine],
                mode="markers",
                marker=marker(k, size),
                hovertemplate=f"%{{x:.6g}} → component {k + 1}<extra></extra>",
            )


def _jitter(index: NDArray[np.int64]) -> Array:
    """Numbers from -1 to 1 that belong to the index, evenly spread (golden ratio)."""
    return 2 * np.mod(np.asarray(index) * 0.6180339887498949, 1.0) - 1


def _component_rows(fig: go.Figure, K: int) -> None:
    """Make y one row per component, the first at the bottom."""
    every = max(1, K // 8)
    fig.update_yaxes(range=[0.5, K + 0.6], tickvals=list(range(1, K + 1, every)))


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


def _assigned(temperature: float) -> str:
    if temperature == 0:
        return "Most probable assignment"
    return f"Random assignment, T = {style.number(float(temperature), 2)}"


def _edges_in_words(edges: Array) -> str:
    if not len(edges):
        return "There is no boundary in this range."
    listed = ", ".join(style.number(float(edge)) for edge in edges[:_NAMED])
    more = f" and {len(edges) - _NAMED} more" if len(edges) > _NAMED else ""
    return f"{'Boundary' if len(edges) == 1 else 'Boundaries'} at {listed}{more}."


def _sizes_in_words(sizes: NDArray[np.int64]) -> str:
    listed = ", ".join(f"{n:,} in component {k + 1}" for k, n in enumerate(sizes[:_NAMED]))
    return listed + (f" and {len(sizes) - _NAMED} further components" if len(sizes) > 8 else "")
