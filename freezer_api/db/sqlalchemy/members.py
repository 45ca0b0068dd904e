"""The members of sessions as rows, changed by what differs."""

import collections
import collections.abc
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy.indexing import CHUNK
from freezer_api.db.sqlalchemy.models import members as table
from freezer_api.domain.sessions import Member

Members = collections.abc.Mapping[str, Member]
COLUMNS = (
    table.c.job_id,
    table.c.client_id,
    table.c.status,
    table.c.result,
    table.c.time_started,
    table.c.time_ended,
    table.c.counted,
)
_PROGRESS = ('status', 'result', 'time_started', 'time_ended', 'counted')

_ADD = sqlalchemy.insert(table)
_SOME = (
    table.c.session == bindparam('of'),
    table.c.job_id.in_(bindparam('ids', expanding=True)),
)
_REMOVE = sqlalchemy.delete(table).where(*_SOME)
_REMOVE_ALL = sqlalchemy.delete(table).where(
    table.c.session == bindparam('of')
)
_CHANGE = (
    sqlalchemy.update(table)
    .where(*_SOME)
    .values({name: bindparam(name) for name in _PROGRESS})
)
_MOVE = (
    sqlalchemy.update(table)
    .where(*_SOME)
    .values({name: bindparam(name) for name in ('client_id', *_PROGRESS)})
)


def load(values: collections.abc.Sequence[typing.Any]) -> Member:
    """The member that the values of :data:`COLUMNS` stand for."""
    _job_id, client_id, status, result, time_started, time_ended, counted = (
        values
    )
    return Member(
        client_id, status, result, time_started, time_ended, bool(counted)
    )


def store(
    connection: sqlalchemy.Connection, session: int, old: Members, new: Members
) -> None:
    """Store what differs, by one statement for each new value: a run that
    begins resets all others alike.
    """
    if old is new:
        return
    _remove(connection, session, sorted(old.keys() - new.keys()))
    for values, ids in _changes(old, new).items():
        parameters = {'of': session, **dict(values)}
        for first in range(0, len(ids), CHUNK):
            connection.execute(
                _MOVE if 'client_id' in parameters else _CHANGE,
                parameters | {'ids': ids[first : first + CHUNK]},
            )
    added = [
        {
            'session': session,
            'job_id': id,
            'client_id': new[id].client_id,
            **_progress(new[id]),
        }
        for id in sorted(new.keys() - old.keys())
    ]
    if added:
        connection.execute(_ADD, added)


def remove_all(connection: sqlalchemy.Connection, session: int) -> None:
    """Delete the members of a session."""
    connection.execute(_REMOVE_ALL, {'of': session})


def _remove(
    connection: sqlalchemy.Connection, session: int, ids: list[str]
) -> None:
    for first in range(0, len(ids), CHUNK):
        connection.execute(
            _REMOVE, {'of': session, 'ids': ids[first : first + CHUNK]}
        )


def _changes(old: Members, new: Members) -> dict[tuple, list[str]]:
    """The members that have changed, by their new values; the client among
    them where it is another one.
    """
    found: dict[tuple, list[str]] = collections.defaultdict(list)
    for id in sorted(old.keys() & new.keys()):
        if old[id] != new[id]:
            client = (
                {}
                if old[id].client_id == new[id].client_id
                else {'client_id': new[id].client_id}
            )
            found[tuple((client | _progress(new[id])).items())].append(id)
    return found


def _progress(member: Member) -> dict[str, typing.Any]:
    return {name: getattr(member, name) for name in _PROGRESS[:-1]} | {
        'counted': int(member.counted)
    }
