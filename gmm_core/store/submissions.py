"""Runs that are asked for: kept, taken in hand for an attempt, and queued."""

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.events import record
from gmm_core.store.fair_queue import Length
from gmm_core.store.ids import LIVE, now
from gmm_core.store.queue import lock_queue
from gmm_core.store.runs import Runs, RunState, state_of, state_query

if TYPE_CHECKING:
    from gmm_core.runs.specification import Specification


class Claim(NamedTuple):
    """A new attempt of a run, and how it is queued.

    attempt : name of the attempt.
    server : the web process that asks.
    n_parts : parts that are queued; with 0 it is not queued, but in the server's own hands.
    length : how long each part takes: shorter runs may pass it.
    program : fingerprint of the program; no other one computes it.
    """

    attempt: str
    server: str
    n_parts: int = 0
    length: Length = Length.SHORT
    program: str = ""


class Waiting(NamedTuple):
    """How many runs wait to start: those that an owner asked for, and those from a place."""

    of_owner: int
    from_place: int


Admit = Callable[[Waiting], None]


class Submissions(Runs):
    """What is asked of a store."""

    def create_run(
        self,
        specification: "Specification",
        owner: str = "",
        place: str = "",
        claim: Claim | None = None,
        admit: Admit | None = None,
    ) -> RunState:
        """Keep a run and its dataset, queued, linked to the owner. Repeating it changes nothing.

        Parameters
        ----------
        place : tells apart where people ask from; it is kept as a hash.
        claim : the attempt that it is taken in hand for, in the same transaction, unless somebody
            has it or it is done.
        admit : raises when one more may not wait; asked before a run begins, while no other
            process can ask.

        Returns
        -------
        The state of the run as it is in the store now: that of the equal run, if there was one.
        It was taken in hand when it has the claim's attempt.
        """

        def create() -> RunState:
            with self._write() as connection:
                if admit is not None:
                    self._admit(connection, specification.id, owner, place, admit)
                state = self._put_run(connection, specification, owner, specification.id, place)
                return self._claimed(connection, state, claim, owner)

        return self._retry(create)

    def claim(
        self,
        run_id: str,
        attempt: str,
        server: str,
        n_parts: int = 0,
        length: Length = Length.SHORT,
        program: str = "",
        owners: Sequence[str] | None = None,
    ) -> bool:
        """Take a run in hand for a new attempt, unless somebody has it or it is done.

        Parameters
        ----------
        attempt, server, n_parts, length, program : as of `Claim`.
        owners : who asks for this attempt.

        Returns
        -------
        Whether this call got it. Of several processes that ask at once, one does.
        """
        claim = Claim(attempt, server, n_parts, length, program)

        def take() -> bool:
            with self._write() as connection:
                return self._take(connection, run_id, claim, owners)

        return self._retry(take)

    def _claimed(
        self, connection: sa.Connection, state: RunState, claim: Claim | None, owner: str
    ) -> RunState:
        """Take a run in hand that was just kept; return its state after that."""
        if claim is None or not self._take(connection, state.id, claim, [owner]):
            return state
        return state_of(connection.execute(state_query(state.id)).one())

    def _admit(
        self, connection: sa.Connection, run_id: str, owner: str, place: str, admit: Admit
    ) -> None:
        """Ask whether one more run may begin, when this one would be one more."""
        lock_queue(connection)
        row = connection.execute(
            sa.select(schema.runs.c.state).where(schema.runs.c.id == run_id)
        ).first()
        if row is not None and (row.state == "done" or row.state in LIVE):
            return
        links = schema.run_owners
        waiting = (
            sa.select(sa.func.count(sa.distinct(schema.runs.c.id)))
            .join(links, links.c.run_id == schema.runs.c.id)
            .where(schema.runs.c.state == "queued", links.c.asks)
        )
        of_owner = connection.execute(waiting.where(links.c.owner == owner)).scalar_one()
        from_place = 0
        if place:
            of_place = waiting.where(links.c.place == _hash(place))
            from_place = connection.execute(of_place).scalar_one()
        admit(Waiting(of_owner, from_place))

    def _take(
        self,
        connection: sa.Connection,
        run_id: str,
        claim: Claim,
        owners: Sequence[str] | None,
    ) -> bool:
        runs = schema.runs
        fresh = (runs.c.state == "queued") & runs.c.attempt.is_(None)
        free = fresh | runs.c.state.in_(("failed", "cancelled"))
        moment = now()
        taken = connection.execute(
            sa.update(schema.runs)
            .where(schema.runs.c.id == run_id, free)
            .values(
                state="queued",
                message="",
                headline="",
                attempt=claim.attempt,
                attempts=schema.runs.c.attempts + 1,
                server=claim.server,
                seen=moment,
                created=moment,
                started=None,
                finished=None,
                seconds=None,
            )
        ).rowcount
        if not taken:
            return False
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
        for table in (schema.results, schema.parts, schema.queue):
            connection.execute(sa.delete(table).where(table.c.run_id == run_id))
        if claim.n_parts:
            connection.execute(
                sa.insert(schema.queue).values(
                    run_id=run_id,
                    attempt=claim.attempt,
                    n_parts=claim.n_parts,
                    waiting=list(range(claim.n_parts)),
                    length=int(claim.length),
                    program=claim.program,
                )
            )
        return True

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
        passed_link = (links.c.run_id == run_id) & (links.c.owner == owner) & links.c.passed
        connection.execute(sa.update(links).where(passed_link).values(passed=False))
        connection.execute(
            sa.update(schema.run_owners)
            .where(schema.run_owners.c.run_id == run_id, schema.run_owners.c.owner == owner)
            .values(asks=True, place=_hash(place))
        )
        return state_of(connection.execute(state_query(run_id)).one())


def _hash(place: str) -> str:
    return hashlib.sha256(place.encode()).hexdigest()[:32] if place else ""
