"""What a run found: frozen values of NumPy arrays, from which every figure and table is drawn.

N points, D columns, K components, R restarts, T steps, C of them recorded, or C chains, S draws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Parameters

if TYPE_CHECKING:
    pass

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MapFit:
    """A MAP fit from R restarts.

    Attributes
    ----------
    loss : [R, C], minus the log joint before each recorded step, as `svi.step` returns it; NaN
        where no step was made.
    final_loss : [R], at the point where each restart ended; NaN when it was not trained.
    gradient_norm : {"weights", "locs", "scale" and, where there are any, "correlation"}, each
        [R, C]: 2-norm of the loss's gradient in unconstrained space before each of these steps.
    points : where each restart ended (its start when untrained), with a leading [R].
    chosen : index of the restart that is shown.
    trajectory : (steps [M], parameters with a leading [M]) of the chosen, M <= 201 frames; the
        last one is where it ended.
    verdict : [R], "converged", "moving", "collapsed", "failed" or "untrained".
    basin : [R], restarts with the same number ended in the same optimum up to permutation, 0
        the best; -1 where collapsed, failed or untrained, and where still moving after polishing
        when others came to an optimum.
    origin : [R], of a search: the kind of each start, such as "tree" or "swap".
    smallest : [R], of a search: points of the smallest component where each restart ended.
    fewest : of a search: points that every component of the chosen restart has to hold.
    recorded, made : where R × T is more than a result holds, the steps [C] that are recorded (see
        `runs.recorded`), and how many steps each restart made [R]. None where all are: ask `steps`
        and `steps_made`.
    """

    loss: Array
    final_loss: Array
    gradient_norm: dict[str, Array]
    points: Parameters
    chosen: int
    trajectory: tuple[NDArray[np.int64], Parameters]
    verdict: NDArray[np.str_]
    basin: NDArray[np.int64]
    origin: NDArray[np.str_] | None = None
    smallest: Array | None = None
    fewest: float = 0.0
    recorded: NDArray[np.int64] | None = None
    made: NDArray[np.int64] | None = None

    @property
    def steps(self) -> NDArray[np.int64]:
        """The step [C], from 0, that each column of `loss` and the norms comes before."""
        return np.arange(self.loss.shape[1]) if self.recorded is None else self.recorded

    @property
    def steps_made(self) -> NDArray[np.int64]:
        """How many steps each restart made [R]; 1 where only its start was looked at."""
        return np.isfinite(self.loss).sum(axis=1) if self.made is None else self.made

    @property
    def parameters(self) -> Parameters:
        """Where the chosen restart ended."""
        return self.points[self.chosen]

    @property
    def trajectory_loss(self) -> Array:
        """Loss at each frame of the trajectory [M]."""
        # Frames are at recorded steps, but for the last, where the restart has ended.
        frames = np.searchsorted(self.steps, self.trajectory[0][:-1])
        return np.append(self.loss[self.chosen, frames], self.final_loss[self.chosen])

    @property
    def initial_loss(self) -> Array:
        """Loss of each restart before any step [R]."""
        return self.loss[:, 0]

    def restart(self, r: int) -> Parameters:
        """Where restart `r` ended.

        Raises
        ------
        ValueError
            When there is no restart of that number.
        """
        R = len(self.loss)
        if not 0 <= r < R:
            raise ValueError(f"There is no restart {r}. Give a number from 0 to {R - 1}.")
        return self.points[r]

    def as_recorded(self, whole: MapFit) -> MapFit:
        """Return another result of the same run, made when all steps were kept, as this one is."""
        if self.recorded is None or whole.recorded is not None:
            return whole
        columns = self.recorded[self.recorded < whole.loss.shape[1]]
        return replace(
            whole,
            loss=whole.loss[:, columns],
            gradient_norm={name: norm[:, columns] for name, norm in whole.gradient_norm.items()},
            recorded=columns,
            made=whole.steps_made,
        )

    def count(self, *verdicts: str) -> int:
        """Count the restarts with one of these verdicts."""
        return int(np.isin(self.verdict, verdicts).sum())


@dataclass(frozen=True, eq=False)
class GuideFit:
    """Membership fitted by a guide that enumerates the assignments.

    Attributes
    ----------
    loss : [T], minus the ELBO before each step.
    gradient_norm : {"assignment_probs": [T]}, in unconstrained space.
    assignment_probs : [N, K], rows sum to one.
    """

    loss: Array
    gradient_norm: dict[str, Array]
    assignment_probs: Array


@dataclass(frozen=True, eq=False)
class EmFit:
    """A maximum of the likelihood found by EM from one start.

    Attributes
    ----------
    log_likelihood : [T + 1], before the first iteration and after each.
    parameters : where it ended.
    verdict : "converged", "moving" when the iterations ran out, or "collapsed" when a component
        lost its points or its covariance became singular.
    """

    log_likelihood: Array
    parameters: Parameters
    verdict: str

    @property
    def iterations(self) -> int:
        """How many iterations it made."""
        return len(self.log_likelihood) - 1
