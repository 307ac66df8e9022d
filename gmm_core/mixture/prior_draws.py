"""Points and data drawn from what is believed before any data is seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture.conjugate import Conjugate, conjugate_prior
from gmm_core.mixture.model import Mixture
from gmm_core.mixture.parameters import Parameters, from_sites
from gmm_core.mixture.rotations import uniform

Array = NDArray[np.float64]


def prior_draws(mixture: Mixture, n_columns: int, n: int, seed: int = 0) -> Parameters:
    """Draw points of the mixture from its priors.

    Parameters
    ----------
    n_columns : D of the data.
    n : M, how many.
    seed : the same seed gives the same points.

    Returns
    -------
    A sequence of points: weights [M, K], locs [M, K, D], scale_tril [M, K, D, D].

    Raises
    ------
    ValueError
        When a prior is flat: there is no distribution to draw from.
    """
    priors, K, D = mixture.priors, mixture.n_components, n_columns
    concentration = priors.concentration
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    if not priors.proper:
        raise ValueError(
            "A flat prior is no distribution to draw from. Give every prior: "
            "those from the data suit most data."
        )
    conjugate = conjugate_prior(mixture, D)
    if conjugate is not None and not conjugate.normalised:
        raise ValueError(
            f"The conjugate prior of {mixture.family.code} covariances, which share some of size, "
            "shape and direction, is no distribution to draw from: its integral is not known. Use "
            'Priors.for_data(dataset), or covariance="full".'
        )
    # For the type checker: a proper prior has them all.
    assert concentration is not None
    assert loc_mean is not None
    rng = np.random.default_rng(seed)
    # A Dirichlet by its gammas: below 1e-300 every one of a small concentration may be zero.
    log_gamma = _log_gamma(rng, concentration, (n, mixture.n_weights))
    weights = np.exp(log_gamma - log_gamma.max(axis=-1, keepdims=True))
    site = {
        "weights": weights / weights.sum(axis=-1, keepdims=True),
    }
    z = rng.normal(size=(n, K, D))
    if conjugate is not None and conjugate.freedom is not None:
        site |= _covariances(rng, mixture, conjugate, n)
    else:
        for family_site in mixture.sites(D):
            shape = (n, *family_site.shape)
            site[family_site.name] = DRAW[family_site.name](rng, mixture, shape, D)
    if loc_scale is not None:
        z = loc_scale * z
    elif conjugate is not None and conjugate.shrinkage is not None:
        factors = mixture.family.factor(np, site, K, D)
        z = np.einsum("mkij,mkj->mki", factors, z) / np.sqrt(conjugate.shrinkage)
    return from_sites(mixture, site | {"locs": loc_mean + z})


def _covariances(
    rng: np.random.Generator, mixture: Mixture, prior: Conjugate, n: int
) -> dict[str, Array]:
    """Draw sites of covariances that have the conjugate prior.

    Of an inverse Wishart by Bartlett's factor of the precision (Smith and Hocking 1972).
    """
    assert prior.freedom is not None
    family, K, D = mixture.family, mixture.n_components, len(prior.mean)
    J = prior.n_covariances
    if family.diagonal(D):
        scales = prior.scale.diagonal()[: 1 if family.balls else D] * (D if family.balls else 1)
        variances = scales / rng.chisquare(prior.freedom, size=(n, J, len(scales)))
        factors = np.sqrt(np.broadcast_to(variances, (n, J, D)))[..., None] * np.eye(D)
    else:
        bartlett = np.tril(rng.normal(size=(n, J, D, D)), -1)
        degrees = prior.freedom - np.arange(D)
        bartlett += np.sqrt(rng.chisquare(degrees, size=(n, J, D)))[..., None] * np.eye(D)
        # With scale C C' and precision C'^-1 B B' C^-1, a covariance is (C B'^-1) (C B'^-1)'.
        root = np.swapaxes(
            np.linalg.solve(bartlett, np.broadcast_to(prior.root.T, bartlett.shape)), -1, -2
        )
        factors = np.linalg.cholesky(root @ np.swapaxes(root, -1, -2))
    return family.split(np.broadcast_to(factors, (n, K, D, D)))


def _log_gamma(rng: np.random.Generator, shape: float, size: tuple[int, ...]) -> Array:
    """Logarithm of gamma draws, exact for the smallest shapes.

    Gamma(a) is Gamma(a + 1) times U^(1/a) (Marsaglia and Tsang 2000, section 6).
    """
    uniform = 1 - rng.random(size)
    return np.log(rng.gamma(shape + 1, size=size)) + np.log(uniform) / shape


def _lkj_factor(rng: np.random.Generator, eta: float, D: int, lead: tuple[int, ...]) -> Array:
    """Cholesky factors [..., D, D] of LKJ(eta) correlations.

    The canonical partial correlations of column j are Beta(b, b) on (-1, 1) with
    b = eta + (D - 2 - j) / 2, independent of each other: Lewandowski, Kurowicka and Joe (2009),
    section 2.4, as the C-vine.
    """
    factor = np.zeros((*lead, D, D))
    rest = np.ones((*lead, D))
    for j in range(D - 1):
        b = eta + (D - 2 - j) / 2
        partial = 2 * rng.beta(b, b, size=(*lead, D - 1 - j)) - 1
        factor[..., j, j] = rest[..., j]
        factor[..., j + 1 :, j] = partial * rest[..., j + 1 :]
        rest[..., j + 1 :] *= np.sqrt(1 - partial**2)
    factor[..., D - 1, D - 1] = rest[..., D - 1]
    return factor


def _scales(rng: np.random.Generator, mixture: Mixture, shape: tuple[int, ...], D: int) -> Array:
    prior = mixture.scale_prior(D)
    assert prior is not None
    return np.exp(prior[0] + prior[1] * rng.normal(size=shape))


def _correlations(
    rng: np.random.Generator, mixture: Mixture, shape: tuple[int, ...], D: int
) -> Array:
    eta = mixture.priors.correlation
    assert eta is not None
    return _lkj_factor(rng, eta, D, shape[:-2])


def _shapes(rng: np.random.Generator, mixture: Mixture, shape: tuple[int, ...], D: int) -> Array:
    prior = mixture.shape_prior(D)
    assert prior is not None
    return prior[0] + prior[1] * rng.normal(size=shape)


def _directions(
    rng: np.random.Generator, mixture: Mixture, shape: tuple[int, ...], D: int
) -> Array:
    return uniform(rng, D, shape[:-2])


DRAW: dict[str, Callable[[np.random.Generator, Mixture, tuple[int, ...], int], Array]] = {
    "scale": _scales,
    "correlation": _correlations,
    "shape": _shapes,
    "direction": _directions,
}
"""Draws of a site of covariances by its name, of a given shape."""
