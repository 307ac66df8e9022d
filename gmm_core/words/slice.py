"""How to read a slice through the loss: its axes by name, and what is held."""

from __future__ import annotations

from collections.abc import Sequence

from gmm_core.formatting import count
from gmm_core.mixture.landscape import Coordinate, Slice


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


def slice_caption(cut: Slice, n_points: int) -> str:
    """Say how to read a slice: what is held, what is projected, and of which data."""
    if not cut.finite:
        return (
            "There is no slice to draw here: where this fit ended the loss is infinite, and stays "
            "so whatever these two numbers are."
        )
    sentence = (
        "Everything else is held where the fit ended. The path is a projection: on its way the "
        "fit had other values of the rest, so it crosses this slice at its end only."
    )
    if cut.n_used < n_points:
        sentence += (
            f" Computed from a sample of {cut.n_used:,} of {count(n_points, 'point')}, scaled up."
        )
    return sentence
