"""The list of runs, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.runs import Runs


@dataclass(frozen=True)
class RunRow:
    """One line of the list of runs.

    mixture : the mixture as the specification has it (n_components, covariance, tied, priors).
    seconds : how long it ran, None before it ended.
    headline : the result in a few words, "" before there is one.
    owners : who submitted it, first one first.
    """

    id: str
    kind: str
    state: str
    message: str
    headline: str
    fingerprint: str
    dataset: str
    n: int
    d: int
    mixture: dict[str, Any]
    options: dict[str, Any]
    engine: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    seconds: float | None
    versions: dict[str, str]
    owners: tuple[str, ...]


class Listing(Runs):
    """The lists of a store."""

    def runs(self, owner: str | None = None, states: Sequence[str] | None = None) -> list[RunRow]:
        """List runs, newest first; with an owner, those they submitted."""
        import json

        columns = [
            c for c in schema.runs.c if c.name not in ("dataset", "attempt", "server", "seen")
        ]
        query = (
            sa.select(
                *columns,
                schema.datasets.c.fingerprint,
                schema.datasets.c.name,
                schema.datasets.c.n,
                schema.datasets.c.d,
            )
            .join(schema.datasets, schema.datasets.c.fingerprint == schema.runs.c.dataset)
            .order_by(schema.runs.c.created.desc(), schema.runs.c.id)
        )
        links = sa.select(schema.run_owners.c.run_id, schema.run_owners.c.owner).order_by(
            schema.run_owners.c.created, schema.run_owners.c.owner
        )
        if owner is not None:
            mine = sa.select(schema.run_owners.c.run_id).where(schema.run_owners.c.owner == owner)
            query = query.where(schema.runs.c.id.in_(mine))
            links = links.where(schema.run_owners.c.run_id.in_(mine))
        if states is not None:
            query = query.where(schema.runs.c.state.in_(list(states)))
        owners: dict[str, list[str]] = {}
        for link in self._all(links):
            owners.setdefault(link.run_id, []).append(link.owner)
        rows = []
        for row in self._all(query):
            specification = json.loads(row.specification)
            rows.append(
                RunRow(
                    id=row.id,
                    kind=row.kind,
                    state=row.state,
                    message=row.message,
                    headline=row.headline,
                    fingerprint=row.fingerprint,
                    dataset=row.name,
                    n=row.n,
                    d=row.d,
                    mixture=specification.get("mixture", {}),
                    options=specification.get("options", {}),
                    engine=row.engine,
                    created=row.created,
                    started=row.started,
                    finished=row.finished,
                    seconds=row.seconds,
                    versions=row.versions or {},
                    owners=tuple(owners.get(row.id, ())),
                )
            )
        return rows
