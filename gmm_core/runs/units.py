"""Data in units of its own spread, for steps that know no units, and the way back.

Adam moves every loc by about its learning rate at each step, whatever a column's unit: 0.1 is
nothing where values spread over millions, and far outside where they spread over millionths. Such
data is fitted in units in which it spreads over about one. A change of units changes no optimum:
the priors go along, and the log joint by a constant. The units are powers of two, so that nothing
is rounded on the way. Data far from zero, where a loc has few digits left to say where in the data
it is, is centred as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters
from gmm_core.mixture.conjugate import conjugate_prior
from gmm_core.mixture.family import Family
from gmm_core.mixture.observation import observed
from gmm_core.runs.progress import OnProgress, Progress

if TYPE_CHECKING:
    from gmm_core.engines.training import Training

Array = NDArray[np.float64]

USUAL = (0.4, 1e3)
"""Spreads that Adam's usual steps suit: 200 of 0.1 cross a fiftieth of the largest, which a polish
finishes, and one of them is a quarter of the smallest. Data within is fitted as it is, on the
reference engine's own curve."""

FAR = 1e6
"""Distance from zero, in spreads, from which on data is centred: a loc keeps ten digits there, as
many as a gradient needs to vanish to `verdicts.POLISHED` with some to spare."""


@dataclass(frozen=True, eq=False)
class Units:
    """A dataset and a mixture in other units.

    Attributes
    ----------
    unit : [D], of each column, in the data's own units.
    centre : [D], the data's own value that is zero there.
    dataset, mixture : in those units; the mixture's priors say the same of them.
    constant : loss in the data's own units minus loss in these.
    """

    unit: Array
    centre: Array
    dataset: Dataset
    mixture: Mixture
    constant: float

    def point(self, parameters: Parameters) -> Parameters:
        """Return a point, or a sequence of them, in the data's own units."""
        return Parameters.of(self.arrays(parameters.arrays()))

    def arrays(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return arrays of a point by their names in the data's own units, others as they are."""
        unit = {"locs": self.unit, "scale_tril": self.unit[:, None], "box": self.unit}
        zero = {"locs": self.centre}
        return {
            name: array * unit.get(name, 1.0) + zero.get(name, 0.0)
            for name, array in arrays.items()
        }

    def inside(self, parameters: Parameters) -> Parameters:
        """Return a point, or a sequence of them, in these units; the inverse of `point`."""
        return replace(
            parameters,
            locs=(parameters.locs - self.centre) / self.unit,
            scale_tril=parameters.scale_tril / self.unit[:, None],
            box=None if parameters.box is None else parameters.box / self.unit,
        )

    def training(self, training: Training) -> Training:
        """Return a record in the data's own units; gradient norms stay as they were measured."""
        return replace(
            training,
            mixture=training.mixture,
            loss=training.loss + self.constant,
            final_loss=training.final_loss + self.constant,
            at=self.arrays(training.at),
            trajectories=_Trajectories(self, training),
        )

    def progress(self, on_progress: OnProgress | None) -> OnProgress | None:
        """Return an `on_progress` that takes reports in these units."""
        if on_progress is None:
            return None

        def report(progress: Progress) -> None:
            values = self.arrays({name: p.values for name, p in progress.snapshot.items()})
            if "loss" in values:
                values["loss"] = values["loss"] + self.constant
            snapshot = {
                name: replace(patch, values=values[name])
                for name, patch in progress.snapshot.items()
            }
            on_progress(replace(progress, snapshot=snapshot))

        return report


def spreads(spread: Array, family: Family) -> Array:
    """Return the size that a component may have along each column [D].

    The columns' standard deviations, `spread` [D]; for balls, which have one size along all
    columns, their quadratic mean.
    """
    return np.full(len(spread), np.sqrt((spread**2).mean())) if family.balls else spread


def rescaled(dataset: Dataset, mixture: Mixture) -> Units | None:
    """Return units in which the data spreads over about one; None where it is fine as it is.

    A family that holds in one unit only, as spherical ones do, keeps one for all columns.
    """
    middle, variance = dataset.moments()
    deviation: Array = np.sqrt(variance)
    spread = deviation
    if mixture.family.one_unit:
        spread = np.full(len(spread), np.sqrt((spread**2).mean()))
    usual = USUAL[0] <= spread.min() and spread.max() <= USUAL[1]
    far = np.abs(middle) > FAR * deviation
    if usual and not np.any(far):
        return None
    # A value of the data, so that it and all that are near it are taken apart exactly.
    centre = np.where(far, _middle(dataset), 0.0)
    powers = np.zeros(len(spread)) if usual else _powers(spread)
    return in_units(dataset, mixture, powers, centre)


def standard(dataset: Dataset, mixture: Mixture) -> Units:
    """Return units in which the data lies about zero and spreads over about one."""
    spread: Array = np.sqrt(dataset.moments()[1])
    if mixture.family.one_unit:
        spread = np.full(len(spread), np.sqrt((spread**2).mean()))
    return in_units(dataset, mixture, _powers(spread), _middle(dataset))


def _powers(spread: Array) -> Array:
    """Return the powers of two [D] that are nearest."""
    return np.asarray(np.round(np.log2(spread)), dtype=np.float64)


def _middle(dataset: Dataset) -> Array:
    """Return a value of each column [D] that lies in its middle."""
    middle = np.nanquantile if dataset.incomplete else np.quantile
    return np.asarray(middle(dataset.values, 0.5, axis=0, method="lower"))


def in_units(dataset: Dataset, mixture: Mixture, powers: Array, centre: Array) -> Units:
    """Return data and mixture with columns in units of two to the `powers` [D] about `centre` [D].

    The priors say the same there.
    """
    D = dataset.values.shape[1]
    unit, log_unit = 2.0**powers, powers * np.log(2)
    priors = mixture.priors
    changed: dict[str, object] = {}
    loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
    log_mean = priors.columns("scale_log_mean", D)
    constant = float(dataset.counts() @ log_unit)
    if loc_mean is not None and loc_scale is not None:
        changed |= {"loc_mean": (loc_mean - centre) / unit, "loc_scale": loc_scale / unit}
        constant += mixture.n_components * log_unit.sum()
    if log_mean is not None and priors.scale_log_sd is not None:
        changed["scale_log_mean"] = log_mean - log_unit
        per_scale = log_unit if mixture.family.per_column else log_unit[0]
        constant += np.broadcast_to(per_scale, mixture.scale_shape(D)).sum()
    conjugate = conjugate_prior(mixture, D)
    if conjugate is not None:
        changed["loc_mean"] = (conjugate.mean - centre) / unit
        if conjugate.shrinkage is not None:
            constant += mixture.n_components * log_unit.sum()
        if conjugate.freedom is not None:
            changed["covariance_scale"] = priors.scale_matrix(D) / unit / unit[:, None]
            # Of the density of a covariance: as many entries as it has, each in two units.
            per_covariance = 2 * log_unit[0] if mixture.family.balls else (D + 1) * log_unit.sum()
            if mixture.family.diagonal(D) and not mixture.family.balls:
                per_covariance = 2 * log_unit.sum()
            constant += conjugate.n_covariances * per_covariance
    priors = type(priors)(**(priors.model_dump() | changed))
    rescaled_data = replace(dataset, values=(dataset.values - centre) / unit)
    update: dict[str, object] = {"priors": priors}
    box = observed(dataset, mixture).box
    if box is not None:
        update["noise_box"] = tuple((box / unit).tolist())
    there_mixture = mixture.model_copy(update=update)
    return Units(unit, centre, rescaled_data, there_mixture, float(constant))


class _Trajectories(dict[int, tuple[NDArray[np.int64], Parameters]]):
    """The trajectory of each restart in the data's own units, made when it is asked for."""

    def __init__(self, units: Units, training: Training) -> None:
        super().__init__()
        self._units, self._training = units, training

    def __missing__(self, r: int) -> tuple[NDArray[np.int64], Parameters]:
        steps, points = self._training.trajectories[r]
        self[r] = steps, self._units.point(points)
        return self[r]
