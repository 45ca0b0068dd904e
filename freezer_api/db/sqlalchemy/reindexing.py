"""Bringing the index to what this release makes of the documents. Nobody else writes meanwhile.

No revision of the schema uses this, for it changes with the release; each has readers of its own.
"""

import collections
import collections.abc
import functools
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import indexing, models, rows, session_rows, terms
from freezer_api.domain import documents
from freezer_api.domain.documents import Body

#: Documents that are read at once, and in MySQL make a transaction.
BATCH = 200


def reindex(connection: sqlalchemy.Connection, kind: str, columns: collections.abc.Collection[str] = ()) -> int:
    """Bring the index of all documents of a kind, and those of :func:`rows.extras` that are among ``columns``, up to date.

    How many had to be changed. What is up to date stays as it is, so that it can be done again after it was broken off.
    """
    changed, last = 0, 0
    while batch := connection.execute(_batch(kind, tuple(columns)), {'last': last}).all():
        bodies = _shown(connection, kind, batch)
        changed += sum(_bring(connection, kind, row, bodies[row.seq], columns) for row in batch)
        last = batch[-1].seq
        if connection.dialect.name == 'mysql':
            # Its transaction has ended with the change of the tables; a new one of all documents might become too large.
            connection.exec_driver_sql('COMMIT')
    return changed


def _bring(connection: sqlalchemy.Connection, kind: str, row: typing.Any, body: Body,
           columns: collections.abc.Collection[str]) -> bool:
    scopes = terms.scopes(kind, row.project, row.claim)
    index, text = terms.index(kind, scopes, body)
    extras = {name: value for name, value in rows.extras(kind, body).items() if name in columns}
    if index.pack() == row.indexed and all(getattr(row, name) == value for name, value in extras.items()):
        return False
    table = models.tables[kind]
    connection.execute(sqlalchemy.update(table).where(table.c.seq == row.seq).values({'indexed': index.pack(), **extras}))
    indexing.change(connection, kind, (scopes, scopes), row.seq, terms.Index.unpack(row.indexed), index, text)
    return True


def _shown(connection: sqlalchemy.Connection, kind: str, batch: collections.abc.Sequence[typing.Any]) -> dict[int, Body]:
    """The documents of a batch as they are shown, by their numbers."""
    if kind != documents.SESSIONS:
        return {row.seq: orjson.loads(row.body) for row in batch}
    ids: dict[str, list[str]] = collections.defaultdict(list)
    for row in batch:
        ids[row.project].append(row.id)
    return {stored.seq: stored.session.body() for project, those in ids.items()
            for stored in session_rows.lock(connection, project, those).values()}


@functools.cache
def _batch(kind: str, columns: tuple[str, ...]) -> sqlalchemy.Select:
    table = models.tables[kind]
    names = ('seq', 'project', 'id', 'body', 'indexed', 'claim', *columns)
    return sqlalchemy.select(*(table.c[name] for name in names)).where(table.c.seq > bindparam('last')).order_by(
        table.c.seq).limit(BATCH)
