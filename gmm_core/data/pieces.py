"""Tables that are too large for one process: Parquet files as a list of pieces, each a row group.

Only footers are read here. A piece is read where it is needed, the wanted columns alone, as float64
numbers; a file that has changed since it was listed is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Missing
from gmm_core.data.observed import MOST_CLASSES, class_name
from gmm_core.formatting import listing

if TYPE_CHECKING:
    from pyarrow import Schema

Array = NDArray[np.float64]

ENDING = ".parquet"

_TEXTS = (".csv", ".tsv")


@dataclass(frozen=True, eq=False)
class Content:
    """What a piece holds.

    Attributes
    ----------
    values : [n, D], NaN where a value is missing and to be integrated out.
    rows : [n], where in the row group each stands, from 0: some may have been left out.
    weights : [n] above zero, how often each counts; None when each counts once.
    classes : [n], which of `class_names` each is known to be, -1 where unknown; None when nothing
        is known of any.
    class_names : of the classes that are here, in the order of the alphabet.
    """

    values: Array
    rows: NDArray[np.int64]
    weights: Array | None = None
    classes: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """A hash of the content, the same on every machine."""
        parts = [self.values] if self.weights is None else [self.values, self.weights[:, None]]
        numbers = np.ascontiguousarray(np.concatenate(parts, axis=1), dtype="<f8")
        hasher = hashlib.sha256(f"{numbers.shape}".encode())
        hasher.update(numbers.data)
        if self.classes is not None:
            hasher.update(json.dumps(self.class_names).encode())
            hasher.update(np.ascontiguousarray(self.classes, dtype="<i8").data)
        return hasher.hexdigest()


@dataclass(frozen=True)
class Piece:
    """A row group of a file.

    Attributes
    ----------
    address : of the file, as fsspec takes it.
    group : its number in the file, from 0.
    rows : how many it has.
    state : what the file was as it was listed; another one is another file.
    columns : that are fitted.
    weights, classes : columns that say how often each row counts, and what it is known to be.
    missing : what becomes of rows without all their numbers; see `Dataset.from_values`.
    """

    address: str
    group: int
    rows: int
    state: str
    columns: tuple[str, ...]
    weights: str | None = None
    classes: str | None = None
    missing: Missing = "drop"

    def read(self) -> Content:
        """Read what the row group holds, without rows that have no number, or count for nothing.

        Raises
        ------
        ValueError
            When the file is away, has changed, or has a row that is refused.
        """
        table = self._table()
        values = np.stack([_numbers(table, name) for name in self.columns], axis=1)
        finite = np.isfinite(values)
        whole = finite.all(axis=1)
        weights = None if self.weights is None else _numbers(table, self.weights)
        if weights is not None:
            whole &= np.isfinite(weights)
        if self.missing == "refuse" and not whole.all():
            raise ValueError(
                f"Row group {self.group + 1} of {_name(self.address)} has "
                f'{int((~whole).sum()):,} rows without all their numbers. Use missing="drop".'
            )
        sound: NDArray[np.bool_] = np.asarray(whole)
        if self.missing == "keep":
            values = np.where(finite, values, np.nan)
            sound = np.asarray(finite.any(axis=1))
        if weights is not None:
            if np.any(weights < 0):
                raise ValueError(
                    f'The column "{self.weights}" of weights has numbers below zero in '
                    f"{_name(self.address)}. Weights say how often a row counts."
                )
            sound = np.asarray(sound & np.isfinite(weights) & (weights > 0))
        codes, names = (None, ()) if self.classes is None else _classes(table, self.classes, sound)
        if len(names) > MOST_CLASSES:
            raise ValueError(
                f'The column "{self.classes}" has {len(names):,} different classes in '
                f"{_name(self.address)}, but at most {MOST_CLASSES} are accepted. Choose a column "
                "that says which kind each row is."
            )
        return Content(
            np.ascontiguousarray(values[sound]),
            np.flatnonzero(sound),
            None if weights is None else weights[sound],
            codes,
            names,
        )

    def _table(self) -> Any:
        """Read the columns from the file that was listed."""
        import pyarrow.parquet as pq

        filesystem, path = opened(self.address)
        if _state(filesystem, path) != self.state:
            raise ValueError(
                f"The file {_name(self.address)} has changed since it was listed. Read the data "
                "again when nobody writes to it."
            )
        extra_columns = [name for name in (self.weights, self.classes) if name is not None]
        try:
            with filesystem.open(path, "rb") as file:
                return pq.ParquetFile(file).read_row_group(
                    self.group, [*self.columns, *extra_columns]
                )
        except (OSError, ValueError) as error:
            raise ValueError(
                f"The file {_name(self.address)} cannot be read: {error}. Check that it is whole."
            ) from error


def _numbers(table: Any, column: str) -> Array:
    values: Array = table.column(column).to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _classes(
    table: Any, column: str, rows: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return what some rows are known to be, -1 where unknown, and the names of their classes."""
    cells = table.column(column).combine_chunks().dictionary_encode()
    texts = [*map(class_name, cells.dictionary.to_pylist()), None]  # the last is what null is
    index = cells.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)[rows]
    present = {texts[i] for i in np.unique(index).tolist()}
    names = tuple(sorted(text for text in present if text is not None))
    place = {name: k for k, name in enumerate(names)}
    codes = np.array([-1 if text is None else place.get(text, -1) for text in texts])
    return codes[index], names


