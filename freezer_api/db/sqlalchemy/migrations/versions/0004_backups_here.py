"""The backups that a job made, by the moment at which they were recorded here.

Releases of the revision before may use the schema: nothing else is new.
"""

import sqlalchemy
from alembic import op

revision = '0004'
down_revision = '0003'

INDEX = 'ix_freezer_backups_project_job_id_created'
COMPATIBILITY = sqlalchemy.table(
    'freezer_compatibility', *map(sqlalchemy.column, ('revision', 'lowest'))
)


def upgrade() -> None:
    """Add the index, unless an upgrade that was broken off has."""
    inspector = sqlalchemy.inspect(op.get_bind())
    if INDEX not in {
        index['name'] for index in inspector.get_indexes('freezer_backups')
    }:
        op.create_index(
            INDEX, 'freezer_backups', ['project', 'job_id', 'created']
        )
    op.execute(
        sqlalchemy.update(COMPATIBILITY).values(
            revision=revision, lowest=down_revision
        )
    )
