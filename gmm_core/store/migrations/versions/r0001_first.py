"""The schema of before there were versions: a database that has it is taken over as it is."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def _create(name: str, *columns: sa.Column) -> None:
    op.create_table(name, *columns, if_not_exists=True)


def upgrade() -> None:
    """Make the tables that are not there."""
    _create(
        "datasets",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("columns", sa.JSON, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("d", sa.Integer, nullable=False),
        sa.Column("values", sa.LargeBinary, nullable=False),
        sa.Column("created", _MOMENT, nullable=False),
    )
    _create(
        "dataset_owners",
        sa.Column(
            "fingerprint",
            sa.String(64),
            sa.ForeignKey("datasets.fingerprint", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("created", _MOMENT, nullable=False),
    )
    _create(
        "runs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("dataset", sa.String(64), sa.ForeignKey("datasets.fingerprint"), nullable=False),
        sa.Column("specification", sa.Text, nullable=False),
        sa.Column("engine", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("headline", sa.Text, nullable=False),
        sa.Column("created", _MOMENT, nullable=False),
        sa.Column("started", _MOMENT),
        sa.Column("finished", _MOMENT),
        sa.Column("seconds", sa.Float),
        sa.Column("versions", sa.JSON),
        sa.Column("attempt", sa.String(32)),
        sa.Column("server", sa.String(255)),
        sa.Column("seen", _MOMENT),
    )
    op.create_index("ix_runs_dataset", "runs", ["dataset"], if_not_exists=True)
    op.create_index("ix_runs_state", "runs", ["state"], if_not_exists=True)
    _create(
        "run_owners",
        sa.Column(
            "run_id", sa.String(32), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("created", _MOMENT, nullable=False),
    )
    op.create_index("ix_run_owners_owner", "run_owners", ["owner"], if_not_exists=True)
    _create(
        "results",
        sa.Column(
            "run_id", sa.String(32), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("blob", sa.LargeBinary, nullable=False),
    )
    _create(
        "parts",
        sa.Column(
            "run_id", sa.String(32), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("attempt", sa.String(32), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
    )
