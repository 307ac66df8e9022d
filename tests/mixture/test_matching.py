"""Ends that are one optimum but for their order are one basin, as by every permutation."""

from itertools import permutations

import numpy as np
import pytest

from gmm_core.mixture import Parameters
from gmm_core.mixture.matching import basins


def by_definition(final_loss, points, sound):
    """Try every permutation against every better basin, one end after another."""
    basin, heads = np.full(len(final_loss), -1), []
    for r in np.argsort(np.where(sound, final_loss, np.inf), kind="stable"):
        if not sound[r]:
            continue
        for number, h in enumerate(heads):
            near = final_loss[r] - final_loss[h] <= 1e-3 * max(1.0, abs(final_loss[h]))
            for order in permutations(range(points.weights.shape[1])):
                other = points[int(r)].permuted(order)
                apart = np.abs(points.locs[h] - other.locs) / points.scales[h]
                weights = np.abs(points.weights[h] - other.weights)
                if near and apart.max() <= 0.1 and weights.max() <= 0.01:
                    basin[r] = number
            if basin[r] >= 0:
                break
        else:
            basin[r] = len(heads)
            heads.append(r)
    return basin


@pytest.mark.parametrize("seed", range(8))
def test_basins_are_those_of_every_permutation(seed):
    rng = np.random.default_rng(seed)
    K, D, R, optima = 1 + seed % 4, 2, 25, 6
    weights = rng.dirichlet(np.full(K, 5.0), optima)
    locs = rng.normal(size=(optima, K, D))
    if K > 1:  # two components that each are the other's nearest
        locs[0, 1], weights[0] = locs[0, 0] + 0.02, 1 / K
    loss = rng.normal(size=optima) * (0.002 if seed % 2 else 5.0)
    which = rng.integers(optima, size=R)
    order = np.stack([rng.permutation(K) for _ in range(R)])
    points = Parameters(
        np.take_along_axis(weights[which], order, axis=1),
        np.take_along_axis(locs[which], order[:, :, None], axis=1)
        + 0.03 * rng.normal(size=(R, K, D)),
        np.tile(np.eye(D), (R, K, 1, 1)),
    )
    sound = rng.random(R) < 0.9
    computed = basins(loss[which], points, sound)
    np.testing.assert_array_equal(computed, by_definition(loss[which], points, sound))
    assert computed.max() >= 1
