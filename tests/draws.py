"""Draws made up for the tests: distant components, in order or shuffled."""

from __future__ import annotations

import numpy as np

from gmm_core.posterior.draws import Posterior


def separated(C=2, S=200, K=3, D=2, seed=0, tied=True) -> Posterior:
    """Draws about K distant components, weights falling, each draw with its labels in order."""
    rng = np.random.default_rng(seed)
    centre = 10.0 * np.arange(K)[:, None] * np.ones(D)
    locs = centre + 0.3 * rng.standard_normal((C, S, K, D))
    alpha = 400.0 * np.arange(K, 0, -1) / K
    weights = rng.dirichlet(alpha, size=(C, S))
    scale = np.exp(0.1 * rng.standard_normal((C, S, 1 if tied else K)))
    scale_tril = np.broadcast_to(scale[..., None, None] * np.eye(D), (C, S, K, D, D)).copy()
    return Posterior(
        {"weights": weights, "locs": locs, "scale_tril": scale_tril},
        {
            "log_joint": rng.standard_normal((C, S)),
            "diverging": np.zeros((C, S), dtype=bool),
            "tree_depth": np.full((C, S), 3),
            "energy": rng.standard_normal((C, S)),
            "acceptance": np.full((C, S), 0.9),
            "step_size": np.full(C, 0.5),
        },
    )


def with_noise(posterior, seed=0, widths=60.0):
    """Return the same draws with one more component, the noise, of changing weight."""
    share = 0.3 * np.random.default_rng(seed).random(posterior.draws["weights"].shape[:2])
    D = posterior.draws["locs"].shape[-1]
    draws = posterior.draws | {
        "weights": posterior.draws["weights"] * (1 - share[..., None]),
        "noise": share,
        "box": np.full((*share.shape, D), widths),
    }
    return Posterior(draws, posterior.stats)


def shuffled(posterior: Posterior, seed=1) -> tuple[Posterior, np.ndarray]:
    """Permute the components of every draw at random."""
    C, S, K = posterior.draws["weights"].shape
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(K), (C, S, 1)), axis=-1)

    def taken(a):
        return np.take_along_axis(a, order.reshape(*order.shape, *(1,) * (a.ndim - 3)), axis=2)

    return Posterior({n: taken(a) for n, a in posterior.draws.items()}, posterior.stats), order
