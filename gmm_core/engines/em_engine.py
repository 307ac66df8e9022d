"""Expectation maximisation by scikit-learn, from a given point: an opinion that owes us nothing.

scikit-learn knows four of the six covariances. The other two, shared and spherical or diagonal,
get an M-step of their own; all else is scikit-learn's.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from gmm_core.dataset import Dataset
from gmm_core.diagnostics import is_collapsed
from gmm_core.mixture import Mixture, Parameters
from gmm_core.options import EmOptions
from gmm_core.progress import Cancelled, OnProgress, Patch, Reporter
from gmm_core.results import EmFit

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
        raise Cancelled(str(stopped), em.so_far("moving")) from None
    except ValueError:
        # scikit-learn refuses a covariance that is not positive definite any more.
        if not em.trace:
            raise
        collapsed = True
    verdict = "converged" if getattr(em, "converged_", False) else "moving"
    if collapsed or is_collapsed(dataset, mixture, em.at):
        verdict = "collapsed"
    return em.so_far(verdict)


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
        L = start.scale_tril
        precisions = np.linalg.inv(start.covariances)
        kind = "tied" if mixture.tied else mixture.covariance
        em = cls(
            mixture.n_components,
            covariance_type=kind,
            weights_init=start.weights,
            means_init=start.locs,
            precisions_init={
                "tied": precisions[0],
                "full": precisions,
                "diag": np.einsum("kii->ki", L) ** -2.0,
                "spherical": L[:, 0, 0] ** -2.0,
            }[kind],
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
        form = self.mixture.covariance
        if form == "full" or not self.mixture.tied:
            super()._m_step(X, log_resp, *args, **kwargs)
            return
        # The shared variances are the means of the squares, over points and components (and
        # columns): the covariances' maximum likelihood among those of this form.
        r = np.exp(log_resp)
        points = r.sum(axis=0) + 10 * np.finfo(float).eps
        self.weights_ = points / points.sum()
        self.means_ = r.T @ X / points[:, None]
        squares = (r[:, :, None] * (X[:, None, :] - self.means_) ** 2).sum(axis=(0, 1)) / len(X)
        if form == "spherical":
            squares = np.full_like(squares, squares.mean())
        if not np.all(squares > 0):
            raise ValueError("A shared variance became zero.")
        self.covariances_ = np.diag(squares)
        self.precisions_cholesky_ = np.diag(squares**-0.5)

    def _point(self) -> Parameters:
        """Where it is, with scikit-learn's factors of precisions turned into ours."""
        K, D = self.means_.shape
        factor = self.precisions_cholesky_
        if self.covariance_type == "spherical":
            L = (1 / factor)[:, None, None] * np.eye(D)
        elif self.covariance_type == "diag":
            L = (1 / factor)[:, :, None] * np.eye(D)
        else:
            # U U' is the precision and U upper triangular, so the covariance's factor is U'^-1.
            L = np.tril(np.linalg.inv(np.swapaxes(factor, -1, -2)))
        return Parameters(self.weights_, self.means_, np.broadcast_to(L, (K, D, D)))

    def _news(self) -> dict[str, Patch]:
        new = np.array(self.trace[self.sent :])
        patch = Patch((self.max_iter + 1,), (self.sent,), new)
        self.sent = len(self.trace)
        return {"log_likelihood": patch}

    def so_far(self, verdict: str) -> EmFit:
        return EmFit(np.array(self.trace), self.at, verdict)
