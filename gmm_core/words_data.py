"""What to know of data before a mixture is fitted to it, in sentences with what to do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset, listing
from gmm_core.figures.style import number
from gmm_core.mixture.model import RANGE
from gmm_core.words import count

Array = NDArray[np.float64]

FEW_DISTINCT = 0.5
"""Below this share of different points the data is called repeated."""

UNEQUAL = 1e3
"""Largest ratio of the columns' spreads that one spread for all of them may describe."""

FAR = 1e3
"""A point is far when it lies this many times the middle half's width from the median."""

DIGITS = 1e9
"""Distance from zero, in spreads: beyond it fewer than seven digits tell points apart."""

_ROWS = 100_000  # of larger data a sample is looked at


def constant_columns(dataset: Dataset) -> list[str]:
    """Names of the columns whose values are all equal; a single point has no spread either."""
    widths = _widths(dataset.values)
    return [name for name, width in zip(dataset.columns, widths, strict=True) if width == 0]


def cautions(dataset: Dataset) -> list[str]:
    """Say what is hard about the data and what to do; nothing for data without a difficulty.

    Column names stand in the sentences as they are: show them as text, not as markup.
    """
    N = len(dataset.values)
    if N == 1:
        return ["There is one point, and a spread needs at least two. Add data."]
    constant = constant_columns(dataset)
    if len(constant) == len(dataset.columns):
        return [f"All {N:,} points are equal, so there is no spread to fit. Add data that varies."]
    said = []
    if constant:
        which = "columns are" if len(constant) > 1 else "column is"
        said.append(
            f"{len(constant)} {which} constant, without a spread to fit: {listing(constant)}. "
            f"Leave {'them' if len(constant) > 1 else 'it'} out."
        )
    names = [c for c in dataset.columns if c not in constant]
    x = dataset.select(names).values
    x = x[:: max(1, len(x) // _ROWS)]
    low, high = RANGE
    for name, width in zip(names, _widths(x).tolist(), strict=True):
        if not low <= width <= high:
            return [
                *said,
                f'Column "{name}" spreads over {number(width)}, whose square is beyond the range '
                "of numbers. Give it in another unit.",
            ]
    spread = x.std(axis=0)
    said += _far_from_zero(x, spread, names)
    said += _different(x, spread, names)
    said += _repeated(x)
    said += _outliers(x, names)
    return said


def _widths(x: Array) -> Array:
    """Distance from the smallest to the largest value of each column [D]."""
    with np.errstate(over="ignore"):
        return np.ptp(x, axis=0)


def _far_from_zero(x: Array, spread: Array, names: list[str]) -> list[str]:
    """Numbers whose last digits are lost, or nearly."""
    size = np.abs(x).max(axis=0)
    far = [n for n, s, d in zip(names, size, spread, strict=True) if s > DIGITS * d]
    if far:
        return [
            f"{listing(far)}: numbers this far from zero leave too few digits to tell points "
            "apart, and a fit may not settle. Subtract a constant first."
        ]
    whole = [n for n, s in zip(names, size, strict=True) if s > 2**53]
    if whole:
        return [
            f"{listing(whole)}: beyond {2**53:,} not every whole number can be kept, so the last "
            "digits may be rounded. Leave identifiers out."
        ]
    return []


def _different(x: Array, spread: Array, names: list[str]) -> list[str]:
    """Columns of very different spread, and columns that follow from the others."""
    said = []
    # The middle half's width: one far point is no other unit.
    half = np.subtract(*np.quantile(x, (0.75, 0.25), axis=0))
    width = np.where(half > 0, half, spread)
    ratio = float(width.max() / width.min())
    if ratio > UNEQUAL:
        widest, narrowest = names[int(width.argmax())], names[int(width.argmin())]
        said.append(
            f'The spread of "{widest}" is {number(ratio)} times that of "{narrowest}". A spherical '
            "covariance sees the widest column only: choose diagonal or full."
        )
    z = (x - x.mean(axis=0)) / spread
    if x.shape[1] > 1 and np.linalg.matrix_rank(z, tol=1e-9 * np.sqrt(z.size)) < x.shape[1]:
        said.append(
            "A column follows exactly from the others, so every full covariance shrinks to a "
            "plane and collapses. Leave that column out, or choose diagonal."
        )
    return said


def _repeated(x: Array) -> list[str]:
    distinct = len(np.unique(x, axis=0))
    if distinct >= FEW_DISTINCT * len(x):
        return []
    return [
        f"Only {distinct:,} of {count(len(x), 'point')} differ. A component may shrink onto equal "
        "points without end: keep priors, or share the covariance."
    ]


def _outliers(x: Array, names: list[str]) -> list[str]:
    middle, quarter, three = np.quantile(x, (0.5, 0.25, 0.75), axis=0)
    width = np.where(three > quarter, three - quarter, np.inf)
    away = np.abs(x - middle) / width
    rows = np.flatnonzero((away > FAR).any(axis=1))
    if not len(rows):
        return []
    column = names[int(away[rows[0]].argmax())]
    value = number(float(x[rows[0], away[rows[0]].argmax()]))
    if len(rows) == 1:
        who = f'One point lies far from all others, at {value} in "{column}"'
    else:
        who = f'{len(rows):,} points lie far from all others, the first at {value} in "{column}"'
    return [
        f"{who}. It takes a component of its own, and widens the priors from the data; correct it "
        "if it is a mistake."
    ]
