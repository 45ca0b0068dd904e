"""Runs migrations on the connection that
:mod:`freezer_api.db.sqlalchemy.migration` holds; it began the transaction, and
ends it.
"""

from alembic import context

from freezer_api.db.sqlalchemy import migration, models

context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=models.metadata,
    version_table=migration.VERSION_TABLE,
    on_version_apply=migration.applied,
)
context.run_migrations()
