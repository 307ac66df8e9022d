"""What is believed of the parameters before the data is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_validator

from gmm_core.dataset import Dataset
from gmm_core.fields import Finite, Positive

Array = NDArray[np.float64]


class Priors(BaseModel):
    """What is believed of the parameters before the data is seen.

    weights ~ Dirichlet(concentration), locs ~ Normal(loc_mean, loc_scale),
    scales ~ LogNormal(scale_log_mean, scale_log_sd), correlations ~ LKJ(correlation).
    The four of locs and scales are a number, or one per column, in the data's units (scales:
    in their logarithm). `None` for concentration, loc_scale, scale_log_sd or correlation
    leaves that term out of the objective.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    concentration: Positive | None = 0.5
    loc_mean: Finite | tuple[Finite, ...] = 0.0
    loc_scale: Positive | tuple[Positive, ...] | None = 10.0
    scale_log_mean: Finite | tuple[Finite, ...] = 0.0
    scale_log_sd: Positive | tuple[Positive, ...] | None = 2.0
    correlation: Positive | None = 1.0

    @field_validator("loc_mean", "loc_scale", "scale_log_mean", "scale_log_sd", mode="before")
    @classmethod
    def _from_array(cls, value: object) -> object:
        return tuple(value.tolist()) if isinstance(value, np.ndarray) and value.ndim else value

    @classmethod
    def tutorial(cls) -> Priors:
        """Return the priors of Pyro's Gaussian mixture tutorial, made for values around 0 to 12."""
        return cls()

    @classmethod
    def for_data(cls, dataset: Dataset) -> Priors:
        """Return weakly informative priors in the data's own units.

        Locs lie around the column means within twice the column's standard deviation; scales are
        of the order of half of it, give or take a factor of e. Dirichlet(2) avoids the boundary
        where a component is empty (after Chung et al. 2013, doi:10.1007/s11336-013-9328-2).
        """
        values = dataset.values
        # Where squares leave the range of numbers, `Mixture.check` says so.
        with np.errstate(over="ignore", invalid="ignore"):
            spread, middle = values.std(axis=0), values.mean(axis=0)
        spread = np.where((spread > 0) & (spread < 1e300), spread, 1.0)
        middle = np.where(np.isfinite(middle), middle, 0.0)
        return cls(
            concentration=2.0,
            loc_mean=tuple(middle.tolist()),
            loc_scale=tuple((2 * spread).tolist()),
            scale_log_mean=tuple(np.log(spread / 2).tolist()),
            scale_log_sd=1.0,
            correlation=2.0,
        )

    @classmethod
    def flat(cls) -> Priors:
        """Return no prior at all: the objective is the likelihood alone."""
        return cls(concentration=None, loc_scale=None, scale_log_sd=None, correlation=None)

    @property
    def proper(self) -> bool:
        """Whether every term is there, so that there is a posterior to sample."""
        return None not in (
            self.concentration,
            self.loc_scale,
            self.scale_log_sd,
            self.correlation,
        )

    def columns(self, name: str, n_columns: int) -> Array | None:
        """Return the field `name` as one number per column [D], or None when it is left out.

        Raises
        ------
        ValueError
            When the field has another number of entries than the data has columns.
        """
        value = getattr(self, name)
        if value is None:
            return None
        array = np.atleast_1d(np.asarray(value, dtype=np.float64))
        if array.size not in (1, n_columns):
            raise ValueError(
                f"The prior's {name} has {array.size} numbers, but the data has {n_columns} "
                "columns. Give one number for all columns, or one per column."
            )
        return np.broadcast_to(array, (n_columns,))
