"""How often an action and a trust were taken up by jobs; which releases may
use the schema.

Each step is left out where it is done: in MySQL what was broken off isn't
undone.
"""

import typing

import sqlalchemy
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0003'
down_revision = '0002'

ZERO = sqlalchemy.text('0')
WORD = (
    sqlalchemy.String(16)
    .with_variant(
        mysql.VARCHAR(16, charset='ascii', collation='ascii_bin'), 'mysql'
    )
    .with_variant(sqlalchemy.String(16, collation='C'), 'postgresql')
)
INNODB: dict[str, typing.Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}
COMPATIBILITY = sqlalchemy.table(
    'freezer_compatibility', *map(sqlalchemy.column, ('revision', 'lowest'))
)


def upgrade() -> None:
    """Add the columns and the table, and declare that only this revision's
    releases may use it.
    """
    inspector = sqlalchemy.inspect(op.get_bind())
    for table in ('freezer_actions', 'freezer_trusts'):
        if 'uses' not in {
            column['name'] for column in inspector.get_columns(table)
        }:
            op.add_column(
                table,
                sqlalchemy.Column(
                    'uses',
                    sqlalchemy.BigInteger(),
                    nullable=False,
                    server_default=ZERO,
                ),
            )
    if not inspector.has_table(COMPATIBILITY.name):
        op.create_table(
            COMPATIBILITY.name,
            sqlalchemy.Column('revision', WORD, primary_key=True),
            sqlalchemy.Column('lowest', WORD, nullable=False),
            **INNODB,
        )
    if (
        not op.get_bind()
        .execute(sqlalchemy.select(COMPATIBILITY.c.revision))
        .all()
    ):
        op.execute(
            sqlalchemy.insert(COMPATIBILITY).values(
                revision=revision, lowest=revision
            )
        )
