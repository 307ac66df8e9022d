"""What is fitted: the number of components, the form of their covariances, the priors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from gmm_core.data.dataset import Dataset
from gmm_core.formatting import listing
from gmm_core.mixture.conjugate import conjugate_prior
from gmm_core.mixture.covariance import FAMILIES, named
from gmm_core.mixture.family import Family, Site
from gmm_core.mixture.fields import Later, Positive, Whole
from gmm_core.mixture.priors import Priors
from gmm_core.mixture.refusals import Model
from gmm_core.mixture.size_shape_direction import contrasts

Array = NDArray[np.float64]

# A spread is squared to make a variance, and squares of others leave the range of numbers.
RANGE = (1e-150, 1e150)

# More components than colours and patterns can tell apart are no longer explored by eye.
MAX_COMPONENTS = 64

COVARIANCES: tuple[tuple[str, bool | None], ...] = (
    ("spherical", True),
    ("spherical", False),
    ("diag", True),
    ("diag", False),
    ("full", True),
    ("full", False),
)
"""The six usual families: the form of one covariance, and whether all components share it."""


class Mixture(Model):
    """What is fitted: K components, one form of covariance, priors.

    `covariance` is "spherical" (one scale for all columns), "diag" (a scale per column) or
    "full" (and correlations). `tied` means one covariance for all components, else one each.
    Or it is one of mclust's fourteen codes "EII" … "VVV", and `tied` is left out: whether size,
    shape and direction are equal (E) or vary (V). The six of these that the names above have become
    those. The tutorial's mixture is spherical and tied.

    `noise` adds one more component, uniform over a box, whose widths in each column `noise_box`
    gives; by default its volume is the data's (`observation.box_of`).
    `labels` says what known classes are for: "ignore" leaves them out of the fit, "fix" lets the
    points of class j come from component j.
    """

    n_components: Annotated[Whole, Field(ge=1, le=MAX_COMPONENTS)] = 2
    covariance: str = "spherical"
    tied: bool | None = True
    priors: Priors = Field(default_factory=Priors)
    noise: bool = Later(False)
    noise_box: tuple[Positive, ...] | None = Later(None)
    labels: Literal["ignore", "fix"] = Later("ignore")

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, values: Any) -> Any:
        """Give a code the name that its family has, so that one family has one id."""
        covariance = values.get("covariance") if isinstance(values, dict) else None
        codes = {family.code: pair for pair, family in FAMILIES.items()}
        if not isinstance(covariance, str) or covariance not in codes:
            return values
        name, tied = codes[covariance]
        return (
            {**values, "covariance": name, "tied": tied}
            if values.get("tied") in (None, tied)
            else values
        )

    @field_validator("covariance")
    @classmethod
    def _known(cls, value: str) -> str:
        if all(value != name for name, _ in FAMILIES):
            named(value, None)
        return value

    @model_validator(mode="after")
    def _is_a_family(self) -> Mixture:
        if (self.covariance, self.tied) not in FAMILIES:
            named(self.covariance, self.tied)
        return self

    @property
    def label(self) -> str:
        """How the mixture is named on a page, such as "K = 2, spherical, shared"."""
        text = f"K = {self.n_components}, {self.family.label}"
        if self.tied is None:
            text += f", {self.family.words}"
        text += ", with noise" * self.noise
        return text + ", classes fixed" * self.classes_fixed

    @property
    def classes_fixed(self) -> bool:
        """Whether points of known class j come from component j, for certain."""
        return self.labels == "fix"

    @property
    def n_weights(self) -> int:
        """How many weights there are: K, and one of the noise."""
        return self.n_components + self.noise

    @property
    def family(self) -> Family:
        """The entry of its covariances' family."""
        return FAMILIES[self.covariance, self.tied]

    def n_parameters(self, n_columns: int) -> int:
        """Count the free numbers of the mixture in D columns, as the criteria BIC and AIC do.

        Noise counts as two, its weight and its volume, as in mclust.
        """
        K, D = self.n_components, n_columns
        return K - 1 + K * D + self.family.n_parameters(K, D) + 2 * self.noise

    def has_correlations(self, n_columns: int) -> bool:
        """Whether correlations are a site: full covariances of two columns or more."""
        return any(site.name == "correlation" for site in self.sites(n_columns))

    def scale_shape(self, n_columns: int) -> tuple[int, ...]:
        """Shape of the scale site: () or (D,), with K in front when components have own ones."""
        return next(site.shape for site in self.sites(n_columns) if site.name == "scale")

    def sites(self, n_columns: int) -> tuple[Site, ...]:
        """List the sites of its covariances."""
        return self.family.sites(self.n_components, n_columns)

    def scale_prior(self, n_columns: int) -> tuple[Array, Array] | None:
        """Log mean and log sd of the scale site, each broadcastable to its shape.

        A scale without columns is shared by all of them; its prior is the columns' average, which
        is the prior of the geometric mean of their scales.
        """
        log_mean = self.priors.columns("scale_log_mean", n_columns)
        log_sd = self.priors.columns("scale_log_sd", n_columns)
        if log_mean is None or log_sd is None:
            return None
        if not self.family.per_column:
            return log_mean.mean(), log_sd.mean()
        return log_mean, log_sd

    def shape_prior(self, n_columns: int) -> tuple[Array, Array] | None:
        """Mean [D - 1] and sd of the contrasts of log lengths, the shape site.

        As if the length along each axis had the scales' prior by itself; along the data's axes with
        the mean of the column, else the same along all. None where that prior is flat.
        """
        log_mean = self.priors.columns("scale_log_mean", n_columns)
        log_sd = self.priors.columns("scale_log_sd", n_columns)
        if log_mean is None or log_sd is None:
            return None
        mean = log_mean @ contrasts(n_columns)
        return mean if self.family.diagonal(n_columns) else np.zeros_like(mean), log_sd.mean()

    def check(self, dataset: Dataset, spare_components: bool = False) -> None:
        """Raise ValueError when this mixture cannot be fitted to the data, saying why.

        Parameters
        ----------
        spare_components : whether there may be more components than points. A posterior has no
            quarrel with that: what is empty stays where the prior has it.
        """
        N, D = dataset.values.shape
        K = self.n_components
        counted = dataset.values
        if dataset.weights is not None:
            counted = counted[dataset.weights > 0]
            N = len(counted)
        if N < K and not spare_components:
            raise ValueError(
                f"K = {K} components need at least as many points, but the data has N = {N}. "
                "Lower K, or add data."
            )
        if N < 2:
            raise ValueError("The data has one point, and a spread needs at least two. Add data.")
        for name in ("loc_mean", "loc_scale", "scale_log_mean", "scale_log_sd"):
            self.priors.columns(name, D)
        conjugate_prior(self, D)
        with np.errstate(over="ignore"):
            lowest, highest = np.nanmin(counted, axis=0), np.nanmax(counted, axis=0)
            widths = highest - lowest
        constant = np.flatnonzero(widths == 0)
        if constant.size:
            column, value = dataset.columns[constant[0]], lowest[constant[0]]
            n_present = int(np.sum(~np.isnan(counted[:, constant[0]])))
            raise ValueError(
                f'All {n_present} values of the column "{column}" are equal ({value:g}), so it has '
                "no spread to fit. Leave that column out, or add data that varies."
            )
        for column, width in zip(dataset.columns, widths.tolist(), strict=True):
            if not RANGE[0] <= width <= RANGE[1]:
                raise ValueError(
                    f'The column "{column}" spreads over {width:.3g}, whose square is beyond the '
                    "range of numbers. Give it in another unit."
                )
        if self.noise_box is not None and len(self.noise_box) != D:
            raise ValueError(
                f"The noise's box has {len(self.noise_box)} widths, but the data has {D} columns. "
                "Give one for each, or none."
            )
        self._check_labels(dataset)

    def _check_labels(self, dataset: Dataset) -> None:
        if not self.classes_fixed:
            return
        names = dataset.class_names
        if not names:
            raise ValueError(
                'The mixture has labels="fix", but the data has no known classes. Give classes to '
                'the data, or use labels="ignore".'
            )
        if len(names) > self.n_components:
            raise ValueError(
                f"The data has {len(names)} known classes, {listing(names)}, but the mixture has "
                f"K = {self.n_components}, and each class needs a component. Raise K to "
                f'{len(names)} at least, or use labels="ignore".'
            )


def fewest_components(dataset: Dataset, labels: str) -> int:
    """Return the least K that has a component for every class that is fixed."""
    return max(1, len(dataset.class_names)) if labels == "fix" else 1
