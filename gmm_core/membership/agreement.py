"""How far two ways of sorting the same points into classes agree, whatever the classes' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Agreement(NamedTuple):
    """Two sets of labels compared.

    ari : adjusted Rand index, 1 for the same classes, 0 on average for random ones.
    table : [A, B], how many points are in class a of the one and class b of the other, both in
        sorted order.
    error : share of points that stay wrong under the best one-to-one matching of classes.
    """

    ari: float
    table: NDArray[np.int64]
    error: float


def agreement(labels_a: Sequence[Any], labels_b: Sequence[Any]) -> Agreement:
    """Compare two sets of labels of the same points.

    Parameters
    ----------
    labels_a, labels_b : [N], names or numbers of classes. Points whose class is None in either are
        left out.

    Raises
    ------
    ValueError
        When they are of different numbers of points, or no point has both labels.

    Notes
    -----
    The index is that of Hubert and Arabie (1985), eq. 5, counted over pairs of points. Where both
    put all points into one class, or each into its own, it is 1. The matching of classes is the
    assignment that keeps most points (Kuhn 1955).
    """
    from scipy.optimize import linear_sum_assignment

    if len(labels_a) != len(labels_b):
        raise ValueError(
            f"The labels are of {len(labels_a)} and {len(labels_b)} points. Give two labels for "
            "each point."
        )
    pairs = [
        (a, b) for a, b in zip(labels_a, labels_b, strict=True) if a is not None and b is not None
    ]
    if not pairs:
        raise ValueError("No point has a label in both. Give labels of the same points.")
    (rows, a), (columns, b) = (
        np.unique(np.array(side), return_inverse=True) for side in zip(*pairs, strict=True)
    )
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    np.add.at(table, (a, b), 1)
    matched = table[linear_sum_assignment(table, maximize=True)].sum()
    return Agreement(_adjusted_rand(table), table, 1 - float(matched) / len(pairs))


def _adjusted_rand(table: NDArray[np.int64]) -> float:
    def count(sizes: NDArray[np.int64]) -> float:
        return float((sizes * (sizes - 1) / 2).sum())

    both, rows, columns = count(table), count(table.sum(axis=1)), count(table.sum(axis=0))
    N = int(table.sum())
    expected = rows * columns / (N * (N - 1) / 2) if N > 1 else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
