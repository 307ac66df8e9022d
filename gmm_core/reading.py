"""From a file to a dataset, saying in numbers what was read and what was left out.

Nothing is dropped silently: a `Reading` holds every column of numbers that the file has, counts the
cells that are missing, and only makes a `Dataset` when asked for certain columns. A page can so
show what would be used before it is used.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import MAX_COLUMNS, MAX_NAME_LENGTH, MAX_POINTS, Dataset, listing
from gmm_core.formats import RawTable, parse
from gmm_core.formats.cells import to_numbers

MAX_BYTES = 50 * 1024 * 1024
"""Size of a file, 50 MB as upload widgets count them: 10^6 rows x 3 columns of 15 characters, while
reading takes some ten times as much memory and several people may upload at once."""

Source = str | os.PathLike[str] | bytes | IO[bytes]
Missing = Literal["drop", "refuse"]


@dataclass(frozen=True, eq=False)
class Reading:
    """What stands in a file: every column of numbers, and an account of the rest.

    Attributes
    ----------
    name : of the file, without its ending.
    format : "CSV", "Parquet", "Excel" or "JSON".
    n_rows : rows in the file, without the header.
    columns : names of all columns of numbers; those on offer.
    default : those of them that are used when nobody chooses: not row numbers, and not columns
        with more than half of their cells missing.
    values : [n_rows, len(columns)] float64, read-only; NaN where a number is missing, inf kept.
    left_out : (name, reason) of each column that is not in `default`; the reason is "text",
        "empty", "dates", "true/false", "lists", "row numbers" or "mostly missing".
    unreadable : per column of numbers, how many cells were neither a number nor a sign for a
        missing one ("about 5").
    header : whether the names come from the file.
    delimiter : "comma", "semicolon", "tab", "bar", "space", or None.
    decimal : "." or ",", or None.
    encoding : of a text file.
    sheet : of an Excel file, which one was read.
    other_sheets : which ones were not.
    notes : sentences about what was taken for what, where another reading was possible.
    """

    name: str
    format: str
    n_rows: int
    columns: tuple[str, ...]
    default: tuple[str, ...]
    values: NDArray[np.float64]
    left_out: tuple[tuple[str, str], ...]
    unreadable: dict[str, int]
    header: bool
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def missing(self, column: str) -> int:
        """Count the cells of a column that are no finite number."""
        return int((~np.isfinite(self._chosen([column]))).sum())

    def dropped(self, columns: str | Sequence[str] | None = None) -> int:
        """Count the rows that `dataset(columns)` leaves out: those where any number is missing."""
        return int((~np.isfinite(self._chosen(columns)).all(axis=1)).sum())

    def dataset(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        missing: Missing = "drop",
        name: str | None = None,
    ) -> Dataset:
        """Make a dataset of some columns.

        Parameters
        ----------
        columns : names, in the order wanted; None for `default`.
        missing : "drop" leaves out rows where a chosen column has no finite number; "refuse" raises
            when there is such a row.
        name : of the dataset; None for the file's.

        Raises
        ------
        ValueError
            When a column is unknown or holds no numbers, when no row is left, when values are
            missing and `missing` is "refuse", or when there is more than a dataset may hold.
        """
        if missing not in ("drop", "refuse"):
            raise ValueError(f'missing = {missing!r} came, but "drop" or "refuse" was expected.')
        wanted = self._names(columns)
        if columns is None and missing == "refuse":  # a hole must not be avoided silently
            holes = [c for c, why in self.left_out if why == "mostly missing"]
            wanted = [c for c in self.columns if c in wanted or c in holes]
        if len(wanted) > MAX_COLUMNS:
            raise ValueError(
                f"The file has {len(wanted):,} columns of numbers, but at most {MAX_COLUMNS} are "
                "accepted. Choose fewer columns."
            )
        values = self._chosen(wanted)
        finite = np.isfinite(values)
        rows = finite.all(axis=1)
        if missing == "refuse" and not rows.all():
            row = int(np.argmin(rows))
            cell = values[row, int(np.argmin(finite[row]))]
            raise ValueError(
                f"{int((~rows).sum()):,} of {self.n_rows:,} rows have a missing or infinite value; "
                f"the first is row {row + 1} ({'infinite' if np.isinf(cell) else 'missing'}). "
                "Remove these rows, fill the values in, or let them be dropped."
            )
        if not rows.any():
            raise ValueError(
                f"No row is left: each of the {self.n_rows:,} rows has a missing or infinite value "
                f"in {listing(wanted)}. Choose other columns."
            )
        return Dataset.from_values(values[rows], wanted, self.name if name is None else name)

    def sentences(self, columns: str | Sequence[str] | None = None) -> tuple[str, ...]:
        """Say in plain words what was read, and what `dataset(columns)` leaves out.

        Column names are the file's own text: show the sentences as text, not as markup.
        """
        wanted = self._names(columns)
        how = [f"{self.delimiter}-separated"] if self.delimiter else []
        how += ["decimal comma"] if self.decimal == "," else []
        how += [f'sheet "{self.sheet}"'] if self.sheet else []
        how += ["names from the header"] if self.header else ["no header"]
        total = len(self.columns) + sum(n not in self.columns for n, _ in self.left_out)
        rows, seen = _count(self.n_rows, "row"), _count(total, "column")
        said = [f"Read {rows} and {seen} from {self.format} ({', '.join(how)})."]
        said += self.notes
        aside = [(n, why) for n, why in self.left_out if n not in wanted]
        if aside:
            by_reason: dict[str, list[str]] = {}
            for column, why in aside:
                by_reason.setdefault(why, []).append(column)
            parts = [f"{listing(names)} ({why})" for why, names in by_reason.items()]
            said.append(f"Left out {_count(len(aside), 'column')}: {'; '.join(parts)}.")
        dropped = self.dropped(wanted)
        if dropped:
            per = [f'"{c}" lacks {self.missing(c):,}' for c in wanted if self.missing(c)]
            said.append(
                f"Dropped {_count(dropped, 'row')} of {self.n_rows:,} with a missing or "
                f"infinite value: {', '.join(per[:8])}."
            )
        unreadable = {c: self.unreadable[c] for c in wanted if self.unreadable.get(c)}
        if unreadable:
            total_cells = sum(unreadable.values())
            said.append(
                f"{_count(total_cells, 'cell')} in {listing(unreadable)} could not be read as a "
                f"number, and {'counts' if total_cells == 1 else 'count'} as missing."
            )
        if self.other_sheets:
            said.append(
                f"Not read: {_count(len(self.other_sheets), 'sheet')}, "
                f"{listing(self.other_sheets)}."
            )
        said.append(
            f"In use: {_count(self.n_rows - dropped, 'row')} of {_count(len(wanted), 'column')}, "
            f"{listing(wanted)}."
        )
        return tuple(said)

    def _names(self, columns: str | Sequence[str] | None) -> list[str]:
        if columns is None:
            return list(self.default)
        wanted = [columns] if isinstance(columns, str) else list(columns)
        if not wanted:
            raise ValueError(
                f"No column was chosen, but one is needed. Choose from {listing(self.columns)}."
            )
        reasons = dict(self.left_out)
        for column in wanted:
            if column not in self.columns:
                why = (
                    f"holds no numbers ({reasons[column]})"
                    if column in reasons
                    else "does not exist"
                )
                raise ValueError(
                    f"The column {listing([column])} {why}. Choose from {listing(self.columns)}."
                )
        return wanted

    def _chosen(self, columns: str | Sequence[str] | None) -> NDArray[np.float64]:
        chosen = [self.columns.index(c) for c in self._names(columns)]
        return self.values[:, chosen]


def read_table(source: Source, *, name: str | None = None) -> Reading:
    """Read a file and say what stands in it, without making a dataset yet.

    Parameters
    ----------
    source : path, the bytes of a file, or a binary file; read from its beginning.
    name : what to call the data; None for the file's name without its ending.

    Raises
    ------
    ValueError
        When the file does not exist, is empty, larger than 50 MB, of no known format (CSV with any
        usual delimiter, Parquet, Excel .xlsx, JSON), damaged, or has no column of numbers.
    """
    data, filename = _read(source)
    table = parse(data, filename)
    if table.n_rows > MAX_POINTS:
        raise ValueError(
            f"The file has {table.n_rows:,} rows, but at most {MAX_POINTS:,} are accepted. "
            "Take a random sample of the rows."
        )
    stem = filename if filename.startswith(".") else Path(filename).stem
    return _account(table, name or " ".join(stem.split())[:MAX_NAME_LENGTH].strip() or "data")


def read_dataset(
    source: Source,
    *,
    columns: str | Sequence[str] | None = None,
    name: str | None = None,
    missing: Missing = "drop",
) -> Dataset:
    """Read a dataset from a CSV, Parquet, Excel or JSON file.

    The delimiter, the decimal sign and the header of text are detected.

    Parameters
    ----------
    source : path, the bytes of a file, or a binary file.
    columns : which columns of numbers; None for all that are more than half filled, without row
        numbers.
    name : of the dataset; None for the file's name without its ending.
    missing : "drop" leaves out rows with a missing or infinite value, "refuse" raises.

    Returns
    -------
    A dataset of [N, D]; `read_table` says what was left out.

    Raises
    ------
    ValueError
        As `read_table` and `Reading.dataset` say.
    """
    return read_table(source, name=name).dataset(columns, missing=missing)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _read(source: Source) -> tuple[bytes, str]:
    """Get the bytes and the file name, refusing large files before they are read."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        _check_bytes(len(source))
        return bytes(source), ""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            status = path.stat()
            # A device or a pipe would be read without end.
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{path} is not a file. Give the path of a file.")
            _check_bytes(status.st_size)
            return path.read_bytes(), path.name
        except OSError as error:
            raise ValueError(
                f"The file {path} cannot be read: {error.strerror or error}. Check the path."
            ) from error
    if not hasattr(source, "read"):
        raise ValueError(
            f"A {type(source).__name__} came, but a path or an open binary file was expected. "
            "For numbers in memory use Dataset.from_values."
        )
    name = getattr(source, "name", "")
    if getattr(source, "seekable", lambda: False)():
        source.seek(0)  # a page reads the same upload again on every run
    data: Any = source.read(MAX_BYTES + 1)
    if isinstance(data, str):
        data = data.encode()
    _check_bytes(len(data), exact=False)
    return bytes(data), Path(name).name if isinstance(name, str) else ""


