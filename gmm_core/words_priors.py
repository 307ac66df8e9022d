"""Priors in numbers, in the data's units."""

from __future__ import annotations

import numpy as np

from gmm_core.dataset import Dataset
from gmm_core.figures.style import number
from gmm_core.mixture import Mixture


def prior_rows(dataset: Dataset, mixture: Mixture) -> list[tuple[str, str]]:
    """Say what is believed beforehand, as rows (what, in numbers).

    Locs and scales are given as the range that holds 90 % of the belief, for each column; a
    prior that is left out says so.
    """
    priors, names = mixture.priors, dataset.columns
    D = len(names)
    few = 6  # columns, beyond which a table no longer helps
    c = priors.concentration
    rows = [("weights", "no prior" if c is None else f"Dirichlet({number(c)})")]
    mean, sd = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    for d, name in enumerate(names[:few]):
        what = "locs" if D == 1 else f"locs, {name}"
        if mean is None or sd is None:
            rows.append((what, "no prior"))
        else:
            rows.append((what, _range(mean[d] - 1.645 * sd[d], mean[d] + 1.645 * sd[d])))
    scale = mixture.scale_prior(D)
    spherical = mixture.covariance == "spherical"
    for d, name in enumerate(names[: 1 if spherical else few]):
        what = "standard deviation" if D == 1 or spherical else f"standard deviation, {name}"
        if scale is None:
            rows.append((what, "no prior"))
        else:
            log_mean, log_sd = (np.broadcast_to(part, (D,))[d] for part in scale)
            ends = np.exp([log_mean - 1.645 * log_sd, log_mean + 1.645 * log_sd])
            rows.append((what, _range(ends[0], ends[1])))
    if mixture.has_correlations(D):
        eta = priors.correlation
        rows.append(("correlations", "no prior" if eta is None else f"LKJ({number(eta)})"))
    if few < D:
        rows.append((f"and {D - few} more columns", "alike"))
    return rows


def _range(low: float, high: float) -> str:
    return f"{number(float(low))} to {number(float(high))}"
