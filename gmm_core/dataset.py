"""The data of a run: a validated, immutable table of numbers that knows its own content hash.

Everything after this point (specifications, runs, links) names data by `Dataset.fingerprint`, so a
dataset must never change once it exists, and two datasets with the same numbers must have the same
fingerprint on every machine.
"""

from __future__ import annotations

import hashlib
import json
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_POINTS = 2_000_000
"""Twice the largest table promised to work (10^6 rows); its responsibilities fit in memory."""

MAX_COLUMNS = 256
"""A full covariance has D (D + 1) / 2 numbers per component: 32,896 here, past any picture."""

MAX_NUMBERS = 20_000_000
"""N * D in total: 160 MB as float64, of which a worker holds a handful of copies."""

MAX_NAME_LENGTH = 200
"""Characters in a name: longer ones are a misread file, and break every table they stand in."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """N points in D named columns, finite float64 numbers, read-only.

    Parameters
    ----------
    values : [N] or [N, D], finite real numbers, in the data's own units.
    columns : D different names; by default "value" for one column and "x1", "x2", ... for more.
    name : what people call this data; not part of its identity.

    Attributes
    ----------
    values : [N, D] float64, contiguous, read-only.
    columns : D names.
    name : the name.
    fingerprint : 64 hex characters, sha256 over shape, column names and bytes.

    Raises
    ------
    ValueError
        When the values are empty, not finite, not real numbers, not a table or too many, or when
        the names do not fit the columns.
    """

    values: NDArray[np.float64]
    columns: tuple[str, ...] = None  # type: ignore[assignment]  # filled in below
    name: str = "data"
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        """Validate, normalise and freeze."""
        values = _table(self.values)
        columns = _column_names(self.columns, values.shape[1])
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "name", clean_name(self.name, "The name of the data"))
        object.__setattr__(self, "fingerprint", _fingerprint(values, columns))

    @classmethod
    def from_values(
        cls, values: ArrayLike, columns: Iterable[str] | None = None, name: str = "data"
    ) -> Dataset:
        """Make a dataset from an array, a list, or anything NumPy can read as numbers.

        Parameters
        ----------
        values : [N] or [N, D], finite real numbers; copied.
        columns : D different names; by default "value", or "x1", "x2", ...
        name : what people call this data.

        Raises
        ------
        ValueError
            As the class says.
        """
        return cls(values, columns, name)  # type: ignore[arg-type]

    def select(self, columns: str | Sequence[str]) -> Dataset:
        """Keep only the named columns, in the order given.

        Raises
        ------
        ValueError
            When a name is unknown or repeated, or none is given.
        """
        wanted = [columns] if isinstance(columns, str) else list(columns)
        if not wanted:
            raise ValueError(
                "No column was chosen, but a dataset needs at least one. "
                f"Choose from {listing(self.columns)}."
            )
        unknown = [c for c in wanted if c not in self.columns]
        if unknown:
            raise ValueError(
                f"There is no column {listing(unknown)} in this data. "
                f"Choose from {listing(self.columns)}."
            )
        chosen = [self.columns.index(c) for c in wanted]
        return Dataset(self.values[:, chosen], tuple(wanted), self.name)

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
        return f"Dataset({self.name!r}, N={N}, D={D}, {self.fingerprint[:8]})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild on the other side: an unpickled array would come back writeable."""
        return (Dataset, (self.values, self.columns, self.name))

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


def listing(names: Iterable[object], limit: int = 8) -> str:
    """Quote names for a message, and count those beyond `limit`."""
    texts = [str(n) for n in names]
    shown = ", ".join(f'"{t if len(t) <= 60 else t[:57] + "..."}"' for t in texts[:limit])
    return shown if len(texts) <= limit else f"{shown} and {len(texts) - limit} more"


def clean_name(name: object, what: str) -> str:
    """Strip a name that a person gave, and refuse one that cannot be shown or stored.

    Raises
    ------
    ValueError
        When it is not text, empty, longer than 200 characters, or not valid Unicode text.
    """
    if not isinstance(name, str):
        raise ValueError(f"{what} is {_short(name)}, but text was expected. Give it as text.")
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


def check_size(n: int, d: int) -> None:
    """Refuse a table that is larger than the limits of this module.

    Raises
    ------
    ValueError
        When N > 2,000,000, D > 256, or N * D > 20,000,000.
    """
    if n > MAX_POINTS:
        raise ValueError(
            f"The data has N = {n:,} points, but at most {MAX_POINTS:,} are accepted. "
            "Take a random sample of the rows."
        )
    if d > MAX_COLUMNS:
        raise ValueError(
            f"The data has D = {d:,} columns, but at most {MAX_COLUMNS} are accepted. "
            "Choose fewer columns."
        )
    if n * d > MAX_NUMBERS:
        raise ValueError(
            f"The data has N x D = {n:,} x {d} = {n * d:,} numbers, but at most {MAX_NUMBERS:,} "
            "are accepted. Choose fewer columns, or take a sample of the rows."
        )


