"""How much the answer owes to the priors: the same draws under priors a little weaker or stronger.

Each prior is raised to a power, which leaves it in its family: below one it says less, above one
more. The draws are weighed anew for that, so nothing has to be drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Priors, e_step, log_prior_terms
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.invariants import matrix_rows

Array = NDArray[np.float64]

POWERS = (0.8, 1.25)
"""A fifth of what the priors say taken away, and a quarter added (Kallioinen et al. 2024)."""

_CHUNK = 2_000_000  # draws × points at once


class Powered(NamedTuple):
    """What changes when every prior is raised to a power.

    power : 1 for the priors as they are.
    scale : mean of the scale, over columns and components.
    together : [P, P], probability that two points share a component, of the `matrix_rows`.
    pareto_k : of the weights; above 0.7 they can't be trusted, and drawing anew is the way.
    """

    power: float
    scale: float
    together: Array
    pareto_k: float


def powered(priors: Priors, power: float) -> Priors:
    """Return priors whose densities are those of `priors` to a power, normalised.

    Dirichlet(c) becomes Dirichlet(1 + a (c - 1)), Normal(m, s) has sd s / sqrt(a), the log-normal
    with mu, sigma has sd sigma / sqrt(a) about mu + (1 - a) sigma^2 / a, and LKJ(eta) becomes
    LKJ(1 + a (eta - 1)).

    Raises
    ------
    ValueError
        When the power is not positive, or leaves a prior that is no distribution.
    """
    if not power > 0:
        raise ValueError(f"The power came as {power}. Give a number above 0; 1 changes nothing.")
    changed: dict[str, object] = {}
    for name, words in (("concentration", "Dirichlet"), ("correlation", "LKJ")):
        value = getattr(priors, name)
        if value is None:
            continue
        changed[name] = 1 + power * (value - 1)
        if not changed[name] > 0:  # type: ignore[operator]
            raise ValueError(
                f"{words}({value:g}) to the power {power:g} is no distribution: its parameter "
                f"would be {changed[name]:g}. Give a power below {1 / (1 - value):g}."
            )
    if priors.loc_scale is not None:
        changed["loc_scale"] = _plain(np.asarray(priors.loc_scale) / np.sqrt(power))
    if priors.scale_log_sd is not None:
        sd, mean = np.asarray(priors.scale_log_sd), np.asarray(priors.scale_log_mean)
        changed["scale_log_sd"] = _plain(sd / np.sqrt(power))
        changed["scale_log_mean"] = _plain(mean + (1 - power) / power * sd**2)
    if priors.shrinkage is not None or priors.freedom is not None:
        raise ValueError(
            "The conjugate prior ties locs to covariances, so that it has no power of its own "
            "kind. Ask with Priors.for_data(dataset), whose terms are apart."
        )
    return type(priors)(**(priors.model_dump() | changed))


def _plain(value: Array) -> float | tuple[float, ...]:
    return tuple(value.tolist()) if value.ndim else float(value)


def sensitivity(
    dataset: Dataset,
    mixture: Mixture,
    posterior: Posterior,
    powers: Sequence[float] = POWERS,
) -> list[Powered]:
    """Weigh the draws anew for priors raised to powers; the first row is of the priors as they are.

    Raises
    ------
    ValueError
        When a power leaves a prior that is no distribution.

    Notes
    -----
    Kallioinen, Paananen, Bürkner and Vehtari (2024), Detecting and diagnosing prior and likelihood
    sensitivity with power-scaling.
    """
    from arviz_stats.base import array_stats

    points = posterior.parameters
    log_prior = _log_prior(mixture, posterior)
    weights = [np.full(len(points), 1 / len(points))]
    k = [float("nan")]
    for power in powers:
        other = mixture.model_copy(update={"priors": powered(mixture.priors, power)})
        log_w, pareto_k = array_stats.psislw(log_prior - _log_prior(other, posterior))
        w = np.exp(log_w - log_w.max())
        weights.append(w / w.sum())
        k.append(float(pareto_k))
    values = dataset.values[matrix_rows(dataset.values)]
    scales = points.scales.mean(axis=(1, 2))
    together = _together(posterior, values, np.array(weights))
    return [
        Powered(power, float(w @ scales), matrix, occupied)
        for power, w, matrix, occupied in zip((1.0, *powers), weights, together, k, strict=True)
    ]


def _log_prior(mixture: Mixture, posterior: Posterior) -> Array:
    """Log prior of every draw [C S], up to what is the same in all."""
    total: Array = np.sum(list(log_prior_terms(mixture, posterior.parameters).values()), axis=0)
    return total


def _together(posterior: Posterior, values: Array, weights: Array) -> Array:
    """Probability that two points share a component [W, P, P], under each of the weights."""
    points, P = posterior.parameters, len(values)
    K = points.weights.shape[-1]
    together = np.zeros((len(weights), P, P))
    step = max(1, _CHUNK // (P * K))
    for first in range(0, len(points), step):
        # The noise is no component to share.
        r = e_step(points[first : first + step], values)[1][:, :K]  # [M, K, P]
        for i, w in enumerate(weights[:, first : first + step]):
            together[i] += np.einsum("m,mkp,mkq->pq", w, r, r, optimize=True)
    together[:, range(P), range(P)] = 1.0  # a point is with itself
    return together
