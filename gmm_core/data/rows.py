"""Where the rows of a dataset come from, so that what is said of a point can be joined to its file.

A fit needs numbers only. The person's table has more: a number for each row, names, dates, columns
that were left out of the fit. They go along with the dataset into every table of rows, and are no
part of its identity: equal numbers are equal data, whatever their rows are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a dataset in the table that they were read from.

    Attributes
    ----------
    numbers : [N], the row of each point in its table, counted from 1 below the header.
    columns : columns of that table that are not fitted, by name, each [N]: text, or numbers with
        NaN where a cell is empty.
    """

    numbers: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.numbers), *(len(cells) for cells in self.columns.values())}
        if len(lengths) > 1:
            raise ValueError(
                f"The rows came with columns of {sorted(lengths)} entries. Give one for each row."
            )

    @property
    def name_column(self) -> str | None:
        """The column that tells the rows apart: the first of text in which no two are equal."""
        for name, cells in self.columns.items():
            if cells.dtype.kind not in "fiu" and len(np.unique(cells)) == len(cells):
                return name
        return None

    def take(self, rows: NDArray[Any]) -> Rows:
        """Return some of the rows: their indices, or a mask [N]."""
        return Rows(self.numbers[rows], {name: cells[rows] for name, cells in self.columns.items()})
