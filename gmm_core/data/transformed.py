"""A dataset whose columns are transformed, and the way back to the person's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.rows import Rows
from gmm_core.data.transforms import Applied, fitting, named
from gmm_core.formatting import listing

Array = NDArray[np.float64]

_DIGITS = 14
"""Significant digits that survive a transform and its inverse."""


def transformed(dataset: Dataset, transforms: Mapping[str, str]) -> Dataset:
    """Transform columns of a dataset.

    What is found comes back in the units of the table wherever it has an exact image there: all of
    a standardised column; of a logarithm or a square root medians, quantiles, densities, points and
    boundaries. Their means, scales and covariances are named after the transformed column.

    Parameters
    ----------
    dataset : [N, D], its weights count for the mean and standard deviation of "standardise".
    transforms : "log", "sqrt" or "standardise", by column; columns not named stay.

    Returns
    -------
    [N, D], columns in the same order, named after their transforms; `Dataset.transforms` says how
    they came about. Without any transform the dataset itself.

    Raises
    ------
    ValueError
        When a column or a transform does not exist, a column is transformed already, or a value is
        outside of what the transform takes, such as the logarithm of zero.
    """
    strange = [column for column in transforms if column not in dataset.columns]
    if strange:
        raise ValueError(
            f"A transform came for {listing(strange)}, which is not among the columns. Choose from "
            f"{listing(dataset.columns)}."
        )
    if not transforms:
        return dataset
    mean, variance = dataset.moments()
    how = [
        fitting(transforms[name], name, float(mean[d]), float(np.sqrt(variance[d])))
        if name in transforms
        else None
        for d, name in enumerate(dataset.columns)
    ]
    already = [new.column for new, old in zip(how, _of(dataset), strict=True) if new and old]
    if already:
        raise ValueError(
            f"The column {listing(already)} is transformed already. Begin with original(dataset)."
        )
    merged = [new or old for new, old in zip(how, _of(dataset), strict=True)]
    return _with(dataset, how, tuple(merged))


def like(new: Dataset, transforms: tuple[Applied | None, ...] | None) -> Dataset:
    """Transform new points, [N, D] in the columns of the table, as others have been.

    Parameters
    ----------
    transforms : `Dataset.transforms` of those others.

    Raises
    ------
    ValueError
        When a value is outside of what a transform takes.
    """
    return new if transforms is None else _with(new, transforms, transforms)


def table_columns(dataset: Dataset) -> tuple[str, ...]:
    """Names that the columns have in the person's table."""
    pairs = zip(dataset.columns, _of(dataset), strict=True)
    return tuple(name if how is None else how.column for name, how in pairs)


def original(dataset: Dataset) -> Dataset:
    """Return the dataset as it was before its columns were transformed, to 14 digits."""
    if dataset.transforms is None:
        return dataset
    values = [
        x if how is None else _significant(how.inverse(x))
        for x, how in zip(dataset.values.T, dataset.transforms, strict=True)
    ]
    names = table_columns(dataset)
    rows = dataset.rows
    return replace(
        dataset,
        values=np.stack(values, axis=1),
        columns=names,
        transforms=None,
        rows=rows and Rows(rows.numbers, {c: x for c, x in rows.columns.items() if c not in names}),
    )


def complete_rows(dataset: Dataset, most: int) -> list[list[float]]:
    """Return the first rows without missing values as they were before columns were transformed.

    Where every row lacks a value, one of the columns' means.
    """
    whole = ~np.isnan(dataset.values).any(axis=1)
    rows = dataset.values[whole][:most] if whole.any() else np.nanmean(dataset.values, 0)[None]
    columns = [
        z if how is None else _significant(how.inverse(z))
        for z, how in zip(rows.T, _of(dataset), strict=True)
    ]
    return np.stack(columns, axis=1).tolist()


def in_table(dataset: Dataset, column: int, z: ArrayLike) -> Array:
    """Return values of a column as they are in the person's table.

    Transforms rise, so that medians, quantiles and boundaries of the one are those of the other.
    """
    how = _of(dataset)[column]
    values = np.asarray(z, dtype=np.float64)
    return values if how is None else how.inverse(values)


