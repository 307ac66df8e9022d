"""What happened to runs and nobody has logged yet.

Runs are ended by workers, by web processes, and by those that find a dead one's. Whoever does it
writes a row here in the same transaction, and whoever takes the row out logs it. So each is
told once, whichever process dies.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.database import Database
from gmm_core.store.ids import now

_AT_ONCE = 500  # rows taken in one transaction


@dataclass(frozen=True)
class Event:
    """Something that happened to a run.

    Attributes
    ----------
    event : "submitted", "started" or "ended".
    owner : who asked for the run first, as the store knows them.
    outcome : "done", "failed", "cancelled", or "deleted" while it was under way; "" before its
        end.
    seconds : from its start to its end; None before its end, and when it never started.
    waited : seconds from when it was asked for until its start; None when it never started.
    attempts : how often it has been begun, this time too.
    moment : when it happened.
    """

    event: str
    run_id: str
    kind: str
    engine: str
    owner: str
    outcome: str
    seconds: float | None
    waited: float | None
    attempts: int
    moment: datetime


class Events(Database):
    """The events of a store."""

    def take_events(self) -> list[Event]:
        """Take out what has happened since somebody last asked, in order.

        Of several processes that ask at once, each event goes to one.
        """
        waiting = sa.select(schema.events.c.id).order_by(schema.events.c.id).limit(_AT_ONCE)
        if self._first(waiting) is None:  # without the lock of a writer
            return []

        def take() -> list[Any]:
            with self._write() as connection:
                unlocked = waiting.with_for_update(skip_locked=True)
                ids = [row.id for row in connection.execute(unlocked)]
                query = sa.select(schema.events).where(schema.events.c.id.in_(ids))
                rows = list(connection.execute(query.order_by(schema.events.c.id)).all())
                connection.execute(sa.delete(schema.events).where(schema.events.c.id.in_(ids)))
                return rows

        taken = self._retry(take)
        events = []
        for row in taken:
            values = row._asdict()
            del values["id"]
            events.append(Event(**values))
        return events


def record(connection: sa.Connection, event: str, run_id: str, outcome: str = "") -> None:
    """Write down what happened to a run, as its row stands in this transaction."""
    runs, owners = schema.runs, schema.run_owners
    row = connection.execute(
        sa.select(
            runs.c.kind,
            runs.c.engine,
            runs.c.created,
            runs.c.started,
            runs.c.finished,
            runs.c.seconds,
            runs.c.attempts,
        ).where(runs.c.id == run_id)
    ).one()
    owner = connection.execute(
        sa.select(owners.c.owner)
        .where(owners.c.run_id == run_id)
        .order_by(owners.c.created, owners.c.owner)
        .limit(1)
    ).scalar()
    moment = now()
    seconds = row.seconds
    if outcome and seconds is None and row.started is not None:
        seconds = max(0.0, (moment - row.started).total_seconds())
    waited = None
    if row.started is not None:
        # The clock may have been set back meanwhile.
        waited = max(0.0, (row.started - row.created).total_seconds())
    connection.execute(
        sa.insert(schema.events).values(
            event=event,
            run_id=run_id,
            kind=row.kind,
            engine=row.engine,
            owner=owner or "",
            outcome=outcome,
            seconds=seconds,
            waited=waited,
            attempts=row.attempts,
            moment=moment,
        )
    )
