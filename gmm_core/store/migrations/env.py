"""What Alembic runs to get at the database: the connection it was given, or GMM_DATABASE."""

import sqlalchemy as sa
from alembic import context

from gmm_core.store import default_url, schema


def migrate(connection: sa.Connection) -> None:
    """Run the migrations in the transaction of this connection."""
    context.configure(connection=connection, target_metadata=schema.metadata)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:  # the command line, which writes a new migration
    with sa.create_engine(default_url()).begin() as own:
        migrate(own)
