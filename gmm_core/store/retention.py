"""What goes: runs that are deleted, and those that nobody has asked for in a long time."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.clock import Clock
from gmm_core.store.datasets import drop_unused
from gmm_core.store.events import record
from gmm_core.store.ids import ENDED, LIVE, check_run_id, now
from gmm_core.store.runs import Runs


class Retention(Runs):
    """Pinning, deleting and expiring the runs of a store."""

    keep_days: float = 0.0
    _clock = Clock()

    def delete(self, run_id: str, owner: str | None = None) -> bool:
        """Take a run off the owner's list; with nobody left, or without an owner, it is removed.

        Its dataset goes with it when no other run uses it and nobody saved it.

        Returns
        -------
        Whether the run itself was removed. Deleting what is not there is no error.
        """
        run_id = check_run_id(run_id)

        def remove() -> bool:
            with self._write() as connection:
                query = sa.select(schema.runs.c.id).where(schema.runs.c.id == run_id)
                if connection.execute(query.with_for_update()).first() is None:
                    return False
                if owner is not None:
                    deleted = connection.execute(
                        sa.delete(schema.run_owners).where(
                            schema.run_owners.c.run_id == run_id,
                            schema.run_owners.c.owner == owner,
                        )
                    ).rowcount
                    left = connection.execute(
                        sa.select(schema.run_owners.c.owner).where(
                            schema.run_owners.c.run_id == run_id
                        )
                    ).first()
                    connection.execute(
                        sa.delete(schema.pins).where(
                            schema.pins.c.run_id == run_id, schema.pins.c.owner == owner
                        )
                    )
                    if left is not None or not deleted:
                        return False
                remove_run(connection, run_id)
                return True

        removed = self._retry(remove)
        if removed:
            self.give_back()
        return removed

    def give_up(self, run_id: str, attempt: str | None, message: str) -> None:
        """Call a run that is done failed, since its result cannot be read; it may be run again."""

        def write() -> None:
            with self._write() as connection:
                connection.execute(
                    sa.update(schema.runs)
                    .where(
                        schema.runs.c.id == run_id,
                        schema.runs.c.attempt == attempt,
                        schema.runs.c.state.in_(ENDED),
                    )
                    .values(state="failed", message=message)
                )

        self._retry(write)

    def pin(self, run_id: str, owner: str = "") -> None:
        """Keep a run from expiring for as long as this owner has it pinned.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        run_id = self.state(run_id).id

        def write() -> None:
            with self._write() as connection:
                connection.execute(
                    self._insert(schema.pins), {"run_id": run_id, "owner": owner, "created": now()}
                )

        self._retry(write)

    def unpin(self, run_id: str, owner: str = "") -> None:
        """Take this owner's pin off; the run may expire once nobody has pinned it."""
        run_id = check_run_id(run_id)

        def write() -> None:
            with self._write() as connection:
                connection.execute(
                    sa.delete(schema.pins).where(
                        schema.pins.c.run_id == run_id, schema.pins.c.owner == owner
                    )
                )

        self._retry(write)

    def expire(self, before: datetime | None = None) -> int:
        """Remove runs that ended, and were last asked for, before this moment, unless pinned.

        Datasets go with their last run, and so do those that were saved before that moment and that
        no run uses.

        Parameters
        ----------
        before : by default `keep_days` ago; with `keep_days` 0 nothing expires by default.

        Returns
        -------
        How many runs were removed.
        """
        if before is None:
            if not self.keep_days or not self._clock.steady():
                return 0
            before = now() - timedelta(days=self.keep_days)
        old = _expired(before)
        ids = [row.id for row in self._all(sa.select(schema.runs.c.id).where(old))]

        def remove(run_id: str) -> bool:
            with self._write() as connection:
                # Asked for again, or pinned, meanwhile?
                query = sa.select(schema.runs.c.id).where(schema.runs.c.id == run_id, old)
                if connection.execute(query.with_for_update()).first() is None:
                    return False
                remove_run(connection, run_id)
                return True

        removed = sum(self._retry(partial(remove, run_id)) for run_id in ids)
        self._retry(lambda: self._expire_datasets(before))
        if removed:
            self.give_back()
        return removed

    def _expire_datasets(self, before: datetime) -> None:
        owners = schema.dataset_owners
        with self._write() as connection:
            used = sa.exists().where(schema.runs.c.dataset == owners.c.fingerprint)
            old = (owners.c.created < before) & ~used
            fingerprints = connection.execute(
                sa.select(owners.c.fingerprint).where(old).distinct()
            ).all()
            connection.execute(sa.delete(owners).where(old))
            for row in fingerprints:
                drop_unused(connection, row.fingerprint)


def remove_run(connection: sa.Connection, run_id: str) -> None:
    """Remove a run with all that belongs to it: result, parts, pins, check, and unused data."""
    query = sa.select(schema.runs.c.dataset, schema.runs.c.state).where(schema.runs.c.id == run_id)
    row = connection.execute(query).first()
    if row is None:
        return
    if row.state in LIVE:
        record(connection, "ended", run_id, "deleted")
    check = connection.execute(
        sa.select(schema.checks.c.check_id).where(schema.checks.c.run_id == run_id)
    ).first()
    for table in (schema.results, schema.parts, schema.run_owners, schema.pins, schema.checks):
        connection.execute(sa.delete(table).where(table.c.run_id == run_id))
    connection.execute(sa.delete(schema.runs).where(schema.runs.c.id == run_id))
    if check is not None:
        remove_run(connection, check.check_id)
    drop_unused(connection, row.dataset)


def _expired(before: datetime) -> Any:
    runs = schema.runs
    return (
        runs.c.state.in_(ENDED)
        & (sa.func.coalesce(runs.c.used, runs.c.created) < before)
        & (sa.func.coalesce(runs.c.finished, runs.c.created) < before)
        & ~sa.exists().where(schema.pins.c.run_id == runs.c.id)
        # The repetition of a run goes with it, or when it has been compared.
        & ~sa.exists().where(schema.checks.c.check_id == runs.c.id)
    )
