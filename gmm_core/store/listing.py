"""The list of runs, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gmm_core.store import schema
from gmm_core.store.datasets import rows_of
from gmm_core.store.ids import check_run_id
from gmm_core.store.runs import Runs

MOST_TITLE, MOST_NOTE = 120, 2_000
"""Characters of a run's title and note that are kept."""


@dataclass(frozen=True)
class RunRow:
    """One line of the list of runs.

    mixture : the mixture as the specification has it (n_components, covariance, tied, priors).
    seconds : how long it ran, None before it ended.
    headline : the result in a few words, "" before there is one.
    versions : of Python and the packages that made it; {} before a worker took it up.
    owners : who submitted it, first one first.
    pinned : whether it is kept from expiring, by the owner whose list this is, or by anybody.
    title, note : what the owner whose list this is calls it, and has noted.
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
    pinned: bool = False
    title: str = ""
    note: str = ""


class Listing(Runs):
    """The lists of a store."""

    def runs(
        self,
        owner: str | None = None,
        states: Sequence[str] | None = None,
        *,
        kinds: Sequence[str] | None = None,
        search: str = "",
        limit: int | None = None,
        offset: int = 0,
    ) -> list[RunRow]:
        """List runs, newest first; with an owner, those they submitted.

        Parameters
        ----------
        states, kinds : only runs in one of these states, of one of these kinds.
        search : only runs whose title, note, data, result or id has every word of it.
        limit, offset : at most so many, after leaving out the newest `offset`.
        """
        left_out = ("dataset", "specification", "attempt", "attempts", "server", "seen", "used")
        pinned = sa.select(schema.pins.c.run_id)
        if owner is not None:
            pinned = pinned.where(schema.pins.c.owner == owner)
        query = (
            sa.select(
                *(c for c in schema.runs.c if c.name not in left_out),
                schema.datasets.c.fingerprint,
                schema.datasets.c.name,
                rows_of(schema.datasets).label("n"),
                schema.datasets.c.d,
                schema.runs.c.id.in_(pinned).label("pinned"),
            )
            .join(schema.datasets, schema.datasets.c.fingerprint == schema.runs.c.dataset)
            .where(*_wanted(owner, states, kinds, search=search))
            .order_by(schema.runs.c.created.desc(), schema.runs.c.id)
            .limit(limit)
            .offset(offset or None)
        )
        rows = self._all(query)
        owners = self._owners_of([row.id for row in rows] if limit is not None else None, owner)
        words = self._words_of([row.id for row in rows], owner)
        stored = {row.fingerprint: row.name for row in rows}
        names = stored if owner is None else self._names(stored, (owner,))
        return [
            RunRow(
                id=row.id,
                kind=row.kind,
                state=row.state,
                message=row.message,
                headline=row.headline,
                fingerprint=row.fingerprint,
                dataset=names[row.fingerprint],
                n=row.n,
                d=row.d,
                mixture=row.mixture or {},
                options=row.options or {},
                engine=row.engine,
                created=row.created,
                started=row.started,
                finished=row.finished,
                seconds=row.seconds,
                versions=row.versions or {},
                owners=tuple(owners.get(row.id, ())),
                pinned=bool(row.pinned),
                **words.get(row.id, {}),
            )
            for row in rows
        ]

    def run_counts(
        self,
        owner: str | None = None,
        states: Sequence[str] | None = None,
        *,
        kinds: Sequence[str] | None = None,
        search: str = "",
    ) -> dict[tuple[str, str], int]:
        """Count what `runs` would list, by (kind, state)."""
        query = (
            sa.select(schema.runs.c.kind, schema.runs.c.state, sa.func.count())
            .where(*_wanted(owner, states, kinds, search))
            .group_by(schema.runs.c.kind, schema.runs.c.state)
        )
        return {(kind, state): n for kind, state, n in self._all(query)}

    def pass_by(self, run_id: str, owner: str) -> None:
        """Leave a run out of an owner's list, who only came by it on the way to another.

        What they named, noted or keep stays there. Asking for the run again brings it back.
        """
        links, pins = schema.run_owners, schema.pins
        pinned = sa.exists().where(pins.c.run_id == links.c.run_id, pins.c.owner == links.c.owner)

        def write() -> None:
            with self._write() as connection:
                connection.execute(
                    sa.update(links)
                    .where(
                        links.c.run_id == check_run_id(run_id),
                        links.c.owner == owner,
                        links.c.title == "",
                        links.c.note == "",
                        ~pinned,
                    )
                    .values(passed=True)
                )

        self._retry(write)

    def describe(self, run_id: str, owner: str, title: str, note: str) -> None:
        """Keep what an owner calls a run of theirs, and has noted; nobody else sees it."""
        words = {"title": title.strip()[:MOST_TITLE], "note": note.strip()[:MOST_NOTE]}

        def write() -> None:
            with self._write() as connection:
                links = schema.run_owners
                own_link = (links.c.run_id == check_run_id(run_id)) & (links.c.owner == owner)
                connection.execute(sa.update(links).where(own_link).values(**words))

        self._retry(write)

    def _words_of(self, run_ids: list[str], owner: str | None) -> dict[str, dict[str, str]]:
        if owner is None or not run_ids:
            return {}
        links = schema.run_owners
        query = sa.select(links.c.run_id, links.c.title, links.c.note).where(
            links.c.owner == owner,
            links.c.run_id.in_(run_ids),
            (links.c.title != "") | (links.c.note != ""),
        )
        return {row.run_id: {"title": row.title, "note": row.note} for row in self._all(query)}

    def _owners_of(self, run_ids: list[str] | None, owner: str | None) -> dict[str, list[str]]:
        links = sa.select(schema.run_owners.c.run_id, schema.run_owners.c.owner).order_by(
            schema.run_owners.c.created, schema.run_owners.c.owner
        )
        if run_ids is not None:
            links = links.where(schema.run_owners.c.run_id.in_(run_ids))
        elif owner is not None:
            links = links.where(schema.run_owners.c.run_id.in_(_of(owner)))
        owners: dict[str, list[str]] = {}
        for link in self._all(links):
            owners.setdefault(link.run_id, []).append(link.owner)
        return owners


def _of(owner: str) -> sa.Select[Any]:
    links = schema.run_owners
    return sa.select(links.c.run_id).where(links.c.owner == owner, ~links.c.passed)


def _wanted(
    owner: str | None,
    states: Sequence[str] | None,
    kinds: Sequence[str] | None,
    search: str = "",
) -> list[sa.ColumnElement[bool]]:
    runs = schema.runs
    # A run that only computes another one again belongs to that one.
    is_check = sa.exists().where(schema.checks.c.check_id == runs.c.id)
    conditions: list[sa.ColumnElement[bool]] = [~is_check]
    if owner is not None:
        conditions.append(runs.c.id.in_(_of(owner)))
    if states is not None:
        conditions.append(runs.c.state.in_(list(states)))
    if kinds is not None:
        conditions.append(runs.c.kind.in_(list(kinds)))
    conditions += [_tells(word, owner) for word in search.split()]
    return conditions


def _tells(word: str, owner: str | None) -> sa.ColumnElement[bool]:
    """Whether a word stands in what a run is listed with."""
    runs, links, data = schema.runs, schema.run_owners, schema.datasets

    def contains(column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        return column.icontains(word, autoescape=True)

    named = sa.select(data.c.fingerprint).where(contains(data.c.name))
    noted = sa.select(links.c.run_id).where(
        links.c.owner == owner, contains(links.c.title) | contains(links.c.note)
    )
    return (
        contains(runs.c.headline)
        | runs.c.id.startswith(word, autoescape=True)
        | runs.c.dataset.in_(named.correlate(None))
        | runs.c.id.in_(noted.correlate(None))
    )
