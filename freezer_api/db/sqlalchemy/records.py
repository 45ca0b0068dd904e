"""The runs of sessions: the current one told by its session, the records of
earlier ones as rows.
"""

import collections.abc
import dataclasses
import functools
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import rows
from freezer_api.db.sqlalchemy.models import runs as table
from freezer_api.domain.sessions import Record

_ADD = sqlalchemy.insert(table)
_ONE = (table.c.session == bindparam('of'), table.c.tag == bindparam('of_tag'))
_READ = sqlalchemy.select(table.c.body).where(*_ONE)
_CHANGE = sqlalchemy.update(table).where(*_ONE).values(body=bindparam('body'))
_REMOVE_ALL = sqlalchemy.delete(table).where(
    table.c.session == bindparam('of')
)


def get(
    connection: sqlalchemy.Connection, session: int, tag: int
) -> Record | None:
    """The record of an earlier run."""
    body = connection.execute(_READ, {'of': session, 'of_tag': tag}).scalar()
    return load(body) if body is not None else None


def load(body: str) -> Record:
    """The record that a stored body stands for."""
    return Record(**orjson.loads(body))


def store(
    connection: sqlalchemy.Connection,
    session: int,
    record: Record,
    is_new: bool,
) -> bool:
    """Store a record, in place of the one of its tag; return whether there
    was none. ``is_new``: there surely is none.
    """
    fields = {
        field.name: _plain(getattr(record, field.name))
        for field in dataclasses.fields(record)
    }
    body = rows.dump(fields)
    if not is_new:
        values = {'of': session, 'of_tag': record.tag, 'body': body}
        if connection.execute(_CHANGE, values).rowcount:
            return False
    new = {'session': session, 'tag': record.tag, 'body': body}
    connection.execute(_ADD, new)
    return True


def forget(
    connection: sqlalchemy.Connection, session: int, number: int, spared: int
) -> int:
    """Delete the oldest ``number`` records but that of a tag, reading hardly
    more than those; how many are gone.
    """
    if number <= 0:
        return 0
    return connection.execute(
        _oldest(), {'of': session, 'number': number, 'spared': spared}
    ).rowcount


def remove_all(connection: sqlalchemy.Connection, session: int) -> None:
    """Delete the records of a session."""
    connection.execute(_REMOVE_ALL, {'of': session})


def _plain(value: typing.Any) -> typing.Any:
    return dict(value) if isinstance(value, collections.abc.Mapping) else value


@functools.cache
def _oldest() -> sqlalchemy.Delete:
    # MySQL reads from a table that a statement deletes from only if the inner
    # query is a table of its own.
    of_session = (
        table.c.session == bindparam('of'),
        table.c.tag != bindparam('spared'),
    )
    oldest = (
        sqlalchemy.select(table.c.tag)
        .where(*of_session)
        .order_by(table.c.tag)
        .limit(bindparam('number'))
        .subquery('oldest')
    )
    newest = sqlalchemy.select(
        sqlalchemy.func.max(oldest.c.tag)
    ).scalar_subquery()
    return sqlalchemy.delete(table).where(*of_session, table.c.tag <= newest)
