"""How far the components of a mixture lie over each other."""

from __future__ import annotations

import numpy as np

from gmm_core.mixture.parameters import Parameters


def overlap(point: Parameters) -> float:
    r"""Bound the share of points that even the best rule gives to the wrong component.

    Each pair of components adds the integral of the square root of the product of their weighted
    densities, which is at most that of the smaller of the two. Unlike a distance it is content with
    components that lie apart at all, so that one far away does not outweigh two that touch; and it
    sees those that have one loc and unlike covariances.

    Parameters
    ----------
    point : One point; its noise, if any, is left out.

    Returns
    -------
    0 where no two components overlap or there is one alone, at most (K - 1) / 2.

    Notes
    -----
    Kailath (1967), The divergence and Bhattacharyya distance measures in signal selection, IEEE
    Transactions on Communication Technology 15, for two; the bound of all is the sum over pairs.
    """
    i, j = np.triu_indices(len(point.weights), 1)
    weights = point.weights / point.weights.sum()
    covariances, away = point.covariances, point.locs[i] - point.locs[j]
    between = (covariances[i] + covariances[j]) / 2
    squared = np.einsum("pd,pd->p", away, np.linalg.solve(between, away[..., None])[..., 0])
    logdet = np.linalg.slogdet(covariances)[1]
    distance = squared / 8 + (np.linalg.slogdet(between)[1] - (logdet[i] + logdet[j]) / 2) / 2
    return float(np.sqrt(weights[i] * weights[j]) @ np.exp(-distance))
