"""Datasets, kept once each, and who put them there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import sqlalchemy as sa

from gmm_core.data.dataset import Dataset
from gmm_core.data.examples import example, examples
from gmm_core.data.rows import Rows
from gmm_core.data.transforms import dumped, loaded
from gmm_core.data.whole import Whole
from gmm_core.runs import serialize
from gmm_core.store import schema
from gmm_core.store.database import Database
from gmm_core.store.ids import now


@dataclass(frozen=True)
class DatasetRow:
    """One line of the list of datasets; N points, D columns."""

    fingerprint: str
    name: str
    columns: tuple[str, ...]
    n: int
    d: int
    created: datetime


NAMELESS = "data"
"""What data is called for those who have not named it, when somebody else has."""


@cache
def _examples() -> dict[str, str]:
    return {example(name).fingerprint: name for name in examples()}


class Datasets(Database):
    """The datasets of a store."""

    # ---- datasets ----

    def save_dataset(self, dataset: Dataset, owner: str | None = None) -> str:
        """Keep a dataset, once; with an owner it also stands in the owner's list.

        There it has the name and the rows that it came with, which no other owner sees.

        Returns
        -------
        Its fingerprint.
        """

        def save() -> None:
            with self._write() as connection:
                self._put_dataset(connection, dataset)
                if owner is not None:
                    own_row = _of(dataset.fingerprint, owner)
                    connection.execute(sa.delete(schema.dataset_owners).where(own_row))
                    connection.execute(
                        self._insert(schema.dataset_owners),
                        {
                            "fingerprint": dataset.fingerprint,
                            "owner": owner,
                            "created": now(),
                            "name": dataset.name,
                            "rows": _packed(dataset.rows),
                        },
                    )

        self._retry(save)
        return dataset.fingerprint

    def _put_dataset(self, connection: sa.Connection, dataset: Dataset) -> None:
        this = schema.datasets.c.fingerprint == dataset.fingerprint
        stored = sa.select(schema.datasets.c.fingerprint).where(this)
        if connection.execute(stored).first() is not None:
            if dataset.whole is not None:
                self._add_pairs(connection, dataset, dataset.whole)
            return  # spares packing 10^6 rows again
        N, D = dataset.values.shape
        connection.execute(
            self._insert(schema.datasets),
            {
                "fingerprint": dataset.fingerprint,
                "name": dataset.name,
                "columns": list(dataset.columns),
                "n": N,
                "d": D,
                "whole": dataset.whole and dataset.whole.rows,
                "values": serialize.pack(_numbers(dataset)),
                "created": now(),
            },
        )

    def _add_pairs(self, connection: sa.Connection, sample: Dataset, whole: Whole) -> None:
        """Keep the pairs too by which another reading of the same rows has counted them."""
        this = schema.datasets.c.fingerprint == sample.fingerprint
        stored = dataset_of(connection.execute(sa.select(schema.datasets).where(this)).one())
        assert stored.whole is not None  # what it is a sample of is part of the fingerprint
        joined = stored.whole.joined(whole)
        if joined is not stored.whole:
            values = serialize.pack(_numbers(replace(stored, whole=joined)))
            connection.execute(sa.update(schema.datasets).where(this).values(values=values))

    def load_dataset(self, fingerprint: str, owner: str | None = None) -> Dataset:
        """Read a dataset back; for an owner who saved it, with the name and rows it came with.

        Raises
        ------
        ValueError
            When there is none with this fingerprint, or its numbers no longer match it.
        """
        query = sa.select(schema.datasets).where(schema.datasets.c.fingerprint == str(fingerprint))
        row = self._first(query)
        if row is None:
            raise ValueError(
                f'No dataset has the fingerprint "{str(fingerprint)[:64]}". It may have been '
                "deleted; load the data again."
            )
        dataset = dataset_of(row)
        return dataset if owner is None else self.as_saved(self._called(dataset, (owner,)), owner)

    def _called(self, dataset: Dataset, owners: Sequence[str]) -> Dataset:
        """Return a dataset under the name that these owners gave to it.

        Equal numbers of two people are one row, and what one of them calls it is no business of
        the other.
        """
        name = self._names({dataset.fingerprint: dataset.name}, owners)[dataset.fingerprint]
        return dataset if name == dataset.name else replace(dataset, name=name)

    def _names(self, stored: Mapping[str, str], owners: Sequence[str]) -> dict[str, str]:
        """Return the names of datasets for those owners, by fingerprint.

        stored : the names under which they came first.
        """
        ownership = schema.dataset_owners
        query = sa.select(ownership.c.fingerprint, ownership.c.owner, ownership.c.name).where(
            ownership.c.fingerprint.in_(list(stored))
        )
        by_owner: dict[str, dict[str, str]] = {}
        for row in self._all(query):
            by_owner.setdefault(row.fingerprint, {})[row.owner] = (
                row.name or stored[row.fingerprint]
            )
        names = {}
        for fingerprint, first in stored.items():
            named = by_owner.get(fingerprint, {})
            own = {named[owner] for owner in owners if owner in named}
            if fingerprint in _examples():
                names[fingerprint] = _examples()[fingerprint]
            elif len(own) == 1:
                names[fingerprint] = own.pop()
            else:
                names[fingerprint] = NAMELESS if named else first
        return names

    def as_saved(self, dataset: Dataset, owner: str | None) -> Dataset:
        """Return a dataset with the name and the rows that this owner saved it with, if any."""
        if owner is None:
            return dataset
        query = sa.select(schema.dataset_owners.c.name, schema.dataset_owners.c.rows)
        row = self._first(query.where(_of(dataset.fingerprint, owner)))
        if row is None:
            return dataset
        return replace(
            dataset, name=row.name or dataset.name, rows=_unpacked(row.rows) or dataset.rows
        )

    def datasets(self, owner: str | None = None) -> list[DatasetRow]:
        """List datasets, newest first; with an owner, those they saved, last saved first."""
        data, owners = schema.datasets, schema.dataset_owners
        n = rows_of(data).label("n")
        what = [data.c.fingerprint, data.c.columns, n, data.c.d, data.c.created]
        query, moment = sa.select(*what, data.c.name), data.c.created
        if owner is not None:
            name, moment = sa.func.coalesce(owners.c.name, data.c.name), owners.c.created
            query = sa.select(*what, name.label("name")).join(
                owners, (owners.c.fingerprint == data.c.fingerprint) & (owners.c.owner == owner)
            )
        return [
            DatasetRow(row.fingerprint, row.name, tuple(row.columns), row.n, row.d, row.created)
            for row in self._all(query.order_by(moment.desc(), data.c.fingerprint))
        ]

    def forget_dataset(self, fingerprint: str, owner: str) -> None:
        """Take a dataset off the owner's list; it goes when nobody else and no run needs it."""

        def forget() -> None:
            with self._write() as connection:
                connection.execute(sa.delete(schema.dataset_owners).where(_of(fingerprint, owner)))
                drop_unused(connection, fingerprint)

        self._retry(forget)


