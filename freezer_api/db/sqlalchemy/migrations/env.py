"""Runs migrations on the connection that
:mod:`freezer_api.db.sqlalchemy.migrate` holds; it began the transaction, and
ends it.
"""

from alembic import context

from freezer_api.db.sqlalchemy import migrate, models

context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=models.metadata,
    version_table=migrate.VERSION_TABLE,
    on_version_apply=migrate.applied,
)
context.run_migrations()
