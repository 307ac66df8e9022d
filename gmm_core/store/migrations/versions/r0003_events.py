"""What happens to runs is kept until a web process has logged it; attempts are counted.

A row of `events` is written in the transaction that it tells of, and whoever takes it out logs it:
so each is logged once, whichever process ends a run and whichever dies.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table. What happened before is not told."""
    op.add_column("runs", sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "events",
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
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
    )
