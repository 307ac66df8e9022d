"""The M-step under priors: from the moments of the data to the most probable point.

Weights, and locs given the covariances so far, have closed forms under every prior that there is;
under the conjugate ones all has: they count as points and scatter of their own. Else covariances
have the family's own without priors, and one dimension's Newton each where scales are
all that has a prior. Of the rest the likelihood's own M-step is taken. That is close to the top
but not on it, so that it may go down: EM then ends there, and a polish finishes.

Notes
-----
Gauvain and Lee (1994), IEEE Transactions on Speech and Audio Processing 2, for the weights; a
conditional maximum in place of a joint one keeps EM's properties (Meng and Rubin 1993).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmm_core.engines.squarem import NOISE_FLOOR
from gmm_core.mixture import Mixture, Parameters, log_prior_terms
from gmm_core.mixture.conjugate import Conjugate, conjugate_prior

Array = NDArray[np.float64]

# Newton on a concave function from below its top: it converges monotonically, at the start by
# halves of a unit, and is over when nothing moves.
_NEWTON = 100
# The deviation of values that are all equal: still above zero when it is squared.
_LEAST = 1e-150


class MStep:
    """The M-step of a mixture.

    Attributes
    ----------
    exact : whether what it returns is the maximum, not only near it.
    flat : whether there is no prior at all.
    """

    def __init__(self, mixture: Mixture, n_columns: int, anywhere: Parameters) -> None:
        """Prepare for a mixture in D columns; `anywhere` is a point of it."""
        self._mixture, self._D = mixture, n_columns
        D, priors = n_columns, mixture.priors
        terms = set(log_prior_terms(mixture, anywhere))
        covariances = terms - {"weights", "locs"}
        only_scales = {site.name for site in mixture.sites(D)} == {"scale"}
        self._scales = only_scales and covariances == {"scale"}
        self.exact = self._scales or covariances <= {"covariances"}
        self.flat = not terms
        self._conjugate = conjugate_prior(mixture, D)
        self._locs = None
        mean, scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
        if mean is not None and scale is not None:
            self._locs = mean, scale**2

    def log_prior(self, weights: Array, locs: Array, factors: Array) -> Array:
        """Log prior density [r] of points with a leading [r]."""
        if self.flat:
            return np.zeros(len(weights))
        points = Parameters.weighted(weights, locs, factors)
        return np.asarray(sum(log_prior_terms(self._mixture, points).values()))

    def __call__(
        self, counts: Array, means: Array, scatter: Array, factors: Array
    ) -> tuple[Array, Array, Array]:
        """Return the next weights [r, W], locs [r, K, D] and covariances [r, K, D, D].

        What is not positive or not finite in them says that a component is lost.

        Parameters
        ----------
        counts, means, scatter : as `moments.moments` leaves them.
        factors : [r, K, D, D], of the covariances so far.
        """
        with np.errstate(all="ignore"):
            c = self._mixture.priors.concentration
            weights = counts if c is None else counts + (c - 1)
            weights = weights / weights.sum(axis=-1, keepdims=True)
            noise = weights[..., self._mixture.n_components :]
            noise[noise >= 0] = np.maximum(noise[noise >= 0], NOISE_FLOOR)
            counts = counts[..., : self._mixture.n_components]
            locs = means
            before = factors @ np.swapaxes(factors, -1, -2)
            if self._locs is not None:
                locs = self._toward_prior(counts, means, before)
                scatter = self._about(locs, counts, means, scatter)
            if self._conjugate is not None:
                locs, counts, scatter = self._believed(self._conjugate, locs, counts, scatter)
            covariances = self._mixture.family.m_step(scatter, counts, before)
            if self._scales:
                covariances = self._scaled(counts, covariances)
        return weights, locs, covariances

    def _toward_prior(self, counts: Array, means: Array, before: Array) -> Array:
        """Locs between the means of the points and the prior's, each by its precision."""
        assert self._locs is not None
        mean, variance = self._locs
        spread = before / counts[..., None, None]
        spread = spread + variance * np.eye(self._D)
        sound = np.isfinite(spread).all(axis=(-2, -1), keepdims=True)
        # Row by row of the data's units, so that no column's unit swamps another's.
        unit = np.sqrt(np.diagonal(spread, axis1=-2, axis2=-1))
        scaled = np.where(sound, spread / unit[..., None] / unit[..., None, :], np.eye(self._D))
        toward = ((means - mean) / unit)[..., None]
        try:
            pull = np.linalg.solve(scaled, toward)[..., 0]
        except np.linalg.LinAlgError:  # of a component that is being lost, as it will be found
            pull = np.linalg.solve(scaled + 1e-10 * np.eye(self._D), toward)[..., 0]
        return mean + variance * pull / unit

    def _believed(
        self, prior: Conjugate, locs: Array, counts: Array, scatter: Array
    ) -> tuple[Array, Array, Array]:
        """Add the points and the scatter that the conjugate prior counts as (Fraley 2007)."""
        n, K = counts, counts.shape[-1]
        own = self._mixture.family.own(self._D)
        if prior.shrinkage is not None:
            seen = prior.shrinkage
            gap = locs - prior.mean
            share = (n * seen / (n + seen))[..., None, None]
            scatter = self._with(scatter, share * gap[..., :, None] * gap[..., None, :])
            locs = prior.mean + (n / (n + seen))[..., None] * gap
            counts = counts + 1
        if prior.freedom is not None:
            sharing = 1 if own else K
            more = np.broadcast_to(prior.scale / sharing, scatter.shape)
            scatter, counts = self._with(scatter, more), counts + prior.power / sharing
        return locs, counts, scatter

    def _about(self, locs: Array, counts: Array, means: Array, scatter: Array) -> Array:
        """Scatter about the locs, where it was about the means."""
        shift = means - locs
        return self._with(
            scatter, counts[..., None, None] * shift[..., :, None] * shift[..., None, :]
        )

    def _with(self, scatter: Array, more: Array) -> Array:
        """Scatter with more of it for each component [..., K, D, D]."""
        if not self._mixture.family.own(self._D) and not self._mixture.family.diagonal(self._D):
            # One factor: the first component has the sum of all.
            scatter = scatter.copy()
            scatter[..., 0, :, :] += more.sum(axis=-3)
            return scatter
        return scatter + more

    def _scaled(self, counts: Array, covariances: Array) -> Array:
        """Draw scales of greatest likelihood to their prior's, each by itself.

        Of n numbers with the mean square q, and log s ~ Normal(a, b), the maximum solves
        (n + 1) + (log s - a) / b^2 = n q / s^2: concave in log s.
        """
        family, D = self._mixture.family, self._D
        K = counts.shape[-1]
        prior = self._mixture.scale_prior(D)
        assert prior is not None
        a, b = prior
        deviations = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
        sound = np.all(np.isfinite(deviations), axis=(-2, -1), keepdims=True)
        deviations = np.where(sound & (deviations > 0), deviations, _LEAST)
        scale = family.split(deviations[..., None] * np.eye(D))["scale"]
        n = counts if family.own(D) else counts.sum(axis=-1)
        n = n[..., None] if family.per_column else n * D
        squares = n * scale**2
        lowest = a - b**2 * (n + 1)
        v = np.maximum(np.minimum(0.5 * np.log(squares / (n + 1)), a), lowest)
        for _ in range(_NEWTON):
            pull = squares * np.exp(-2 * v)
            step = (pull - (n + 1) - (v - a) / b**2) / (2 * pull + 1 / b**2)
            v = v + step
            if not np.any(np.abs(step) > 1e-14 * (1 + np.abs(v))):
                break
        factors = family.factor(np, {"scale": np.exp(v)}, K, D)
        squared: Array = np.where(sound[..., None], factors**2, np.nan)
        return squared
