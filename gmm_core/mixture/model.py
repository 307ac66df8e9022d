"""What is fitted: the number of components, the form of their covariances, the priors."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gmm_core.dataset import Dataset
from gmm_core.fields import Whole
from gmm_core.mixture.priors import Priors

Array = NDArray[np.float64]
Covariance = Literal["spherical", "diag", "full"]

# A spread is squared to make a variance, and squares of others leave the range of numbers.
RANGE = (1e-150, 1e150)

# More components than colours and patterns can tell apart are no longer explored by eye.
MAX_COMPONENTS = 64

COVARIANCES: tuple[tuple[Covariance, bool], ...] = (
    ("spherical", True),
    ("spherical", False),
    ("diag", True),
    ("diag", False),
    ("full", True),
    ("full", False),
)
"""The six forms of covariances: the form of one, and whether all components share it."""


class Mixture(BaseModel):
    """What is fitted: K components, one form of covariance, priors.

    `covariance` is "spherical" (one scale for all columns), "diag" (a scale per column) or
    "full" (and correlations). `tied` means one covariance for all components, else one each.
    The tutorial's mixture is spherical and tied.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_components: Annotated[Whole, Field(ge=1, le=MAX_COMPONENTS)] = 2
    covariance: Covariance = "spherical"
    tied: bool = True
    priors: Priors = Field(default_factory=Priors)

    @property
    def label(self) -> str:
        """How the mixture is named on a page, such as "K = 2, spherical, one shared"."""
        return (
            f"K = {self.n_components}, {self.covariance}, "
            f"{'one shared' if self.tied else 'one each'}"
        )

    def n_parameters(self, n_columns: int) -> int:
        """Count the free numbers of the mixture in D columns, as the criteria BIC and AIC do."""
        K, D = self.n_components, n_columns
        per_covariance = {"spherical": 1, "diag": D, "full": D * (D + 1) // 2}[self.covariance]
        return K - 1 + K * D + per_covariance * (1 if self.tied else K)

    def has_correlations(self, n_columns: int) -> bool:
        """Whether there are correlations to fit: full covariances of two columns or more."""
        return self.covariance == "full" and n_columns > 1

    def scale_shape(self, n_columns: int) -> tuple[int, ...]:
        """Shape of the scale site: () or (D,), with K in front when not tied."""
        columns = () if self.covariance == "spherical" else (n_columns,)
        return columns if self.tied else (self.n_components, *columns)

    def scale_prior(self, n_columns: int) -> tuple[Array, Array] | None:
        """Log mean and log sd of the scale site, each broadcastable to its shape.

        A spherical scale is shared by all columns; its prior is the columns' average, which is
        the prior of the geometric mean of their scales.
        """
        log_mean = self.priors.columns("scale_log_mean", n_columns)
        log_sd = self.priors.columns("scale_log_sd", n_columns)
        if log_mean is None or log_sd is None:
            return None
        if self.covariance == "spherical":
            return log_mean.mean(), log_sd.mean()
        return log_mean, log_sd

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError when this mixture cannot be fitted to the data, saying why."""
        N, D = dataset.values.shape
        K = self.n_components
        if N < K:
            raise ValueError(
                f"K = {K} components need at least as many points, but the data has N = {N}. "
                "Lower K, or add data."
            )
        if N < 2:
            raise ValueError("The data has one point, and a spread needs at least two. Add data.")
        for name in ("loc_mean", "loc_scale", "scale_log_mean", "scale_log_sd"):
            self.priors.columns(name, D)
        with np.errstate(over="ignore"):
            widths = np.ptp(dataset.values, axis=0)
        constant = np.flatnonzero(widths == 0)
        if constant.size:
            column = dataset.columns[constant[0]]
            value = dataset.values[0, constant[0]]
            raise ValueError(
                f"All {N} values of the column {column!r} are equal ({value:g}), so it has no "
                "spread to fit. Leave that column out, or add data that varies."
            )
        for column, width in zip(dataset.columns, widths.tolist(), strict=True):
            if not RANGE[0] <= width <= RANGE[1]:
                raise ValueError(
                    f"The column {column!r} spreads over {width:.3g}, whose square is beyond the "
                    "range of numbers. Give it in another unit."
                )
