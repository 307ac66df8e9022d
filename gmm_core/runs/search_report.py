"""How a search came to what it shows: by which kinds of start, and past which optima."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gmm_core.runs.results import MapFit

SWAPS = ("swap", "swap by a split")
"""Kinds of start that take a component of the best so far elsewhere."""


class SearchReport(NamedTuple):
    """What a search tells of the optimum that it shows.

    by : the kind of the first start that came to it (`engines.search`).
    kinds : how many kinds of start did.
    swaps : how many components had been moved by then.
    higher : the start of the best optimum that is higher and holds too few points in a component;
        None where there is none.
    """

    by: str
    kinds: int
    swaps: int
    higher: int | None


def search_report(fit: MapFit) -> SearchReport | None:
    """Return how the chosen restart's optimum was found; None of a fit that has not searched."""
    if fit.origin is None or fit.smallest is None:
        return None
    same = fit.basin == fit.basin[fit.chosen]
    if fit.basin[fit.chosen] < 0:
        same = np.arange(len(same)) == fit.chosen
    first = int(np.flatnonzero(same)[0])
    above = (fit.verdict == "converged") & (fit.final_loss < fit.final_loss[fit.chosen]) & ~same
    above &= fit.smallest < fit.fewest
    return SearchReport(
        by=str(fit.origin[first]),
        kinds=len(set(fit.origin[same].tolist())),
        swaps=int(np.isin(fit.origin[: first + 1], SWAPS).sum()),
        higher=int(np.argmin(np.where(above, fit.final_loss, np.inf))) if np.any(above) else None,
    )
