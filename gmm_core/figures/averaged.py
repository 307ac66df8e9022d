"""The density averaged over the mixtures of a sweep, each by its probability."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from gmm_core.comparison.odds import average_density
from gmm_core.comparison.sweep import ComparisonRow
from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import table_columns
from gmm_core.figures import style
from gmm_core.figures.in_table import in_table_units
from gmm_core.figures.remarks import corner, rug
from gmm_core.formatting import percent

HEIGHT = 340
_SHOWN = 0.02  # a K that is less probable has no line of its own
_LINES = 5


def averaged(
    dataset: Dataset,
    rows: Sequence[ComparisonRow],
    column: int = 0,
    n_components: Sequence[int] | None = None,
) -> go.Figure:
    """Draw the density averaged over all mixtures, thick, and those of the likeliest K, thin.

    Parameters
    ----------
    n_components : all K of the sweep, so that each has its colour from the first row on; None for
        those of the rows.
    """
    name = style.escape(table_columns(dataset)[column])
    average = average_density(dataset, rows, column)
    odds = {} if average is None else {K: share for K, (share, _) in average.by_k.items()}
    leading = [K for K in sorted(odds, key=lambda K: -odds[K])[:_LINES] if odds[K] > _SHOWN]
    listed = ", ".join(f"K = {K} {percent(odds[K])}" for K in leading)
    fig = style.figure(
        "Density averaged over all mixtures, each by its probability",
        name,
        "density",
        alt=f"Density of {name} averaged over all mixtures by their probability: {listed}.",
        height=HEIGHT,
    )
    style.density_ticks(fig)
    if average is None:
        return fig
    among = n_components or [row.n_components for row in rows]
    for i, K in enumerate(leading):
        colour = style.k_colour(K, among)
        fig.add_scatter(
            x=average.grid,
            y=average.by_k[K][1],
            mode="lines",
            line={"color": colour, "width": 1.3, "dash": "dash"},
            hovertemplate="%{y:.3g} at %{x:.4g}<extra>" + f"K = {K}</extra>",
        )
        corner(fig, f"K = {K}, {percent(odds[K])}", colour, row=i + 1)
    fig.add_scatter(
        x=average.grid,
        y=average.density,
        mode="lines",
        line={"color": style.INK, "width": 2.5},
        hovertemplate="%{y:.3g} at %{x:.4g}<extra>average</extra>",
    )
    corner(fig, "average", style.INK)
    rug(fig, dataset.seen(column))
    top = max(
        float(line.max()) for line in (average.density, *(average.by_k[K][1] for K in leading))
    )
    fig.update_yaxes(range=[0, 1.1 * top])
    fig.update_xaxes(range=[average.grid[0], average.grid[-1]])
    return in_table_units(fig, dataset, column, density=True)
