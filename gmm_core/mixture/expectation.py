"""What a mixture expects of one column where another is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import from_table, in_table, moments_in_table
from gmm_core.mixture.conditional import conditional
from gmm_core.mixture.parameters import Parameters

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Expectation:
    """Of one column, at each of M values of another: [M] each, in the data's units.

    mean, sd : of the conditional mixture.
    low, high : between them lies the central share that was asked for.
    """

    mean: Array
    sd: Array
    low: Array
    high: Array


def expectation(
    parameters: Parameters,
    given: int,
    at: ArrayLike,
    of: int,
    share: float = 0.9,
    *,
    dataset: Dataset | None = None,
) -> Expectation:
    """Say what the mixture expects of a column where another has each of some values.

    The noise, which knows nothing of one column from another, is left out.

    Parameters
    ----------
    given, of : numbers of the two columns, from 0.
    at : [M], values of the one that is given.
    share : of the distribution, between `low` and `high`.
    dataset : what was fitted. With it `at` and the answer are in the units of its table, also where
        columns were transformed: each component's mean and sd are those of, say, a lognormal.

    Raises
    ------
    ValueError
        When a value is so far out that no component has any density there, or one that the
        column's transform cannot take.
    """
    from scipy.special import ndtr

    pair, expected = parameters.marginal([given, of]), []
    values = np.atleast_1d(np.asarray(at, dtype=np.float64))
    for value in values if dataset is None else from_table(dataset, given, values):
        rest = conditional(pair, {"given": float(value)}, ("given", "of"))
        w, m, s = rest.weights, rest.locs[:, 0], rest.scale_tril[:, 0, 0]
        middle, spread = (m, s) if dataset is None else moments_in_table(dataset, of, m, s)
        mean = float(w @ middle)
        sd = float(np.sqrt(w @ (spread**2 + (middle - mean) ** 2)))

        def below(x: float, w: Array = w, m: Array = m, s: Array = s) -> Any:
            return w @ ndtr((x - m) / s)

        ends = [_where(below, p, m, s) for p in ((1 - share) / 2, (1 + share) / 2)]
        if dataset is not None:
            ends = in_table(dataset, of, ends).tolist()
        expected.append((mean, sd, *ends))
    return Expectation(*np.array(expected).T)


def _where(below: Any, share: float, m: Array, s: Array) -> float:
    """Value with so much of a mixture of normals below it, by halving."""
    low, high = float((m - 40 * s).min()), float((m + 40 * s).max())
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if below(middle) < share else (low, middle)
    return (low + high) / 2
