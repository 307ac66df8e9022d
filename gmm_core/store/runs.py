"""Runs and their states: asked for, taken in hand, under way, ended, deleted."""

import hashlib
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

    def create_run(
        self, specification: "Specification", owner: str = "", place: str = ""
    ) -> RunState:
        """Keep a run and its dataset, queued, linked to the owner. Repeating it changes nothing.

        Parameters
        ----------
        place : tells apart where people ask from; it is kept as a hash.

        Returns
        -------
        The state of the run as it is in the store now: that of the equal run, if there was one.
        """

        def create() -> RunState:
            with self._write() as connection:
                return self._put_run(connection, specification, owner, specification.id, place)

        return self._retry(create)

    def note_visit(self, run_id: str, owner: str | None = None) -> None:
        """Say that somebody looks at a run, so that it stays; with an owner, list it as theirs."""
        run_id = check_run_id(run_id)

        def write() -> None:
            with self._write() as connection:
                there = connection.execute(
                    sa.update(schema.runs).where(schema.runs.c.id == run_id).values(used=now())
                ).rowcount
                if there and owner is not None:
                    connection.execute(
                        self._insert(schema.run_owners),
                        {"run_id": run_id, "owner": owner, "created": now()},
                    )

        self._retry(write)

    def leave(self, run_id: str, owner: str) -> bool:
        """Say that somebody waits for a run no longer; return whether somebody else still does."""
        mine = schema.run_owners.c.run_id == check_run_id(run_id)

        def write() -> bool:
            with self._write() as connection:
                connection.execute(
                    sa.update(schema.run_owners)
                    .where(mine, schema.run_owners.c.owner == owner)
                    .values(asks=False)
                )
                left = sa.select(schema.run_owners.c.owner).where(mine, schema.run_owners.c.asks)
                return connection.execute(left).first() is not None

        return self._retry(write)

    def waiting_from(self, place: str) -> int:
        """Count the runs that wait to start and were asked for from a place."""
        query = (
            sa.select(sa.func.count(sa.distinct(schema.runs.c.id)))
            .join(schema.run_owners, schema.run_owners.c.run_id == schema.runs.c.id)
            .where(
                schema.runs.c.state == "queued",
                schema.run_owners.c.asks,
                schema.run_owners.c.place == _hash(place),
            )
        )
        return int(self._first(query)[0])

    def _put_run(
        self,
        connection: sa.Connection,
        specification: "Specification",
        owner: str,
        run_id: str,
        place: str = "",
    ) -> RunState:
        moment = now()
        self._put_dataset(connection, specification.dataset)
        connection.execute(
            self._insert(schema.runs),
            {
                "id": run_id,
                "kind": specification.kind,
                "dataset": specification.dataset.fingerprint,
                "specification": specification.to_json(),
                "engine": specification.engine,
                "state": "queued",
                "message": "",
                "headline": "",
                "created": moment,
                "seen": moment,
                "mixture": specification.mixture.model_dump(mode="json"),
                "options": specification.options.model_dump(mode="json"),
            },
        )
        connection.execute(
            sa.update(schema.runs).where(schema.runs.c.id == run_id).values(used=moment)
        )
        connection.execute(
            self._insert(schema.run_owners),
            {"run_id": run_id, "owner": owner, "created": moment},
        )
        links = schema.run_owners
        again = (links.c.run_id == run_id) & (links.c.owner == owner) & links.c.passed
        connection.execute(sa.update(links).where(again).values(passed=False))
        connection.execute(
            sa.update(schema.run_owners)
            .where(schema.run_owners.c.run_id == run_id, schema.run_owners.c.owner == owner)
            .values(asks=True, place=_hash(place))
        )
        return state_of(connection.execute(state_query(run_id)).one())

    def claim(
        self,
        run_id: str,
        attempt: str,
        server: str,
        retry_ended: bool = True,
        owners: Sequence[str] | None = None,
    ) -> bool:
        """Take a run in hand for a new attempt, unless somebody has it or it is done.

        Parameters
        ----------
        owners : who asks for this attempt.

        Returns
        -------
        Whether this call got it. Of several processes that ask at once, one does.
        """
        free = (schema.runs.c.state == "queued") & schema.runs.c.attempt.is_(None)
        if retry_ended:
            free = free | schema.runs.c.state.in_(("failed", "cancelled"))

        def take() -> bool:
            moment = now()
            with self._write() as connection:
                taken = connection.execute(
                    sa.update(schema.runs)
                    .where(schema.runs.c.id == run_id, free)
                    .values(
                        state="queued",
                        message="",
                        headline="",
                        attempt=attempt,
                        attempts=schema.runs.c.attempts + 1,
                        server=server,
                        seen=moment,
                        created=moment,
                        started=None,
                        finished=None,
                        seconds=None,
                    )
                ).rowcount
                if taken:
                    record(connection, "submitted", run_id)
                    if owners is not None:
                        connection.execute(
                            sa.update(schema.run_owners)
                            .where(
                                schema.run_owners.c.run_id == run_id,
                                schema.run_owners.c.owner.in_(list(owners)),
                            )
                            .values(asks=True)
                        )
                    for table in (schema.results, schema.parts):
                        connection.execute(sa.delete(table).where(table.c.run_id == run_id))
                return bool(taken)

        return self._retry(take)

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


def _hash(place: str) -> str:
    return hashlib.sha256(place.encode()).hexdigest()[:32] if place else ""


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
