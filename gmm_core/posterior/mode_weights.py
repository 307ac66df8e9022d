"""How much of the posterior each chain has seen: by draws in which every mode has its weight.

How many chains stayed in a mode says nothing of its probability. Draws of a sampler that weighs
modes do: a mode's weight is the share of them that lie where its chain lay, seen by quantities that
do not change when components change places.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters
from gmm_core.posterior.diagnostics import invariant_draws
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.invariants import coclustering
from gmm_core.posterior.summary import thinned

Array = NDArray[np.float64]

_COLUMNS = 4
# A chain's range, of so many draws as it has, is wider by this share of it on either side.
_MARGIN = 0.25


def highest(chains: Posterior) -> Parameters:
    """Return the draw of each chain where its log joint is highest [C]."""
    height = chains.stats["log_joint"]
    at = np.where(np.isnan(height), -np.inf, height).argmax(axis=1)
    return Parameters.of({n: a[np.arange(len(at)), at] for n, a in chains.draws.items()})


class Misled(NamedTuple):
    """The pair of points of which chains, averaged, would have said the most wrong.

    rows : their two row numbers.
    averaged, weighed : probability that they share a component, by all chains and as it is.
    """

    rows: tuple[int, int]
    averaged: float
    weighed: float


def seen_by_chains(dataset: Dataset, chains: Posterior, weighed: Posterior) -> Array:
    """Return for each chain the share of the posterior that lies where it lay [C].

    Chains that lay in the same place have the same share. An estimate from as many draws as
    `weighed` has; a share of 0 is below about one in that number.

    Parameters
    ----------
    chains : of NUTS, each anywhere.
    weighed : equally weighted draws of the whole posterior.
    """
    inside = np.ones((chains.n_chains, weighed.n_chains * weighed.n_draws), dtype=np.bool_)
    for d in range(min(dataset.values.shape[1], _COLUMNS)):
        weighed_draws = invariant_draws(dataset, weighed, d)
        for of_chains, of_modes in zip(
            invariant_draws(dataset, chains, d), weighed_draws, strict=True
        ):
            low, high = of_chains.draws.min(axis=1), of_chains.draws.max(axis=1)
            margin = _MARGIN * (high - low)
            value = of_modes.draws.reshape(1, -1)
            inside &= (value >= (low - margin)[:, None]) & (value <= (high + margin)[:, None])
    return inside.mean(axis=1)


def most_misled(
    dataset: Dataset, rows: NDArray[np.int64], chains: Posterior, together: Array
) -> Misled:
    """Find the pair of points that all chains, averaged, would have got most wrong.

    Parameters
    ----------
    rows : [P], the points that are looked at.
    together : [P, P], probability that two of them share a component.
    """
    averaged = coclustering(thinned(chains), dataset.values[rows])
    i, j = np.unravel_index(int(np.abs(averaged - together).argmax()), together.shape)
    pair = sorted((int(rows[i]), int(rows[j])))
    return Misled((pair[0], pair[1]), float(averaged[i, j]), float(together[i, j]))
