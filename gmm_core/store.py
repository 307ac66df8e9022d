"""What is kept: datasets, runs and their results in a SQL database.

A run is a pure function of its specification, and its id is the specification's hash. So equal runs
of two people are one row, linked to both, and saving anything twice is the same as saving it once.
Web processes and workers open the same database by its URL; whoever dies leaves a state that the
others can read.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import sqlalchemy as sa

from gmm_core import serialize
from gmm_core.dataset import Dataset

if TYPE_CHECKING:
    from gmm_core.specification import Specification

logger = logging.getLogger(__name__)
T = TypeVar("T")

LIVE = ("queued", "running")
ENDED = ("done", "failed", "cancelled")

# How often a statement that found the database locked or away is tried, and the first pause in
# seconds, which doubles: 0.1 + 0.2 + 0.4 + 0.8 s on top of SQLite's own wait for its lock.
_TRIES = 5
_PAUSE = 0.1
_BUSY_TIMEOUT = 5.0  # seconds that SQLite waits for another writer before it says "locked"


class _Utc(sa.types.TypeDecorator[datetime]):
    """A moment in UTC. SQLite drops the zone, so it is put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_metadata = sa.MetaData()

_datasets = sa.Table(
    "datasets",
    _metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("d", sa.Integer, nullable=False),
    sa.Column("values", sa.LargeBinary, nullable=False),
    sa.Column("created", _Utc, nullable=False),
)

