"""Data whose groups lie side by side along a long axis, as those of animals of any size do."""

import numpy as np

import gmm_core as gmm


def two_forms():
    """Five measures of 200 bodies of any size, the first hundred of one form, the rest of another.

    The forms differ across the axis of size, along which they extend farthest.
    """
    rng = np.random.default_rng(5)
    size = rng.normal(0, 1, 200)[:, None] * [3.5, 2.6, 7.1, 7.9, 3.4]
    form = np.where(np.arange(200) < 100, 1, -1)[:, None] * [0.9, 0.1, -0.6, -0.5, 0.3]
    return gmm.Dataset.from_values(size + form + rng.normal(0, 0.35, (200, 5)))