def _short(value: object) -> str:
    """Show a value of unknown size in a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _table(values: Any) -> NDArray[np.float64]:
    """Turn what came into a read-only [N, D] float64 table, or say why it is none."""
    if hasattr(values, "detach"):  # a torch tensor that carries a gradient refuses to be read
        values = values.detach().cpu()
    if isinstance(values, (str, bytes)) or values is None:
        raise ValueError(f"The values are {_short(values)}, but a list of numbers was expected.")
    if np.ma.is_masked(values):
        raise ValueError(
            f"{np.ma.count_masked(values)} values are masked, but every value must be a number. "
            "Drop these rows first."
        )
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError, RuntimeError, RecursionError) as error:
        raise ValueError(
            "The values are not a table: rows differ in length, or hold lists. "
            "Give N numbers, or N rows of D numbers each."
        ) from error
    if array.ndim == 0 or array.ndim > 2:
        raise ValueError(
            f"The values have {array.ndim} dimensions, but N numbers or a table of N rows by "
            "D columns was expected. Reshape them to [N] or [N, D]."
        )
    if array.ndim == 1:
        array = array[:, None]
    N, D = array.shape
    if N == 0 or D == 0:
        raise ValueError(
            f"The data is empty (N = {N}, D = {D}), but at least one point in one column is "
            "needed. Add data."
        )
    check_size(N, D)
    table = _as_float(array)
    table += 0.0  # -0.0 + 0.0 is 0.0: equal numbers must have equal bytes
    finite = np.isfinite(table)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(
            f"{int((~finite).sum()):,} of {table.size:,} values are not finite numbers; the first "
            f"is {table[row, column]} in row {row + 1}, column {column + 1}. "
            "Remove these rows, or fill the values in."
        )
    table.setflags(write=False)
    return table


def _as_float(array: NDArray[Any]) -> NDArray[np.float64]:
    """Copy to contiguous float64, refusing what only looks like numbers."""
    kind = array.dtype.kind
    if kind == "O":
        for (row, column), cell in np.ndenumerate(array):
            # Booleans count as integers in Python, but a column of them is a label.
            if isinstance(cell, (bool, np.bool_)) or not _is_real(cell):
                raise ValueError(
                    f"The value in row {row + 1}, column {column + 1} is {_short(cell)}, but a "
                    "real number was expected. Remove this row or column, or correct the value."
                )
    elif kind not in "iuf":
        came = {"b": "true/false values", "c": "complex numbers", "U": "text", "S": "text"}
        came |= {"M": "dates", "m": "time spans", "V": "records", "T": "text"}
        raise ValueError(
            f"The values are {came.get(kind, str(array.dtype))}, but real numbers were expected. "
            "Convert them to numbers first."
        )
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.array(array, dtype=np.float64, order="C", copy=True)
    except (OverflowError, ValueError, TypeError) as error:
        raise ValueError(
            "A value is too large for a 64-bit floating-point number (about 1.8e308). "
            "Rescale the data."
        ) from error


def _is_real(cell: object) -> bool:
    # Decimal is a number that is not registered as a Real.
    return isinstance(cell, numbers.Real) or type(cell).__name__ == "Decimal"


def _column_names(columns: Any, D: int) -> tuple[str, ...]:
    """Validate D names, or make them."""
    if columns is None:
        return ("value",) if D == 1 else tuple(f"x{d + 1}" for d in range(D))
    given = [columns] if isinstance(columns, str) else list(columns)
    if len(given) != D:
        raise ValueError(
            f"{len(given)} column names came for D = {D} columns. Give one name per column."
        )
    names = tuple(clean_name(c, f"The name of column {d + 1}") for d, c in enumerate(given))
    repeated = sorted({c for c in names if names.count(c) > 1})
    if repeated:
        raise ValueError(
            f"Column names must differ, but {listing(repeated)} came more than once. Rename them."
        )
    return names


def _fingerprint(values: NDArray[np.float64], columns: tuple[str, ...]) -> str:
    """Hash shape, names and numbers; little-endian, so that every machine agrees."""
    # JSON as the header: unlike joined names, it cannot be made equal by a clever column name.
    header = json.dumps({"shape": values.shape, "columns": columns}, sort_keys=True)
    digest = hashlib.sha256(header.encode())
    digest.update(b"\0")
    digest.update(np.ascontiguousarray(values, dtype="<f8").data)
    return digest.hexdigest()
