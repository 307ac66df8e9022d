"""Of a dataset that is a sample of more rows: of how many."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every dataset so far is all of its rows."""
    op.add_column("datasets", sa.Column("whole", sa.BigInteger))
