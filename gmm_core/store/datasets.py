"""Datasets, kept once each, and who put them there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from gmm_core import serialize
from gmm_core.dataset import Dataset
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


class Datasets(Database):
    """The datasets of a store."""

    # ---- datasets ----

    def save_dataset(self, dataset: Dataset, owner: str | None = None) -> str:
        """Keep a dataset, once; with an owner it also stands in the owner's list.

        Returns
        -------
        Its fingerprint.
        """

        def save() -> None:
            with self._write() as connection:
                self._put_dataset(connection, dataset)
                if owner is not None:
                    connection.execute(
                        self._insert(schema.dataset_owners),
                        {"fingerprint": dataset.fingerprint, "owner": owner, "created": now()},
                    )

        self._retry(save)
        return dataset.fingerprint

    def _put_dataset(self, connection: sa.Connection, dataset: Dataset) -> None:
        known = sa.select(schema.datasets.c.fingerprint).where(
            schema.datasets.c.fingerprint == dataset.fingerprint
        )
        if connection.execute(known).first() is not None:
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
                "values": serialize.pack(dataset.values),
                "created": now(),
            },
        )

    def load_dataset(self, fingerprint: str) -> Dataset:
        """Read a dataset back.

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
        return dataset_of(row)

    def datasets(self, owner: str | None = None) -> list[DatasetRow]:
        """List datasets, newest first; with an owner, those they saved or ran something on."""
        columns = [c for c in schema.datasets.c if c.name != "values"]
        query = sa.select(*columns).order_by(
            schema.datasets.c.created.desc(), schema.datasets.c.fingerprint
        )
        if owner is not None:
            saved = sa.select(schema.dataset_owners.c.fingerprint).where(
                schema.dataset_owners.c.owner == owner
            )
            used = (
                sa.select(schema.runs.c.dataset)
                .join(schema.run_owners, schema.run_owners.c.run_id == schema.runs.c.id)
                .where(schema.run_owners.c.owner == owner)
            )
            query = query.where(
                schema.datasets.c.fingerprint.in_(saved) | schema.datasets.c.fingerprint.in_(used)
            )
        return [
            DatasetRow(row.fingerprint, row.name, tuple(row.columns), row.n, row.d, row.created)
            for row in self._all(query)
        ]

    def forget_dataset(self, fingerprint: str, owner: str) -> None:
        """Take a dataset off the owner's list; it goes when nobody else and no run needs it."""

        def forget() -> None:
            with self._write() as connection:
                connection.execute(
                    sa.delete(schema.dataset_owners).where(
                        schema.dataset_owners.c.fingerprint == fingerprint,
                        schema.dataset_owners.c.owner == owner,
                    )
                )
                drop_unused(connection, fingerprint)

        self._retry(forget)


def dataset_of(row: Any) -> Dataset:
    """Build the dataset of a row of its table.

    Raises
    ------
    ValueError
        When the numbers no longer match the fingerprint.
    """
    values = serialize.unpack(row.values)
    dataset = Dataset.from_values(np.asarray(values), columns=row.columns, name=row.name)
    if dataset.fingerprint != row.fingerprint:
        raise ValueError(
            f"The stored dataset {row.name!r} no longer matches its fingerprint: the database was "
            "changed or damaged. Load the data again."
        )
    return dataset


def drop_unused(connection: sa.Connection, fingerprint: str) -> None:
    """Remove a dataset that nobody saved and no run uses."""
    connection.execute(
        sa.delete(schema.datasets).where(
            schema.datasets.c.fingerprint == fingerprint,
            ~sa.exists().where(schema.runs.c.dataset == fingerprint),
            ~sa.exists().where(schema.dataset_owners.c.fingerprint == fingerprint),
        )
    )