def pieces(
    source: str | Sequence[str],
    columns: str | Sequence[str] | None = None,
    weights: str | None = None,
    classes: str | None = None,
    missing: Missing = "drop",
) -> list[Piece]:
    """List the row groups behind an address, a pattern such as "folder/*.parquet", or a folder.

    Parameters
    ----------
    source : the address, or those of several files.
    columns : to fit; None for all columns of numbers that the files have.
    weights, classes : the columns that say how often each row counts and what it is known to be;
        they are not fitted.
    missing : as in `Dataset.from_values`.

    Raises
    ------
    ValueError
        When nothing answers or no Parquet file is there, files disagree on their columns, or a
        column is not there or not one of numbers.
    """
    filesystem, by_path = footers(source)
    schemas = {path: footer.schema.to_arrow_schema() for path, footer in by_path.items()}
    chosen = _columns(schemas, columns, weights, classes)
    first = source if isinstance(source, str) else source[0]
    scheme = first.partition("://")[0] + "://" if "://" in first else ""
    return [
        Piece(
            path if "://" in path else scheme + path,
            group,
            footer.row_group(group).num_rows,
            _state(filesystem, path),
            chosen,
            weights,
            classes,
            missing,
        )
        for path, footer in by_path.items()
        for group in range(footer.num_row_groups)
        if footer.row_group(group).num_rows
    ]


def footers(source: str | Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """Return the file system of an address, and what the Parquet files there say of themselves.

    Raises
    ------
    ValueError
        When nothing answers, no Parquet file is there, or a file is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    filesystem, pattern = opened(source if isinstance(source, str) else source[0])
    beside: list[str] = []
    try:
        if not isinstance(source, str):
            paths = [opened(place)[1] for place in source]
        elif filesystem.isdir(pattern):
            folder = pattern.rstrip("/")
            paths = sorted(filesystem.glob(f"{folder}/*{ENDING}"))
            beside = sorted(filesystem.glob(f"{folder}/*"))
        else:
            paths = sorted(filesystem.glob(pattern)) if "*" in pattern else [pattern]
        by_path: dict[str, Any] = {}
        texts = [each for each in paths or beside if each.lower().endswith(_TEXTS)]
        for path in [] if texts else paths:
            with filesystem.open(path, "rb") as file:
                by_path[path] = pq.ParquetFile(file).metadata
    except FileNotFoundError:
        by_path, texts = {}, []
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{_name(path)} is not a Parquet file, or is damaged: {error}. Leave it out."
        ) from error
    except (OSError, ImportError, ValueError) as error:
        raise ValueError(
            f"{source} does not answer: {str(error) or type(error).__name__}. Check the address."
        ) from error
    if texts:
        raise ValueError(_as_parquet(texts[0]))
    if not by_path:
        raise ValueError(
            f"There is no Parquet file at {source}. Name a folder that has some, or a pattern such "
            f"as folder/*{ENDING}."
        )
    return filesystem, by_path


def _as_parquet(text: str) -> str:
    """Say what to do with files of text: a block at a time, whatever their size."""
    folder, _, name = text.rpartition("/")
    pattern, separator = f"{folder}/*{name[-4:]}", "," if name.lower().endswith("csv") else "\\t"
    return (
        f"{name} is text, in which a row is found by reading all before it, and so workers cannot "
        "share its rows out. Write it as Parquet, in Python: import glob; import pyarrow.csv as "
        "csv; import pyarrow.dataset as ds; ds.write_dataset(ds.dataset(sorted(glob.glob("
        f'"{pattern}")), format=ds.CsvFileFormat(csv.ParseOptions(delimiter="{separator}"))), '
        f'"{folder}-parquet", format="parquet"). Then name {folder}-parquet.'
    )


def _columns(
    schemas: dict[str, Schema],
    columns: str | Sequence[str] | None,
    weights: str | None,
    classes: str | None,
) -> tuple[str, ...]:
    """Return the columns to fit, once all files agree on them and on those beside them."""
    first_path, first = next(iter(schemas.items()))
    if columns is None:
        numbers = [n for n in first.names if _is_number(first.field(n).type)]
        chosen = [n for n in numbers if n not in (weights, classes)]
    else:
        chosen = [columns] if isinstance(columns, str) else list(columns)
    if not chosen:
        raise ValueError(f"{_name(first_path)} has no column of numbers. Choose other files.")
    counted = (*chosen, *([] if weights is None else [weights]))
    required = (*counted, *([] if classes is None else [classes]))
    for path, schema in schemas.items():
        lacking = [name for name in required if name not in schema.names]
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
        for name in counted:
            kind = schema.field(name).type
            if not _is_number(kind):
                raise ValueError(
                    f'The column "{name}" is {kind} in {_name(path)}, but numbers were expected. '
                    "Leave the column out, or correct the file."
                )
    return tuple(chosen)


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address and the path in it.

    Raises
    ------
    ValueError
        When there is no such file system, or what it needs is not installed.
    """
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise ValueError(f'The address "{address}" cannot be used: {error}. Correct it.') from error
    return filesystem, str(path)


def _state(filesystem: Any, path: str) -> str:
    """Return what tells a file from what it was before: its size, and when it was written."""
    filesystem.invalidate_cache()
    try:
        info = filesystem.info(path)
    except FileNotFoundError:
        return "gone"
    fields = ("size", "mtime", "created", "LastModified", "ETag", "etag", "sha256")
    return repr([(name, str(info[name])) for name in fields if name in info])


def _name(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]
