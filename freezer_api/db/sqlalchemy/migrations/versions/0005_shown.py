"""What is shown of a session, beside what is stored of it.

Releases of the revision before may use the schema: they leave the column as it
is, and what it then says of an earlier version is ignored. Sessions that are
there get it when they change, or by ``freezer-manage db reindex --all``.
"""

import sqlalchemy
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0005'
down_revision = '0004'

JSON = sqlalchemy.Text().with_variant(mysql.LONGTEXT(), 'mysql')
COMPATIBILITY = sqlalchemy.table(
    'freezer_compatibility', sqlalchemy.column('revision')
)


def upgrade() -> None:
    """Add the column, unless an upgrade that was broken off has."""
    inspector = sqlalchemy.inspect(op.get_bind())
    names = {
        column['name'] for column in inspector.get_columns('freezer_sessions')
    }
    if 'shown' not in names:
        op.add_column('freezer_sessions', sqlalchemy.Column('shown', JSON))
    op.execute(sqlalchemy.update(COMPATIBILITY).values(revision=revision))
