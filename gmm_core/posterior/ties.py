"""Equal values, and the mode on them that no sampler walks into.

Where a value is there many times over, a component may shrink onto its copies: the density rises
with every halving of the scale until a prior holds it. Rounding makes such values, and the mode
says nothing of groups; but where it is allowed it may hold nearly all of the posterior.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, table_columns
from gmm_core.mixture import Mixture, Parameters, log_joint
from gmm_core.posterior.draws import Posterior

Array = NDArray[np.float64]

_SCALES = -np.arange(1.0, 320.0)  # log scales that are tried, in standard deviations of the column
_MARGIN = 10.0  # nats by which a mode has to be the heavier to be named: its mass is a rough one


class TiedMode(NamedTuple):
    """A component on equal values.

    column : its name in the person's table.
    value, copies : which value there, and how often it is there.
    gain : by how many nats the mode is heavier than where the draws are, roughly.
    """

    column: str
    value: float
    copies: int
    gain: float


def tied_mode(dataset: Dataset, mixture: Mixture, posterior: Posterior) -> TiedMode | None:
    """Find the mode on the commonest value of a column, where it outweighs the draws.

    Its mass is its height times its widths, which shrink with the scale: one for the loc, as a
    normal's, and one for the scale itself, whose logarithm moves by about one. None for families
    whose components share a scale, for incomplete or weighted data and noise, and where no mode
    outweighs the draws.
    """
    K, D = mixture.n_components, dataset.values.shape[1]
    own = mixture.family.own(D) and (D == 1 or not mixture.family.balls)
    if not own or dataset.incomplete or dataset.weights is not None or mixture.noise or K < 2:
        return None
    heights = np.asarray(posterior.stats["log_joint"]).ravel()
    best = posterior.parameters[int(heights.argmax())]
    peak = float(heights.max()) + float(np.log(best.scales).min(axis=0).sum())
    highest: TiedMode | None = None
    for d, column in enumerate(table_columns(dataset)):
        values, counts = np.unique(dataset.values[:, d], return_counts=True)
        value, count = float(values[counts.argmax()]), int(counts.max())
        if count <= D + 1:
            continue
        spread = float(dataset.values[:, d].std())
        on = dataset.values[:, d] == value
        on_copies = -np.inf
        for log_scale in _SCALES:
            scale = spread * np.exp(log_scale)
            height = _height(dataset, mixture, best, d, on, scale)
            on_copies = max(on_copies, height + 2 * np.log(scale))
        gain = on_copies - peak
        in_units = float(in_table(dataset, d, value))
        if gain > _MARGIN and (highest is None or gain > highest.gain):
            highest = TiedMode(column, in_units, count, float(gain))
    return highest


def _height(
    dataset: Dataset,
    mixture: Mixture,
    best: Parameters,
    column: int,
    on: NDArray[np.bool_],
    scale: float,
) -> float:
    """Log joint where the component that has most of these rows lies on them with this scale."""
    K = len(best.weights)
    nearest = np.abs(best.locs[:, column] - dataset.values[on, column][0]) / best.scales[:, column]
    k = int(nearest.argmin())
    rest = np.arange(K) != k
    share = on.mean()
    weights = best.weights.copy()
    weights[k] = share
    weights[rest] *= (1 - share) / weights[rest].sum()
    locs, factors = best.locs.copy(), best.scale_tril.copy()
    locs[k] = dataset.values[on].mean(axis=0)
    deviations = np.maximum(dataset.values[on].std(axis=0), best.scales[k] * 1e-3)
    deviations[column] = scale
    factors[k] = np.diag(deviations)
    # The other component takes the rows that this one leaves.
    if K == 2:
        left = dataset.values[~on]
        other = int(np.flatnonzero(rest)[0])
        locs[other] = left.mean(axis=0)
        factors[other] = np.diag(left.std(axis=0))
    return float(log_joint(dataset, mixture, Parameters(weights, locs, factors)))
