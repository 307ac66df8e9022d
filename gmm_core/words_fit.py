"""What one opened restart of a fit found, and the names of a point's numbers, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from gmm_core.dataset import Dataset
from gmm_core.figures.curves import optimum
from gmm_core.figures.style import number
from gmm_core.mixture import Mixture
from gmm_core.objective import Coordinate, Slice
from gmm_core.results import MapFit
from gmm_core.words import Segment, collapse_reason, count, point_answer


def start_name(fit: MapFit, r: int) -> str:
    """Name restart `r` in a list: "3: optimum 2, loss 19.3", "17: collapsed"."""
    verdict, basin = str(fit.verdict[r]), int(fit.basin[r])
    if verdict == "untrained":
        return f"{r}: begins at {number(float(fit.loss[r, 0]), 4)}, not trained"
    if basin < 0:
        return f"{r}: {verdict}"
    return f"{r}: {optimum(basin)}, loss {number(float(fit.final_loss[r]), 4)}"


def opened_answer(dataset: Dataset, mixture: Mixture, fit: MapFit) -> list[Segment]:
    """Say what the opened restart, `fit.chosen`, found; the best one is told by `fit_answer`."""
    r, verdict = fit.chosen, str(fit.verdict[fit.chosen])
    if verdict == "untrained":
        return [Segment(f"Start {r} was not trained: this is where it begins.")]
    if verdict == "failed":
        return [
            Segment(
                f"Start {r} failed: its loss stopped being a number. The learning rate is too "
                "high for it."
            )
        ]
    loss = number(float(fit.final_loss[r]), 4)
    if verdict == "collapsed":
        return [Segment(f"Start {r} collapsed at a loss of {loss}: {collapse_reason(mixture)}")]
    basin = int(fit.basin[r])
    unsettled = verdict == "moving" and fit.count("converged") > 0
    if basin >= 0:
        where = f"which ended in {_the(basin)}"
    else:
        where = "which came to no optimum" if unsettled else "which was trained by itself"
    words = [Segment(f"Start {r}, {where} (loss {loss}): "), *point_answer(dataset, fit.parameters)]
    if basin >= 0:
        agree = int((fit.basin == basin).sum())
        words.append(Segment(f"{agree:,} of {count(len(fit.loss), 'start')} ended there."))
    if verdict == "moving":
        words.append(Segment(" It was still moving when its steps ran out."))
    return words


def _the(basin: int) -> str:
    return f"the {optimum(basin)}" if basin == 0 else optimum(basin)


def coordinate_name(c: Coordinate, columns: Sequence[str]) -> str:
    """Name a number of a point: "loc 1", "scale", "loc 2 of waiting", "weight 1".

    Components count from 1; a column is named where there are several, and a correlation's two
    columns where there are more than two.
    """
    name = {"locs": "loc", "scale": "scale", "weights": "weight", "correlation": "correlation"}
    which = "" if c.component is None else f" {c.component + 1}"
    if c.other is not None and c.column is not None:
        if len(columns) == 2:
            return f"{name[c.site]}{which}"
        pair = f"{columns[c.other]:.20}, {columns[c.column]:.20}"
        return f"partial {name[c.site]}{which} of {pair}"
    of = "" if c.column is None or len(columns) == 1 else f" of {columns[c.column]:.20}"
    return f"{name[c.site]}{which}{of}"


def slice_caption(found: Slice, n_points: int) -> str:
    """Say how to read a slice: what is held, what is projected, and of which data."""
    said = (
        "Everything else is held where the fit ended. The path is a projection: on its way the "
        "fit had other values of the rest, so it crosses this slice at its end only."
    )
    if found.n_used < n_points:
        said += (
            f" Computed from a sample of {found.n_used:,} of {count(n_points, 'point')}, scaled up."
        )
    return said
