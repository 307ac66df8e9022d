"""Results, written with the end of their run, and the parts of those that are under way."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from gmm_core.runs import serialize
from gmm_core.store import schema
from gmm_core.store.ids import ENDED, LIVE, check_run_id
from gmm_core.store.runs import Runs


class Results(Runs):
    """The results of a store."""

    def save_result(
        self,
        run_id: str,
        result: Any,
        state: str = "done",
        message: str = "",
        *,
        headline: str = "",
        attempt: str | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> bool:
        """Keep a result and end its run, in one transaction. None as result keeps none.

        Returns
        -------
        Whether it was kept: False when the run has ended before, or is another attempt's.

        Raises
        ------
        ValueError
            When the state is not an end, or the result is of a type that cannot be stored.
        """
        if state not in ENDED:
            raise ValueError(
                f"A result ends its run, but the state is {state!r}. Use one of {ENDED}."
            )
        blob = None if result is None else serialize.pack(result)

        def save() -> bool:
            with self._write() as connection:
                if not self._move(connection, run_id, state, message, headline, attempt, versions):
                    return False
                connection.execute(sa.delete(schema.parts).where(schema.parts.c.run_id == run_id))
                if blob is not None:
                    connection.execute(
                        self._insert(schema.results), {"run_id": run_id, "blob": blob}
                    )
                return True

        return self._retry(save)

    def save_part(
        self, run_id: str, attempt: str, part: int, result: Any, n_parts: int
    ) -> list[Any] | None:
        """Keep what one part of a run gave, until all parts have ended. The first word counts.

        Returns
        -------
        What all parts gave, in order, for the caller whose part was the last; None for everyone
        else, and when the run is no longer this attempt's.
        """
        blob = serialize.pack(result)

        def save() -> list[bytes] | None:
            with self._write() as connection:
                # The lock on the run's row makes parts that end together count one after the other.
                live = connection.execute(
                    sa.select(schema.runs.c.id)
                    .where(
                        schema.runs.c.id == run_id,
                        schema.runs.c.attempt == attempt,
                        schema.runs.c.state.in_(LIVE),
                    )
                    .with_for_update()
                ).first()
                if live is None:
                    return None
                connection.execute(
                    self._insert(schema.parts),
                    {"run_id": run_id, "attempt": attempt, "part": part, "blob": blob},
                )
                rows = connection.execute(
                    sa.select(schema.parts.c.blob)
                    .where(schema.parts.c.run_id == run_id, schema.parts.c.attempt == attempt)
                    .order_by(schema.parts.c.part)
                ).all()
                if len(rows) == n_parts:
                    return [row.blob for row in rows]
                # Its worker is free. The last part has it until the run has ended.
                given = schema.given
                connection.execute(
                    sa.delete(given).where(given.c.run_id == run_id, given.c.part == part)
                )
                return None

        blobs = self._retry(save)
        return None if blobs is None else [serialize.unpack(blob) for blob in blobs]

    def part(self, run_id: str, attempt: str, part: int) -> Any:
        """Return what this part gave before it was started once more; None when nothing."""
        query = sa.select(schema.parts.c.blob).where(
            schema.parts.c.run_id == run_id,
            schema.parts.c.attempt == attempt,
            schema.parts.c.part == part,
        )
        row = self._first(query)
        return None if row is None else serialize.unpack(row.blob)

    def result(self, run_id: str) -> Any:
        """Return the result of a run, also a partial one; None while there is none.

        Raises
        ------
        ValueError
            When no run has this id, or the stored bytes are damaged.
        """
        run_id = check_run_id(run_id)
        row = self._first(sa.select(schema.results.c.blob).where(schema.results.c.run_id == run_id))
        if row is None:
            self.state(run_id)
            return None
        return serialize.unpack(row.blob)