def _check_bytes(size: int, *, exact: bool = True) -> None:
    if size > MAX_BYTES:
        came = f"has {size / 1024**2:,.1f} MB" if exact else "is larger"
        raise ValueError(
            f"The file {came}, but at most {MAX_BYTES / 1024**2:,.0f} MB are accepted. Save fewer "
            "columns, take a sample of the rows, or save it as Parquet, which is smaller."
        )


def _account(table: RawTable, name: str) -> Reading:
    """Tell columns of numbers from the others, and count."""
    columns: list[str] = []
    values: list[NDArray[np.float64]] = []
    left_out: list[tuple[str, str]] = []
    unreadable: dict[str, int] = {}
    aside: set[str] = set()
    for column, cells in zip(table.names, table.cells, strict=True):
        if isinstance(cells, str):
            left_out.append((column, cells))
            continue
        numbers, strange, reason = to_numbers(cells)
        if reason:
            left_out.append((column, reason))
            continue
        columns.append(column)
        values.append(numbers)
        unreadable[column] = strange
        if _is_row_number(column, numbers):
            left_out.append((column, "row numbers"))
            aside.add(column)
        elif 2 * np.isnan(numbers).sum() > len(numbers):
            left_out.append((column, "mostly missing"))
            aside.add(column)
    if not columns:
        reasons = ", ".join(f"{listing([c])} is {why}" for c, why in left_out[:5])
        said = (
            f"The file has no column of numbers: {reasons}.",
            *table.notes,
            "Choose a file in which at least one column is numeric.",
        )
        raise ValueError(" ".join(said))
    default = tuple(c for c in columns if c not in aside)
    if not default:  # better a poor column than none
        default = tuple(columns)
        left_out = [(c, why) for c, why in left_out if c not in aside]
    stacked = np.stack(values, axis=1)
    stacked.setflags(write=False)
    return Reading(
        name=name,
        format=table.format,
        n_rows=table.n_rows,
        columns=tuple(columns),
        default=default,
        values=stacked,
        left_out=tuple(left_out),
        unreadable=unreadable,
        header=table.header,
        delimiter=table.delimiter,
        decimal=table.decimal,
        encoding=table.encoding,
        sheet=table.sheet,
        other_sheets=table.other_sheets,
        notes=table.notes,
    )


def _is_row_number(column: str, values: NDArray[np.float64]) -> bool:
    """Whether a column only counts the rows, as pandas and R write it in front of a table."""
    called = column.lower().replace("_", " ").strip()
    usual = ("id", "index", "row", "row id", "rownames", "row names", "no", "nr", "#", "unnamed: 0")
    if called not in usual and called not in ("column 1", "index level 0"):
        return False
    return len(values) > 1 and bool((np.diff(values) == 1).all()) and values[0] in (0, 1)
