"""Ranks of true quantities among draws, beside what chance makes of even ones."""

from __future__ import annotations

import plotly.graph_objects as go

from gmm_core.figures import style
from gmm_core.posterior.calibration import KEPT, QUANTITIES, Calibration, binned

_BINS, _BAND = 10, 0.99
HEIGHT = 320


def rank_histogram(calibration: Calibration, quantity: str) -> go.Figure:
    """Draw the ranks of a quantity, and the band that holds 99 % of a bar's counts by chance.

    Parameters
    ----------
    calibration : as far as it is known.
    quantity : one of `QUANTITIES`.
    """
    from scipy.stats import binom

    ranks = calibration.known[QUANTITIES.index(quantity)]
    counts = binned(ranks, KEPT, calibration.n_bins or _BINS)
    bins, n = len(counts), int(counts.sum())
    low, high = (int(edge) for edge in binom.interval(_BAND, n, 1 / bins)) if n else (0, 0)
    outside = int(((counts < low) | (counts > high)).sum())
    fig = style.figure(
        f"Ranks of the true {quantity}",
        "rank of the truth among the draws, %",
        "data sets",
        alt=f"Histogram of {n:,} ranks of the true {quantity} in {bins} bars, from "
        f"{counts.min():,} to {counts.max():,} data sets each; {outside} of them lie outside "
        f"{low:,} to {high:,}, which holds 99 % of counts by chance.",
    )
    width = 100 / bins
    fig.add_bar(
        x=[width * (i + 0.5) for i in range(bins)],
        y=counts,
        width=0.94 * width,
        marker={"color": style.fade(style.INK, 0.35), "line": {"width": 0}},
        hovertemplate="%{y:,} data sets<extra></extra>",
    )
    for height, dash in ((low, "dot"), (n / bins, "solid"), (high, "dot")):
        fig.add_shape(
            type="line",
            xref="paper",
            x0=0,
            x1=1,
            y0=height,
            y1=height,
            line={"color": style.PALETTE[0], "width": 1.5, "dash": dash},
        )
    fig.update_layout(height=HEIGHT, showlegend=False)
    return fig
