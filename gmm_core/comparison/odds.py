"""How probable each number of components is, under equal prior odds of the mixtures of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gmm_core.comparison.sweep import ComparisonRow, distinct
from gmm_core.posterior.evidence import probabilities


def probability_of_k(rows: Sequence[ComparisonRow], n_columns: int) -> dict[int, float]:
    """Posterior probability p(K | data), from the log evidences of a sweep.

    Every K has the same prior probability, shared equally by its mixtures. Empty where no row has
    an evidence.

    Parameters
    ----------
    n_columns : D; cells that are the same mixture count once.
    """
    known = [row for row in distinct(rows, n_columns) if row.log_evidence == row.log_evidence]
    if not known:
        return {}
    K = sorted({row.n_components for row in known})
    means = []
    for k in K:
        logs = np.array([row.log_evidence for row in known if row.n_components == k])
        means.append(float(np.logaddexp.reduce(logs) - np.log(len(logs))))
    return dict(zip(K, probabilities(means).tolist(), strict=True))
