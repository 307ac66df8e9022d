"""Bins of a histogram that lets modes be seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SAMPLE = 10_000
_LATTICE = 1e-6  # of a step: how far rounded values may lie from their lattice


def bin_edges(x: Array, most: int = 80) -> Array:
    """Return the edges [B + 1] of at most `most` bins for values that are not all equal.

    Parameters
    ----------
    x : [N], finite and of a size whose differences do not overflow.

    Notes
    -----
    As many bins as the rule of Freedman and Diaconis (1981) asks for, and at least √N: the rule is
    made for one mode, and of several it sees a wide middle half and gives five bins. Rounded values
    come in steps: their bins hold whole steps, since others would be empty or double.
    """
    low, high = float(x.min()), float(x.max())
    N = len(x)
    quarter, three = np.percentile(x, [25, 75])
    width = 2 * (three - quarter) / np.cbrt(N)
    by_rule = (high - low) / width if width > 0 else 0.0
    bins = int(np.clip(np.ceil(max(by_rule, np.sqrt(N))), min(N, 5), most))
    # Of many points a part says whether values are rounded.
    if len(np.unique(x[:: max(1, N // _SAMPLE)])) > 2 * most:
        return np.linspace(low, high, bins + 1)
    values = np.unique(x)
    step = float(np.diff(values).min())
    places = (values - low) / step
    on_lattice = np.abs(places - np.round(places)).max() <= _LATTICE * max(places[-1], 1.0)
    n_steps = round(places[-1]) + 1
    if not on_lattice or n_steps > 4 * bins or len(values) >= 0.9 * N:
        return np.linspace(low, high, bins + 1)
    per_bin = int(np.ceil(n_steps / bins))
    B = int(np.ceil(n_steps / per_bin))
    return low - step / 2 + per_bin * step * np.arange(B + 1, dtype=np.float64)
