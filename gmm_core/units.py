"""Data in units of its own spread, for steps that know no units, and the way back.

Adam moves every loc by about its learning rate at each step, whatever a column's unit: 0.1 is
nothing where values spread over millions, and far outside where they spread over millionths. Such
data is fitted in units in which it spreads over about one. A change of units changes no optimum:
the priors go along, and the log joint by a constant. The units are powers of two, so that nothing
is rounded on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters
from gmm_core.progress import OnProgress, Patch, Progress

if TYPE_CHECKING:
    from gmm_core.engines.training import Training

Array = NDArray[np.float64]

USUAL = (1e-2, 1e3)
"""Spreads that Adam's usual steps suit: 200 of 0.1 cross a fiftieth of the largest, which a polish
finishes, and one of them is ten times the smallest. Data within is fitted as it is, on the
reference engine's own curve."""


@dataclass(frozen=True, eq=False)
class Units:
    """A dataset and a mixture in other units.

    Attributes
    ----------
    unit : [D], of each column, in the data's own units.
    dataset, mixture : in those units; the mixture's priors say the same of them.
    constant : loss in the data's own units minus loss in these.
    """

    unit: Array
    dataset: Dataset
    mixture: Mixture
    constant: float

    def point(self, parameters: Parameters) -> Parameters:
        """Return a point, or a sequence of them, in the data's own units."""
        return Parameters(
            parameters.weights,
            parameters.locs * self.unit,
            parameters.scale_tril * self.unit[:, None],
        )

    def training(self, found: Training) -> Training:
        """Return a record in the data's own units; gradient norms stay as they were measured."""
        return replace(
            found,
            mixture=found.mixture,
            loss=found.loss + self.constant,
            final_loss=found.final_loss + self.constant,
            locs=found.locs * self.unit,
            scale_tril=found.scale_tril * self.unit[:, None],
            trajectories=_Trajectories(self, found),
        )

    def progress(self, on_progress: OnProgress | None) -> OnProgress | None:
        """Return an `on_progress` that takes reports in these units."""
        if on_progress is None:
            return None
        change = {
            "locs": lambda values: values * self.unit,
            "scale_tril": lambda values: values * self.unit[:, None],
            "loss": lambda values: values + self.constant,
        }

        def report(progress: Progress) -> None:
            snapshot = {
                name: Patch(patch.shape, patch.offset, change[name](patch.values))
                if name in change
                else patch
                for name, patch in progress.snapshot.items()
            }
            on_progress(replace(progress, snapshot=snapshot))

        return report


def suited(dataset: Dataset, mixture: Mixture) -> Units | None:
    """Return units in which the data spreads over about one; None where it is fine as it is.

    A spherical covariance is one spread for all columns, so all of them keep one unit.
    """
    N, D = dataset.values.shape
    spread = dataset.values.std(axis=0)
    if mixture.covariance == "spherical":
        spread = np.full(D, np.sqrt((spread**2).mean()))
    if USUAL[0] <= spread.min() and spread.max() <= USUAL[1]:
        return None
    powers = np.round(np.log2(spread))
    unit, log_unit = 2.0**powers, powers * np.log(2)
    priors = mixture.priors
    changed: dict[str, object] = {}
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    log_mean = priors.columns("scale_log_mean", D)
    constant = N * log_unit.sum()
    if loc_mean is not None and loc_scale is not None:
        changed |= {"loc_mean": loc_mean / unit, "loc_scale": loc_scale / unit}
        constant += mixture.n_components * log_unit.sum()
    if log_mean is not None and priors.scale_log_sd is not None:
        changed["scale_log_mean"] = log_mean - log_unit
        shape = mixture.scale_shape(D)
        per_scale = log_unit[0] if mixture.covariance == "spherical" else log_unit
        constant += np.broadcast_to(per_scale, shape).sum()
    priors = type(priors)(**(priors.model_dump() | changed))
    there = Dataset.from_values(dataset.values / unit, dataset.columns, dataset.name)
    return Units(unit, there, mixture.model_copy(update={"priors": priors}), float(constant))


class _Trajectories(dict[int, tuple[NDArray[np.int64], Parameters]]):
    """The trajectory of each restart in the data's own units, made when it is asked for."""

    def __init__(self, units: Units, found: Training) -> None:
        super().__init__()
        self._units, self._found = units, found

    def __missing__(self, r: int) -> tuple[NDArray[np.int64], Parameters]:
        steps, points = self._found.trajectories[r]
        self[r] = steps, self._units.point(points)
        return self[r]
