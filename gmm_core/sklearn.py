"""A scikit-learn estimator: the mixture in pipelines and searches over a grid.

Not loaded by anything else here, since scikit-learn takes a second. Inside this file `sklearn` is
scikit-learn: imports are absolute.
"""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin, DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from gmm_core import mixture as core
from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters, Priors
from gmm_core.mixture.priors import NAMED
from gmm_core.runs.options import MapOptions

Array = NDArray[np.float64]

_SEEDS = 2**31 - 1


class Mixture(ClusterMixin, DensityMixin, BaseEstimator):
    """A Gaussian mixture by EM from many starts, the best sound optimum of them.

    Parameters
    ----------
    n_components : K.
    covariance : "spherical", "diag" or "full", with `tied`, or a code "EII" ... "VVV" with
        `tied=None`.
    tied : whether all components share one covariance.
    priors : "data", weak ones in the units of the data that keep components from collapsing,
        "flat" for maximum likelihood, "conjugate", "tutorial", or `gmm_core.Priors`.
    restarts : starts, drawn by k-means++.
    max_iter : steps of each at most.
    random_state : of the starts.

    Attributes
    ----------
    weights_ : [K], largest first.
    means_ : [K, D].
    covariances_ : [K, D, D], full matrices whatever the family.
    parameters_ : the same as `gmm_core.Parameters`.
    converged_ : whether the chosen start came to an optimum.
    n_iter_ : steps that the chosen start made.
    agree_ : how many of the starts found this optimum.
    labels_ : [N], most probable component of each row that was fitted.
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance: str = "full",
        tied: bool | None = False,
        priors: str | Priors = "data",
        restarts: int = 10,
        max_iter: int = 300,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance = covariance
        self.tied = tied
        self.priors = priors
        self.restarts = restarts
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit to the rows of X [N, D]; `y` is not looked at.

        Raises
        ------
        ValueError
            When the data cannot be fitted by this mixture, or a parameter is out of range.
        """
        from gmm_core.inference import fit_map

        values = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        data = Dataset.from_values(values)
        fit = fit_map(data, self._mixture(data), self._options())
        point = fit.parameters
        self.parameters_ = point.permuted(point.order)
        self.weights_ = self.parameters_.weights
        self.means_ = self.parameters_.locs
        self.covariances_ = self.parameters_.covariances
        verdict = str(fit.verdict[fit.chosen])
        self.converged_ = verdict == "converged"
        self.n_iter_ = max(1, int(fit.steps_made[fit.chosen]))
        self.agree_ = int((fit.basin == fit.basin[fit.chosen]).sum()) if self.converged_ else 0
        if not self.converged_:
            what = "collapsed" if verdict == "collapsed" else "has not settled"
            cure = 'priors="data" or fewer components' if verdict == "collapsed" else "max_iter"
            warnings.warn(
                f"The best of {self.restarts} starts {what}: change {cure}.",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.labels_ = core.responsibilities(self.parameters_, values).argmax(axis=1)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the most probable component of each row [N]."""
        labels: NDArray[np.intp] = self.predict_proba(X).argmax(axis=1)
        return labels

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each component for each row [N, K]."""
        return core.responsibilities(self._fitted(), self._rows(X))

    def score_samples(self, X: ArrayLike) -> Array:
        """Return the log density of each row [N]."""
        return core.log_density(self._fitted(), self._rows(X))

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Return the mean log density of the rows: what a search over a grid makes large."""
        return float(self.score_samples(X).mean())

    def bic(self, X: ArrayLike) -> float:
        """Return the Bayesian information criterion of these rows; smaller is better."""
        density = self.score_samples(X)
        return float(np.log(len(density)) * self._n_parameters() - 2 * density.sum())

    def aic(self, X: ArrayLike) -> float:
        """Return Akaike's information criterion of these rows; smaller is better."""
        return float(2 * self._n_parameters() - 2 * self.score_samples(X).sum())

    def sample(self, n_samples: int = 1) -> tuple[Array, NDArray[np.intp]]:
        """Draw rows from the fitted mixture: [n_samples, D], and the component of each."""
        point = self._fitted()
        rng = np.random.default_rng(check_random_state(self.random_state).randint(_SEEDS))
        K, D = point.locs.shape
        components = np.sort(rng.choice(K, n_samples, p=point.weights / point.weights.sum()))
        noise = rng.standard_normal((n_samples, D))
        rows = point.locs[components] + np.einsum("nij,nj->ni", point.scale_tril[components], noise)
        return rows, components

    def _mixture(self, data: Dataset) -> core.Mixture:
        priors = self.priors
        if not isinstance(priors, Priors):
            if priors not in NAMED:
                raise ValueError(
                    f"priors is {priors!r}, but {' or '.join(map(repr, NAMED))} or gmm_core's "
                    "Priors was expected. Correct it."
                )
            priors = NAMED[priors](data)
        return core.Mixture(
            n_components=self.n_components,
            covariance=self.covariance,
            tied=self.tied,
            priors=priors,
        )

    def _options(self) -> MapOptions:
        seed = int(check_random_state(self.random_state).randint(_SEEDS))
        return MapOptions(
            restarts=self.restarts,
            first_seed=seed,
            steps=self.max_iter,
            start="kmeans++",
            choose="final",
            method="em",
        )

    def _fitted(self) -> Parameters:
        check_is_fitted(self)
        return self.parameters_

    def _rows(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        rows: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return rows

    def _n_parameters(self) -> int:
        point = self._fitted()
        family = core.Mixture(
            n_components=self.n_components, covariance=self.covariance, tied=self.tied
        )
        return family.n_parameters(point.locs.shape[1])
