"""The one queue of all web processes: read, and changed by one of them at a time.

Locking the rows that are taken (SKIP LOCKED) would let two processes count the same turns and hand
one person twice their share. So whoever changes the queue holds one lock for the few milliseconds
that it takes: an advisory lock of PostgreSQL, or SQLite's lock of a writer.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.fair_queue import Entry, FairQueue, Length, Turn
from gmm_core.store.ids import now
from gmm_core.store.runs import Runs

T = TypeVar("T")

_LOCK = 7_164_209_515  # any number that is nobody else's in this database
_MOST_TURNS = 1_000  # turns of people who wait for nothing are kept until there are so many


class Picture(NamedTuple):
    """What a part had drawn at one of its reports, as a message of its worker."""

    part: int
    number: int
    message: bytes


class Queue(Runs):
    """The queue of a store."""

    def queue(self, running: int = 0) -> FairQueue:
        """Return the queue as it stands, to look at."""

        def read() -> FairQueue:
            with self._read() as connection:
                return _loaded(connection, running)

        return self._retry(read)

    def change_queue(self, change: Callable[[FairQueue], T], running: int = 0) -> T:
        """Change the queue while nobody else does; return what the change returned.

        It may be called again when the database was away.
        """

        def write() -> T:
            with self._write() as connection:
                lock_queue(connection)
                queue = _loaded(connection, running)
                before = {key: _row(entry) for key, entry in queue.entries.items()}
                given = {key: dict(entry.given) for key, entry in queue.entries.items()}
                answer = change(queue)
                for key, entry in queue.entries.items():
                    self._keep(connection, entry, before[key], given[key])
                self._keep_turns(connection, queue)
                return answer

        return self._retry(write)

    def has_waiting(self) -> bool:
        """Whether a part waits to be given; asked often, and takes no lock."""
        # JSON is compared as the text that it is written as.
        waiting = sa.cast(schema.queue.c.waiting, sa.Text) != "[]"
        query = sa.select(schema.queue.c.run_id).where(waiting, schema.queue.c.stop.is_(None))
        return self._first(query.limit(1)) is not None

    def _keep(
        self,
        connection: sa.Connection,
        entry: Entry,
        before: Mapping[str, object],
        given: Mapping[int, Turn],
    ) -> None:
        """Write what has changed of an entry; one that ended meanwhile is left alone."""
        own = (schema.queue.c.run_id == entry.run_id) & (schema.queue.c.attempt == entry.key)
        row = _row(entry)
        if row != before and not _changed(connection, sa.update(schema.queue).where(own), row):
            return
        table = schema.given
        for part in given.keys() - entry.given.keys():
            connection.execute(
                sa.delete(table).where(table.c.run_id == entry.run_id, table.c.part == part)
            )
        for part in entry.given.keys() - given.keys():
            turn = entry.given[part]
            values = {"run_id": entry.run_id, "part": part, **turn._asdict()}
            connection.execute(sa.insert(table).values(**values))

    def _keep_turns(self, connection: sa.Connection, queue: FairQueue) -> None:
        table, waiting_owners = schema.turns, queue.owners()
        before = {row.owner: row.turn for row in connection.execute(sa.select(table))}
        for owner, turn in queue.turns.items():
            if owner not in before:  # who came anew joined at the present turn, and keeps that
                connection.execute(self._insert(table), {"owner": owner, "turn": turn})
            elif before[owner] != turn:
                connection.execute(sa.update(table).where(table.c.owner == owner).values(turn=turn))
        if len(queue.turns) > _MOST_TURNS:
            # A turn counts only against those who are here: nobody is kept in mind for ever. The
            # last one stays, since who comes anew joins there.
            last = max(queue.turns.values())
            forgotten = [
                o for o, turn in queue.turns.items() if o not in waiting_owners and turn < last
            ]
            connection.execute(sa.delete(table).where(table.c.owner.in_(forgotten)))

    # ---- pictures of runs that compute for another web process ----

    def keep_picture(self, run_id: str, attempt: str, picture: Picture) -> None:
        """Keep what a part has drawn, for the web process that asked for it."""

        def write() -> None:
            with self._write() as connection:
                table = schema.pictures
                own = (table.c.run_id == run_id) & (table.c.part == picture.part)
                connection.execute(sa.delete(table).where(own))
                live = sa.select(schema.queue.c.run_id).where(
                    schema.queue.c.run_id == run_id, schema.queue.c.attempt == attempt
                )
                if connection.execute(live).first() is not None:
                    connection.execute(
                        sa.insert(table).values(
                            run_id=run_id,
                            part=picture.part,
                            attempt=attempt,
                            number=picture.number,
                            blob=picture.message,
                        )
                    )

        self._retry(write)

    def picture_numbers(self, run_id: str, attempt: str) -> dict[int, int]:
        """Return which report of each part was kept last."""
        table = schema.pictures
        query = sa.select(table.c.part, table.c.number).where(
            table.c.run_id == run_id, table.c.attempt == attempt
        )
        return {row.part: row.number for row in self._all(query)}

    def picture(self, run_id: str, attempt: str, part: int) -> bytes | None:
        """Return what a part has drawn, as a message of its worker; None when it has ended."""
        table = schema.pictures
        row = self._first(
            sa.select(table.c.blob).where(
                table.c.run_id == run_id, table.c.attempt == attempt, table.c.part == part
            )
        )
        return None if row is None else bytes(row.blob)

    # ---- web processes ----

    def greet(self, server: str) -> None:
        """Say that a web process is there."""

        def write() -> None:
            with self._write() as connection:
                connection.execute(self._insert(schema.servers), {"name": server, "seen": now()})
                connection.execute(
                    sa.update(schema.servers)
                    .where(schema.servers.c.name == server)
                    .values(seen=now())
                )

        self._retry(write)

    def servers(self) -> dict[str, float]:
        """Return the web processes, and how many seconds ago each said that it is there."""
        moment = now()
        rows = self._all(sa.select(schema.servers))
        return {row.name: (moment - row.seen).total_seconds() for row in rows}

    def part_from(self, server: str) -> None:
        """Say that a web process is gone."""

        def write() -> None:
            with self._write() as connection:
                connection.execute(sa.delete(schema.servers).where(schema.servers.c.name == server))

        self._retry(write)


def lock_queue(connection: sa.Connection) -> None:
    """Wait until nobody else changes the queue; the lock ends with the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _loaded(connection: sa.Connection, running: int) -> FairQueue:
    table = schema.queue
    turns = connection.execute(sa.select(schema.turns)).all()
    queue = FairQueue(running, {row.owner: row.turn for row in turns})
    owners = defaultdict(list)
    links = schema.run_owners
    asking = (
        sa.select(links.c.run_id, links.c.owner)
        .join(table, table.c.run_id == links.c.run_id)
        .where(links.c.asks)
        .order_by(links.c.created, links.c.owner)
    )
    for row in connection.execute(asking):
        owners[row.run_id].append(row.owner)
    given: dict[str, dict[int, Turn]] = defaultdict(dict)
    for row in connection.execute(sa.select(schema.given)):
        given[row.run_id][row.part] = Turn(row.owner, row.server, row.cluster)
    entries = (
        sa.select(table)
        .join(schema.runs, schema.runs.c.id == table.c.run_id)
        .order_by(schema.runs.c.created, schema.runs.c.id)
    )
    for row in connection.execute(entries):
        queue.put(
            Entry(
                key=row.attempt,
                owners=owners[row.run_id],
                waiting=deque(row.waiting),
                length=Length(row.length),
                given=given[row.run_id],
                by=row.by,
                run_id=row.run_id,
                n_parts=row.n_parts,
                program=row.program,
                stop=None if row.stop is None else (row.stop[0], row.stop[1]),
                lost=row.lost,
            )
        )
    return queue


def _changed(connection: sa.Connection, update: sa.Update, values: Mapping[str, object]) -> bool:
    return bool(connection.execute(update.values(**values)).rowcount)


def _row(entry: Entry) -> dict[str, object]:
    return {
        "waiting": list(entry.waiting),
        "length": int(entry.length),
        "by": entry.by,
        "stop": None if entry.stop is None else list(entry.stop),
        "lost": entry.lost,
    }
