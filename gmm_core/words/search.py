"""What a search of optima has done: which kinds of start have found the best, and what it left."""

from __future__ import annotations

import numpy as np

from gmm_core.comparison.sweep import ComparisonRow
from gmm_core.formatting import count, number
from gmm_core.mixture import Mixture
from gmm_core.runs.results import MapFit
from gmm_core.runs.search_report import SWAPS, search_report

ORIGINS = {
    "subsample": "random points",
    "subsample groups": "the groups about random points",
    "subsample sphered groups": "the groups about random points, in sphered units",
    "kmeans++": "far-apart points",
    "kmeans++ groups": "the groups about far-apart points",
    "kmeans++ sphered groups": "the groups about far-apart points, in sphered units",
    "tree": "a tree of the standardised points",
    "sphered tree": "a tree of the sphered points",
    "split": "the best of K − 1, one component split",
    "nested": "the optimum of a family that shares more",
    "swap": "a component moved to a random point",
    "swap by a split": "a component moved to half of another",
}
"""The kinds of start of `engines.search`, by name."""

_SEVERAL = 20
"""Starts that tell how many optima there are; of fewer each may well be alone."""


def of_row(row: ComparisonRow) -> str:
    """Say how many starts of how many kinds agree, and which came first; "" of a single start."""
    if row.restarts < 2:
        return ""
    sentence = f"{row.agree} of {count(row.restarts, 'start')} agree"
    if row.agree == 1:
        sentence = (
            f"Only one of {count(row.restarts, 'start')} found it, so more may find a better one"
        )
    if not row.found_by:
        return f"{sentence}. "
    kinds = "one kind only" if row.kinds == 1 else f"{row.kinds} kinds"
    return f"{sentence}, of {kinds}; {_by(row.found_by, row.swaps)}. "


def passed_over(row: ComparisonRow) -> str:
    """Name the higher optimum that was not taken; "" where there is none."""
    if not row.higher:
        return ""
    likelihood, points = row.higher
    return (
        f"Another optimum is higher (log likelihood {number(likelihood, 6)}), but one component "
        f"holds {number(points, 2)} points, fewer than {row.fewest:g}. "
    )


def way(fit: MapFit) -> str:
    """Say how the search of a fit has found its best; "" of a fit that has not searched."""
    report = search_report(fit)
    if report is None or fit.smallest is None:
        return ""
    those = "one kind of start only" if report.kinds == 1 else f"{report.kinds} kinds of start"
    return f"{those.capitalize()} came to the best; {_by(report.by, report.swaps)}."


def doubt(fit: MapFit) -> str:
    """Say what the search of a fit has passed over, or that its best holds few points; or ""."""
    report = search_report(fit)
    if report is None or fit.smallest is None:
        return ""
    held = float(fit.smallest[fit.chosen if report.higher is None else report.higher])
    few = f"holds {number(held, 2)} points, fewer than {fit.fewest:g}"
    if report.higher is not None:
        return f" Start {report.higher} is higher, but one of its components {few}."
    if held < fit.fewest:
        return f" Its smallest component {few}: it may be an accident."
    return ""


def scattered(fit: MapFit, mixture: Mixture) -> str:
    """Say that most starts have come to an optimum of their own, and what leaves fewer; or "".

    The share of ends that were seen once estimates how probable it is that one more start ends
    where none has yet (Good 1953, Biometrika 40).
    """
    ends = np.bincount(fit.basin[fit.basin >= 0])
    n_ended, alone, D = int(ends.sum()), int((ends == 1).sum()), fit.points.locs.shape[-1]
    if n_ended < _SEVERAL or 2 * alone <= n_ended or mixture.n_components == 1:
        return ""
    fewer = ["diagonal covariances"] if not mixture.family.diagonal(D) else []
    fewer += ["fewer columns"] if D > 1 else []
    fewer += ["fewer components"]
    return f"{n_ended:,} starts came to {len(ends):,} optima: {' or '.join(fewer[:2])} leave fewer"


def _by(origin: str, swaps: int) -> str:
    first = f"{ORIGINS.get(origin, origin)} found it first"
    return f"{first}, with swap {swaps}" if origin in SWAPS else first
