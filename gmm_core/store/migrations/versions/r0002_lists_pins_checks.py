"""Runs are listed without their specifications, expire unless pinned, and are checked.

`mixture` and `options` are what the list shows of a specification, which may hold a long start.
`used` is when a run was last asked for.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns, fill them from what is there, and add the tables."""
    op.add_column("runs", sa.Column("mixture", sa.JSON))
    op.add_column("runs", sa.Column("options", sa.JSON))
    op.add_column("runs", sa.Column("used", _MOMENT))
    _fill()
    op.create_table(
        "pins",
        sa.Column(
            "run_id",
            sa.String(32),
            sa.ForeignKey("runs.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("created", _MOMENT, nullable=False),
    )
    op.create_table(
        "checks",
        sa.Column(
            "run_id",
            sa.String(32),
            sa.ForeignKey("runs.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("check_id", sa.String(32), nullable=False, unique=True),
        sa.Column("verdict", sa.JSON),
        sa.Column("made", _MOMENT, nullable=False),
    )


def _fill() -> None:
    runs = sa.table(
        "runs",
        sa.column("id", sa.String),
        sa.column("specification", sa.Text),
        sa.column("mixture", sa.JSON),
        sa.column("options", sa.JSON),
        sa.column("used", _MOMENT),
        sa.column("created", _MOMENT),
        sa.column("finished", _MOMENT),
    )
    connection = op.get_bind()
    connection.execute(
        sa.update(runs).values(used=sa.func.coalesce(runs.c.finished, runs.c.created))
    )
    # One at a time: a specification may hold the memberships of a million points.
    for (run_id,) in connection.execute(sa.select(runs.c.id)).all():
        text = connection.scalar(sa.select(runs.c.specification).where(runs.c.id == run_id))
        fields = json.loads(text or "{}")
        connection.execute(
            sa.update(runs)
            .where(runs.c.id == run_id)
            .values(mixture=fields.get("mixture", {}), options=fields.get("options", {}))
        )
