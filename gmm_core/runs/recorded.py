"""Which steps of a fit are kept, as frames of a trajectory and as columns of its curves, and which
draws are shown while a sampler runs.

A fit of a thousand starts over twenty thousand steps has more losses than a page can hold, and than
anybody can see. Engines know all of them while they compute; what leaves them has these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Mixture, Parameters
from gmm_core.runs.options import MapOptions, NutsOptions, SmcOptions

CURVE_NUMBERS = 1_000_000
"""Losses of all starts that a fit keeps. As many gradient norms of each site come to 40 MB at most,
which the web process holds for each fit that is looked at."""

DRAWN_NUMBERS = 1_000_000
"""Numbers of all draws, warm-up included, that the web process holds of a sampler under way: 8 MB.
The result has every draw."""


def frame_steps(mixture: Mixture, n_columns: int, steps: int) -> NDArray[np.int64]:
    """Choose the steps kept as frames of the trajectory, the first and last included.

    At most 200, and fewer where covariances are large: two million numbers at most.
    """
    limit = int(np.clip(2_000_000 // (mixture.n_components * n_columns**2), 2, 200))
    # Ascending, and no two alike: they are one apart at least before they are rounded.
    return np.linspace(0, steps, min(limit, steps + 1)).round().astype(np.int64)


def recorded_steps(mixture: Mixture, n_columns: int, options: MapOptions) -> NDArray[np.int64]:
    """Choose the steps whose losses and gradient norms are kept [C], ascending from the first.

    All T where R starts make no more than `CURVE_NUMBERS` of them. Beyond, half of those that there
    is room for come one after another at the beginning, where a curve falls: EM has mostly settled
    within as many. The rest are spread evenly up to the last step, the frames among them, so that a
    trajectory has its losses.
    """
    T, C = options.steps, CURVE_NUMBERS // options.restarts
    if T <= C:
        return np.arange(T)
    dense = np.arange(C // 2)
    frames = frame_steps(mixture, n_columns, T)[:-1]  # the last is after the last step
    even = np.linspace(len(dense), T - 1, C - len(dense) - len(frames)).round()
    return np.unique(np.concatenate([dense, frames, even.astype(np.int64)]))


def shown_draws(n_components: int, n_columns: int, options: NutsOptions | SmcOptions) -> int:
    """Return of how many draws of a chain one is shown while the sampler runs."""
    K, D, warmup = n_components, n_columns, getattr(options, "warmup", 0)
    numbers = options.draws * Parameters.size(K, D) + warmup * K * D
    return -(-options.chains * numbers // DRAWN_NUMBERS)
