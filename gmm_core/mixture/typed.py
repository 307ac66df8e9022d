"""A mixture that a person types: rows of a table, one for each component."""

from __future__ import annotations

import numpy as np

from gmm_core.data.typed import Rows, read_number
from gmm_core.mixture.parameters import Parameters


def mixture(rows: Rows, n_columns: int) -> Parameters:
    """Make the parameters of a mixture of the rows of a table, one row for each component.

    Parameters
    ----------
    rows : K rows: weight, D locs, D standard deviations, and for two columns the correlation.
    n_columns : D, 1 or 2.

    Returns
    -------
    Parameters with weights [K], divided by their sum, locs [K, D] and scale_tril [K, D, D].

    Raises
    ------
    ValueError
        When there is no row, a cell holds no number, a weight is negative or all are zero, a
        standard deviation is not positive, or a correlation is not between -1 and 1.
    """
    D = n_columns
    if D not in (1, 2):
        raise ValueError(f"{D} columns came, but a mixture is typed for 1 or 2. Choose one.")
    if not rows:
        raise ValueError("The table has no component. Add at least one row.")
    names = [""] if D == 1 else [" of x1", " of x2"]
    columns = ["weight", *(f"loc{name}" for name in names)]
    columns += [f"standard deviation{name}" for name in names] + ["correlation"] * (D - 1)
    cells = np.empty((len(rows), len(columns)))
    for k, row in enumerate(rows):
        for i, (what, cell) in enumerate(zip(columns, row, strict=True)):
            cells[k, i] = read_number(cell, f"Component {k + 1}, {what}")
    K = len(cells)
    weights, locs, scales = cells[:, 0], cells[:, 1 : 1 + D], cells[:, 1 + D : 1 + 2 * D]
    for k in range(K):
        if weights[k] < 0:
            raise ValueError(
                f"Component {k + 1} has the weight {weights[k]:g}, but a number from 0 was "
                "expected. Correct it, or delete the row."
            )
        if (scales[k] <= 0).any():
            raise ValueError(
                f"Component {k + 1} has the standard deviation {scales[k].min():g}, but a number "
                "above 0 was expected. Correct it."
            )
        if D == 2 and not -1 < cells[k, 5] < 1:
            raise ValueError(
                f"Component {k + 1} has the correlation {cells[k, 5]:g}, but a number between "
                "−1 and 1 was expected. Correct it."
            )
    if weights.sum() == 0:
        raise ValueError("All weights are 0, so there is nothing to draw from. Raise one.")
    scale_tril = np.zeros((K, D, D))
    scale_tril[:, 0, 0] = scales[:, 0]
    if D == 2:
        r = cells[:, 5]
        scale_tril[:, 1, 0] = r * scales[:, 1]
        scale_tril[:, 1, 1] = np.sqrt(1 - r**2) * scales[:, 1]
    return Parameters(weights / weights.sum(), locs, scale_tril)
