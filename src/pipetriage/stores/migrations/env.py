"""Alembic's entry point: runs the migrations on the connection that the store hands over, in its transaction."""

from alembic import context

from pipetriage.stores.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
