"""K components against K + 1 by their likelihoods, and how surprising the difference is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LikelihoodRatio:
    """Likelihood ratio test of K components against K + 1, by parametric bootstrap.

    Attributes
    ----------
    statistic : twice the difference of log likelihoods of the data.
    replicates : [B], the same of data that K components made; NaN where one of the two mixtures
        had no sound optimum.
    """

    statistic: float
    replicates: Array

    @property
    def p_value(self) -> float:
        """One more than the replicates at least as large, over one more than all (McLachlan 1987).

        Replicates without a statistic are left out; NaN where none has one.
        """
        finite = self.replicates[np.isfinite(self.replicates)]
        if not finite.size:
            return float("nan")
        return (1 + int((finite >= self.statistic).sum())) / (finite.size + 1)
