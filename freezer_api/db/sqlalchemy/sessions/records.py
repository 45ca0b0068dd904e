"""The records of sessions' earlier runs as rows. The current run is part
of its session.
"""

import collections.abc
import dataclasses
import functools

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.db.sqlalchemy.models import runs as table
from freezer_api.domain.session_state import Record

_OF_SESSION = table.c.session == bindparam('of')
_ONE = (_OF_SESSION, table.c.tag == bindparam('of_tag'))
_READ = sqlalchemy.select(table.c.body).where(*_ONE)
_ADD = sqlalchemy.insert(table)
_CHANGE = sqlalchemy.update(table).where(*_ONE).values(body=bindparam('body'))
_REMOVE_ALL = sqlalchemy.delete(table).where(_OF_SESSION)


def get(
    connection: sqlalchemy.Connection, session: int, tag: int
) -> Record | None:
    """Return the record of an earlier run of the session with a number, None
    if there is none.
    """
    body = connection.execute(
        _READ,
        {
            'of': session,
            'of_tag': tag,
        },
    ).scalar()
    return load(body) if body is not None else None


def load(body: str) -> Record:
    """Return the record that a stored body stands for."""
    return Record(**orjson.loads(body))


def store(
    connection: sqlalchemy.Connection,
    session: int,
    record: Record,
    is_new: bool,
) -> bool:
    """Store a record in place of the one with its tag; return whether there
    was none.

    ``is_new``: there surely is none, so it isn't looked for.
    """
    body = rows.dump(_fields(record))
    if not is_new:
        values = {
            'of': session,
            'of_tag': record.tag,
            'body': body,
        }
        if connection.execute(_CHANGE, values).rowcount:
            return False
    new = {
        'session': session,
        'tag': record.tag,
        'body': body,
    }
    connection.execute(_ADD, new)
    return True


def forget(
    connection: sqlalchemy.Connection, session: int, number: int, spared: int
) -> int:
    """Delete the oldest ``number`` records, but not that of the tag
    ``spared``; return how many were deleted. Hardly more than those is read.
    """
    if number <= 0:
        return 0
    parameters = {
        'of': session,
        'number': number,
        'spared': spared,
    }
    return connection.execute(_delete_oldest(), parameters).rowcount


def remove_all(connection: sqlalchemy.Connection, session: int) -> None:
    """Delete the records of the session with a number."""
    connection.execute(_REMOVE_ALL, {'of': session})


def _fields(record: Record) -> dict[str, object]:
    """Return what is stored of a record. Its mappings may be of kinds that
    have no JSON.
    """
    fields: dict[str, object] = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, collections.abc.Mapping):
            value = dict(value)
        fields[field.name] = value
    return fields


@functools.cache
def _delete_oldest() -> sqlalchemy.Delete:
    candidates = (_OF_SESSION, table.c.tag != bindparam('spared'))
    # MySQL reads from a table that it deletes from only if the inner query is
    # a table of its own: so the tags are named by their greatest one.
    oldest = (
        sqlalchemy.select(table.c.tag)
        .where(*candidates)
        .order_by(table.c.tag)
        .limit(bindparam('number'))
        .subquery('oldest')
    )
    last = sqlalchemy.select(sqlalchemy.func.max(oldest.c.tag))
    return sqlalchemy.delete(table).where(
        *candidates, table.c.tag <= last.scalar_subquery()
    )
