"""Trusts; lists of the jobs of all projects; backups by their time and by the
job that made them.

Each step is left out where it is done: in MySQL what was broken off isn't
undone.
"""

import typing

import sqlalchemy
from alembic import op
from sqlalchemy.dialects import mysql

from freezer_api.db.sqlalchemy.migrations import readers_0002

revision = '0002'
down_revision = '0001'

INNODB: dict[str, typing.Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}
BIG = sqlalchemy.BigInteger()
JSON = sqlalchemy.Text().with_variant(mysql.LONGTEXT(), 'mysql')
BLOB = sqlalchemy.LargeBinary().with_variant(mysql.LONGBLOB(), 'mysql')
PROJECT = (
    sqlalchemy.String(255)
    .with_variant(mysql.VARBINARY(1020), 'mysql')
    .with_variant(sqlalchemy.String(255, collation='C'), 'postgresql')
)
ID = (
    sqlalchemy.String(255)
    .with_variant(
        mysql.VARCHAR(255, charset='ascii', collation='ascii_bin'), 'mysql'
    )
    .with_variant(sqlalchemy.String(255, collation='C'), 'postgresql')
)
BACKUPS = 'freezer_backups'


def upgrade() -> None:
    """Make what is new, and index what there is anew."""
    inspector = sqlalchemy.inspect(op.get_bind())
    if not inspector.has_table('freezer_trusts'):
        trusts()
    there = {column['name'] for column in inspector.get_columns(BACKUPS)}
    for name, type_ in (('moment', BIG), ('job_id', ID)):
        if name not in there:
            op.add_column(BACKUPS, sqlalchemy.Column(name, type_))
    made = {index['name'] for index in inspector.get_indexes(BACKUPS)}
    for columns in (['project', 'moment'], ['project', 'job_id', 'moment']):
        name = f'ix_{BACKUPS}_{"_".join(columns)}'
        if name not in made:
            op.create_index(name, BACKUPS, columns)
    if op.get_context().dialect.name == 'postgresql':
        # How it tells rare terms from common ones. By default it knows the
        # hundred most common of all projects and kinds.
        op.execute(
            'ALTER TABLE freezer_pairs ALTER COLUMN term SET STATISTICS 1000'
        )
    for kind in ('jobs', 'sessions', 'backups'):
        readers_0002.reindex(op.get_bind(), kind)


def trusts() -> None:
    """The table of trusts, like those of the other kinds."""
    name = 'freezer_trusts'
    op.create_table(
        name,
        sqlalchemy.Column(
            'seq',
            BIG.with_variant(sqlalchemy.Integer(), 'sqlite'),
            primary_key=True,
            autoincrement=True,
        ),
        sqlalchemy.Column('project', PROJECT, nullable=False),
        sqlalchemy.Column('id', ID, nullable=False),
        sqlalchemy.Column('version', BIG, nullable=False),
        sqlalchemy.Column('created', BIG, nullable=False),
        sqlalchemy.Column('body', JSON, nullable=False),
        sqlalchemy.Column('indexed', BLOB, nullable=False),
        sqlalchemy.Column('claim', ID),
        sqlalchemy.UniqueConstraint(
            'project', 'id', name=f'uq_{name}_project_id'
        ),
        sqlalchemy.UniqueConstraint('claim', name=f'uq_{name}_claim'),
        sqlite_autoincrement=True,
        **INNODB,
    )
