"""Criteria by which mixtures are compared: each an entry with its formula.

All stand on the same few numbers of a fit. Whoever adds a criterion adds its entry here and a field
of its name to `ComparisonRow`; the figure, the tables and the page list what is here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import likelihood_shift
from gmm_core.mixture import Mixture, Parameters, e_step
from gmm_core.mixture.likelihood import membership


class At(NamedTuple):
    """What criteria are made of, at a point of a mixture.

    log_likelihood : L, in natural units.
    n_parameters : p, the free numbers.
    n_points : N.
    entropy : of the responsibilities, H = -sum_nk r_nk log r_nk.
    doubt : -sum_n log max_k r_nk, what most probable components cost.
    """

    log_likelihood: float
    n_parameters: int
    n_points: float
    entropy: float
    doubt: float


@dataclass(frozen=True)
class Criterion:
    """One way to weigh fit against size.

    value : of a fit's numbers; NaN where it is not defined. None of the log evidence, which is no
        number of a fit: a mixture has it with an optimum and without.
    formula : in TeX, for the page.
    larger_is_better : whether it is.
    """

    value: Callable[[At], float] | None
    formula: str
    larger_is_better: bool = False


def _bic(at: At) -> float:
    return -2 * at.log_likelihood + at.n_parameters * log(at.n_points)


def _aicc(at: At) -> float:
    p, left = at.n_parameters, at.n_points - at.n_parameters - 1
    return -2 * at.log_likelihood + 2 * p + 2 * p * (p + 1) / left if left > 0 else float("nan")


CRITERIA: dict[str, Criterion] = {
    "bic": Criterion(_bic, r"-2\log L + p\log N"),
    "aic": Criterion(lambda at: -2 * at.log_likelihood + 2 * at.n_parameters, r"-2\log L + 2p"),
    "aicc": Criterion(_aicc, r"\mathrm{AIC} + 2p(p+1)/(N-p-1)"),
    "sabic": Criterion(
        lambda at: -2 * at.log_likelihood + at.n_parameters * log((at.n_points + 2) / 24),
        r"-2\log L + p\log((N+2)/24)",
    ),
    "caic": Criterion(lambda at: _bic(at) + at.n_parameters, r"-2\log L + p(\log N + 1)"),
    "icl": Criterion(
        lambda at: _bic(at) + 2 * at.entropy,
        r"\mathrm{BIC} - 2\sum_{nk} r_{nk}\log r_{nk}",
    ),
    "icl_most_probable": Criterion(
        lambda at: _bic(at) + 2 * at.doubt, r"\mathrm{BIC} - 2\sum_n\log\max_k r_{nk}"
    ),
    "log_likelihood": Criterion(lambda at: at.log_likelihood, r"\log L", larger_is_better=True),
    "log_evidence": Criterion(
        None, r"\log\int L\,p(\theta)\,\mathrm{d}\theta", larger_is_better=True
    ),
}
"""All criteria by name, in the order in which they are offered."""


def criteria(dataset: Dataset, mixture: Mixture, parameters: Parameters) -> dict[str, float]:
    """Log likelihood, number of parameters and information criteria at a point.

    Returns
    -------
    With log likelihood L, p parameters and N points, each as often as its weight says:
    "log_likelihood" L, "n_parameters" p,
    "bic" = -2 L + p log N (Schwarz 1978), "aic" = -2 L + 2 p (Akaike 1974), "aicc" = aic +
    2 p (p + 1) / (N - p - 1), NaN where N <= p + 1 (Hurvich and Tsai 1989), "sabic" = -2 L +
    p log((N + 2) / 24) (Sclove 1987), "caic" = -2 L + p (log N + 1) (Bozdogan 1987), "icl" = bic +
    2 H with the entropy of the responsibilities H = -sum_nk r_nk log r_nk (Biernacki, Celeux and
    Govaert 2000, in the form of McLachlan and Peel 2000, sec. 6.10.3), "icl_most_probable" = bic -
    2 sum_n log max_k r_nk, which is mclust's. Smaller is better; mclust has all with the other
    sign.
    "entropy" is the relative entropy 1 - H / (N log K), from 0 for no idea who belongs where to 1
    for no doubt (Ramaswamy et al. 1993), 1 where K = 1.

    Notes
    -----
    Of transformed columns all are those of the table as it came, by the change of variables, so
    that fits of the same table compare (`data.transformed.likelihood_shift`).
    At a MAP fit they are taken as they are, in place of the maximum of the likelihood (Fraley and
    Raftery 2007).
    """
    N, D = dataset.total, dataset.values.shape[1]
    log_likelihood, r = membership(dataset, mixture, parameters)
    # r log r is 0 where r is.
    unsure = -(r * np.log(np.where(r > 0, r, 1.0))).sum(axis=0)
    doubt = -np.log(r.max(axis=0))
    weights = dataset.weights
    H = float(unsure.sum() if weights is None else unsure @ weights)
    at = At(
        log_likelihood=log_likelihood + likelihood_shift(dataset),
        n_parameters=mixture.n_parameters(D),
        n_points=N,
        entropy=H,
        doubt=float(doubt.sum() if weights is None else doubt @ weights),
    )
    values = {name: entry.value(at) for name, entry in CRITERIA.items() if entry.value is not None}
    K = mixture.n_weights
    return values | {
        "n_parameters": at.n_parameters,
        "entropy": 1 - H / (N * log(K)) if K > 1 else 1.0,
    }


def class_probability(dataset: Dataset, parameters: Parameters) -> tuple[float, ...]:
    """Average posterior probability of each class [K]: how sure its own points are of it.

    The mean responsibility of component k over the points that are most probably its own; NaN
    where there are none. Above 0.7 is what Nagin (2005, Group-based modeling of development,
    p. 88) asks for.
    """
    r = e_step(parameters, dataset.values)[1]
    weights = np.ones(r.shape[1]) if dataset.weights is None else dataset.weights
    own = [weights * (r.argmax(axis=0) == k) for k in range(len(parameters.weights))]
    return tuple(
        float(row @ count / count.sum()) if count.any() else float("nan")
        for row, count in zip(r, own, strict=False)
    )
