"""Expectation maximisation by scikit-learn, from a given point: an opinion that owes us nothing.

scikit-learn knows four families of covariances. The others get the family's own M-step; all else is
scikit-learn's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters
from gmm_core.runs.options import EmOptions
from gmm_core.runs.progress import Cancelled, OnProgress, Patch, Reporter
from gmm_core.runs.results import EmFit
from gmm_core.runs.verdicts import is_collapsed

ENGINES = [
    {
        "kind": "em",
        "name": "scikit-learn",
        "packages": ("scikit-learn",),
        "per_evaluation": 0.001,
        "per_number": 3e-08,
        "warm": False,
    },
]

Array = NDArray[np.float64]


def fit_em(
    dataset: Dataset,
    mixture: Mixture,
    start: Parameters,
    options: EmOptions,
    on_progress: OnProgress | None = None,
) -> EmFit:
    """Run EM from `start`. See `inference.fit_em`."""
    em = _Em.of(mixture, start, options, Reporter(on_progress))
    collapsed = False
    try:
        # That it did not converge, and a weight that runs to zero, are said by the verdict.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            em.fit(dataset.values)
        em.report.flush()
    except Cancelled as stopped:
        raise Cancelled(str(stopped), em.result("moving")) from None
    except ValueError:
        # scikit-learn refuses a covariance that is not positive definite any more.
        if not em.trace:
            raise
        collapsed = True
    verdict = "converged" if getattr(em, "converged_", False) else "moving"
    if collapsed or is_collapsed(dataset, mixture, em.at):
        verdict = "collapsed"
    return em.result(verdict)


class _Form(NamedTuple):
    """How scikit-learn writes covariances of one type.

    precisions : those of a point, as `precisions_init` takes them.
    scale_tril : our factors, one or [K, D, D], of its factors of precisions and of D.
    """

    precisions: Callable[[Parameters], Array]
    scale_tril: Callable[[Array, int], Array]


def _inverse(matrices: Array) -> Array:
    inverted: Array = np.asarray(np.linalg.inv(matrices), dtype=np.float64)
    return inverted


def _transposed_inverse(factor: Array, D: int) -> Array:
    # U U' is the precision and U upper triangular, so the covariance's factor is U'^-1.
    return np.tril(_inverse(np.swapaxes(factor, -1, -2)))


_FORMS = {
    "spherical": _Form(
        lambda point: point.scale_tril[:, 0, 0] ** -2.0,
        lambda factor, D: (1 / factor)[:, None, None] * np.eye(D),
    ),
    "diag": _Form(
        lambda point: np.einsum("kii->ki", point.scale_tril) ** -2.0,
        lambda factor, D: (1 / factor)[:, :, None] * np.eye(D),
    ),
    "full": _Form(lambda point: _inverse(point.covariances), _transposed_inverse),
    "tied": _Form(lambda point: _inverse(point.covariances[0]), _transposed_inverse),
}


class _Em(GaussianMixture):
    """scikit-learn's mixture, watched at every E-step."""

    # scikit-learn reads its own parameters off the signature of __init__: these are set after it.
    mixture: Mixture
    report: Reporter
    at: Parameters
    trace: list[float]
    sent: int

    @classmethod
    def of(cls, mixture: Mixture, start: Parameters, options: EmOptions, report: Reporter) -> _Em:
        """Return the mixture at its start."""
        form = _FORMS[mixture.family.sklearn or "full"]
        em = cls(
            mixture.n_components,
            covariance_type=mixture.family.sklearn or "full",
            weights_init=start.weights,
            means_init=start.locs,
            precisions_init=form.precisions(start),
            max_iter=options.iterations,
            tol=options.tolerance,
            reg_covar=0.0,  # what it adds to variances would move the optimum
        )
        em.mixture, em.report, em.at = mixture, report, start
        em.trace, em.sent = [], 0
        return em

    def _e_step(self, X: Array, *args: Any, **kwargs: Any) -> Any:
        mean, log_resp = super()._e_step(X, *args, **kwargs)
        self.at = self._point()
        self.trace.append(float(mean) * len(X))
        self.report(len(self.trace) - 1, self.max_iter, self._news)
        return mean, log_resp

    def _m_step(self, X: Array, log_resp: Array, *args: Any, **kwargs: Any) -> None:
        family = self.mixture.family
        if family.sklearn is not None:
            super()._m_step(X, log_resp, *args, **kwargs)
            return
        r = np.exp(log_resp)
        points = r.sum(axis=0) + 10 * np.finfo(float).eps
        self.weights_ = points / points.sum()
        self.means_ = r.T @ X / points[:, None]
        gaps = X[:, None, :] - self.means_
        scatter = np.einsum("nk,nki,nkj->kij", r, gaps, gaps)
        self.covariances_ = family.m_step(scatter, points, self.at.covariances)
        try:
            factor = np.linalg.cholesky(self.covariances_)
        except np.linalg.LinAlgError:
            raise ValueError("A covariance is not positive definite any more.") from None
        if not np.isfinite(factor).all():
            raise ValueError("A covariance is not finite any more.")
        self.precisions_cholesky_ = np.swapaxes(np.linalg.inv(factor), -1, -2)

    def _point(self) -> Parameters:
        """Where it is, with scikit-learn's factors of precisions turned into ours."""
        K, D = self.means_.shape
        L = _FORMS[self.covariance_type].scale_tril(self.precisions_cholesky_, D)
        return Parameters(self.weights_, self.means_, np.broadcast_to(L, (K, D, D)))

    def _news(self) -> dict[str, Patch]:
        new = np.array(self.trace[self.sent :])
        patch = Patch((self.max_iter + 1,), (self.sent,), new)
        self.sent = len(self.trace)
        return {"log_likelihood": patch}

    def result(self, verdict: str) -> EmFit:
        return EmFit(np.array(self.trace), self.at, verdict)
