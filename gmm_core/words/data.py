"""What to know of data before a mixture is fitted to it, in sentences with what to do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.isolated import isolated
from gmm_core.formatting import count, listing, number
from gmm_core.mixture.family import Family
from gmm_core.mixture.model import RANGE
from gmm_core.words import sampled, transformed

Array = NDArray[np.float64]

FEW_DISTINCT = 0.5
"""Below this share of different points the data is called repeated."""

UNEQUAL = 1e3
"""Largest ratio of the columns' spreads that one spread for all of them may describe."""

NEARLY = 1e-6
"""Share of a column's variance below which the others all but tell it."""

SKEWED = 2.0
"""Skewness that is worth a word: that of an exponential distribution."""

TIED = 0.25
"""Share of equal values in a column that is worth a word."""

NEARLY_CONSTANT = 0.9
"""Share of equal values from which on a column is nearly constant."""

DIGITS = 1e9
"""Distance from zero, in spreads: beyond it fewer than seven digits tell points apart."""

FOREMOST = 2
"""How many difficulties stand above a figure, which they would push out of sight."""

_ROWS = 100_000  # of larger data a sample is looked at


def extras(dataset: Dataset) -> list[str]:
    """Say what the data has beside its numbers: weights, known classes, values that are missing.

    Column names stand in the sentences as they are: show them as text, not as markup.
    """
    sentences = []
    if dataset.whole is not None:
        sentences.append(f"They stay with the workers; here is {sampled.of(dataset)}.")
    elif dataset.weights is not None:
        sentences.append(f"Counted by their weights they are {dataset.total:,.6g} points.")
    if dataset.transforms is not None:
        sentences.append(transformed.units(dataset))
    if dataset.incomplete:
        sentences.append(missing(dataset))
    if dataset.classes is not None:
        names, n_known = dataset.class_names, sum(c is not None for c in dataset.classes)
        of = "each point" if n_known == len(dataset.classes) else count(n_known, "point")
        sentences.append(f"The class is known of {of}: {listing(names, 6)}.")
    return sentences


def missing(dataset: Dataset) -> str:
    """Say how many values are missing in which columns; "" where none is."""
    lacking = np.isnan(dataset.values).sum(axis=0)
    each = [f'{n:,} in "{name}"' for name, n in zip(dataset.columns, lacking, strict=True) if n]
    many = int(lacking.sum())
    if not many:
        return ""
    listed = ", ".join(each[:8]) + (f" and {len(each) - 8} more columns" if each[8:] else "")
    return (
        f"{count(many, 'value')} {'is' if many == 1 else 'are'} missing: {listed}. What is missing "
        "is integrated out, as missing at random."
    )


def constant_columns(dataset: Dataset) -> list[str]:
    """Names of the columns whose values are all equal; a single point has no spread either."""
    widths = _widths(dataset.values)
    return [name for name, width in zip(dataset.columns, widths, strict=True) if width == 0]