def _of(fingerprint: str, owner: str) -> sa.ColumnElement[bool]:
    owners = schema.dataset_owners
    return (owners.c.fingerprint == fingerprint) & (owners.c.owner == owner)


def _packed(rows: Rows | None) -> bytes | None:
    if rows is None:
        return None
    # Text as a list: an array of it would take as much for each cell as the longest one.
    columns = {
        name: cells if cells.dtype.kind in "fiu" else cells.tolist()
        for name, cells in rows.columns.items()
    }
    return serialize.pack({"numbers": rows.numbers, "columns": columns})


def _unpacked(blob: bytes | None) -> Rows | None:
    if blob is None:
        return None
    arrays = serialize.unpack(blob)
    text = np.dtypes.StringDType()
    return Rows(
        arrays["numbers"],
        {
            name: np.array(cells, dtype=text) if isinstance(cells, list) else cells
            for name, cells in arrays["columns"].items()
        },
    )


def _numbers(dataset: Dataset) -> Any:
    """Return what is kept of a dataset: its values, and beside them what else it has."""
    parts = {
        "weights": dataset.weights,
        "classes": dataset.classes and list(dataset.classes),
        "whole": dataset.whole and vars(dataset.whole),
        "transforms": dataset.transforms and dumped(dataset.transforms),
    }
    parts = {name: part for name, part in parts.items() if part is not None}
    return {"values": dataset.values, **parts} if parts else dataset.values


def dataset_of(row: Any) -> Dataset:
    """Build the dataset of a row of its table.

    Raises
    ------
    ValueError
        When the numbers no longer match the fingerprint.
    """
    parts = serialize.unpack(row.values)
    if not isinstance(parts, dict):
        parts = {"values": parts}
    dataset = Dataset.from_values(
        np.asarray(parts["values"]),
        row.columns,
        row.name,
        weights=parts.get("weights"),
        classes=parts.get("classes"),
        missing="keep",
    )
    if "transforms" in parts:
        dataset = replace(dataset, transforms=loaded(parts["transforms"]))
    if "whole" in parts:
        dataset = replace(dataset, whole=Whole(**parts["whole"]))
    if dataset.fingerprint != row.fingerprint:
        raise ValueError(
            f'The stored dataset "{row.name}" no longer matches its fingerprint: the database was '
            "changed or damaged. Load the data again."
        )
    return dataset


def rows_of(data: sa.Table) -> sa.ColumnElement[int]:
    """How many rows a dataset has, where it is a sample those that it is of."""
    return sa.func.coalesce(data.c.whole, data.c.n)


def drop_unused(connection: sa.Connection, fingerprint: str) -> None:
    """Remove a dataset that nobody saved and no run uses."""
    connection.execute(
        sa.delete(schema.datasets).where(
            schema.datasets.c.fingerprint == fingerprint,
            ~sa.exists().where(schema.runs.c.dataset == fingerprint),
            ~sa.exists().where(schema.dataset_owners.c.fingerprint == fingerprint),
        )
    )
