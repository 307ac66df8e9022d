"""One database, by its URL: how it is opened, read, written, and waited for when it is away."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa

from gmm_core.store import migrations, postgresql

logger = logging.getLogger(__name__)
T = TypeVar("T")

BUSY_TIMEOUT = 5.0  # seconds that SQLite waits for another writer before it says "locked"
SILENCE = 5.0  # seconds without a word, to anybody, after which PostgreSQL is taken to hang
# Seconds that PostgreSQL may work on a statement, or let it wait for a lock. Nobody looks at a page
# for longer; a worker hands over results of megabytes.
LONGEST = 60.0
WORKER_LONGEST = 600.0
# A page cannot wait for a database that is away, so it is told soon. A worker with a result in its
# hands can: longer than a restart of the database takes.
PATIENCE = 1.5
WORKER_PATIENCE = 60.0
_JOURNAL = 16 * 2**20  # bytes that SQLite's journal keeps when all of it is in the file
_PAGES = 5_000  # of 4 kB, freed at once
_OWNER, _OWNER_FOLDER = 0o600, 0o700
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds; it doubles in between


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
        folder.mkdir(exist_ok=True)
    # People's data, on a machine that others may use too.
    for path, mode in ((folder, _OWNER_FOLDER), *((p, _OWNER) for p in folder.glob("runs.db*"))):
        with suppress(OSError):
            path.chmod(mode)
    return f"sqlite:///{folder / 'runs.db'}"


class Database:
    """Connections to one database. Safe to share between threads.

    Parameters
    ----------
    url : an SQLAlchemy URL: a SQLite file, or PostgreSQL; by default `default_url()`.
    patience : seconds for which a statement that found the database locked or away is tried again,
        on top of SQLite's own wait for its lock.
    silence : seconds that PostgreSQL may say nothing, to others neither, before it is taken to be
        away.
    longest : seconds that it may take for a statement; those of a migration may take any time.

    Raises
    ------
    ValueError
        When the URL cannot be used, or a newer version of this program has used the database.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        patience: float = PATIENCE,
        silence: float = SILENCE,
        longest: float = LONGEST,
    ) -> None:
        self.patience = patience
        # Statements that found the database locked, away or full, since it was opened.
        self.errors = 0
        self._counting = threading.Lock()
        self.url = url or default_url()
        try:
            parsed = sa.make_url(self.url)
        except (sa.exc.ArgumentError, ValueError):
            # Without the URL, nor the error that quotes it: it may hold a password.
            raise ValueError(
                "GMM_DATABASE is no SQLAlchemy URL. Expected is one such as "
                "sqlite:////path/to/runs.db or postgresql+psycopg://user:password@host:5432/name."
            ) from None
        self._sqlite = parsed.get_backend_name() == "sqlite"
        if self._sqlite:
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError(
                    f"The database {self.url!r} lives in one process's memory, but workers write "
                    "results from processes of their own. Use a file: sqlite:////path/to/runs.db."
                )
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            _begin_file(Path(parsed.database))
            # Relative paths would name another file in a worker with another working directory.
            parsed = parsed.set(database=str(Path(parsed.database).resolve()))
            self.url = parsed.render_as_string(hide_password=False)
            self._engine = sa.create_engine(
                parsed, connect_args={"timeout": BUSY_TIMEOUT}, hide_parameters=True
            )
            sa.event.listen(self._engine, "connect", _configure_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        else:
            self._engine = postgresql.engine(parsed, silence)
        try:
            self._retry(lambda: migrations.bring_up_to_date(self))
            if self._sqlite:
                self._make_shrinkable()
            else:
                postgresql.limit(self._engine, longest)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection. The store opens new ones when it is used again."""
        self._engine.dispose()

    def give_back(self) -> None:
        """Give the disk back what deleted rows took; PostgreSQL does so by itself (autovacuum)."""
        if not self._sqlite:
            return

        def shrink() -> None:
            with self._engine.connect() as connection:
                raw = connection.connection.cursor()
                # In small steps, so that others write in between; each frees pages one by one,
                # for which the driver needs a script.
                while raw.execute("PRAGMA freelist_count").fetchone()[0]:
                    raw.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
                raw.executescript("PRAGMA wal_checkpoint(TRUNCATE)")
                raw.close()

        with suppress(sa.exc.OperationalError):  # in use: the next time
            self._retry(shrink)

    def _make_shrinkable(self) -> None:
        """Write a file from before `give_back` anew, so that it can become smaller."""
        with suppress(sa.exc.OperationalError), self._engine.connect() as connection:
            raw = connection.connection.cursor()
            if raw.execute("PRAGMA auto_vacuum").fetchone()[0] == 0:
                raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
                raw.execute("VACUUM")
            raw.close()

    def ping(self) -> None:
        """Look whether the database answers now, without trying again.

        Raises
        ------
        OSError
            When its file is not there, or may not be used.
        SQLAlchemyError
            When it does not answer, or its tables are gone.
        """
        if self._sqlite:
            # A connection that is open goes on with a file that was moved or replaced.
            path = str(self._engine.url.database)
            os.stat(path)
            for needed in (path, os.path.dirname(path)):
                if not os.access(needed, os.R_OK | os.W_OK):
                    raise PermissionError(f"{needed} cannot be written")
        with self._read() as connection:
            connection.execute(sa.text("SELECT id FROM runs LIMIT 1")).first()

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
        from sqlalchemy.dialects import postgresql as dialect

        return dialect.insert(table).on_conflict_do_nothing()

    def _first(self, query: sa.Select[Any]) -> Any:
        def read() -> Any:
            with self._read() as connection:
                return connection.execute(query).first()

        return self._retry(read)

    def _all(self, query: sa.Select[Any]) -> Any:
        def read() -> Any:
            with self._read() as connection:
                return connection.execute(query).all()

        return self._retry(read)

    def _retry(self, action: Callable[[], T]) -> T:
        """Do it; when the database is locked or away, again with growing pauses."""
        pause, waited = _FIRST_PAUSE, 0.0
        while True:
            begun = time.monotonic()
            try:
                return action()
            except sa.exc.DBAPIError as error:
                if not is_away(error) and not isinstance(error, sa.exc.IntegrityError):
                    raise
                # A broken constraint is a race with a process that deleted or added the same row in
                # between: what was true when this transaction began is looked up anew.
                if not isinstance(error, sa.exc.IntegrityError):
                    with self._counting:
                        self.errors += 1
                waited += pause
                if not self._sqlite:  # whose wait for its lock comes on top
                    waited += time.monotonic() - begun
                if waited > self.patience + 1e-9:  # 0.1 + 0.2 + 0.4 + 0.8 is not quite 1.5
                    raise
                logger.warning("The database did not answer (%s); trying again.", reason(error))
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)


def _begin_file(path: Path) -> None:
    """Make the file of a new database, for its owner alone; SQLite gives its journal the same."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER))
    except FileExistsError:
        if path.is_file() and path.stat().st_size == 0:
            logger.warning("The database %s is an empty file; a new one begins in it.", path)
    except OSError:
        return  # opening it says why


def is_away(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether a database did not do something since it is away, or ended the connection."""
    # The last: all connections wait for a database that says nothing.
    away = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
    return isinstance(error, away) or getattr(error, "connection_invalidated", False)


def reason(error: Exception) -> str:
    """Say in a line why a database did not do something.

    Its first line only: PostgreSQL quotes values in the next ones, and what is said may be logged.
    """
    words = str(getattr(error, "orig", None) or error).strip().splitlines()
    return words[0] if words else type(error).__name__


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions late, at the first write; `_begin_sqlite` begins them.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before anything is in a new file
    cursor.execute(f"PRAGMA journal_size_limit = {_JOURNAL}")
    cursor.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer
    cursor.execute("PRAGMA synchronous = NORMAL")  # safe with WAL, and spares an fsync per write
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # what is deleted is gone from the file too
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails at once when somebody wrote in between,
    # whatever the busy timeout; taking the write lock at the start waits instead.
    write = connection.get_execution_options().get("gmm_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
