"""How many documents lists have, so that pages far within them are found.

Releases of the revision before may use the schema: nothing is counted before
it is contracted.
"""

import sqlalchemy
from alembic import op

revision = '0006'
down_revision = '0005'

COMPATIBILITY = sqlalchemy.table(
    'freezer_compatibility', sqlalchemy.column('revision')
)


def upgrade() -> None:
    """Add the table, unless an upgrade that was broken off has."""
    if not sqlalchemy.inspect(op.get_bind()).has_table('freezer_counts'):
        op.create_table(
            'freezer_counts',
            sqlalchemy.Column(
                'term', sqlalchemy.BigInteger, autoincrement=False
            ),
            sqlalchemy.Column(
                'bits', sqlalchemy.SmallInteger, autoincrement=False
            ),
            sqlalchemy.Column(
                'block', sqlalchemy.BigInteger, autoincrement=False
            ),
            sqlalchemy.Column('number', sqlalchemy.BigInteger, nullable=False),
            sqlalchemy.PrimaryKeyConstraint(
                'term', 'bits', 'block', name='pk_freezer_counts'
            ),
            mysql_engine='InnoDB',
            mysql_charset='utf8mb4',
            mysql_collate='utf8mb4_bin',
            sqlite_with_rowid=False,
        )
    op.execute(sqlalchemy.update(COMPATIBILITY).values(revision=revision))