def cautions(dataset: Dataset, family: Family | None = None) -> list[str]:
    """Say what is hard about the data and what to do; nothing for data without a difficulty.

    Column names stand in the sentences as they are: show them as text, not as markup.

    Parameters
    ----------
    family : the family of covariances that is to be fitted; what is hard for another one only is
        left out. None says what is hard for any.
    """
    N = len(dataset.values)
    if N == 1:
        return ["There is one point, and a spread needs at least two. Add data."]
    constant = constant_columns(dataset)
    if len(constant) == len(dataset.columns):
        return [f"All {N:,} points are equal, so there is no spread to fit. Add data that varies."]
    sentences = []
    if constant:
        which = "columns are" if len(constant) > 1 else "column is"
        sentences.append(
            f"{len(constant)} {which} constant, without a spread to fit: {listing(constant)}. "
            f"Leave {'them' if len(constant) > 1 else 'it'} out."
        )
    names = [c for c in dataset.columns if c not in constant]
    x = dataset.select(names).values
    # Where a value is missing, the points that have all speak for their like.
    whole = x[~np.isnan(x).any(axis=1)]
    if len(whole) < 2:
        return sentences
    x = whole[:: max(1, len(whole) // _ROWS)]
    low, high = RANGE
    for name, width in zip(names, _widths(x).tolist(), strict=True):
        if not low <= width <= high:
            return [
                *sentences,
                f'Column "{name}" spreads over {number(width)}, whose square is beyond the range '
                "of numbers. Give it in another unit.",
            ]
    spread = x.std(axis=0)
    sentences += _far_from_zero(x, spread, names)
    D = len(names)
    if family is None or family.balls:
        sentences += _different(x, spread, names)
    if family is None or not family.diagonal(D):
        sentences += _dependent(x, spread, names)
        sentences += _wide(N, D)
    sentences += _skewed(x, names)
    sentences += _repeated(x) or _tied(x, names)
    sentences += _outliers(x, names)
    return sentences


def foremost(sentences: list[str]) -> list[str]:
    """Return the first of these cautions, and where the others are; the Data page says them all."""
    more = len(sentences) - FOREMOST
    if more <= 0:
        return sentences
    return [*sentences[:FOREMOST], f"The Data page says {more} more."]


def _widths(x: Array) -> Array:
    """Distance from the smallest to the largest value of each column [D]."""
    with np.errstate(over="ignore"):
        return np.nanmax(x, axis=0) - np.nanmin(x, axis=0)


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
    """Columns of very different spread."""
    # The middle half's width: one far point is no other unit.
    half = np.subtract(*np.quantile(x, (0.75, 0.25), axis=0))
    width = np.where(half > 0, half, spread)
    ratio = float(width.max() / width.min())
    if ratio <= UNEQUAL:
        return []
    widest, narrowest = names[int(width.argmax())], names[int(width.argmin())]
    return [
        f'The spread of "{widest}" is {number(ratio)} times that of "{narrowest}". A spherical '
        "covariance sees the widest column only: choose diagonal or full."
    ]


def _dependent(x: Array, spread: Array, names: list[str]) -> list[str]:
    """Columns that follow from the others, exactly or nearly."""
    z = (x - x.mean(axis=0)) / spread
    if x.shape[1] > 1 and np.linalg.matrix_rank(z, tol=1e-9 * np.sqrt(z.size)) < x.shape[1]:
        return [
            f"A column follows exactly from the others, among {listing(_followers(z, names))}, so "
            "every full covariance shrinks to a plane and collapses. Leave that column out, or "
            "choose diagonal."
        ]
    if nearly := _followers(z, names, NEARLY):
        return [
            f"{listing(nearly)} all but follow from one another, to less than a thousandth of "
            "their spread: full covariances are narrow there. EM has no trouble with it; Adam "
            "takes long. Or leave one of them out."
        ]
    return []


def _followers(z: Array, names: list[str], share: float = 1e-12) -> list[str]:
    """Name the columns of standardised values [N, D] that the others tell to this share.

    What the others leave of a column's variance is one over the diagonal of the inverse of the
    correlations; of a column that is not constant and stands alone it is 1.
    """
    values, axes = np.linalg.eigh(z.T @ z / len(z))
    left = 1 / (axes**2 / np.maximum(values, 1e-16 * values[-1])).sum(axis=1)
    return [name for name, rest in zip(names, left, strict=True) if rest < share]


def _wide(N: int, D: int) -> list[str]:
    """As many columns as points, or more."""
    if D < N or D == 1:
        return []
    return [
        f"There are {D:,} columns and {count(N, 'point')}: a full covariance needs more points "
        "than columns. Choose diagonal or spherical, or fewer columns."
    ]


def _skewed(x: Array, names: list[str]) -> list[str]:
    """Columns with a long tail, of which the logarithm has a much shorter one.

    Of a lognormal column a mixture finds components of falling weight and growing spread, which say
    that it is skewed, and nothing of groups.
    """
    skewed = [name for column, name in zip(x.T, names, strict=True) if _like_lognormal(column)]
    if not skewed:
        return []
    one = len(skewed) == 1
    return [
        f"{listing(skewed, 3)} {'has' if one else 'have'} a long tail upward, and "
        f"{'its logarithm' if one else 'their logarithms'} a much shorter one. In the "
        "table's units components may stand for the tail and not for groups: fit "
        f"{'the logarithm' if one else 'logarithms'} (Data, Transform columns)."
    ]


def _like_lognormal(x: Array) -> bool:
    if x.min() <= 0 or (skewness := _skewness(x)) <= SKEWED:
        return False
    return abs(_skewness(np.log(x))) < skewness / 2


def _skewness(x: Array) -> float:
    z = (x - x.mean()) / x.std()
    return float((z**3).mean())


def _tied(x: Array, names: list[str]) -> list[str]:
    """Columns in which many points have one and the same value."""
    sentences = []
    for column, name in zip(x.T, names, strict=True):
        values, times = np.unique(column, return_counts=True)
        most = int(times.max())
        if most < TIED * len(x) or most < 2 * (len(names) + 1):
            continue
        what = "is nearly constant" if most >= NEARLY_CONSTANT * len(x) else "has ties"
        value = number(float(values[times.argmax()]))
        sentences.append(f'"{name}" {what}: {most:,} of {len(x):,} values are {value}')
    if not sentences:
        return []
    return [
        f"{'; '.join(sentences)}. A component may shrink onto equal values without end: "
        "choose conjugate priors, or share the covariance."
    ]


def _repeated(x: Array) -> list[str]:
    distinct = len(np.unique(x, axis=0))
    if distinct >= FEW_DISTINCT * len(x):
        return []
    return [
        f"Only {distinct:,} of {count(len(x), 'point')} differ. A component may shrink onto equal "
        "points without end: choose conjugate priors, or share the covariance."
    ]


def _outliers(x: Array, names: list[str]) -> list[str]:
    rows = isolated(x)
    if not len(rows):
        return []
    middle, quarter, three = np.quantile(x, (0.5, 0.25, 0.75), axis=0)
    away = np.abs(x[rows] - middle) / np.where(three > quarter, three - quarter, np.inf)
    row, column = np.unravel_index(int(away.argmax()), away.shape)
    where = f'{number(float(x[rows[row], column]))} in "{names[column]}"'
    if len(rows) == 1:
        who, it, they = f"One point lies far from all others, at {where}", "It", "it is a mistake"
    else:
        who = f"{len(rows):,} points lie far from all others, the farthest at {where}"
        it, they = "Each", "they are mistakes"
    return [
        f"{who}. {it} can take a component of its own or stretch one, and widens the priors from "
        f"the data. Correct {'it' if len(rows) == 1 else 'them'} if {they}; else Noise on Fit "
        "leaves room for such points."
    ]
