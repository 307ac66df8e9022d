"""Where restarts begin: the tutorial's start, its two alternatives, for every covariance.

A start is a point given as the model's sites. Weights begin equal, the scale at
sqrt(unbiased variance / 2) of the data, correlations at none; only the locs differ from restart
to restart, so two restarts with the same set of locs are the same up to permutation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.mixture import Mixture
from gmm_core.options import MapOptions

Array = NDArray[np.float64]


def start_sites(
    dataset: Dataset, mixture: Mixture, locs: Array, start_scale: float = 1.0
) -> dict[str, Array]:
    """Return the start with the given locs [K, D] as the model's sites."""
    K, D = locs.shape
    variance = dataset.values.var(axis=0, ddof=1)
    if mixture.covariance == "spherical":
        variance = variance.mean()
    scale = start_scale * np.sqrt(variance / 2)
    start = {
        "weights": np.full(K, 1 / K),
        "locs": locs,
        "scale": np.broadcast_to(scale, mixture.scale_shape(D)).copy(),
    }
    if mixture.has_correlations(D):
        shape = (D, D) if mixture.tied else (K, D, D)
        start["correlation"] = np.broadcast_to(np.eye(D), shape).copy()
    return start


def start_locs(dataset: Dataset, n_components: int, options: MapOptions) -> Array:
    """Draw the locs of every restart [R, K, D] from the data, each restart by a seed of its own."""
    x = dataset.values
    rows = np.stack(
        [
            _DRAW[options.start](x, n_components, (options.first_seed + r) % 2**32)
            for r in range(options.restarts)
        ]
    )
    return x[rows]


def chain_seed(seed: int, chain: int) -> int:
    """Seed of one chain: the run's own for the first, an independent one for each other."""
    if chain == 0:
        return seed
    return int(np.random.SeedSequence((seed, chain)).generate_state(1)[0])


def twins(all_locs: Sequence[Array]) -> list[tuple[int, NDArray[np.intp]]]:
    """For each restart the first with the same locs, and the order that brings that one here."""
    seen: dict[bytes, tuple[int, NDArray[np.intp]]] = {}
    found = []
    for r, locs in enumerate(all_locs):
        order = np.lexsort(locs.T[::-1])
        first, first_order = seen.setdefault(locs[order].tobytes(), (r, order))
        # Component order[i] here is component first_order[i] there.
        here = np.empty_like(order)
        here[order] = first_order
        found.append((first, here))
    return found


def _subsample(x: Array, K: int, seed: int) -> NDArray[np.int64]:
    """Draw K rows without replacement as the tutorial does: torch's multinomial by its seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(torch.ones(len(x)) / len(x), K, generator=generator).numpy()


def _kmeans_plus_plus(x: Array, K: int, seed: int) -> NDArray[np.int64]:
    """Draw K rows far from each other.

    Each is drawn with probability in proportion to the squared distance to the nearest row drawn
    before (Arthur and Vassilvitskii 2007), in units of the columns' standard deviations.
    """
    rng = np.random.default_rng(seed)
    z = x / x.std(axis=0)
    rows = [int(rng.integers(len(z)))]
    nearest = np.full(len(z), np.inf)
    while len(rows) < K:
        nearest = np.minimum(nearest, ((z - z[rows[-1]]) ** 2).sum(axis=1))
        total = nearest.sum()
        # With fewer distinct points than components the rest is drawn evenly.
        odds = nearest / total if total > 0 else None
        rows.append(int(rng.choice(len(z), p=odds)))
    return np.array(rows)


def _quantile(x: Array, K: int, seed: int) -> NDArray[np.int64]:
    """Draw one row from each K-th of the data, cut along its first principal axis."""
    rng = np.random.default_rng(seed)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    axis = np.linalg.eigh(z.T @ z)[1][:, -1]
    order = np.argsort(z @ axis, kind="stable")
    return np.array([rng.choice(part) for part in np.array_split(order, K)])


_DRAW = {"subsample": _subsample, "kmeans++": _kmeans_plus_plus, "quantile": _quantile}
