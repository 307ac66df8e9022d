"""Who still asks for a run, and from where: a run that nobody asks for any more is stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; whoever has a run on their list counts as asking for it."""
    op.add_column(
        "run_owners", sa.Column("asks", sa.Boolean, nullable=False, server_default=sa.true())
    )
    op.add_column(
        "run_owners", sa.Column("place", sa.String(64), nullable=False, server_default="")
    )
