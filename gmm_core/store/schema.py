"""The tables, as the newest migration leaves them (a test compares the two)."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class Utc(sa.types.TypeDecorator[datetime]):
    """A moment in UTC. SQLite drops the zone, so it is put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Put the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData()

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("d", sa.Integer, nullable=False),
    sa.Column("values", sa.LargeBinary, nullable=False),
    sa.Column("created", Utc, nullable=False),
    # Of a sample: how many rows it is of, which are elsewhere.
    sa.Column("whole", sa.BigInteger),
)

# Who put a dataset here, and what they call it and its rows; one that only serves runs has no row.
dataset_owners = sa.Table(
    "dataset_owners",
    metadata,
    sa.Column(
        "fingerprint", sa.ForeignKey("datasets.fingerprint", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("owner", sa.String(255), primary_key=True),
    sa.Column("created", Utc, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("rows", sa.LargeBinary),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("dataset", sa.ForeignKey("datasets.fingerprint"), nullable=False, index=True),
    sa.Column("specification", sa.Text, nullable=False),
    sa.Column("engine", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("headline", sa.Text, nullable=False, default=""),
    sa.Column("created", Utc, nullable=False),
    sa.Column("started", Utc),
    sa.Column("finished", Utc),
    sa.Column("seconds", sa.Float),
    sa.Column("versions", sa.JSON),
    # One execution of the run: what an earlier one still writes is dropped.
    sa.Column("attempt", sa.String(32)),
    # How often it has been begun.
    sa.Column("attempts", sa.Integer, nullable=False, default=0, server_default="0"),
    # The web process that asked for the run, and when somebody last said that it is looked after.
    sa.Column("server", sa.String(255)),
    sa.Column("seen", Utc),
    # What the list shows of the specification, which may hold a long start.
    sa.Column("mixture", sa.JSON),
    sa.Column("options", sa.JSON),
    # When somebody last asked for it: from then on it is kept for a while.
    sa.Column("used", Utc),
)

run_owners = sa.Table(
    "run_owners",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("owner", sa.String(255), primary_key=True, index=True),
    sa.Column("created", Utc, nullable=False),
    # What this owner calls it, and has noted.
    sa.Column("title", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("note", sa.Text, nullable=False, default="", server_default=""),
    # Whether this owner only came by it on the way to another.
    sa.Column("passed", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # Whether they still wait for it, or have cancelled it, and a hash of where they ask from.
    sa.Column("asks", sa.Boolean, nullable=False, default=True, server_default=sa.true()),
    sa.Column("place", sa.String(64), nullable=False, default="", server_default=""),
)

results = sa.Table(
    "results",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("blob", sa.LargeBinary, nullable=False),
)

# Finished parts (chains) of runs that are under way.
parts = sa.Table(
    "parts",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("attempt", sa.String(32), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("blob", sa.LargeBinary, nullable=False),
)

# Attempts of runs that are not over, as the workers get them: what of them waits, whose turn began
# them, the end that somebody asked for, and how often a web process died that had given parts.
queue = sa.Table(
    "queue",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("attempt", sa.String(32), nullable=False),
    sa.Column("n_parts", sa.Integer, nullable=False),
    sa.Column("waiting", sa.JSON, nullable=False),
    sa.Column("length", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("program", sa.String(64), nullable=False),
    sa.Column("by", sa.String(255)),
    sa.Column("stop", sa.JSON(none_as_null=True)),
    sa.Column("lost", sa.Integer, nullable=False, default=0, server_default="0"),
)

# Parts that a web process has given to its workers, and whose turn each took.
given = sa.Table(
    "given",
    metadata,
    sa.Column("run_id", sa.ForeignKey("queue.run_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("server", sa.String(255), nullable=False),
    sa.Column("cluster", sa.String(255), nullable=False),
)

# When each owner had the last turn, as a number that grows.
turns = sa.Table(
    "turns",
    metadata,
    sa.Column("owner", sa.String(255), primary_key=True),
    sa.Column("turn", sa.Float, nullable=False),
)

# What a part has drawn that computes for another web process than the one that asked for it.
pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("run_id", sa.ForeignKey("queue.run_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.String(32), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("blob", sa.LargeBinary, nullable=False),
)

# Web processes that are there, and when each last said so.
servers = sa.Table(
    "servers",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("seen", Utc, nullable=False),
)

# Who wants a run kept for ever.
pins = sa.Table(
    "pins",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("owner", sa.String(255), primary_key=True),
    sa.Column("created", Utc, nullable=False),
)

# What happened to runs and no process has logged yet. The run is no foreign key: its end is told
# when it is deleted too.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("run_id", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("engine", sa.String(32), nullable=False),
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("waited", sa.Float),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("moment", Utc, nullable=False),
)

# The last check of a run. The run that computes it again is no foreign key: the verdict outlives
# it.
checks = sa.Table(
    "checks",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("check_id", sa.String(32), nullable=False, unique=True),
    sa.Column("verdict", sa.JSON),
    sa.Column("made", Utc, nullable=False),
)
