"""The tables. A comment at each says what it has, and why.

Names begin with ``freezer_``: a database that holds tables of an older service
can take these beside them.
"""

import typing

import sqlalchemy
from sqlalchemy.dialects import mysql

from freezer_api.domain import documents

#: Characters of an id.
ID_LENGTH = 255

metadata = sqlalchemy.MetaData(
    naming_convention={
        'pk': 'pk_%(table_name)s',
        'uq': 'uq_%(table_name)s_%(column_0_N_name)s',
        'ix': 'ix_%(table_name)s_%(column_0_N_name)s',
    }
)


class Octets(mysql.VARBINARY):
    """Text that MySQL compares byte by byte: its text collations ignore
    trailing blanks, or case, or more.

    The connection speaks UTF-8, so the text that is sent is what is stored.
    """

    cache_ok = True

    def bind_processor(self, dialect: sqlalchemy.Dialect) -> None:
        """Send texts as they are."""
        return

    def result_processor(
        self, dialect: sqlalchemy.Dialect, coltype: object
    ) -> typing.Any:
        """Return bytes as the text that they are."""
        return _decode


def _decode(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


#: SQLite numbers rows by itself in this type alone.
Sequence = sqlalchemy.BigInteger().with_variant(sqlalchemy.Integer(), 'sqlite')
_C = sqlalchemy.String(ID_LENGTH, collation='C')
#: Ids are ASCII (:data:`documents.ID`). All databases compare and order them
#: byte by byte.
Id = sqlalchemy.String(ID_LENGTH).with_variant(
    mysql.VARCHAR(ID_LENGTH, charset='ascii', collation='ascii_bin'), 'mysql'
)
Id = Id.with_variant(_C, 'postgresql')
#: Project ids come from the path and may be any text.
Project = (
    sqlalchemy.String(ID_LENGTH)
    .with_variant(Octets(4 * ID_LENGTH), 'mysql')
    .with_variant(_C, 'postgresql')
)
#: A kind, a status, a result.
Word = sqlalchemy.String(16).with_variant(
    mysql.VARCHAR(16, charset='ascii', collation='ascii_bin'), 'mysql'
)
Word = Word.with_variant(sqlalchemy.String(16, collation='C'), 'postgresql')
#: MySQL's TEXT and BLOB end at 64 KiB.
Json = sqlalchemy.Text().with_variant(mysql.LONGTEXT(), 'mysql')
Blob = sqlalchemy.LargeBinary().with_variant(mysql.LONGBLOB(), 'mysql')

#: Compared byte by byte, as the other databases do.
_OPTIONS: dict[str, typing.Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}


def _documents(
    kind: str, *extra: sqlalchemy.schema.SchemaItem
) -> sqlalchemy.Table:
    """Define the table of the documents of one kind.

    ``seq`` is the order of their creation; a number is never used again.
    ``indexed`` is what :mod:`freezer_api.db.sqlalchemy.search.terms` made of
    the document, so that a change knows what to remove from the index without
    working out how it got there. ``claim`` is :func:`documents.claim`.
    """
    return sqlalchemy.Table(
        f'freezer_{kind}',
        metadata,
        sqlalchemy.Column(
            'seq', Sequence, primary_key=True, autoincrement=True
        ),
        sqlalchemy.Column('project', Project, nullable=False),
        sqlalchemy.Column('id', Id, nullable=False),
        sqlalchemy.Column('version', sqlalchemy.BigInteger, nullable=False),
        sqlalchemy.Column('created', sqlalchemy.BigInteger, nullable=False),
        sqlalchemy.Column('body', Json, nullable=False),
        sqlalchemy.Column('indexed', Blob, nullable=False),
        sqlalchemy.Column('claim', Id),
        sqlalchemy.UniqueConstraint('project', 'id'),
        sqlalchemy.UniqueConstraint('claim'),
        *extra,
        sqlite_autoincrement=True,
        **_OPTIONS,
    )


def _session_extras() -> tuple[sqlalchemy.schema.SchemaItem, ...]:
    """Return ``settle_at``: :attr:`Session.settle_at`; ``records``: how many
    earlier runs are kept, so that they needn't be counted to be trimmed; and
    ``shown``: the text of
    :mod:`freezer_api.db.sqlalchemy.sessions.shown_texts`.
    """
    return (
        sqlalchemy.Column('settle_at', sqlalchemy.BigInteger),
        sqlalchemy.Column('records', sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column('shown', Json),
        sqlalchemy.Index(None, 'project', 'settle_at'),
    )


def _backup_extras() -> tuple[sqlalchemy.schema.SchemaItem, ...]:
    """Return ``moment``: :func:`backups.time_of`, and ``job_id``:
    :func:`backups.job_of`, where it can be a job's id.
    """
    return (
        sqlalchemy.Column('moment', sqlalchemy.BigInteger),
        sqlalchemy.Column('job_id', Id),
        sqlalchemy.Index(BY_TIME, 'project', 'moment'),
        sqlalchemy.Index(
            BY_JOB,
            'project',
            'job_id',
            'moment',
        ),
        sqlalchemy.Index(
            BY_JOB_HERE,
            'project',
            'job_id',
            'created',
        ),
    )


def _used_extras() -> tuple[sqlalchemy.schema.SchemaItem, ...]:
    """Return ``uses``: how often jobs have begun to refer to it, counted where
    :func:`uses.use` is called.
    """
    zero = sqlalchemy.text('0')
    return (
        sqlalchemy.Column(
            'uses', sqlalchemy.BigInteger, nullable=False, server_default=zero
        ),
    )


#: The indexes of backups that statements name. HERE: by our own clock.
BY_TIME = 'ix_freezer_backups_project_moment'
BY_JOB = 'ix_freezer_backups_project_job_id_moment'
BY_JOB_HERE = 'ix_freezer_backups_project_job_id_created'
_EXTRAS = {
    documents.SESSIONS: _session_extras,
    documents.BACKUPS: _backup_extras,
    documents.ACTIONS: _used_extras,
    documents.TRUSTS: _used_extras,
}


def _all_documents() -> dict[str, sqlalchemy.Table]:
    tables = {}
    for kind in documents.KINDS:
        extras = _EXTRAS[kind]() if kind in _EXTRAS else ()
        tables[kind] = _documents(kind, *extras)
    return tables


#: By kind.
tables = _all_documents()
sessions = tables[documents.SESSIONS]
jobs = tables[documents.JOBS]
actions = tables[documents.ACTIONS]
clients = tables[documents.CLIENTS]
backups = tables[documents.BACKUPS]
trusts = tables[documents.TRUSTS]


def _key(
    name: str,
    type_: type[sqlalchemy.types.TypeEngine] = sqlalchemy.BigInteger,
) -> sqlalchemy.Column:
    """Define a number that is a part of a key, and given by who writes it."""
    return sqlalchemy.Column(
        name, type_, primary_key=True, autoincrement=False
    )


#: What each member has done in its session's current run.
members = sqlalchemy.Table(
    'freezer_session_members',
    metadata,
    _key('session'),
    sqlalchemy.Column('job_id', Id, primary_key=True),
    sqlalchemy.Column('client_id', Json, nullable=False),
    sqlalchemy.Column('status', Word, nullable=False),
    sqlalchemy.Column('result', Word, nullable=False),
    sqlalchemy.Column('time_started', sqlalchemy.BigInteger, nullable=False),
    sqlalchemy.Column('time_ended', sqlalchemy.BigInteger, nullable=False),
    sqlalchemy.Column('counted', sqlalchemy.SmallInteger, nullable=False),
    sqlite_with_rowid=False,
    **_OPTIONS,
)

#: The records of earlier runs. The current run is part of its session and
#: members.
runs = sqlalchemy.Table(
    'freezer_runs',
    metadata,
    _key('session'),
    _key('tag'),
    sqlalchemy.Column('body', Json, nullable=False),
    **_OPTIONS,
)

#: The search index: which documents have a term (see
#: :mod:`freezer_api.db.sqlalchemy.search.terms`). A row is a key and nothing
#: else, so the documents of a term are stored next to each other, in order.
pairs = sqlalchemy.Table(
    'freezer_pairs',
    metadata,
    _key('term'),
    _key('seq'),
    sqlite_with_rowid=False,
    **_OPTIONS,
)

#: How many documents a list has in each block of their numbers (see
#: :mod:`freezer_api.db.sqlalchemy.search.counts`). ``term`` is the one that
#: its documents have; a block has two to the power of ``bits`` numbers.
counts = sqlalchemy.Table(
    'freezer_counts',
    metadata,
    _key('term'),
    _key('bits', sqlalchemy.SmallInteger),
    _key('block'),
    sqlalchemy.Column('number', sqlalchemy.BigInteger, nullable=False),
    sqlite_with_rowid=False,
    **_OPTIONS,
)

#: The text of each document for substrings, in UTF-8 bytes, which databases
#: search fastest. Those of a scope are stored next to each other; the scope of
#: all projects has none.
texts = sqlalchemy.Table(
    'freezer_texts',
    metadata,
    sqlalchemy.Column('kind', Word, primary_key=True),
    sqlalchemy.Column('scope', Project, primary_key=True),
    _key('seq'),
    sqlalchemy.Column('text', Blob, nullable=False),
    **_OPTIONS,
)

#: Which releases may use the schema: those whose own revision is ``lowest`` or
#: later. The one row is ignored unless ``revision`` is the schema's: a
#: schema that says nothing fits no release but its own.
compatibility = sqlalchemy.Table(
    'freezer_compatibility',
    metadata,
    sqlalchemy.Column('revision', Word, primary_key=True),
    sqlalchemy.Column('lowest', Word, nullable=False),
    **_OPTIONS,
)
