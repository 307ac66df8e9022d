"""Runs computed once more, beside the stored ones, and what the comparison said."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.ids import ENDED, check_run_id, now
from gmm_core.store.retention import Retention, remove_run
from gmm_core.store.runs import RunState
from gmm_core.store.submissions import Admit, Claim, Submissions

if TYPE_CHECKING:
    from gmm_core.runs.specification import Specification


@dataclass(frozen=True)
class Check:
    """The last check of a run.

    run_id : the run that is checked.
    check_id : the run that computes it once more; gone as soon as there is a verdict.
    verdict : what the comparison said, None before.
    made : when the check was asked for, or its verdict written.
    """

    run_id: str
    check_id: str
    verdict: dict[str, Any] | None
    made: datetime


class Checks(Retention, Submissions):
    """The checks of a store."""

    def create_check(
        self,
        run_id: str,
        specification: "Specification",
        owner: str = "",
        place: str = "",
        claim: Claim | None = None,
        admit: Admit | None = None,
    ) -> RunState:
        """Keep a run of its own that computes this stored one again, queued, linked to the owner.

        It stands in no list. One that is under way is shared; an earlier one is replaced.

        Parameters
        ----------
        run_id : the stored run. It is not asked of its specification, whose id another version of
            the program may have computed otherwise.
        specification : what the stored run was made from.
        place, claim, admit : as of `create_run`.

        Returns
        -------
        The state of the run that computes again.

        Raises
        ------
        ValueError
            When the run that is to be checked is not in the store.
        """
        run_id = self.state(run_id).id
        # One for each run, so that two people who ask at once share it.
        check_id = hashlib.sha256(f"check {run_id}".encode()).hexdigest()[:32]

        def create() -> RunState:
            with self._write() as connection:
                if admit is not None:
                    self._admit(connection, check_id, owner, place, admit)
                ended = connection.execute(
                    sa.select(schema.runs.c.id)
                    .where(schema.runs.c.id == check_id, schema.runs.c.state.in_(ENDED))
                    .with_for_update()
                ).first()
                if ended is not None:
                    remove_run(connection, check_id)
                state = self._put_run(connection, specification, owner, check_id, place)
                connection.execute(sa.delete(schema.checks).where(schema.checks.c.run_id == run_id))
                connection.execute(
                    self._insert(schema.checks),
                    {"run_id": run_id, "check_id": check_id, "made": now()},
                )
                return self._claimed(connection, state, claim, owner)

        return self._retry(create)

    def check(self, run_id: str) -> Check | None:
        """Return the last check of a run, or None when it was never checked."""
        query = sa.select(schema.checks).where(schema.checks.c.run_id == check_run_id(run_id))
        row = self._first(query)
        return None if row is None else Check(row.run_id, row.check_id, row.verdict, row.made)

    def end_check(self, run_id: str, verdict: Mapping[str, Any]) -> None:
        """Keep what the comparison said, and remove the run that computed again."""
        run_id = check_run_id(run_id)

        def write() -> None:
            with self._write() as connection:
                row = connection.execute(
                    sa.update(schema.checks)
                    .where(schema.checks.c.run_id == run_id)
                    .values(verdict=dict(verdict), made=now())
                    .returning(schema.checks.c.check_id)
                ).first()
                if row is not None:
                    remove_run(connection, row.check_id)

        self._retry(write)
