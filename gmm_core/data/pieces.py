"""Tables that are too large for one process: Parquet files as a list of pieces, each a row group.

Only footers are read here. A piece is read where it is needed, the wanted columns alone, as float64
numbers; a file that has changed since it was listed is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import listing

if TYPE_CHECKING:
    from pyarrow import Schema

Array = NDArray[np.float64]

ENDING = ".parquet"


@dataclass(frozen=True)
class Piece:
    """A row group of a file.

    Attributes
    ----------
    address : of the file, as fsspec takes it.
    group : its number in the file, from 0.
    rows : how many it has.
    state : what the file was as it was listed; another one is another file.
    columns : to read, those that are fitted and then that of weights, where there is one.
    weighted : whether the last column is weights.
    refuse : whether a row without all its numbers is refused; else it is left out.
    """

    address: str
    group: int
    rows: int
    state: str
    columns: tuple[str, ...]
    weighted: bool = False
    refuse: bool = False

    def read(self) -> Array:
        """Read the numbers [n, columns], rows without all of them left out.

        Raises
        ------
        ValueError
            When the file is away, has changed, or has a row that is refused.
        """
        import pyarrow.parquet as pq

        filesystem, path = _opened(self.address)
        if _state(filesystem, path) != self.state:
            raise ValueError(
                f"The file {_name(self.address)} has changed since it was listed. Read the data "
                "again when nobody writes to it."
            )
        try:
            with filesystem.open(path, "rb") as file:
                table = pq.ParquetFile(file).read_row_group(self.group, list(self.columns))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"The file {_name(self.address)} cannot be read: {error}. Check that it is whole."
            ) from error
        numbers = [
            table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
            for name in self.columns
        ]
        values = np.stack(numbers, axis=1) if numbers else np.empty((0, 0))
        sound = np.isfinite(values).all(axis=1)
        if self.refuse and not sound.all():
            raise ValueError(
                f"Row group {self.group + 1} of {_name(self.address)} has "
                f'{int((~sound).sum()):,} rows without all their numbers. Use missing="drop".'
            )
        values = values[sound]
        if self.weighted and np.any(values[:, -1] < 0):
            raise ValueError(
                f"The column {self.columns[-1]!r} of weights has numbers below zero in "
                f"{_name(self.address)}. Weights say how often a row counts."
            )
        # A row that counts for nothing is not there.
        return np.ascontiguousarray(values[values[:, -1] > 0] if self.weighted else values)


def digest(values: Array) -> str:
    """Return a hash of the content of a piece, the same on every machine."""
    told = hashlib.sha256(f"{values.shape}".encode())
    told.update(np.ascontiguousarray(values, dtype="<f8").data)
    return told.hexdigest()


def pieces(
    source: str,
    columns: str | Sequence[str] | None = None,
    weights: str | None = None,
    refuse: bool = False,
) -> list[Piece]:
    """List the row groups behind an address, a pattern such as "folder/*.parquet", or a folder.

    Parameters
    ----------
    columns : to fit; None for all columns of numbers that the files have.
    weights : the column that says how often each row counts; it is not fitted.

    Raises
    ------
    ValueError
        When nothing answers or no Parquet file is there, files disagree on their columns, or a
        column is not there or not one of numbers.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    filesystem, pattern = _opened(source)
    try:
        if filesystem.isdir(pattern):
            pattern = f"{pattern.rstrip('/')}/*{ENDING}"
        found = sorted(filesystem.glob(pattern)) if "*" in pattern else [pattern]
        footers: dict[str, Any] = {}
        for path in found:
            with filesystem.open(path, "rb") as file:
                footers[path] = pq.ParquetFile(file).metadata
    except FileNotFoundError:
        footers = {}
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{_name(path)} is not a Parquet file, or is damaged: {error}. Leave it out."
        ) from error
    except (OSError, ImportError, ValueError) as error:
        raise ValueError(
            f"{source} does not answer: {str(error) or type(error).__name__}. Check the address."
        ) from error
    if not footers:
        raise ValueError(
            f"There is no Parquet file at {source}. Name a folder that has some, or a pattern such "
            f"as folder/*{ENDING}."
        )
    schemas = {path: footer.schema.to_arrow_schema() for path, footer in footers.items()}
    wanted = _columns(schemas, columns, weights)
    scheme = source.partition("://")[0] + "://" if "://" in source else ""
    return [
        Piece(
            path if "://" in path else scheme + path,
            group,
            footer.row_group(group).num_rows,
            _state(filesystem, path),
            wanted,
            weights is not None,
            refuse,
        )
        for path, footer in footers.items()
        for group in range(footer.num_row_groups)
        if footer.row_group(group).num_rows
    ]


def _columns(
    schemas: dict[str, Schema], columns: str | Sequence[str] | None, weights: str | None
) -> tuple[str, ...]:
    """Return the columns to read, once all files agree on them."""
    first_path, first = next(iter(schemas.items()))
    if columns is None:
        chosen = [n for n in first.names if _is_number(first.field(n).type) and n != weights]
    else:
        chosen = [columns] if isinstance(columns, str) else list(columns)
    if not chosen:
        raise ValueError(f"{_name(first_path)} has no column of numbers. Choose other files.")
    wanted = (*chosen, *([weights] if weights else []))
    for path, schema in schemas.items():
        lacking = [name for name in wanted if name not in schema.names]
        if lacking and path == first_path:
            raise ValueError(
                f"There is no column {listing(lacking)} in {_name(path)}. "
                f"Choose from {listing(schema.names)}."
            )
        others = set(schema.names) ^ set(first.names) if columns is None else set(lacking)
        if others:
            raise ValueError(
                f"{_name(path)} and {_name(first_path)} disagree on the columns "
                f"{listing(sorted(others))}. Choose columns that both have, or other files."
            )
        for name in wanted:
            kind = schema.field(name).type
            if not _is_number(kind):
                raise ValueError(
                    f"The column {name!r} is {kind} in {_name(path)}, but numbers were expected. "
                    "Leave the column out, or correct the file."
                )
    return wanted


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address and the path in it."""
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise ValueError(f"The address {address!r} cannot be used: {error}. Correct it.") from error
    return filesystem, str(path)


def _state(filesystem: Any, path: str) -> str:
    """Return what tells a file from what it was before: its size, and when it was written."""
    filesystem.invalidate_cache()
    try:
        info = filesystem.info(path)
    except FileNotFoundError:
        return "gone"
    known = ("size", "mtime", "created", "LastModified", "ETag", "etag", "sha256")
    return repr([(name, str(info[name])) for name in known if name in info])


def _name(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]
