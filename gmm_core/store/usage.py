"""How much is kept, of one person and in all, and what goes when it is too much."""

from functools import partial

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.ids import ENDED
from gmm_core.store.retention import Retention, remove_run

_NUMBER = 8  # bytes of a value of a dataset


class Usage(Retention):
    """What the results and the data of a store take."""

    def kept_bytes(self, owner: str | None = None) -> int:
        """Count the bytes of the results and datasets of an owner, or of everybody.

        What two people have counts for each of them, and once in all.
        """
        runs = sa.select(schema.run_owners.c.run_id)
        saved = sa.select(schema.dataset_owners.c.fingerprint)
        size = sa.select(sa.func.coalesce(sa.func.sum(_length(schema.results.c.blob)), 0))
        sizes = sa.select(
            sa.func.coalesce(sa.func.sum(schema.datasets.c.n * schema.datasets.c.d * _NUMBER), 0)
        )
        if owner is not None:
            size = size.where(
                schema.results.c.run_id.in_(runs.where(schema.run_owners.c.owner == owner))
            )
            sizes = sizes.where(
                schema.datasets.c.fingerprint.in_(
                    saved.where(schema.dataset_owners.c.owner == owner)
                )
            )
        return int(self._first(size)[0]) + int(self._first(sizes)[0])

    def make_room(self, most: float) -> int:
        """Remove the runs that ended and were asked for longest ago, until at most `most` is kept.

        Pinned ones stay, and so do those that are under way.

        Returns
        -------
        How many runs were removed.
        """
        too_much = self.kept_bytes() - most
        if most <= 0 or too_much <= 0:
            return 0
        runs, results = schema.runs, schema.results
        spare = runs.c.state.in_(ENDED) & ~sa.exists().where(schema.pins.c.run_id == runs.c.id)
        oldest = (
            sa.select(runs.c.id, _length(results.c.blob).label("bytes"))
            .join(results, results.c.run_id == runs.c.id)
            .where(spare)
            .order_by(sa.func.coalesce(runs.c.used, runs.c.created), runs.c.id)
        )
        removed = 0
        for row in self._all(oldest):
            if too_much <= 0:
                break
            if self._retry(partial(self._remove_spare, row.id, spare)):
                removed += 1
                too_much -= row.bytes
        self.give_back()
        return removed

    def _remove_spare(self, run_id: str, spare: sa.ColumnElement[bool]) -> bool:
        with self._write() as connection:
            # Pinned, or asked for again, meanwhile?
            query = sa.select(schema.runs.c.id).where(schema.runs.c.id == run_id, spare)
            if connection.execute(query.with_for_update()).first() is None:
                return False
            remove_run(connection, run_id)
            return True


def _length(blob: sa.ColumnElement[bytes]) -> sa.Function[int]:
    """Bytes of a value, which neither database reads for it."""
    return sa.func.length(blob)
