"""The data of a run: a validated, immutable table of numbers that knows its own content hash.

Beside the numbers a dataset may have weights, known classes, and values that are missing.

Everything after this point (specifications, runs, links) names data by `Dataset.fingerprint`, so a
dataset must never change once it exists, and two datasets with the same numbers must have the same
fingerprint on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import compress
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.data.fingerprint import fingerprint
from gmm_core.data.observed import check_missing, known_classes, point_weights
from gmm_core.data.rows import Rows
from gmm_core.data.transforms import Applied
from gmm_core.data.values import short, table
from gmm_core.data.whole import Whole
from gmm_core.formatting import listing

MAX_NAME_LENGTH = 200
"""Characters in a name: longer ones are a misread file, and break every table they stand in."""


Missing = Literal["refuse", "drop", "keep"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """N points in D named columns, float64 numbers, read-only.

    Parameters
    ----------
    values : [N] or [N, D], finite real numbers, in the data's own units.
    columns : D different names; by default "value" for one column and "x1", "x2", ... for more.
    name : what people call this data; not part of its identity.
    rows : which rows of the person's table the points are; None when nothing is known. Not part of
        the identity either.
    weights : [N], how often each point counts: 2 is the point twice, 0 is the point gone. They are
        not normalised. None when each counts once.
    classes : [N], what each point is known to be, as text; None or "" where that is unknown. None
        when nothing is known of any.
    incomplete : whether NaN stands for a value that is missing, to be integrated out (missing at
        random); else it is refused.
    whole : all the rows, of which these points are a weighted sample; None when these are all. See
        `partitions.opened`.
    transforms : [D], how each column came about from the person's table; None where it is as it
        was, and None when all are. See `data.transformed`.

    Attributes
    ----------
    values : [N, D] float64, contiguous, read-only.
    weights : [N] float64 or None, read-only.
    classes : [N] tuple of text and None, or None.
    fingerprint : 64 hex characters, sha256 over shape, column names and bytes.

    Raises
    ------
    ValueError
        When the values are empty, not finite, not real numbers, not a table or too many, when the
        names do not fit the columns, or weights or classes the points.
    """

    values: NDArray[np.float64]
    columns: tuple[str, ...] = None  # type: ignore[assignment]  # filled in below
    name: str = "data"
    rows: Rows | None = None
    weights: NDArray[np.float64] | None = None
    classes: tuple[str | None, ...] | None = None
    incomplete: bool = False
    whole: Whole | None = None
    transforms: tuple[Applied | None, ...] | None = None
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        """Validate, normalise and freeze."""
        values = table(self.values, self.incomplete)
        columns = _column_names(self.columns, values.shape[1])
        weights = point_weights(self.weights, len(values))
        classes = known_classes(self.classes, len(values))
        missing = np.isnan(values) if self.incomplete else None
        if missing is not None and missing.any():
            check_missing(missing, columns)
        else:
            missing = None
        if self.rows is not None and len(self.rows.numbers) != len(values):
            raise ValueError(
                f"{len(self.rows.numbers):,} rows came for {len(values):,} points. Give one each."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "name", clean_name(self.name, "The name of the data"))
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "classes", classes)
        # Complete data is the same data however it was allowed to come.
        object.__setattr__(self, "incomplete", missing is not None)
        of = None if self.whole is None else self.whole.fingerprint
        how = tuple(self.transforms or ())
        if how and len(how) != len(columns):
            raise ValueError(
                f"{len(how)} transforms came for {len(columns)} columns. Give one each, or None."
            )
        object.__setattr__(self, "transforms", how if any(how) else None)
        mark = fingerprint(values, columns, weights, classes, of, self.transforms)
        object.__setattr__(self, "fingerprint", mark)

    @classmethod
    def from_values(
        cls,
        values: ArrayLike,
        columns: Iterable[str] | None = None,
        name: str = "data",
        *,
        weights: ArrayLike | None = None,
        classes: Iterable[object] | None = None,
        missing: Missing = "refuse",
    ) -> Dataset:
        """Make a dataset from an array, a list, or anything NumPy can read as numbers.

        Parameters
        ----------
        values : [N] or [N, D], real numbers; copied. NaN, and None in a list, is missing.
        columns : D different names; by default those of a table that has them, such as a data
            frame of pandas, else "value", or "x1", "x2", ...
        name : what people call this data.
        weights : [N], how often each point counts.
        classes : [N], what each point is known to be; None, NaN or "" where that is unknown.
        missing : what becomes of rows with missing values: "refuse" them, "drop" the rows, or
            "keep" them, their missing values integrated out.

        Raises
        ------
        ValueError
            As the class says.
        """
        if missing not in get_args(Missing):
            raise ValueError(
                f"missing = {short(missing)}, but it says what becomes of rows with missing "
                'values. Give "refuse", "drop" or "keep".'
            )
        if columns is None:
            columns = _names_of(values)
        classes = None if classes is None else tuple(classes)
        if missing == "drop":
            values = table(values, incomplete=True)
            weights, classes = (
                point_weights(weights, len(values)),
                known_classes(classes, len(values)),
            )
            sound: NDArray[np.bool_] = np.logical_not(np.isnan(values).any(axis=1))
            if not sound.any():
                raise ValueError(_none_left(len(sound)))
            values, weights = values[sound], None if weights is None else weights[sound]
            classes = None if classes is None else tuple(compress(classes, sound))
        return cls(
            values,  # type: ignore[arg-type]
            columns,  # type: ignore[arg-type]
            name,
            None,
            weights,  # type: ignore[arg-type]
            classes,  # type: ignore[arg-type]
            missing == "keep",
        )

    @property
    def total(self) -> float:
        """How many points the data counts as: the sum of weights, or N."""
        return float(len(self.values)) if self.weights is None else float(self.weights.sum())

    @property
    def n(self) -> int:
        """How many points there are, those of which these are a sample included."""
        return len(self.values) if self.whole is None else self.whole.rows

    @property
    def class_names(self) -> tuple[str, ...]:
        """The different classes that are known, in the order in which they first appear."""
        return tuple(dict.fromkeys(c for c in self.classes or () if c is not None))

    def take(self, rows: NDArray[Any]) -> Dataset:
        """Return some of the points with all that belongs to them: their indices, or a mask [N]."""
        index = np.arange(len(self.values))[rows]
        return replace(
            self,
            whole=None,
            values=self.values[index],
            rows=self.rows and self.rows.take(index),
            weights=None if self.weights is None else self.weights[index],
            classes=None if self.classes is None else tuple(self.classes[i] for i in index),
        )

    def complete(self) -> Dataset:
        """Return the points that have all their values.

        Raises
        ------
        ValueError
            When there is none.
        """
        if not self.incomplete:
            return self
        sound: NDArray[np.bool_] = np.logical_not(np.isnan(self.values).any(axis=1))
        if not sound.any():
            raise ValueError(_none_left(len(sound)))
        return replace(self.take(sound), incomplete=False)

    def seen(self, column: int) -> NDArray[np.float64]:
        """Return the values of a column that are there, in the points' order."""
        x = self.values[:, column]
        return x[~np.isnan(x)] if self.incomplete else x

    def counts(self) -> NDArray[np.float64]:
        """Return how many values each column counts as [D]: the weights of those that are there."""
        present = ~np.isnan(self.values)
        return present.sum(axis=0) * 1.0 if self.weights is None else self.weights @ present

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and variance of each column [D], of the values that are there.

        Weights count; the variance is divided by their sum, as by N.
        """
        x, w = self.values, self.weights
        if w is None and not self.incomplete:
            return x.mean(axis=0), x.var(axis=0)
        w = (np.ones(len(x)) if w is None else w)[:, None] * ~np.isnan(x)
        count = w.sum(axis=0)
        mean = np.where(w > 0, w * x, 0.0).sum(axis=0) / count
        return mean, np.where(w > 0, w * (x - mean) ** 2, 0.0).sum(axis=0) / count

    def covariance(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean [D] and the covariance [D, D], divided by the sum of weights less one.

        A missing value stands at its column's mean for the correlations, and counts for nothing in
        the variances. Columns that follow from each other keep a millionth of their variance to
        themselves, and one that does not vary has the variance one, so that this is a covariance.
        """
        D = self.values.shape[1]
        with np.errstate(all="ignore"):
            mean, variance = self.moments()
            counts = self.counts()
            variance = variance * counts / np.maximum(counts - 1, np.minimum(1, counts / 2))
            sound = (variance > 0) & (variance < 1e300)
            spread = np.sqrt(np.where(sound, variance, 1.0))
            z = np.where(sound & ~np.isnan(self.values), (self.values - mean) / spread, 0.0)
        w = np.ones(len(z)) if self.weights is None else self.weights
        products = (z * w[:, None]).T @ z
        size = np.sqrt(np.where(np.diagonal(products) > 0, np.diagonal(products), 1.0))
        correlation = products / size / size[:, None]
        np.fill_diagonal(correlation, 1.0)
        if D > 1 and np.linalg.eigvalsh(correlation)[0] < 1e-8:
            correlation = (1 - 1e-6) * correlation + 1e-6 * np.eye(D)
        return np.where(np.isfinite(mean), mean, 0.0), correlation * spread * spread[:, None]

    def select(self, columns: str | Sequence[str]) -> Dataset:
        """Keep only the named columns, in the order given.

        Raises
        ------
        ValueError
            When a name is unknown or repeated, or none is given.
        """
        names = [columns] if isinstance(columns, str) else list(columns)
        if not names:
            raise ValueError(
                "No column was chosen, but a dataset needs at least one. "
                f"Choose from {listing(self.columns)}."
            )
        unknown = [c for c in names if c not in self.columns]
        if unknown:
            raise ValueError(
                f"There is no column {listing(unknown)} in this data. "
                f"Choose from {listing(self.columns)}."
            )
        chosen = [self.columns.index(c) for c in names]
        return replace(
            self,
            values=self.values[:, chosen],
            columns=tuple(names),
            whole=None,
            transforms=self.transforms and tuple(self.transforms[d] for d in chosen),
        )

    def __eq__(self, other: object) -> bool:
        """Whether shape, column names and numbers are the same; the name does not matter."""
        if not isinstance(other, Dataset):
            return NotImplemented
        return self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        """Hash of the fingerprint."""
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        """Show the name, the shape and the start of the fingerprint."""
        N, D = self.values.shape
        of = "" if self.whole is None else f", {self.whole.sampled(N, self.total)}"
        return f"Dataset({self.name!r}, N={N}, D={D}, {self.fingerprint[:8]}{of})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild on the other side: an unpickled array would come back writeable."""
        parts = tuple(getattr(self, part.name) for part in fields(self) if part.init)
        return (Dataset, parts)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic models hold a dataset as it is, and write it to JSON as its fingerprint."""
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda dataset: dataset.fingerprint, when_used="json"
            ),
        )


def _none_left(n_rows: int) -> str:
    return (
        f"Each of the {n_rows:,} rows lacks a value, so that none is left when these are dropped. "
        "Leave a column out, or keep the rows."
    )


def clean_name(name: object, what: str) -> str:
    """Strip a name that a person gave, and refuse one that cannot be shown or stored.

    Raises
    ------
    ValueError
        When it is not text, empty, longer than 200 characters, or not valid Unicode text.
    """
    if not isinstance(name, str):
        raise ValueError(f"{what} is {short(name)}, but text was expected. Give it as text.")
    stripped = name.strip()
    if not stripped:
        raise ValueError(f"{what} is empty. Give it at least one visible character.")
    if len(stripped) > MAX_NAME_LENGTH:
        raise ValueError(
            f"{what} has {len(stripped)} characters, but at most {MAX_NAME_LENGTH} are kept. "
            "Shorten it."
        )
    # Databases refuse NUL, and lone surrogates have no UTF-8 form.
    if "\0" in stripped or any("\ud800" <= c <= "\udfff" for c in stripped):
        raise ValueError(f"{what} holds characters that are not text. Rename it.")
    return stripped


def _names_of(values: Any) -> list[str] | None:
    """Return the names that a data frame has for its columns, or one of its columns for itself."""
    names = list(getattr(values, "columns", []))
    if not names and getattr(values, "ndim", 0) == 1 and getattr(values, "name", None):
        names = [values.name]
    # A data frame without names counts its columns: numbers are no names.
    return names if names and all(isinstance(name, str) for name in names) else None


def _column_names(columns: Any, D: int) -> tuple[str, ...]:
    """Validate D names, or make them."""
    if columns is None:
        return ("value",) if D == 1 else tuple(f"x{d + 1}" for d in range(D))
    given_names = [columns] if isinstance(columns, str) else list(columns)
    if len(given_names) != D:
        raise ValueError(
            f"{len(given_names)} column names came for D = {D} columns. Give one name per column."
        )
    names = tuple(clean_name(c, f"The name of column {d + 1}") for d, c in enumerate(given_names))
    repeated = sorted({c for c in names if names.count(c) > 1})
    if repeated:
        raise ValueError(
            f"Column names must differ, but {listing(repeated)} came more than once. Rename them."
        )
    return names
