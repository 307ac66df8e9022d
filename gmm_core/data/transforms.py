"""Transforms of a column before it is fitted: each an entry with its formula and its slope.

A skewed column may be a mixture of Gaussians in its logarithm, and columns of different units are
alike in standard deviations. What is fitted is z = f(x); a density of z is one of x times the slope
of f there, p(x) = p(z) |f'(x)|, so that log likelihoods of different transforms compare once the
sum of log |f'(x)| is added to each (change of variables).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Transform:
    """One way to transform a column x, with a center c and a scale s of the column's own.

    Attributes
    ----------
    name : by which it is asked for.
    label : what a page asks, followed by columns.
    column : what a transformed column is called, of the name of its own.
    words : what the transformed numbers are, of the name of the column, the center and the scale.
    forward, inverse, log_slope : f(x, c, s), x of f, and log |f'(x)|, elementwise.
    moments : mean and standard deviation of x where f is normal with a mean m and an sd, as
        (m, sd, c, s), elementwise.
    accepts : which numbers it can take, elementwise.
    expected : what these are, in words.
    centered : whether c and s are the column's mean and standard deviation; else 0 and 1.
    linear : whether f is a straight line, so that a Gaussian is one in the table too.
    """

    name: str
    label: str
    column: str
    words: str
    forward: Callable[[Array, float, float], Array]
    inverse: Callable[[Array, float, float], Array]
    log_slope: Callable[[Array, float, float], Array]
    moments: Callable[[Array, Array, float, float], tuple[Array, Array]]
    accepts: Callable[[Array], NDArray[np.bool_]] = np.isfinite
    expected: str = "finite"
    centered: bool = False
    linear: bool = False


def _of_lognormal(m: Array, sd: Array) -> tuple[Array, Array]:
    mean = np.exp(m + sd**2 / 2)
    return mean, mean * np.sqrt(np.expm1(sd**2))


def _of_square(m: Array, sd: Array) -> tuple[Array, Array]:
    """Of the square of a normal, with zero where that is below zero."""
    from scipy.special import ndtr

    t = m / sd
    above, edge = ndtr(t), np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
    mean = sd**2 * ((t**2 + 1) * above + t * edge)
    # E[z^4] - E[z^2]^2 above zero, with the powers of t that cancel left out.
    spread = above * (4 * t**2 + 2 + (t**2 + 1) ** 2 * ndtr(-t))
    spread += t * edge * (t**2 + 5 - 2 * (t**2 + 1) * above - t * edge)
    return mean, sd**2 * np.sqrt(np.maximum(spread, 0.0))


TRANSFORMS: dict[str, Transform] = {
    each.name: each
    for each in (
        Transform(
            "log",
            "Logarithm",
            "log {}",
            "the natural logarithm of {0}",
            lambda x, c, s: np.log(x),
            lambda z, c, s: np.exp(z),
            lambda x, c, s: -np.log(x),
            lambda m, sd, c, s: _of_lognormal(m, sd),
            lambda x: x > 0,
            "above zero",
        ),
        Transform(
            "sqrt",
            "Square root",
            "√ {}",
            "the square root of {0}",
            lambda x, c, s: np.sqrt(x),
            lambda z, c, s: np.maximum(z, 0.0) ** 2,  # what a Gaussian has below zero is at zero
            lambda x, c, s: -np.log(2 * np.sqrt(x)),
            lambda m, sd, c, s: _of_square(m, sd),
            lambda x: x >= 0,
            "zero or above",
        ),
        Transform(
            "standardise",
            "Standardise",
            "{} (sd)",
            "{0} less its mean {1:.4g}, in standard deviations of {2:.4g}",
            lambda x, c, s: (x - c) / s,
            lambda z, c, s: c + s * z,
            lambda x, c, s: np.full_like(x, -np.log(s)),
            lambda m, sd, c, s: (c + s * m, s * sd),
            centered=True,
            linear=True,
        ),
    )
}
"""All transforms by name, in the order in which they are offered."""


@dataclass(frozen=True)
class Applied:
    """A transform as it was applied to a column.

    Attributes
    ----------
    transform : name of the transform.
    column : what the column is called in the person's table.
    center, scale : that the transform used.
    """

    transform: str
    column: str
    center: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        named(self.transform)

    @property
    def words(self) -> str:
        """What the transformed numbers are."""
        return named(self.transform).words.format(f'"{self.column}"', self.center, self.scale)

    @property
    def name(self) -> str:
        """What the transformed column is called."""
        return named(self.transform).column.format(self.column)

    def forward(self, x: Array) -> Array:
        """Transform numbers of the table; NaN stays.

        Raises
        ------
        ValueError
            When there is a number that the transform cannot take, or a result beyond the range.
        """
        how = named(self.transform)
        present = ~np.isnan(x)
        wrong = np.flatnonzero(present & ~how.accepts(np.where(present, x, 1.0)))
        if wrong.size:
            are = "is" if wrong.size == 1 else "are"
            many = f"{wrong.size:,} of {int(present.sum()):,} values {are} not"
            raise ValueError(
                f'The {how.label.lower()} of "{self.column}" takes values {how.expected}, but '
                f"{many}; the first is {x[wrong[0]]:.6g}, value {wrong[0] + 1:,} of the column. "
                "Leave these rows out, or the column as it is."
            )
        with np.errstate(invalid="ignore", over="ignore"):
            return how.forward(x, self.center, self.scale)

    def inverse(self, z: Array) -> Array:
        """Return the numbers of the table."""
        with np.errstate(over="ignore"):
            return named(self.transform).inverse(z, self.center, self.scale)

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Mean and standard deviation in the table, of normals of transformed numbers."""
        with np.errstate(over="ignore"):
            return named(self.transform).moments(mean, sd, self.center, self.scale)

    def log_slope(self, z: Array) -> Array:
        """Log of the slope of the transform, where transformed numbers lie; inf where it is."""
        with np.errstate(divide="ignore", over="ignore"):
            return named(self.transform).log_slope(self.inverse(z), self.center, self.scale)


def named(name: str) -> Transform:
    """Return a transform by its name.

    Raises
    ------
    ValueError
        When there is none.
    """
    if name not in TRANSFORMS:
        raise ValueError(
            f"There is no transform {name!r}. Choose {', '.join(map(repr, TRANSFORMS))}."
        )
    return TRANSFORMS[name]


def fitting(name: str, column: str, mean: float, sd: float) -> Applied:
    """Make the transform of a column that has this mean and standard deviation.

    Raises
    ------
    ValueError
        When there is no such transform, or the column does not vary and it needs that.
    """
    if not named(name).centered:
        return Applied(name, column)
    if not (np.isfinite(sd) and sd > 0):
        raise ValueError(
            f'The column "{column}" has the standard deviation {sd:.6g}, but one above zero is '
            "needed to standardise it. Leave this column out, or as it is."
        )
    return Applied(name, column, mean, sd)


def dumped(transforms: Sequence[Applied | None]) -> list[dict[str, Any] | None]:
    """Return the transforms of columns as plain values, for JSON and the store."""
    return [None if how is None else asdict(how) for how in transforms]


def loaded(plain: Sequence[Mapping[str, Any] | None]) -> tuple[Applied | None, ...]:
    """Return what `dumped` made plain.

    Raises
    ------
    ValueError
        When there is a transform that this version does not know.
    """
    return tuple(None if how is None else Applied(**how) for how in plain)
