"""What stands in a file: its columns of numbers, an account of the rest, and datasets of them.

Nothing is dropped silently: a `Reading` holds every column of numbers that the file has, counts the
cells that are missing, and only makes a `Dataset` when asked for certain columns. A page can so
show what would be used before it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset, Missing
from gmm_core.data.rows import Rows
from gmm_core.data.transformed import transformed
from gmm_core.data.values import MAX_COLUMNS
from gmm_core.formatting import listing

CARRIED = 30
"""Columns beside the fitted ones that go along with the points."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What stands in a file: every column of numbers, and an account of the rest.

    Attributes
    ----------
    name : of the file, without its ending.
    format : "CSV", "Parquet", "Excel", "OpenDocument" or "JSON".
    n_rows : rows in the file, without the header.
    columns : names of all columns of numbers; those on offer.
    default : those of them that are used when nobody chooses: not row numbers, identifiers or
        codes, and not columns with more than half of their cells missing.
    values : [n_rows, len(columns)] float64, read-only; NaN where a number is missing, inf kept.
    left_out : (name, reason) of each column that is not in `default`; the reason is "text",
        "empty", "dates", "true/false", "lists", or what `columns.reason_to_leave_out` says of a
        column of numbers.
    texts : the columns of text, by name, [n_rows] each; they go along as `Dataset.rows`.
    unreadable : per column of numbers, how many cells were neither a number nor a sign for a
        missing one ("about 5").
    unread : the first of those cells: row (from 1, below the header), column, and what it holds.
    missing_codes : per column of numbers, a number that seems to stand for "no value", such as 99
        among answers from 1 to 5. It counts as a number until `with_missing` says otherwise.
    header : whether the names come from the file.
    delimiter : "comma", "semicolon", "tab", "bar", "space", or None.
    decimal : "." or ",", or None.
    encoding : of a text file.
    sheet : of a workbook, which one was read.
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
    texts: dict[str, NDArray[Any]] = field(default_factory=dict)
    unread: tuple[tuple[int, str, str], ...] = ()
    missing_codes: dict[str, float] = field(default_factory=dict)
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def with_missing(self, codes: Mapping[str, float]) -> Reading:
        """Return the same table with these numbers taken for missing values, column by column.

        Raises
        ------
        ValueError
            When a column of numbers of such a name does not exist.
        """
        values = self.values.copy()
        for column, code in codes.items():
            cells = values[:, self.columns.index(self._names(column)[0])]
            cells[cells == code] = np.nan
        values.setflags(write=False)
        return replace(self, values=values)

    def holes(self, columns: str | Sequence[str] | None = None) -> list[tuple[int, list[str]]]:
        """List the rows that `dataset(columns)` leaves out: row (from 1), and what is missing."""
        names = self._names(columns)
        finite = np.isfinite(self._chosen(names))
        return [
            (int(row) + 1, [names[d] for d in np.flatnonzero(~finite[row])])
            for row in np.flatnonzero(~finite.all(axis=1))
        ]

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
        weights: str | None = None,
        classes: str | None = None,
        transforms: Mapping[str, str] | None = None,
    ) -> Dataset:
        """Make a dataset of some columns.

        Parameters
        ----------
        columns : names, in the order wanted; None for `default`.
        missing : "drop" leaves out rows where a chosen column has no finite number; "keep" lets
            what is missing be integrated out, and leaves out rows that have nothing; "refuse"
            raises when there is such a row.
        name : of the dataset; None for the file's.
        weights : the column that says how often each row counts; it is not fitted.
        classes : the column, of text or numbers, that says what each row is known to be, empty
            where that is unknown; it is not fitted.
        transforms : "log", "sqrt" or "standardise", by fitted column; see
            `data.transformed.transformed`. The columns as they were go along as `Dataset.rows`.

        Raises
        ------
        ValueError
            When a column is unknown or holds no numbers, when no row is left, when values are
            missing and `missing` is "refuse", or when there is more than a dataset may hold.
        """
        if missing not in get_args(Missing):
            raise ValueError(
                f'missing = {missing!r} came, but "drop", "keep" or "refuse" was expected.'
            )
        extra_columns = {name for name in (weights, classes) if name is not None}
        names = [c for c in self._names(columns) if columns is not None or c not in extra_columns]
        counts = None if weights is None else self._chosen(weights)[:, 0]
        class_cells = None if classes is None else self._cells(classes)
        if columns is None and missing == "refuse":  # a hole must not be avoided silently
            holes = [c for c, why in self.left_out if why == "mostly missing"]
            names = [
                c for c in self.columns if c in names or (c in holes and c not in extra_columns)
            ]
        if len(names) > MAX_COLUMNS:
            raise ValueError(
                f"The file has {len(names):,} columns of numbers, but at most {MAX_COLUMNS} are "
                "accepted. Choose fewer columns."
            )
        values = self._chosen(names)
        finite = np.isfinite(values)
        rows: NDArray[np.bool_] = np.asarray(finite.all(axis=1))
        if missing == "refuse" and not rows.all():
            row, many = int(np.argmin(rows)), int((~rows).sum())
            cell = values[row, int(np.argmin(finite[row]))]
            raise ValueError(
                f"{many:,} of {self.n_rows:,} rows {'has' if many == 1 else 'have'} a missing or "
                f"infinite value; the first is row {row + 1} "
                f"({'infinite' if np.isinf(cell) else 'missing'}). "
                "Remove these rows, fill the values in, or let them be dropped."
            )
        if missing == "keep":
            rows = np.asarray(finite.any(axis=1))
            values = np.where(finite, values, np.nan)
        if counts is not None and missing != "refuse":
            rows = rows & ~np.isnan(counts)
        if not rows.any():
            raise ValueError(
                f"No row is left: each of the {self.n_rows:,} rows has a missing or infinite value "
                f"in {listing(names)}. Choose other columns."
            )
        title = self.name if name is None else name
        data = Dataset(
            values[rows],
            tuple(names),
            title,
            self._rows(names, rows),
            None if counts is None else counts[rows],
            None if class_cells is None else tuple(class_cells[rows].tolist()),
            missing == "keep",
        )
        return transformed(data, transforms or {})

    def _cells(self, column: str) -> NDArray[Any]:
        """Return the cells of a column, of text or of numbers."""
        if column in self.texts:
            return self.texts[column]
        if column in self.columns:
            return self._chosen(column)[:, 0]
        every = [*self.columns, *self.texts]
        raise ValueError(
            f"The column {listing([column])} does not exist. Choose from {listing(every)}."
        )

    def _rows(self, fitted: Sequence[str], rows: NDArray[Any]) -> Rows:
        """Where the chosen rows come from, with the columns beside the fitted ones."""
        numbers = {c: self.values[:, i] for i, c in enumerate(self.columns) if c not in fitted}
        carried = dict(list((self.texts | numbers).items())[:CARRIED])
        return Rows(np.arange(1, self.n_rows + 1), carried).take(rows)

    def kept_holes(self, columns: str | Sequence[str] | None = None) -> list[str]:
        """Say how many values `dataset(columns, missing="keep")` lacks, if any: one sentence."""
        fitted = self._names(columns)
        holes = ~np.isfinite(self._chosen(fitted))
        holes = holes[~holes.all(axis=1)]
        many = int(holes.sum())
        if not many:
            return []
        return [
            f"{_count(many, 'value')} {'is' if many == 1 else 'are'} missing, and integrated out: "
            f"{', '.join(_lacking(fitted, holes)[:8])}."
        ]

    def sentences(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        missing: Missing = "drop",
        weights: str | None = None,
        classes: str | None = None,
    ) -> tuple[str, ...]:
        """Say in plain words what was read, and what `dataset` makes of it and leaves out.

        Column names are the file's own text: show the sentences as text, not as markup.
        """
        fitted = self._names(columns)
        how = [f"{self.delimiter}-separated"] if self.delimiter else []
        how += ["decimal comma"] if self.decimal == "," else []
        how += [f'sheet "{self.sheet}"'] if self.sheet else []
        how += ["names from the header"] if self.header else ["no header"]
        total = len(self.columns) + sum(n not in self.columns for n, _ in self.left_out)
        rows, seen = _count(self.n_rows, "row"), _count(total, "column")
        sentences = [f"Read {rows} and {seen} from {self.format} ({', '.join(how)})."]
        sentences += self.notes
        extra_columns = (weights, classes)
        aside = [(n, why) for n, why in self.left_out if n not in fitted and n not in extra_columns]
        if aside:
            by_reason: dict[str, list[str]] = {}
            for column, why in aside:
                by_reason.setdefault(why, []).append(column)
            parts = [f"{listing(names)} ({why})" for why, names in by_reason.items()]
            sentences.append(f"Left out {_count(len(aside), 'column')}: {'; '.join(parts)}.")
        dropped = self.dropped(fitted)
        holes = ~np.isfinite(self._chosen(fitted))
        empty = holes.all(axis=1) & (missing == "keep")  # what stays of them is nothing
        if dropped and missing == "keep":
            sentences += self.kept_holes(fitted)
            dropped = int(empty.sum())
            if dropped:
                sentences.append(f"Dropped {_count(dropped, 'row')} with no value at all.")
        elif dropped:
            sentences.append(
                f"Dropped {_count(dropped, 'row')} of {self.n_rows:,} with a missing or "
                f"infinite value: {', '.join(_lacking(fitted, holes)[:8])}."
            )
        if weights is not None:
            sentences.append(f'Each row counts as many times as "{weights}" says.')
            if uncounted := self._uncounted(weights, fitted, missing):
                sentences.append(
                    f'Dropped {_count(uncounted, "row")} without a number in "{weights}".'
                )
                dropped += uncounted
        if classes is not None:
            unknown = sum(not str(cell).strip() or cell != cell for cell in self._cells(classes))
            more = f"; {_count(unknown, 'row')} without one" if unknown else ""
            sentences.append(f'What is known of a row is in "{classes}"{more}.')
        unreadable = {c: self.unreadable[c] for c in fitted if self.unreadable.get(c)}
        if unreadable:
            total_cells = sum(unreadable.values())
            sentences.append(
                f"{_count(total_cells, 'cell')} in {listing(unreadable)} could not be read as a "
                f"number, and {'counts' if total_cells == 1 else 'count'} as missing."
            )
        if self.other_sheets:
            sentences.append(
                f"Not read: {_count(len(self.other_sheets), 'sheet')}, "
                f"{listing(self.other_sheets)}."
            )
        sentences.append(
            f"In use: {_count(self.n_rows - dropped, 'row')} of {_count(len(fitted), 'column')}, "
            f"{listing(fitted)}."
        )
        return tuple(sentences)

    def _uncounted(self, weights: str, columns: list[str], missing: Missing) -> int:
        """Count the rows that have values, but no number that says how often they count."""
        finite = np.isfinite(self._chosen(columns))
        present = finite.any(axis=1) if missing == "keep" else finite.all(axis=1)
        return int(np.sum(present & np.isnan(self._chosen(weights)[:, 0])))

    def _names(self, columns: str | Sequence[str] | None) -> list[str]:
        if columns is None:
            return list(self.default)
        names = [columns] if isinstance(columns, str) else list(columns)
        if not names:
            raise ValueError(
                f"No column was chosen, but one is needed. Choose from {listing(self.columns)}."
            )
        reasons, readable = dict(self.left_out), set(self.columns)
        for column in names:
            if column not in readable:
                why = (
                    f"holds no numbers ({reasons[column]})"
                    if column in reasons
                    else "does not exist"
                )
                raise ValueError(
                    f"The column {listing([column])} {why}. Choose from {listing(self.columns)}."
                )
        return names

    def _chosen(self, columns: str | Sequence[str] | None) -> NDArray[np.float64]:
        place = {column: d for d, column in enumerate(self.columns)}
        return self.values[:, [place[c] for c in self._names(columns)]]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _lacking(columns: Sequence[str], holes: NDArray[np.bool_]) -> list[str]:
    """Say how many numbers each column lacks, of those that lack any."""
    lacks = holes.sum(axis=0).tolist()
    return [f'"{c}" lacks {n:,}' for c, n in zip(columns, lacks, strict=True) if n]
