"""Where the starts of a fit began and ended."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gmm_core.figures import style
from gmm_core.formatting import number
from gmm_core.words.starts import optimum

Array = NDArray[np.float64]


def starting_losses(loss: Array, chosen: int, first_seed: int, height: int = 320) -> go.Figure:
    """Draw each start's loss before any step [R] against its seed, the chosen one marked."""
    R = len(loss)
    seeds = first_seed + np.arange(R)
    alt = f"Loss before any step of {R} starts, from {np.nanmin(loss):.5g} to "
    alt += f"{np.nanmax(loss):.5g}; the chosen start is seed {seeds[chosen]}."
    fig = style.figure(
        "Where the starts begin", "seed", "loss before any step", alt=alt, height=height
    )
    fig.add_scatter(
        x=seeds,
        y=loss,
        mode="markers",
        marker={"color": style.MUTED, "size": 6, "opacity": 0.7},
        customdata=np.arange(R),
        name="starts",
        hovertemplate="seed %{x}: %{y:.8g}<extra></extra>",
    )
    fig.add_scatter(
        x=[seeds[chosen]],
        y=[loss[chosen]],
        mode="markers",
        marker={"color": style.PALETTE[0], "size": 11},
        name="chosen",
        hovertemplate="seed %{x}: %{y:.8g}<extra>chosen</extra>",
    )
    style.label(
        fig,
        float(seeds[chosen]),
        float(loss[chosen]),
        f"seed {seeds[chosen]}: {number(float(loss[chosen]), 5)}",
        style.PALETTE[0],
        anchor="left" if chosen < 0.6 * R else "right",
        dx=10 if chosen < 0.6 * R else -10,
    )
    fig.update_layout(showlegend=False, hovermode="closest")
    return fig


def landscape(
    initial: Array,
    final: Array,
    verdict: NDArray[np.str_],
    basin: NDArray[np.int64],
    chosen: int,
    height: int = 320,
) -> go.Figure:
    """Draw each trained start's final loss against its initial one [R], by optimum.

    Starts that ended in the same optimum have one colour; collapsed ones are red crosses. Starts
    that went the same way are one larger mark, and a click names the first of them.
    """
    R = len(initial)
    sound = basin >= 0
    counts = np.bincount(basin[sound]) if sound.any() else np.zeros(0, int)
    failed = np.isin(verdict, ("collapsed", "failed"))
    # What still moves after polishing, where others settled, came to no optimum either.
    unsettled = (verdict == "moving") & (basin < 0)
    collapsed = failed | unsettled
    sentences = [f"{n:,} of {R:,} starts found {optimum(b)}" for b, n in enumerate(counts[:4])]
    alt = "Final against initial loss of each start: " + "; ".join(sentences)
    alt += f"; {int(failed.sum())} collapsed or failed"
    alt += f", {int(unsettled.sum())} came to no optimum." if unsettled.any() else "."
    fig = style.figure(
        "Where starts begin and end", "initial loss", "final loss", alt=alt, height=height
    )
    fig.layout.meta = {**fig.layout.meta, "customdata": "start"}
    shown = np.isfinite(initial) & np.isfinite(final)
    groups = [
        (np.flatnonzero((basin == b) & shown), optimum(b)) for b in range(min(6, len(counts)))
    ]
    looks: list[dict[str, object]] = [
        {"color": style.component_style(b).colour} for b in range(len(groups))
    ]
    groups += [(np.flatnonzero((basin >= 6) & shown), "other optima")]
    groups += [(np.flatnonzero(collapsed & shown), "collapsed")]
    looks += [{"color": style.MUTED}, {"color": style.COLLAPSED, "symbol": "x"}]
    for (rows, name), marker in zip(groups, looks, strict=True):
        if not rows.size:
            continue
        # Ends that differ by less than a millionth differ by rounding alone.
        unit = np.array([1e-9, 1e-6])[:, None] * np.maximum(1.0, abs(final[rows]).max())
        ways = np.round(np.stack([initial[rows], final[rows]]) / unit)
        _, first, times = np.unique(ways, axis=1, return_index=True, return_counts=True)
        heads = rows[first]
        fig.add_scatter(
            x=initial[heads],
            y=final[heads],
            mode="markers",
            marker=marker | {"size": 7 + 2 * np.sqrt(times - 1), "opacity": 0.6},
            customdata=heads,
            text=["" if n == 1 else f" and {n - 1} more" for n in times],
            name=name,
            hovertemplate="start %{customdata}%{text}: %{x:.4g} → %{y:.4g}"
            + f"<extra>{name}</extra>",
        )
    # Beside all points, where room is left for them below.
    right = float(initial[shown].max()) if shown.any() else 0.0
    for b, (rows, _) in enumerate(groups[: min(3, len(counts))]):
        name = "best" if b == 0 else f"no. {b + 1}"
        share = f"{name}: {int(counts[b]):,} of {R:,}"
        colour = style.component_style(b).colour
        style.label(fig, right, float(final[rows[0]]), share, colour, anchor="left", dx=12)
    rows = groups[-1][0]
    if rows.size:
        style.label(
            fig,
            float(np.median(initial[rows])),
            float(final[rows].max()),
            f"✕ {int(collapsed.sum()):,} {'not converged' if unsettled.any() else 'collapsed'}",
            style.COLLAPSED,
            anchor="center",
            dy=15,
        )
    fig.add_scatter(
        x=[initial[chosen]],
        y=[final[chosen]],
        mode="markers",
        marker={
            "size": 18,
            "color": style.fade(style.INK, 0),
            "line": {"color": style.INK, "width": 1.5},
        },
        name="shown",
        hoverinfo="skip",
    )
    fig.update_layout(showlegend=False, hovermode="closest")
    if shown.any():
        # Where all ended alike, the axis would magnify the rounding of their last digits.
        low, high = float(final[shown].min()), float(final[shown].max())
        pad = max(0.12 * (high - low), 1e-3 * max(abs(low), abs(high)), 0.1)
        fig.update_yaxes(range=[low - pad, high + pad])
        left = float(initial[shown].min())
        width = max(right - left, 1e-3 * max(abs(left), abs(right)), 0.1)
        fig.update_xaxes(range=[left - 0.06 * width, right + 0.5 * width])
    return fig
