"""Runs wait in the database, in one queue for all web processes.

Runs that were under way have no entry: their web process had them in its own hands, and is gone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the queue, what is given of it, the turns, the pictures and the web processes."""
    op.create_table(
        "queue",
        sa.Column(
            "run_id",
            sa.String(32),
            sa.ForeignKey("runs.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("attempt", sa.String(32), nullable=False),
        sa.Column("n_parts", sa.Integer, nullable=False),
        sa.Column("waiting", sa.JSON, nullable=False),
        sa.Column("long", sa.Boolean, nullable=False),
        sa.Column("program", sa.String(64), nullable=False),
        sa.Column("by", sa.String(255)),
        sa.Column("stop", sa.JSON),
        sa.Column("lost", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table(
        "given",
        _of_queue(),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("server", sa.String(255), nullable=False),
        sa.Column("cluster", sa.String(255), nullable=False),
    )
    op.create_table(
        "turns",
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("turn", sa.Float, nullable=False),
    )
    op.create_table(
        "pictures",
        _of_queue(),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "servers",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
    )


def _of_queue() -> "sa.Column[str]":
    return sa.Column(
        "run_id",
        sa.String(32),
        sa.ForeignKey("queue.run_id", ondelete="CASCADE"),
        primary_key=True,
    )
