"""Runs and their states: under way, ended, left by those who asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.datasets import Datasets, dataset_of
from gmm_core.store.events import Events, record
from gmm_core.store.ids import ENDED, LIVE, check_run_id, no_run, now

if TYPE_CHECKING:
    from gmm_core.runs.specification import Specification


@dataclass(frozen=True)
class RunState:
    """Where a run stands: what is asked several times a second, without its specification.

    versions : of Python and the packages that made the numbers, as the worker said when it took
        the run up; {} before.
    """

    id: str
    kind: str
    state: str
    message: str
    attempt: str | None
    server: str | None
    created: datetime
    started: datetime | None
    finished: datetime | None
    seen: datetime | None
    seconds: float | None
    versions: dict[str, str] = field(default_factory=dict)


class Runs(Datasets, Events):
    """The runs of a store, without their results."""

    def note_visit(self, run_id: str, owner: str | None = None) -> None:
        """Say that somebody looks at a run, so that it stays; with an owner, list it as theirs."""
        run_id = check_run_id(run_id)

        def write() -> None:
            with self._write() as connection:
                updated = connection.execute(
                    sa.update(schema.runs).where(schema.runs.c.id == run_id).values(used=now())
                ).rowcount
                if updated and owner is not None:
                    connection.execute(
                        self._insert(schema.run_owners),
                        {"run_id": run_id, "owner": owner, "created": now()},
                    )

        self._retry(write)

    def leave(self, run_id: str, owner: str) -> bool:
        """Say that somebody waits for a run no longer; return whether somebody else still does."""
        own_link = schema.run_owners.c.run_id == check_run_id(run_id)

        def write() -> bool:
            with self._write() as connection:
                connection.execute(
                    sa.update(schema.run_owners)
                    .where(own_link, schema.run_owners.c.owner == owner)
                    .values(asks=False)
                )
                left = sa.select(schema.run_owners.c.owner).where(
                    own_link, schema.run_owners.c.asks
                )
                return connection.execute(left).first() is not None

        return self._retry(write)

    def set_state(
        self,
        run_id: str,
        state: str,
        message: str = "",
        *,
        attempt: str | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> bool:
        """Say where a run stands. A run that has ended stays as it is.

        Parameters
        ----------
        attempt : when given, only this attempt's run is changed.

        Returns
        -------
        Whether the run was changed.
        """

        def write() -> bool:
            with self._write() as connection:
                return self._move(connection, run_id, state, message, "", attempt, versions)

        return self._retry(write)

    def _move(
        self,
        connection: sa.Connection,
        run_id: str,
        state: str,
        message: str,
        headline: str,
        attempt: str | None,
        versions: Mapping[str, str] | None,
    ) -> bool:
        if state not in (*LIVE, *ENDED):
            raise ValueError(f"The state is {state!r}, but one of {(*LIVE, *ENDED)} was expected.")
        moment = now()
        condition = (schema.runs.c.id == run_id) & schema.runs.c.state.in_(LIVE)
        if attempt is not None:
            condition = condition & (schema.runs.c.attempt == attempt)
        row = connection.execute(
            sa.select(schema.runs.c.started).where(condition).with_for_update()
        ).first()
        if row is None:
            return False
        values: dict[str, Any] = {"state": state, "message": message}
        started = row.started
        if state == "running":
            values["seen"] = moment
            if started is None:
                values["started"] = moment
        elif state in ENDED:
            values |= {"finished": moment, "headline": headline}
            if started is not None:
                # The clock may have been set back meanwhile.
                values["seconds"] = max(0.0, (moment - started).total_seconds())
        if versions is not None:
            values["versions"] = dict(versions)
        connection.execute(
            sa.update(schema.runs).where(schema.runs.c.id == run_id).values(**values)
        )
        if state in ENDED:
            connection.execute(
                sa.update(schema.run_owners)
                .where(schema.run_owners.c.run_id == run_id)
                .values(asks=False)
            )
            connection.execute(sa.delete(schema.queue).where(schema.queue.c.run_id == run_id))
            record(connection, "ended", run_id, state)
        elif "started" in values:
            record(connection, "started", run_id)
        return True

    def is_live(self, run_id: str, attempt: str) -> bool:
        """Whether this attempt of the run is still wanted: not ended, deleted or replaced."""
        query = sa.select(schema.runs.c.id).where(
            schema.runs.c.id == run_id,
            schema.runs.c.attempt == attempt,
            schema.runs.c.state.in_(LIVE),
        )
        return self._first(query) is not None

    def state(self, run_id: str) -> RunState:
        """Where a run stands.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        run_id = check_run_id(run_id)
        row = self._first(state_query(run_id))
        if row is None:
            raise no_run(run_id)
        return state_of(row)

    def specification(self, run_id: str) -> "Specification":
        """Return the specification that a run was made from, with its dataset.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        from gmm_core.runs.specification import Specification

        run_id = check_run_id(run_id)
        row = self._first(
            sa.select(schema.runs.c.specification, schema.datasets)
            .join(schema.datasets, schema.datasets.c.fingerprint == schema.runs.c.dataset)
            .where(schema.runs.c.id == run_id)
        )
        if row is None:
            raise no_run(run_id)
        owners = self.owners(run_id)
        return Specification.from_json(row.specification, self._called(dataset_of(row), owners))

    def live(self) -> list[RunState]:
        """List runs that are queued or running, oldest first."""
        query = (
            state_query()
            .where(schema.runs.c.state.in_(LIVE))
            .order_by(schema.runs.c.created, schema.runs.c.id)
        )
        return [state_of(row) for row in self._all(query)]

    def touch(self, run_ids: Sequence[str]) -> None:
        """Say that a process which watches or computes these runs is alive."""
        if not run_ids:
            return

        def write() -> None:
            with self._write() as connection:
                connection.execute(
                    sa.update(schema.runs)
                    .where(schema.runs.c.id.in_(list(run_ids)))
                    .values(seen=now())
                )

        self._retry(write)

    def owners(self, run_id: str) -> tuple[str, ...]:
        """Who submitted a run, first one first."""
        query = (
            sa.select(schema.run_owners.c.owner)
            .where(schema.run_owners.c.run_id == check_run_id(run_id))
            .order_by(schema.run_owners.c.created, schema.run_owners.c.owner)
        )
        return tuple(row.owner for row in self._all(query))


def state_query(run_id: str | None = None) -> sa.Select[Any]:
    """Select what a `RunState` is made of, of one run or of all."""
    columns = (
        "id", "kind", "state", "message", "attempt", "server",
        "created", "started", "finished", "seen", "seconds", "versions",
    )  # fmt: skip
    query = sa.select(*(schema.runs.c[name] for name in columns))
    return query if run_id is None else query.where(schema.runs.c.id == run_id)


def state_of(row: Any) -> RunState:
    """Return the state that stands in a row of `state_query`."""
    values = row._asdict()
    return RunState(**(values | {"versions": values["versions"] or {}}))
