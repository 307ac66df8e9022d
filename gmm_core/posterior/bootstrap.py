"""What refitting to resampled data says of the parameters: standard errors and intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Parameters
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.summary import Named, named_draws

Array = NDArray[np.float64]


class BootstrapRow(NamedTuple):
    """One parameter: the estimate, its standard error, and the percentile interval."""

    name: str
    estimate: float
    standard_error: float
    q2_5: float
    q97_5: float


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Fits to B replicates of the data, components in the order of the original fit's.

    Attributes
    ----------
    parameters : the best optimum of the data itself.
    draws : {"weights": [B, K], "locs": [B, K, D], "scale_tril": [B, K, D, D]}, NaN where a
        replicate has no sound optimum.
    changed_basin : [B], whether a replicate's best optimum is another than the one to which the
        original fit leads in its data.
    failed : [B], whether it has none.
    columns : names of the columns.
    """

    parameters: Parameters
    draws: dict[str, Array]
    changed_basin: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    columns: tuple[str, ...]

    def summary(self, columns: Sequence[str] | Dataset | None = None) -> list[BootstrapRow]:
        """Estimate, standard error and 95 % percentile interval of each parameter.

        Replicates without an optimum are left out; those that changed the basin are not. Components
        are numbered by weight, largest first, as everywhere a fit is shown.

        Parameters
        ----------
        columns : as in `posterior.summary`: with the data, numbers are in the units of its table.
            By default the names of the columns that were fitted, and their numbers.

        Raises
        ------
        ValueError
            When fewer than two replicates have an optimum.
        """
        sound = ~self.failed
        if sound.sum() < 2:
            raise ValueError(
                f"{int(sound.sum())} of {len(sound)} replicates have an optimum, and a standard "
                "error needs two. Give priors, or fewer components."
            )
        order = self.parameters.order
        replicates = Parameters.of({name: array[sound] for name, array in self.draws.items()})
        one, many = (
            [*self._named(points.permuted(order), columns)]
            for points in (self.parameters, replicates)
        )
        pairs = zip(one, many, strict=True)
        return [
            BootstrapRow(
                estimate.name,
                float(estimate.draws[0, 0]),
                float(replicated.draws.std(ddof=1)),
                *np.quantile(replicated.draws, (0.025, 0.975)).tolist(),
            )
            for estimate, replicated in pairs
        ]

    def _named(
        self, points: Parameters, columns: Sequence[str] | Dataset | None
    ) -> Iterator[Named]:
        """Go through the parameters of one point, or of a sequence, as draws of one chain."""
        draws = points.reshape(1, -1).arrays()
        # Replicates have no log joint to compare: each is one of other data.
        nothing = {"log_joint": np.zeros(draws["weights"].shape[:2])}
        named = named_draws(Posterior(draws, nothing), columns or self.columns)
        return islice(named, 1, None)
