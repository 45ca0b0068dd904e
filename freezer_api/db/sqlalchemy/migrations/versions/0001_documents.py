"""Documents of five kinds, members and runs of sessions, the search index.

Each step is left out where it is done: in MySQL what was broken off isn't
undone.
"""

import typing

import sqlalchemy
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0001'
down_revision = None

KINDS = ('sessions', 'jobs', 'actions', 'clients', 'backups')
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


def ascii(length: int) -> sqlalchemy.types.TypeEngine:
    """A text of ASCII characters that is compared byte by byte."""
    on_mysql = mysql.VARCHAR(length, charset='ascii', collation='ascii_bin')
    on_postgresql = sqlalchemy.String(length, collation='C')
    return (
        sqlalchemy.String(length)
        .with_variant(on_mysql, 'mysql')
        .with_variant(on_postgresql, 'postgresql')
    )


def key(
    name: str, type_: sqlalchemy.types.TypeEngine = BIG, **options: typing.Any
) -> sqlalchemy.Column:
    """A column of a primary key, by default one that other tables number."""
    return sqlalchemy.Column(
        name,
        type_,
        primary_key=True,
        autoincrement=options.pop('autoincrement', False),
        nullable=False,
    )


def upgrade() -> None:
    """Create everything."""
    for kind in KINDS:
        documents(kind)
    members()
    body = sqlalchemy.Column('body', JSON, nullable=False)
    table('freezer_runs', key('session'), key('tag'), body)
    table('freezer_pairs', key('term'), key('seq'), sqlite_with_rowid=False)
    table(
        'freezer_texts',
        key('kind', ascii(16)),
        key('scope', PROJECT),
        key('seq'),
        sqlalchemy.Column('text', BLOB, nullable=False),
    )


def table(
    name: str, *columns: sqlalchemy.schema.SchemaItem, **options: typing.Any
) -> None:
    """A table, unless it is there."""
    if not sqlalchemy.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *columns, **options, **INNODB)


def documents(kind: str) -> None:
    """The table of one kind, with what sessions have in addition."""
    name = f'freezer_{kind}'
    extra = [
        sqlalchemy.Column('settle_at', BIG),
        sqlalchemy.Column('records', sqlalchemy.Integer, nullable=False),
    ]
    table(
        name,
        key(
            'seq',
            BIG.with_variant(sqlalchemy.Integer(), 'sqlite'),
            autoincrement=True,
        ),
        sqlalchemy.Column('project', PROJECT, nullable=False),
        sqlalchemy.Column('id', ascii(255), nullable=False),
        sqlalchemy.Column('version', BIG, nullable=False),
        sqlalchemy.Column('created', BIG, nullable=False),
        sqlalchemy.Column('body', JSON, nullable=False),
        sqlalchemy.Column('indexed', BLOB, nullable=False),
        sqlalchemy.Column('claim', ascii(255)),
        *(extra if kind == 'sessions' else ()),
        sqlalchemy.UniqueConstraint(
            'project', 'id', name=f'uq_{name}_project_id'
        ),
        sqlalchemy.UniqueConstraint('claim', name=f'uq_{name}_claim'),
        sqlite_autoincrement=True,
    )
    if kind == 'sessions':
        index = f'ix_{name}_project_settle_at'
        made = sqlalchemy.inspect(op.get_bind()).get_indexes(name)
        if index not in {one['name'] for one in made}:
            op.create_index(index, name, ['project', 'settle_at'])


def members() -> None:
    """The members of sessions."""
    table(
        'freezer_session_members',
        key('session'),
        key('job_id', ascii(255)),
        sqlalchemy.Column('client_id', JSON, nullable=False),
        sqlalchemy.Column('status', ascii(16), nullable=False),
        sqlalchemy.Column('result', ascii(16), nullable=False),
        sqlalchemy.Column('time_started', BIG, nullable=False),
        sqlalchemy.Column('time_ended', BIG, nullable=False),
        sqlalchemy.Column('counted', sqlalchemy.SmallInteger, nullable=False),
        sqlite_with_rowid=False,
    )
