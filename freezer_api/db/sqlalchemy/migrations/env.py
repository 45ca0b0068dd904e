"""Runs migrations of a line on the connection that
:mod:`freezer_api.db.sqlalchemy.migration` holds; it began the transaction, and
ends it.
"""

import functools

from alembic import context

from freezer_api.db.sqlalchemy import migration, models

_line = context.config.attributes['line']
context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=models.metadata,
    version_table=_line.table,
    on_version_apply=functools.partial(migration.applied, _line),
)
context.run_migrations()
