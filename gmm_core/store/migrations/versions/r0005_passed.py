"""A run that a person only passed on the way to another stays out of their list.

Its link opens it as before, and who asks for it again has it in the list.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is in a list stays there."""
    op.add_column(
        "run_owners",
        sa.Column("passed", sa.Boolean, nullable=False, server_default=sa.false()),
    )
