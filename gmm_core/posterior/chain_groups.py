"""Chains that stay apart: which of them may be averaged.

A chain that began where a component is empty may never leave, far below the others. Its draws are
of another mode, and to average them with the others' in the shares of the chains means nothing:
how many chains began there says nothing of the mode's probability.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters, responsibilities
from gmm_core.posterior.draws import Posterior

Array = NDArray[np.float64]

_TAIL = 0.05
_LOOKED_AT = 20  # draws of a chain that say whether a component is empty


class ChainGroups(NamedTuple):
    """The chains of a posterior by where their log joint lies.

    together : the chains that lie with the highest one; what is said of the posterior is of these.
    apart : the others.
    gap : how far the log joint of the nearest of those lies below, by medians.
    empty : whether each of the others has a component without a point.
    """

    together: tuple[int, ...]
    apart: tuple[int, ...]
    gap: float = 0.0
    empty: bool = False


def chain_groups(dataset: Dataset, posterior: Posterior) -> ChainGroups:
    """Tell chains that lie apart by more than their own spread.

    Two chains are apart when their central 90 % of log joints do not meet and their medians differ
    by more than the wider of those ranges. Height is not mass: a lower mode may be the wider one,
    so that the others are set aside and not denied.
    """
    log_joint = posterior.stats["log_joint"]
    C = len(log_joint)
    low, middle, high = np.quantile(log_joint, (_TAIL, 0.5, 1 - _TAIL), axis=1)
    top = int(middle.argmax())
    spread = np.maximum(high - low, high[top] - low[top])
    is_apart = (high < low[top]) & (middle[top] - middle > spread)
    apart = tuple(np.flatnonzero(is_apart).tolist())
    if not apart:
        return ChainGroups(tuple(range(C)), ())
    gap = float((middle[top] - middle[list(apart)]).min())
    empty = all(_has_empty(dataset, posterior, c) for c in apart)
    return ChainGroups(tuple(np.flatnonzero(~is_apart).tolist()), apart, gap, empty)


def _has_empty(dataset: Dataset, posterior: Posterior, chain: int) -> bool:
    """Whether a component of this chain holds less than one point in most of its draws."""
    rows = np.unique(np.linspace(0, posterior.n_draws - 1, _LOOKED_AT).astype(int))
    smallest = []
    for s in rows:
        point = Parameters(**{name: array[chain, s] for name, array in posterior.draws.items()})
        smallest.append(responsibilities(point, dataset.values).sum(axis=0).min())
    return bool(np.median(smallest) < 1)
