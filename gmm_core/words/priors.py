"""Priors in numbers, in the data's units."""

from __future__ import annotations

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.formatting import number
from gmm_core.mixture import Mixture
from gmm_core.mixture.conjugate import Conjugate, conjugate_prior


def prior_rows(dataset: Dataset, mixture: Mixture) -> list[tuple[str, str]]:
    """Say what is believed beforehand, as rows (what, in numbers).

    Locs and scales are given as the range that holds 90 % of the belief, for each column; a
    prior that is left out says so.
    """
    priors, names = mixture.priors, dataset.columns
    D = len(names)
    conjugate = conjugate_prior(mixture, D)
    covariances = conjugate is not None and conjugate.freedom is not None
    few = 6  # columns, beyond which a table no longer helps
    c = priors.concentration
    rows = [("weights", "no prior" if c is None else f"Dirichlet({number(c)})")]
    mean, sd = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    for d, name in enumerate(names[:few]):
        what = "locs" if D == 1 else f"locs, {name}"
        if conjugate is not None and conjugate.shrinkage is not None:
            rows.append((what, _loc(mixture, conjugate, d)))
        elif mean is None or sd is None:
            rows.append((what, "no prior"))
        else:
            rows.append((what, _range(mean[d] - 1.645 * sd[d], mean[d] + 1.645 * sd[d])))
    scale = mixture.scale_prior(D)
    one = not mixture.family.per_column
    for d, name in enumerate(names[: 1 if one else few]):
        what = "standard deviation" if D == 1 or one else f"standard deviation, {name}"
        if conjugate is not None and covariances:
            ends = np.sqrt(conjugate.variances(mixture.family, np.array([0.05, 0.95]))[:, d])
            rows.append((what, _range(*ends) if conjugate.normalised else _ANY_SHAPE))
        elif scale is None:
            rows.append((what, "no prior"))
        else:
            log_mean, log_sd = (np.broadcast_to(part, (D,))[d] for part in scale)
            ends = np.exp([log_mean - 1.645 * log_sd, log_mean + 1.645 * log_sd])
            rows.append((what, _range(ends[0], ends[1])))
    if mixture.has_correlations(D):
        eta = priors.correlation
        prior = "no prior" if eta is None else f"LKJ({number(eta)})"
        if conjugate is not None and conjugate.freedom is not None:
            prior = f"inverse Wishart({number(conjugate.freedom)})"
        rows.append(("correlations", prior))
    rows += [
        (_SITES[site.name][0], _SITES[site.name][1](mixture, D))
        for site in mixture.sites(D)
        if site.name in _SITES and not (covariances and site.name == "shape")
    ]
    if few < D:
        rows.append((f"and {D - few} more columns", "alike"))
    return rows


_ANY_SHAPE = "inverse Wishart, as far as components differ"


def _loc(mixture: Mixture, prior: Conjugate, d: int) -> str:
    """Say where a loc lies: exactly where the covariance is integrated out, else given it."""
    if prior.freedom is None or not prior.normalised:
        return (
            f"Normal({number(float(prior.mean[d]))}, covariance / {number(prior.shrinkage or 0)})"
        )
    reach = prior.reach(mixture.family, 0.9)[d]
    return _range(prior.mean[d] - reach, prior.mean[d] + reach)


def _shape(mixture: Mixture, D: int) -> str:
    prior = mixture.shape_prior(D)
    if prior is None:
        return "no prior"
    # Of one axis: contrasts of one sd leave its logarithm 1 - 1/D of their variance.
    reach = 1.645 * float(prior[1]) * np.sqrt(1 - 1 / D)
    return _range(np.exp(-reach), np.exp(reach))


def _direction(mixture: Mixture, D: int) -> str:
    return "uniform"


_SITES = {
    "shape": ("length along an axis, in standard deviations", _shape),
    "direction": ("directions of the axes", _direction),
}
"""What is said of a site of covariances, beside scales and correlations."""


def _range(low: float, high: float) -> str:
    return f"{number(float(low))} to {number(float(high))}"
