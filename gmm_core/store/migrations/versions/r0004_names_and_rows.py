"""A person's data keeps its name and its rows, and a person's run a name and a note.

They are the owner's own, beside the numbers, which all who work on equal data share.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was saved before has the name of whoever came first, and no rows."""
    op.add_column("dataset_owners", sa.Column("name", sa.Text))
    op.add_column("dataset_owners", sa.Column("rows", sa.LargeBinary))
    op.add_column("run_owners", sa.Column("title", sa.Text, nullable=False, server_default=""))
    op.add_column("run_owners", sa.Column("note", sa.Text, nullable=False, server_default=""))
