"""Draws of the posterior: what every figure and table of the Posterior page is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Parameters

if TYPE_CHECKING:
    import xarray

    from gmm_core.data.dataset import Dataset
    from gmm_core.mixture import Mixture
    from gmm_core.posterior.evidence import LogEvidence
    from gmm_core.posterior.summary import SummaryRow


Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of the posterior by C chains of S draws each.

    Attributes
    ----------
    draws : {"weights": [C, S, K], "locs": [C, S, K, D], "scale_tril": [C, S, K, D, D]}.
    stats : {"log_joint": [C, S] in constrained space, "diverging": [C, S], "tree_depth": [C, S],
        "energy": [C, S], "acceptance": [C, S], "step_size": [C]}; where it is known "start" [C],
        a word on where each chain began. Of "smc" instead of what only NUTS has: "log_evidence"
        [C], each population's own, "pareto_k" [C], where points were given "added" [C],
        how many modes only they led to, and "mode" [C, S], which mode a draw is in,
        from 0 by mass, -1 for one that no search had found.
    order : [C, S, K], the labels of `relabelling.label_order`, where they were found already.
    every : of how many draws of the run each of these is one, see `relabelling.soon`.
    """

    draws: dict[str, Array]
    stats: dict[str, Array]
    order: NDArray[np.integer] | None = None
    every: int = 1

    @property
    def n_chains(self) -> int:
        """Number of chains C."""
        return self.draws["weights"].shape[0]

    @property
    def n_draws(self) -> int:
        """Number of draws of each chain S."""
        return self.draws["weights"].shape[1]

    @property
    def log_evidence(self) -> LogEvidence | None:
        """Log evidence with its Monte Carlo error; None where the engine gives none."""
        from gmm_core.posterior.evidence import pooled

        populations = self.stats.get("log_evidence")
        return None if populations is None else pooled(populations)

    @property
    def weights_of_modes(self) -> dict[str, float] | None:
        """Share of the posterior in each mode, by name; None where the engine weighs none.

        "mode 1" is the one that Laplace's approximation takes for the heaviest; every order of the
        components is counted to the same mode. "elsewhere" is what no search had found.
        """
        mode = self.stats.get("mode")
        if mode is None:
            return None
        shares = {f"mode {m + 1}": float((mode == m).mean()) for m in range(int(mode.max()) + 1)}
        return shares | {"elsewhere": float((mode < 0).mean())}

    def of_chains(self, chains: Sequence[int]) -> Posterior:
        """Return the draws of some of the chains."""
        rows = list(chains)
        return Posterior(
            {name: array[rows] for name, array in self.draws.items()},
            {name: array[rows] for name, array in self.stats.items()},
            None if self.order is None else self.order[rows],
            self.every,
        )

    @property
    def parameters(self) -> Parameters:
        """All draws as one sequence of points [C * S], chain after chain."""
        return Parameters.of(self.draws).reshape(-1)

    def relabelled(self, dataset: Dataset | None = None) -> Posterior:
        """Return the same draws with labels that mean the same in all of them.

        Labels are arbitrary, and chains may jump between the posterior's mirrored modes: means of
        a component are meaningful in relabelled draws only.

        Parameters
        ----------
        dataset : what was fitted; with it components are matched by whom they are responsible for
            (Stephens 2000), without it by their parameters. See `relabelling.label_order`.
        """
        from gmm_core.posterior.relabelling import relabelled

        return relabelled(self, dataset)

    def to_datatree(
        self, dataset: Dataset | None = None, mixture: Mixture | None = None
    ) -> xarray.DataTree:
        """Return the draws as ArviZ expects them, raw and relabelled, in named groups.

        Parameters
        ----------
        dataset : what was fitted; it brings observed data, log likelihood and posterior predictive.
        mixture : how; with proper priors it brings draws of the prior and their predictions.

        Raises
        ------
        ValueError
            When the data has another number of columns than the draws.
        """
        from gmm_core.posterior.datatree import datatree

        return datatree(self, dataset, mixture)

    def summary(self) -> list[SummaryRow]:
        """Mean, sd, 5 % and 95 % quantile, effective sample sizes and R-hat of each parameter.

        The draws are taken as they are labelled; the row of the log joint does not depend on
        labels. Diagnostics are None with fewer than two chains or four draws.
        """
        from gmm_core.posterior.summary import summary

        return summary(self)
