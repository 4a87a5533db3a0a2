"""Alembic's entry: runs the revisions on the connection that daemon.storage.database hands in."""

from alembic import context

from daemon.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
)
with context.begin_transaction():
    context.run_migrations()
