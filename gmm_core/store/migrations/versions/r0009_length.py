"""The queue tells runs that take minutes from those that take seconds."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Turn whether a run is long into how long it is."""
    length = sa.Column("length", sa.Integer, nullable=False, server_default="0")
    op.add_column("queue", length)
    op.execute("UPDATE queue SET length = 1 WHERE long")
    op.drop_column("queue", "long")
