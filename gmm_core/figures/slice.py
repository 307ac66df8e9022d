"""A slice through the objective: a heat map of the loss, with the path of the fit on it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.figures import style
from gmm_core.formatting import number
from gmm_core.mixture import Parameters
from gmm_core.mixture.landscape import Coordinate, Slice

Array = NDArray[np.float64]

# Share of the slice that is drawn as it is; what lies higher has the colour of the edge.
_CLIPPED = 0.9
_LINES = 12


def objective_slice(
    cut: Slice,
    names: tuple[str, str],
    point: Parameters,
    path: Parameters | None = None,
    height: int = 440,
) -> go.Figure:
    """Draw the loss over two coordinates, and where a fit went, projected onto them.

    Parameters
    ----------
    names : of the two coordinates, escaped where they hold names of columns.
    point : where the fit ended.
    path : the fit's points, with a leading [M]; its start, its way and its end are drawn.
    """
    ends = [float(c.read(point)) for c in (cut.across, cut.up)]
    alt = f"Loss over {names[0]} and {names[1]}, from {np.nanmin(cut.loss):.5g} upwards. "
    alt += f"The fit ended at {ends[0]:.4g} and {ends[1]:.4g}"
    if path is not None:
        began = [float(c.read(path)[0]) for c in (cut.across, cut.up)]
        alt += f"; it began at {began[0]:.4g} and {began[1]:.4g}"
    fig = style.figure(
        "A slice through the objective", names[0], names[1], alt=f"{alt}.", height=height
    )
    x, y = (_on_axis(c, v) for c, v in ((cut.across, cut.x), (cut.up, cut.y)))
    finite = cut.loss[np.isfinite(cut.loss)]
    low, high = (float(finite.min()), float(np.quantile(finite, _CLIPPED)))
    high = max(high, low + 1e-9 * max(abs(low), 1.0))
    fig.add_heatmap(
        x=x,
        y=y,
        z=cut.loss,
        zmin=low,
        zmax=high,
        zsmooth="best",
        colorscale=_scale(high - low),
        colorbar={
            "title": {"text": "loss", "side": "right"},
            "thickness": 10,
            "outlinewidth": 0,
            "tickfont": {"color": style.MUTED},
        },
        name="loss",
        hovertemplate="loss %{z:.6g}<extra></extra>",
    )
    # Lines at even distances of the logarithm crowd where the basin is.
    depth = np.log1p(np.maximum(cut.loss - low, 0.0))
    fig.add_contour(
        x=x,
        y=y,
        z=depth,
        contours={
            "coloring": "none",
            "start": 0,
            "end": float(np.log1p(high - low)),
            "size": float(np.log1p(high - low)) / _LINES,
        },
        line={"width": 0.75, "color": style.fade(style.INK, 0.35)},
        showscale=False,
        hoverinfo="skip",
        name="log of 1 + loss above its least",
    )
    if path is not None and len(path) > 1:
        u, v = (_on_axis(c, c.spaced(c.read(path))) for c in (cut.across, cut.up))
        fig.add_scatter(
            x=u,
            y=v,
            mode="lines",
            line={"color": style.BACKGROUND, "width": 5},
            opacity=0.7,
            hoverinfo="skip",
            name="path, its edge",
        )
        fig.add_scatter(
            x=u,
            y=v,
            mode="lines",
            line={"color": style.PALETTE[1], "width": 2},
            name="path of the fit",
            hoverinfo="skip",
        )
        _mark(fig, float(u[0]), float(v[0]), "start", "circle-open")
    end = [_on_axis(c, c.spaced(c.read(point))) for c in (cut.across, cut.up)]
    _mark(fig, float(end[0]), float(end[1]), "end", "circle")
    for update, coordinate, where in (
        (fig.update_xaxes, cut.across, x),
        (fig.update_yaxes, cut.up, y),
    ):
        update(range=_range(coordinate, where), showgrid=False)
        if coordinate.axis == "log":
            update(type="log", exponentformat="power", nticks=6)
        if coordinate.axis == "logit":
            update(**_logit_ticks(cut.x if where is x else cut.y))
    fig.update_layout(hovermode="closest")
    return fig


def _on_axis(c: Coordinate, places: Array) -> Array:
    """Return what Plotly's axis wants: a log axis the number, a logit axis the logit."""
    return 10.0**places if c.axis == "log" else np.asarray(places)


def _range(c: Coordinate, values: Array) -> list[float]:
    ends = np.log10(values[[0, -1]]) if c.axis == "log" else values[[0, -1]]
    return [float(ends[0]), float(ends[1])]


def _scale(above: float) -> list[list[float | str]]:
    """From the first colour at the least loss to nothing, even steps in log(1 + loss above it)."""
    shares = np.linspace(0, 1, 24)
    places = np.expm1(shares * np.log1p(above)) / above
    places[[0, -1]] = 0, 1
    return [
        [float(p), style.fade(style.PALETTE[0], round(0.95 * (1 - s) ** 0.9, 3))]
        for p, s in zip(places, shares, strict=True)
    ]


def _logit_ticks(places: Array) -> dict[str, object]:
    """Ticks of a logit axis, named by the weights they stand for."""
    weights = [1e-18, 1e-12, 1e-8, 1e-5, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.99999]
    inside = [w for w in weights if places[0] <= np.log(w / (1 - w)) <= places[-1]]
    return {
        "tickvals": [float(np.log(w / (1 - w))) for w in inside],
        "ticktext": [f"{w:g}" if w >= 1e-4 else number(w, 1) for w in inside],
    }


def _mark(fig: go.Figure, x: float, y: float, name: str, symbol: str) -> None:
    fig.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={
            "color": style.PALETTE[1],
            "size": 11,
            "symbol": symbol,
            "line": {"width": 2.5 if symbol.endswith("open") else 1.5, "color": style.PALETTE[1]},
        },
        name=name,
        hovertemplate=f"{name}<extra></extra>",
    )
    # Apart from each other also where the fit began close to its end.
    at_end = name == "end"
    style.label(
        fig,
        x,
        y,
        name,
        style.INK,
        anchor="left" if at_end else "right",
        dx=10 if at_end else -10,
        dy=-10 if at_end else 10,
    )