# Who put a dataset here; one that only serves runs has no row.
_dataset_owners = sa.Table(
    "dataset_owners",
    _metadata,
    sa.Column(
        "fingerprint", sa.ForeignKey("datasets.fingerprint", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("owner", sa.String(255), primary_key=True),
    sa.Column("created", _Utc, nullable=False),
)

_runs = sa.Table(
    "runs",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("dataset", sa.ForeignKey("datasets.fingerprint"), nullable=False, index=True),
    sa.Column("specification", sa.Text, nullable=False),
    sa.Column("engine", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("headline", sa.Text, nullable=False, default=""),
    sa.Column("created", _Utc, nullable=False),
    sa.Column("started", _Utc),
    sa.Column("finished", _Utc),
    sa.Column("seconds", sa.Float),
    sa.Column("versions", sa.JSON),
    # One execution of the run: what an earlier one still writes is dropped.
    sa.Column("attempt", sa.String(32)),
    # The web process that asked for the run, and when somebody last said that it is looked after.
    sa.Column("server", sa.String(255)),
    sa.Column("seen", _Utc),
)

_run_owners = sa.Table(
    "run_owners",
    _metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("owner", sa.String(255), primary_key=True, index=True),
    sa.Column("created", _Utc, nullable=False),
)

_results = sa.Table(
    "results",
    _metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("blob", sa.LargeBinary, nullable=False),
)

# Finished parts (chains) of runs that are under way.
_parts = sa.Table(
    "parts",
    _metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("attempt", sa.String(32), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("blob", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True)
class DatasetRow:
    """One line of the list of datasets; N points, D columns."""

    fingerprint: str
    name: str
    columns: tuple[str, ...]
    n: int
    d: int
    created: datetime


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


@dataclass(frozen=True)
class RunState:
    """Where a run stands: what is asked several times a second, without its specification."""

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


def default_url() -> str:
    """Where runs are kept: GMM_DATABASE, or a SQLite file in the user's data directory."""
    if url := os.environ.get("GMM_DATABASE"):
        return url
    home = os.environ.get("XDG_DATA_HOME") or os.path.join(
        os.path.expanduser("~"), ".local", "share"
    )
    folder = Path(home) / "mixture-explorer"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise OSError("not writable")
    except OSError:  # a service account without a home
        folder = Path.cwd() / ".mixture-explorer"
    return f"sqlite:///{folder / 'runs.db'}"


def check_run_id(run_id: str) -> str:
    """Return the id, lower case, or raise ValueError when it cannot be the id of a run."""
    if not isinstance(run_id, str) or not re.fullmatch(r"[0-9a-fA-F]{32}", run_id.strip()):
        raise _no_run(run_id, "An id has 32 characters from 0-9 and a-f; check the link.")
    return run_id.strip().lower()


def _no_run(run_id: Any, advice: str) -> ValueError:
    shown = str(run_id)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return ValueError(f'No run has the id "{shown}". {advice}')


def now() -> datetime:
    """Return the present moment in UTC, as all times here are."""
    return datetime.now(UTC)


class Store:
    """Datasets, runs and results in one database. Safe to share between threads.

    Parameters
    ----------
    url : an SQLAlchemy URL: a SQLite file, or PostgreSQL; by default `default_url()`.

    Raises
    ------
    ValueError
        When the URL cannot be used.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        try:
            parsed = sa.make_url(self.url)
        except sa.exc.ArgumentError as error:
            raise ValueError(
                f"GMM_DATABASE is {self.url!r}, but an SQLAlchemy URL was expected, such as "
                "sqlite:////path/to/runs.db or postgresql+psycopg://user:password@host/name."
            ) from error
        self._sqlite = parsed.get_backend_name() == "sqlite"
        if self._sqlite:
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError(
                    f"The database {self.url!r} lives in one process's memory, but workers write "
                    "results from processes of their own. Use a file: sqlite:////path/to/runs.db."
                )
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            # Relative paths would name another file in a worker with another working directory.
            parsed = parsed.set(database=str(Path(parsed.database).resolve()))
            self.url = parsed.render_as_string(hide_password=False)
            self._engine = sa.create_engine(parsed, connect_args={"timeout": _BUSY_TIMEOUT})
            sa.event.listen(self._engine, "connect", _configure_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        else:
            self._engine = sa.create_engine(parsed, pool_pre_ping=True)
        self._create_tables()

    def _create_tables(self) -> None:
        def create() -> None:
            try:
                with self._write() as connection:
                    _metadata.create_all(connection)
            except (sa.exc.ProgrammingError, sa.exc.IntegrityError):
                # PostgreSQL: another process made the same tables between the check and the
                # creation.
                with self._write() as connection:
                    _metadata.create_all(connection)

        _retry(create)

    def close(self) -> None:
        """Close every connection. The store opens new ones when it is used again."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Use the store in a `with` statement, which closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self.close()

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            connection = connection.execution_options(gmm_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def _insert(self, table: sa.Table) -> Any:
        """INSERT that leaves a row which is there already as it is."""
        if self._sqlite:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()

    # ---- datasets ----

    def save_dataset(self, dataset: Dataset, owner: str | None = None) -> str:
        """Keep a dataset, once; with an owner it also stands in the owner's list.

        Returns
        -------
        Its fingerprint.
        """

        def save() -> None:
            with self._write() as connection:
                self._put_dataset(connection, dataset)
                if owner is not None:
                    connection.execute(
                        self._insert(_dataset_owners),
                        {"fingerprint": dataset.fingerprint, "owner": owner, "created": now()},
                    )

        _retry(save)
        return dataset.fingerprint

    def _put_dataset(self, connection: sa.Connection, dataset: Dataset) -> None:
        known = sa.select(_datasets.c.fingerprint).where(
            _datasets.c.fingerprint == dataset.fingerprint
        )
        if connection.execute(known).first() is not None:
            return  # spares packing 10^6 rows again
        N, D = dataset.values.shape
        connection.execute(
            self._insert(_datasets),
            {
                "fingerprint": dataset.fingerprint,
                "name": dataset.name,
                "columns": list(dataset.columns),
                "n": N,
                "d": D,
                "values": serialize.pack(dataset.values),
                "created": now(),
            },
        )

    def load_dataset(self, fingerprint: str) -> Dataset:
        """Read a dataset back.

        Raises
        ------
        ValueError
            When there is none with this fingerprint, or its numbers no longer match it.
        """
        query = sa.select(_datasets).where(_datasets.c.fingerprint == str(fingerprint))
        row = self._first(query)
        if row is None:
            raise ValueError(
                f'No dataset has the fingerprint "{str(fingerprint)[:64]}". It may have been '
                "deleted; load the data again."
            )
        return _dataset(row)

    def datasets(self, owner: str | None = None) -> list[DatasetRow]:
        """List datasets, newest first; with an owner, those they saved or ran something on."""
        columns = [c for c in _datasets.c if c.name != "values"]
        query = sa.select(*columns).order_by(_datasets.c.created.desc(), _datasets.c.fingerprint)
        if owner is not None:
            saved = sa.select(_dataset_owners.c.fingerprint).where(_dataset_owners.c.owner == owner)
            used = (
                sa.select(_runs.c.dataset)
                .join(_run_owners, _run_owners.c.run_id == _runs.c.id)
                .where(_run_owners.c.owner == owner)
            )
            query = query.where(
                _datasets.c.fingerprint.in_(saved) | _datasets.c.fingerprint.in_(used)
            )
        return [
            DatasetRow(row.fingerprint, row.name, tuple(row.columns), row.n, row.d, row.created)
            for row in self._all(query)
        ]

    def forget_dataset(self, fingerprint: str, owner: str) -> None:
        """Take a dataset off the owner's list; it goes when nobody else and no run needs it."""

        def forget() -> None:
            with self._write() as connection:
                connection.execute(
                    sa.delete(_dataset_owners).where(
                        _dataset_owners.c.fingerprint == fingerprint,
                        _dataset_owners.c.owner == owner,
                    )
                )
                _drop_unused_dataset(connection, fingerprint)

        _retry(forget)

    # ---- runs ----

    def create_run(self, specification: "Specification", owner: str = "") -> RunState:
        """Keep a run and its dataset, queued, linked to the owner. Repeating it changes nothing.

        Returns
        -------
        The state of the run as it is in the store now: that of the equal run, if there was one.
        """
        run_id = specification.id

        def create() -> RunState:
            moment = now()
            with self._write() as connection:
                self._put_dataset(connection, specification.dataset)
                connection.execute(
                    self._insert(_runs),
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
                    },
                )
                connection.execute(
                    self._insert(_run_owners),
                    {"run_id": run_id, "owner": owner, "created": moment},
                )
                return RunState(*connection.execute(_state_query(run_id)).one())

        return _retry(create)

    def claim(self, run_id: str, attempt: str, server: str, retry_ended: bool = True) -> bool:
        """Take a run in hand for a new attempt, unless somebody has it or it is done.

        Returns
        -------
        Whether this call got it. Of several processes that ask at once, one does.
        """
        free = (_runs.c.state == "queued") & _runs.c.attempt.is_(None)
        if retry_ended:
            free = free | _runs.c.state.in_(("failed", "cancelled"))

        def take() -> bool:
            moment = now()
            with self._write() as connection:
                taken = connection.execute(
                    sa.update(_runs)
                    .where(_runs.c.id == run_id, free)
                    .values(
                        state="queued",
                        message="",
                        headline="",
                        attempt=attempt,
                        server=server,
                        seen=moment,
                        created=moment,
                        started=None,
                        finished=None,
                        seconds=None,
                    )
                ).rowcount
                if taken:
                    for table in (_results, _parts):
                        connection.execute(sa.delete(table).where(table.c.run_id == run_id))
                return bool(taken)

        return _retry(take)

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

        return _retry(write)

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
                connection.execute(sa.delete(_parts).where(_parts.c.run_id == run_id))
                if blob is not None:
                    connection.execute(self._insert(_results), {"run_id": run_id, "blob": blob})
                return True

        return _retry(save)

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
        condition = (_runs.c.id == run_id) & _runs.c.state.in_(LIVE)
        if attempt is not None:
            condition = condition & (_runs.c.attempt == attempt)
        row = connection.execute(
            sa.select(_runs.c.started).where(condition).with_for_update()
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
                values["seconds"] = (moment - started).total_seconds()
        if versions is not None:
            values["versions"] = dict(versions)
        connection.execute(sa.update(_runs).where(_runs.c.id == run_id).values(**values))
        return True

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
                    sa.select(_runs.c.id)
                    .where(
                        _runs.c.id == run_id,
                        _runs.c.attempt == attempt,
                        _runs.c.state.in_(LIVE),
                    )
                    .with_for_update()
                ).first()
                if live is None:
                    return None
                connection.execute(
                    self._insert(_parts),
                    {"run_id": run_id, "attempt": attempt, "part": part, "blob": blob},
                )
                rows = connection.execute(
                    sa.select(_parts.c.blob)
                    .where(_parts.c.run_id == run_id, _parts.c.attempt == attempt)
                    .order_by(_parts.c.part)
                ).all()
                return None if len(rows) < n_parts else [row.blob for row in rows]

        blobs = _retry(save)
        return None if blobs is None else [serialize.unpack(blob) for blob in blobs]

    def is_live(self, run_id: str, attempt: str) -> bool:
        """Whether this attempt of the run is still wanted: not ended, deleted or replaced."""
        query = sa.select(_runs.c.id).where(
            _runs.c.id == run_id, _runs.c.attempt == attempt, _runs.c.state.in_(LIVE)
        )
        return self._first(query) is not None

    def part(self, run_id: str, attempt: str, part: int) -> Any:
        """Return what this part gave before it was started once more; None when nothing."""
        query = sa.select(_parts.c.blob).where(
            _parts.c.run_id == run_id, _parts.c.attempt == attempt, _parts.c.part == part
        )
        row = self._first(query)
        return None if row is None else serialize.unpack(row.blob)

    def state(self, run_id: str) -> RunState:
        """Where a run stands.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        run_id = check_run_id(run_id)
        row = self._first(_state_query(run_id))
        if row is None:
            raise _no_run(run_id, "It may have been deleted; open one from the list of runs.")
        return RunState(*row)

    def result(self, run_id: str) -> Any:
        """Return the result of a run, also a partial one; None while there is none.

        Raises
        ------
        ValueError
            When no run has this id, or the stored bytes are damaged.
        """
        run_id = check_run_id(run_id)
        row = self._first(sa.select(_results.c.blob).where(_results.c.run_id == run_id))
        if row is None:
            self.state(run_id)
            return None
        return serialize.unpack(row.blob)

    def specification(self, run_id: str) -> "Specification":
        """Return the specification that a run was made from, with its dataset.

        Raises
        ------
        ValueError
            When no run has this id.
        """
        from gmm_core.specification import Specification

        run_id = check_run_id(run_id)
        row = self._first(
            sa.select(_runs.c.specification, _datasets)
            .join(_datasets, _datasets.c.fingerprint == _runs.c.dataset)
            .where(_runs.c.id == run_id)
        )
        if row is None:
            raise _no_run(run_id, "It may have been deleted; open one from the list of runs.")
        return Specification.from_json(row.specification, _dataset(row))

    def runs(self, owner: str | None = None, states: Sequence[str] | None = None) -> list[RunRow]:
        """List runs, newest first; with an owner, those they submitted."""
        import json

        columns = [c for c in _runs.c if c.name not in ("dataset", "attempt", "server", "seen")]
        query = (
            sa.select(
                *columns, _datasets.c.fingerprint, _datasets.c.name, _datasets.c.n, _datasets.c.d
            )
            .join(_datasets, _datasets.c.fingerprint == _runs.c.dataset)
            .order_by(_runs.c.created.desc(), _runs.c.id)
        )
        links = sa.select(_run_owners.c.run_id, _run_owners.c.owner).order_by(
            _run_owners.c.created, _run_owners.c.owner
        )
        if owner is not None:
            mine = sa.select(_run_owners.c.run_id).where(_run_owners.c.owner == owner)
            query = query.where(_runs.c.id.in_(mine))
            links = links.where(_run_owners.c.run_id.in_(mine))
        if states is not None:
            query = query.where(_runs.c.state.in_(list(states)))
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

    def live(self) -> list[RunState]:
        """List runs that are queued or running, oldest first."""
        query = _state_query().where(_runs.c.state.in_(LIVE)).order_by(_runs.c.created, _runs.c.id)
        return [RunState(*row) for row in self._all(query)]

    def touch(self, run_ids: Sequence[str]) -> None:
        """Say that a process which watches or computes these runs is alive."""
        if not run_ids:
            return

        def write() -> None:
            with self._write() as connection:
                connection.execute(
                    sa.update(_runs).where(_runs.c.id.in_(list(run_ids))).values(seen=now())
                )

        _retry(write)

    def owners(self, run_id: str) -> tuple[str, ...]:
        """Who submitted a run, first one first."""
        query = (
            sa.select(_run_owners.c.owner)
            .where(_run_owners.c.run_id == check_run_id(run_id))
            .order_by(_run_owners.c.created, _run_owners.c.owner)
        )
        return tuple(row.owner for row in self._all(query))

    def delete(self, run_id: str, owner: str | None = None) -> bool:
        """Take a run off the owner's list; with nobody left, or without an owner, it is removed.

        Its dataset goes with it when no other run uses it and nobody saved it.

        Returns
        -------
        Whether the run itself was removed. Deleting what is not there is no error.
        """
        run_id = check_run_id(run_id)

        def remove() -> bool:
            with self._write() as connection:
                row = connection.execute(
                    sa.select(_runs.c.dataset).where(_runs.c.id == run_id).with_for_update()
                ).first()
                if row is None:
                    return False
                link = sa.delete(_run_owners).where(_run_owners.c.run_id == run_id)
                if owner is not None:
                    gone = connection.execute(link.where(_run_owners.c.owner == owner)).rowcount
                    left = connection.execute(
                        sa.select(_run_owners.c.owner).where(_run_owners.c.run_id == run_id)
                    ).first()
                    if left is not None or not gone:
                        return False
                else:
                    connection.execute(link)
                for table in (_results, _parts):
                    connection.execute(sa.delete(table).where(table.c.run_id == run_id))
                connection.execute(sa.delete(_runs).where(_runs.c.id == run_id))
                _drop_unused_dataset(connection, row.dataset)
                return True

        return _retry(remove)

    def _first(self, query: sa.Select[Any]) -> Any:
        def read() -> Any:
            with self._read() as connection:
                return connection.execute(query).first()

        return _retry(read)

    def _all(self, query: sa.Select[Any]) -> Any:
        def read() -> Any:
            with self._read() as connection:
                return connection.execute(query).all()

        return _retry(read)


_opened: dict[str, Store] = {}
_opened_lock = threading.Lock()


def opened(url: str) -> Store:
    """Return this process's store for a URL: workers run many tasks on one set of connections."""
    with _opened_lock:
        if url not in _opened:
            _opened[url] = Store(url)
        return _opened[url]


def _state_query(run_id: str | None = None) -> sa.Select[Any]:
    columns = (
        "id", "kind", "state", "message", "attempt", "server",
        "created", "started", "finished", "seen", "seconds",
    )  # fmt: skip
    query = sa.select(*(_runs.c[name] for name in columns))
    return query if run_id is None else query.where(_runs.c.id == run_id)


def _dataset(row: Any) -> Dataset:
    values = serialize.unpack(row.values)
    dataset = Dataset.from_values(np.asarray(values), columns=row.columns, name=row.name)
    if dataset.fingerprint != row.fingerprint:
        raise ValueError(
            f"The stored dataset {row.name!r} no longer matches its fingerprint: the database was "
            "changed or damaged. Load the data again."
        )
    return dataset


def _drop_unused_dataset(connection: sa.Connection, fingerprint: str) -> None:
    connection.execute(
        sa.delete(_datasets).where(
            _datasets.c.fingerprint == fingerprint,
            ~sa.exists().where(_runs.c.dataset == fingerprint),
            ~sa.exists().where(_dataset_owners.c.fingerprint == fingerprint),
        )
    )


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions late, at the first write; `_begin_sqlite` begins them.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer
    cursor.execute("PRAGMA synchronous = NORMAL")  # safe with WAL, and spares an fsync per write
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails at once when somebody wrote in between,
    # whatever the busy timeout; taking the write lock at the start waits instead.
    write = connection.get_execution_options().get("gmm_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _retry(action: Callable[[], T]) -> T:
    """Do it; when the database is locked or away, a few times more with growing pauses."""
    for attempt in range(1, _TRIES + 1):
        try:
            return action()
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            if attempt == _TRIES:
                raise
            logger.warning("The database did not answer (%s); trying again.", error.orig)
            time.sleep(_PAUSE * 2 ** (attempt - 1))
    raise AssertionError("unreachable")
