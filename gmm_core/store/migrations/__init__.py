"""The way from any earlier schema to the present one, gone by itself when a store is opened.

A schema change is a new file in `versions`, the same change in `schema.py`, and the new number in
`HEAD`; `alembic revision --rev-id 0009 -m "what changes"` begins it. Tests hold the three together.
"""

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

# What `schema.py` describes. Written here too, so that a store that is up to date is opened with
# one small query and without loading Alembic.
HEAD = "0009"

# Any number that nobody else locks on this database: "GMM" in ASCII.
_LOCK = 0x474D4D
# Alembic keeps what it works on in module variables: one database at a time in a process.
_one_at_a_time = threading.Lock()

# What a table of runs from before there were versions has; another program's would lack some.
_FIRST_RUNS = {"id", "kind", "dataset", "specification", "state", "versions", "attempt", "seen"}


class _Database(Protocol):
    def _read(self) -> AbstractContextManager[sa.Connection]: ...
    def _write(self) -> AbstractContextManager[sa.Connection]: ...


def bring_up_to_date(database: _Database) -> None:
    """Bring a database to the present schema; several processes may ask for it at once.

    One of them does it, in one transaction, while the others wait. A database without a version
    is new, or from before there were versions; what is in it stays.

    Raises
    ------
    ValueError
        When the schema is newer than this program, or not of this program at all.
    """
    with database._read() as connection:
        if version(connection) == HEAD:
            return
    with _one_at_a_time, database._write() as connection:
        # On SQLite the transaction holds the write lock from its beginning.
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        revision = version(connection)
        if revision != HEAD:
            _check(connection, revision)
            upgrade(connection)


def version(connection: sa.Connection) -> str | None:
    """Return the version of the schema in this database, None when none is written there."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row.version_num)


def upgrade(connection: sa.Connection, target: str = HEAD) -> None:
    """Apply what lies between the database's version and the target, in this transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def _check(connection: sa.Connection, revision: str | None) -> None:
    where = connection.engine.url.render_as_string(hide_password=True)
    if revision is not None:
        revisions = {path.name[1:5] for path in (Path(__file__).parent / "versions").glob("r*.py")}
        if revision not in revisions:
            raise ValueError(
                f"The database {where} has schema {revision!r}, but this program knows schemas up "
                f"to {HEAD!r}: a newer version of the program has used it. Start that version, or "
                "set GMM_DATABASE to another database."
            )
        return
    inspector = sa.inspect(connection)
    if inspector.has_table("runs"):
        missing = _FIRST_RUNS - {column["name"] for column in inspector.get_columns("runs")}
        if missing:
            raise ValueError(
                f'The database {where} has a table "runs" that this program did not make: it lacks '
                f"{', '.join(sorted(missing))}. Set GMM_DATABASE to a database of its own."
            )