def from_table(dataset: Dataset, column: int, x: ArrayLike) -> Array:
    """Return values of a column in the person's table as they are fitted; inverse of `in_table`.

    Raises
    ------
    ValueError
        When the transform of the column cannot take a value.
    """
    how, values = _of(dataset)[column], np.asarray(x, dtype=np.float64)
    return values if how is None else how.forward(values)


def parameter_columns(dataset: Dataset) -> tuple[str, ...]:
    """Name what the parameters of each column are of, in the units of `parameters_in_table`.

    The column of the table, or where its transform is no straight line what was fitted, such as
    "log carat".
    """
    pairs = zip(dataset.columns, _of(dataset), strict=True)
    return tuple(how.column if how and named(how.transform).linear else name for name, how in pairs)


def units(dataset: Dataset) -> dict[str, str]:
    """Say what each fitted column is of, by its name."""
    pairs = zip(dataset.columns, _of(dataset), strict=True)
    return {name: as_in_table(name) if how is None else how.words for name, how in pairs}


def as_in_table(column: str) -> str:
    """Say that a column is as it came."""
    return f'as in the column "{column}" of the data'


def moments_in_table(
    dataset: Dataset, column: int, mean: ArrayLike, sd: ArrayLike
) -> tuple[Array, Array]:
    """Return mean and standard deviation in the person's table, of normals of a column.

    They are not the mean and the standard deviation taken there: the mean of a lognormal is above
    its median, which is what `in_table` makes of the mean of its logarithm.
    """
    how = _of(dataset)[column]
    m, s = np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    return (m, s) if how is None else how.moments(m, s)


def log_jacobian(dataset: Dataset) -> float:
    """Sum of the log slopes of the transforms over all values that are there.

    Added to the log likelihood of the dataset it gives that of the table as it came, by which
    fits of different transforms compare. Weights count. 0 without transforms, inf where a square
    root of zero is among the values.
    """
    if dataset.transforms is None:
        return 0.0
    slopes = log_slopes(dataset)
    if dataset.weights is None:
        return float(slopes.sum())
    counted = dataset.weights > 0
    return float(dataset.weights[counted] @ slopes[counted])


def log_slopes(dataset: Dataset) -> Array:
    """Sum of the log slopes of the transforms over the values that each row has [N].

    Added to the log density of a row it gives that of the row as it stands in the table.
    """
    total = np.zeros(len(dataset.values))
    for z, how in zip(dataset.values.T, _of(dataset), strict=True):
        if how is not None:
            present = ~np.isnan(z)
            total[present] += how.log_slope(z[present])
    return total


def likelihood_shift(dataset: Dataset) -> float:
    """Return what makes a log likelihood of the dataset one of the table.

    The log Jacobian; 0 where it is infinite, since then no number compares with the table's.
    """
    jacobian = log_jacobian(dataset)
    return jacobian if np.isfinite(jacobian) else 0.0


def _of(dataset: Dataset) -> tuple[Applied | None, ...]:
    return dataset.transforms or (None,) * len(dataset.columns)


def _with(
    dataset: Dataset,
    how: list[Applied | None] | tuple[Applied | None, ...],
    transforms: tuple[Applied | None, ...],
) -> Dataset:
    if dataset.whole is not None:
        raise ValueError(
            "The rows of this data stay with the workers, and are fitted as they are there. Write "
            "the transformed columns into the table first."
        )
    pairs = list(zip(dataset.values.T, dataset.columns, how, strict=True))
    rows = dataset.rows
    if rows is not None:  # as they were the columns go along with what else the table has
        extra_columns = {name: x for x, name, t in pairs if t is not None}
        rows = Rows(rows.numbers, {**rows.columns, **extra_columns})
    return replace(
        dataset,
        values=np.stack([x if t is None else t.forward(x) for x, _, t in pairs], axis=1),
        columns=tuple(name if t is None else t.name for _, name, t in pairs),
        transforms=transforms,
        rows=rows,
    )


def _significant(x: Array) -> Array:
    """Round to the digits that are not those of rounding."""
    return np.array([float(f"{value:.{_DIGITS}g}") for value in x.tolist()])
