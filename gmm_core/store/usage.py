"""How much is kept, of one person and in all, and what goes when it is too much."""

from functools import partial

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.ids import ENDED
from gmm_core.store.retention import Retention, remove_run


class Usage(Retention):
    """What the results and the data of a store take."""

    def kept_bytes(self, owner: str | None = None) -> int:
        """Count the bytes of the results and datasets of an owner, or of everybody.

        They are those of the database: packed, and with all that a dataset has beside its values,
        such as weights, classes, and an owner's names of rows. What two people have counts for each
        of them, and once in all.
        """
        results, datasets = schema.results, schema.datasets
        runs, saved = schema.run_owners, schema.dataset_owners
        sizes = [
            sa.select(_total(results.c.blob)),
            sa.select(_total(datasets.c["values"])),
            sa.select(_total(saved.c.rows)),
        ]
        if owner is not None:
            own_runs = sa.select(runs.c.run_id).where(runs.c.owner == owner)
            my_data = sa.select(saved.c.fingerprint).where(saved.c.owner == owner)
            sizes = [
                sizes[0].where(results.c.run_id.in_(own_runs)),
                sizes[1].where(datasets.c.fingerprint.in_(my_data)),
                sizes[2].where(saved.c.owner == owner),
            ]
        return sum(int(self._first(size)[0]) for size in sizes)

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


def _total(blob: sa.ColumnElement[bytes]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(_length(blob)), 0)
