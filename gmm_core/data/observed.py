"""What a dataset may have beside its numbers: weights, known classes, missing values.

Each is checked here; what it means for a mixture is said in Pyro (`engines.pyro_model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.formatting import count

Array = NDArray[np.float64]

MOST_CLASSES = 64
"""As many as a mixture may have components: with more, what came is an identifier."""


def point_weights(weights: ArrayLike | None, n_points: int) -> Array | None:
    """Check how often each point counts, and return it read-only [N].

    Raises
    ------
    ValueError
        When a weight is negative or no number, there is not one for each point, or all are zero.
    """
    if weights is None:
        return None
    try:
        array = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "The weights are not numbers, but say how often each point counts. Give numbers >= 0."
        ) from error
    if array.shape != (n_points,):
        raise ValueError(
            f"The weights have shape {array.shape}, but the data has {n_points:,} points. Give one "
            "weight for each point."
        )
    wrong = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if wrong.size:
        raise ValueError(
            f"{wrong.size:,} of {count(n_points, 'weight')} "
            f"{'is' if wrong.size == 1 else 'are'} negative or no number; the first is "
            f"{array[wrong[0]]:g} in row {wrong[0] + 1:,}. Give numbers >= 0."
        )
    if not array.any():
        raise ValueError(
            "All weights are zero, so that no point counts. Give at least one above zero."
        )
    array += 0.0
    array.setflags(write=False)
    return array


def known_classes(classes: Sequence[object] | None, n_points: int) -> tuple[str | None, ...] | None:
    """Check what each point is known to be, and return it as text, None where it is unknown.

    Raises
    ------
    ValueError
        When there is not one entry for each point, no class is known at all, or there are more
        than 64 different ones.
    """
    if classes is None:
        return None
    if len(classes) != n_points:
        raise ValueError(
            f"{len(classes):,} classes came for {n_points:,} points. Give one for each point, None "
            "where it is unknown."
        )
    names = tuple(class_name(entry) for entry in classes)
    different = {name for name in names if name is not None}
    if not different:
        raise ValueError("No point has a known class. Name the class of some, or give none at all.")
    if len(different) > MOST_CLASSES:
        raise ValueError(
            f"{len(different):,} different classes came for {n_points:,} points, but at most "
            f"{MOST_CLASSES} are accepted: it looks like a column of numbers or names. Choose a "
            "column that says which kind each row is."
        )
    return names


def class_name(value: Any) -> str | None:
    """Return a class as text; None where it is unknown."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        value = int(value) if float(value).is_integer() else float(value)
    return str(value).strip() or None


def check_missing(missing: NDArray[np.bool_], columns: Sequence[str]) -> None:
    """Refuse values that say nothing at all, by which of them [N, D] are missing.

    Raises
    ------
    ValueError
        When a row or a column has no value.
    """
    nothing = np.flatnonzero(missing.all(axis=1))
    if nothing.size:
        raise ValueError(
            f"{count(nothing.size, 'row')} {'has' if nothing.size == 1 else 'have'} no value at "
            f"all; the first is row {nothing[0] + 1:,}. Remove what has none."
        )
    empty = np.flatnonzero(missing.all(axis=0))
    if empty.size:
        raise ValueError(
            f'The column "{columns[empty[0]]}" has no value at all. Leave this column out.'
        )
