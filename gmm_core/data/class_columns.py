"""Columns that sort the points into a few classes: known ones, and others of the person's table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.columns import CODE_VALUES
from gmm_core.data.dataset import Dataset
from gmm_core.data.observed import class_name

MOST = CODE_VALUES
"""Classes of a column that was not chosen as known classes; more colours cannot be told apart."""

KNOWN = "known classes"
"""What the classes are called that the data was given with."""


@dataclass(frozen=True, eq=False)
class ClassColumn:
    """A column that says of each point which class it is of.

    Attributes
    ----------
    name : of the column.
    names : the C classes, as they first appear.
    member : [N], which of them each point is of, -1 where that is unknown.
    """

    name: str
    names: tuple[str, ...]
    member: NDArray[np.int64]


def class_columns(dataset: Dataset) -> list[ClassColumn]:
    """List what can tell the points apart by class: known classes first, then columns not fitted.

    A column that is not fitted counts where it has at least two and at most `MOST` different
    entries, empty cells aside, and not each only once.
    """
    groups = []
    if dataset.classes is not None:
        groups.append(_of(KNOWN, dataset.classes))
    columns = {} if dataset.rows is None else dataset.rows.columns
    for name, cells in columns.items():
        if len(np.unique(cells)) > MOST + 1:  # one may be the empty cell
            continue
        column = _of(name, tuple(map(class_name, cells.tolist())))
        if not 2 <= len(column.names) <= min(MOST, (column.member >= 0).sum() - 1):
            continue
        if groups and groups[0].name == KNOWN and np.array_equal(groups[0].member, column.member):
            groups[0] = column  # the same, under the name that a person knows
        else:
            groups.append(column)
    return groups


def _of(name: str, classes: tuple[str | None, ...]) -> ClassColumn:
    names = tuple(dict.fromkeys(entry for entry in classes if entry is not None))
    place = {entry: c for c, entry in enumerate(names)}
    return ClassColumn(name, names, np.array([place.get(entry, -1) for entry in classes]))  # type: ignore[arg-type]
