"""Which points one mixture puts into another component than a second mixture does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters, assign
from gmm_core.mixture.matching import matched


class Changes(NamedTuple):
    """The most probable components of N points under two mixtures.

    here, there : [N], of each point, counted from 0.
    table : [A, B], how many points are in component a of the one and b of the other.
    rows : [M], the points whose component is another one, in the order of the data.
    """

    here: NDArray[np.int64]
    there: NDArray[np.int64]
    table: NDArray[np.int64]
    rows: NDArray[np.int64]


def changes(dataset: Dataset, ours: Parameters, theirs: Parameters) -> Changes:
    """Compare the components of each point under two mixtures of the same columns.

    Parameters
    ----------
    ours, theirs : the components of the second are first matched to those of the first; what one
        has more stays without a counterpart, so that every point in it has changed.
    """
    pair = ours, matched(ours, theirs)
    of_ours, of_theirs = (assign(point, dataset.values) for point in pair)
    # Noise stands behind the components, at another place where there are more of them.
    sizes = [len(point.weights) + 1 for point in pair]
    table = np.zeros(sizes, dtype=np.int64)
    np.add.at(table, (of_ours, of_theirs), 1)
    noise = [point.noise is not None for point in pair]
    table = table[: sizes[0] - (not noise[0]), : sizes[1] - (not noise[1])]
    both_noise = (of_ours == sizes[0] - 1) & (of_theirs == sizes[1] - 1)
    return Changes(of_ours, of_theirs, table, np.flatnonzero((of_ours != of_theirs) & ~both_noise))
