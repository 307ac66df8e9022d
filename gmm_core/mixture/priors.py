"""What is believed of the parameters before the data is seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator, model_validator

from gmm_core.data.dataset import Dataset
from gmm_core.mixture.fields import Finite, Later, Positive
from gmm_core.mixture.refusals import Model

Array = NDArray[np.float64]


class Priors(Model):
    """What is believed of the parameters before the data is seen.

    weights ~ Dirichlet(concentration), locs ~ Normal(loc_mean, loc_scale),
    scales ~ LogNormal(scale_log_mean, scale_log_sd), correlations ~ LKJ(correlation).
    The four of locs and scales are a number, or one per column, in the data's units (scales:
    in their logarithm). `None` for concentration, loc_scale, scale_log_sd or correlation
    leaves that term out of the objective.

    Instead of those of locs and scales there can be the conjugate ones: locs ~ Normal(loc_mean,
    covariance / shrinkage), and covariances ~ InverseWishart(freedom, covariance_scale), with an
    inverse gamma for each variance where there are no correlations (`mixture.conjugate`).
    `covariance_scale` is a matrix, the diagonal of one, or a number for all columns, in squares of
    the data's units. With `scale_per_component` it is that of all the data, and divided by
    K^(2 / D), as a component has a share of the volume.
    """

    concentration: Positive | None = 0.5
    loc_mean: Finite | tuple[Finite, ...] = 0.0
    loc_scale: Positive | tuple[Positive, ...] | None = 10.0
    scale_log_mean: Finite | tuple[Finite, ...] = 0.0
    scale_log_sd: Positive | tuple[Positive, ...] | None = 2.0
    correlation: Positive | None = 1.0
    shrinkage: Positive | None = Later(None)
    freedom: Positive | None = Later(None)
    covariance_scale: Positive | tuple[Positive, ...] | tuple[tuple[Finite, ...], ...] | None = (
        Later(None)
    )
    scale_per_component: bool = Later(False)

    @field_validator("loc_mean", "loc_scale", "scale_log_mean", "scale_log_sd", mode="before")
    @classmethod
    def _from_array(cls, value: object) -> object:
        return tuple(value.tolist()) if isinstance(value, np.ndarray) and value.ndim else value

    @field_validator("covariance_scale", mode="before")
    @classmethod
    def _from_matrix(cls, value: object) -> object:
        rows = value.tolist() if isinstance(value, np.ndarray) else value
        if isinstance(rows, list | tuple):
            return tuple(tuple(row) if isinstance(row, list | tuple) else row for row in rows)
        return rows

    @model_validator(mode="after")
    def _one_prior_each(self) -> Priors:
        if self.shrinkage is not None and self.loc_scale is not None:
            raise ValueError(
                f"shrinkage = {self.shrinkage:g} and loc_scale = {self.loc_scale} came both, but "
                "locs have one prior. Set one of them to None."
            )
        if (self.freedom is None) != (self.covariance_scale is None):
            raise ValueError(
                f"freedom = {self.freedom} came with covariance_scale = {self.covariance_scale}, "
                "but a covariance's prior has both. Give both, or neither."
            )
        if self.freedom is not None and (self.scale_log_sd or self.correlation) is not None:
            raise ValueError(
                f"freedom = {self.freedom:g} is of the covariances' prior, but scale_log_sd = "
                f"{self.scale_log_sd} and correlation = {self.correlation} are of another one. Set "
                "both to None."
            )
        return self

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
        # Where squares leave the range of numbers, `Mixture.check` says so.
        with np.errstate(over="ignore", invalid="ignore"):
            middle, variance = dataset.moments()
            spread = np.sqrt(variance)
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

    @classmethod
    def conjugate(cls, dataset: Dataset) -> Priors:
        """Return the normal-inverse-Wishart prior of mclust's `priorControl()`.

        Locs about the column means with the weight of a hundredth of a point, D + 2 degrees of
        freedom, and the data's covariance (divided by N - 1) over K^(2 / D) as the scale. The
        weights have the same density everywhere. No component can shrink onto repeated values.

        Notes
        -----
        Fraley and Raftery (2007), Journal of Classification 24, section 3. Where a value is
        missing, correlations are those with the column's mean in its place, drawn toward zero.
        """
        D = dataset.values.shape[1]
        middle, covariance = dataset.covariance()
        return cls(
            concentration=1.0,
            loc_mean=tuple(middle.tolist()),
            loc_scale=None,
            scale_log_sd=None,
            correlation=None,
            shrinkage=0.01,
            freedom=D + 2.0,
            covariance_scale=covariance,  # type: ignore[arg-type]  # taken apart on the way in
            scale_per_component=True,
        )

    @property
    def proper(self) -> bool:
        """Whether every term is there, so that there is a posterior to sample."""
        locs = self.loc_scale is not None or self.shrinkage is not None
        sizes = self.scale_log_sd is not None and self.correlation is not None
        return self.concentration is not None and locs and (sizes or self.freedom is not None)

    def scale_matrix(self, n_columns: int) -> Array:
        """Return `covariance_scale` as a matrix [D, D].

        Raises
        ------
        ValueError
            When it is of another size, or no covariance.
        """
        array = np.asarray(self.covariance_scale, dtype=np.float64)
        if array.ndim == 0 or array.shape == (1,):
            return np.eye(n_columns) * array
        matrix = np.diag(array) if array.ndim == 1 else array
        if matrix.shape != (n_columns, n_columns):
            raise ValueError(
                f"The prior's covariance_scale is {' x '.join(map(str, array.shape))}, but the "
                f"data has {n_columns} columns. Give a matrix of that size, its diagonal, or one "
                "number."
            )
        spread = np.sqrt(np.abs(np.diagonal(matrix)))
        relative = (
            matrix / np.where(spread > 0, spread, 1) / np.where(spread > 0, spread, 1)[:, None]
        )
        if not np.allclose(relative, relative.T) or np.linalg.eigvalsh(relative)[0] <= 1e-12:
            raise ValueError(
                "The prior's covariance_scale is no covariance: it has to be symmetric, and "
                "positive along every direction. Correct it."
            )
        return matrix

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


NAMED: dict[str, Callable[[Dataset], Priors]] = {
    "tutorial": lambda dataset: Priors.tutorial(),
    "data": Priors.for_data,
    "conjugate": Priors.conjugate,
    "flat": lambda dataset: Priors.flat(),
}
"""Priors that are chosen by a name, of the data that is fitted."""
