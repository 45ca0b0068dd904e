"""The members of sessions as rows, of which only those are written that
differ.
"""

import collections
import collections.abc
import functools
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.batches import batches
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.models import members as table
from freezer_api.db.sqlalchemy.search import functions
from freezer_api.db.sqlalchemy.search.indexing import CHUNK
from freezer_api.domain.session_state import Member

#: By the ids of their jobs.
Members = collections.abc.Mapping[str, Member]
#: Columns and their values. A tuple, so that it can be a key.
NewValues = tuple[tuple[str, typing.Any], ...]
#: How many members there are, and the values of each.
Counted = tuple[int, list[list[typing.Any]] | None]

#: The columns that make a member; :func:`load` has this order.
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

#: The members of a session as one text, for :func:`parse`.
JSON_ROWS = functions.JsonRows(*COLUMNS)
#: The same, which may be cut where something in it is long.
SHORT_JSON_ROWS = functions.ShortJsonRows(*COLUMNS)
#: Those of some sessions, each as one text, and as a row for each.
_READ = (
    sqlalchemy.select(table.c.session, SHORT_JSON_ROWS)
    .where(table.c.session.in_(bindparam('seqs', expanding=True)))
    .group_by(table.c.session)
)
_READ_ONE = (
    sqlalchemy.select(table.c.session, SHORT_JSON_ROWS)
    .where(table.c.session == bindparam('of'))
    .group_by(table.c.session)
)
_READ_ROWS = sqlalchemy.select(*COLUMNS).where(
    table.c.session == bindparam('of')
)

_IS_OF = table.c.session == bindparam('of')
_SOME = (
    _IS_OF,
    table.c.job_id.in_(bindparam('ids', expanding=True)),
)
_ADD = sqlalchemy.insert(table)
_REMOVE = sqlalchemy.delete(table).where(*_SOME)
_REMOVE_ALL = sqlalchemy.delete(table).where(
    table.c.session == bindparam('of')
)


def _update(
    which: tuple[sqlalchemy.ColumnElement[bool], ...], *columns: str
) -> sqlalchemy.Update:
    values: dict[str, sqlalchemy.BindParameter] = {}
    for name in columns:
        values[name] = bindparam(name)
    return sqlalchemy.update(table).where(*which).values(values)


_CHANGE = _update(_SOME, *_PROGRESS)


@functools.cache
def _change_few(number: int) -> sqlalchemy.Update:
    """Return the statement for so many members that get the same values:
    most reports change one, a group of reports several.
    """
    jobs = []
    for i in range(number):
        jobs.append(bindparam(f'of_job{i}', type_=table.c.job_id.type))
    return _update((_IS_OF, table.c.job_id.in_(jobs)), *_PROGRESS)


#: The client seldom changes and may be long: it is sent if it does.
_CHANGE_WITH_CLIENT = _update(_SOME, 'client_id', *_PROGRESS)


def load(values: collections.abc.Sequence[typing.Any]) -> Member:
    """Return the member that values of :data:`COLUMNS` stand for."""
    _job_id, client_id, status, result, started, ended, counted = values
    return Member(
        client_id,
        status,
        result,
        started,
        ended,
        bool(counted),
    )


def parse(text: str | None) -> dict[str, Member] | None:
    """Return the members that :data:`JSON_ROWS` stands for, by their jobs;
    None if the database couldn't put so many together.
    """
    if text is None:
        return None
    try:
        counted = orjson.loads(text)
    except orjson.JSONDecodeError:
        # It was cut in the middle of a member.
        return None
    found = whole(counted)
    return None if found is None else unpack(found)


def pack(members: Members) -> list[list[typing.Any]]:
    """Return members as :func:`unpack` takes them, ordered by their jobs."""
    packed = []
    for job_id in sorted(members):
        member = members[job_id]
        values = [
            job_id,
            member.client_id,
            *_progress(member).values(),
        ]
        packed.append(values)
    return packed


def unpack(
    packed: collections.abc.Iterable[list[typing.Any]],
) -> dict[str, Member]:
    """Return the members that values of :data:`COLUMNS` stand for, by their
    jobs.
    """
    return {values[0]: load(values) for values in packed}


def whole(counted: Counted) -> list[list[typing.Any]] | None:
    """Return the values of members that come with their number, None if it
    isn't that of the members.
    """
    number, found = counted
    # There is null for an empty list in some databases.
    found = found or []
    # It was cut between two.
    return found if len(found) == number else None


def read(
    connection: sqlalchemy.Connection,
    seqs: collections.abc.Collection[int],
) -> dict[int, dict[str, Member]]:
    """Return the members of sessions that are locked, by the numbers of those
    sessions that have any.
    """
    if len(seqs) == 1:
        (of,) = seqs
        texts = cursors.fetch(connection, _READ_ONE, {'of': of})
    else:
        texts = connection.execute(_READ, {'seqs': seqs}).all()
    members_of = {}
    for seq, text in texts:
        found = parse(text)
        if found is None:
            rows = connection.execute(_READ_ROWS, {'of': seq})
            found = {row.job_id: load(row) for row in rows}
        members_of[seq] = found
    return members_of


def store(
    connection: sqlalchemy.Connection, session: int, old: Members, new: Members
) -> None:
    """Store what differs between the members of the session with a number.

    All that get the same values take one statement: a run that begins resets
    all members but one alike.
    """
    # Most changes of a session leave its members alone.
    if old is new:
        return
    removed = sorted(old.keys() - new.keys())
    for ids in batches(removed, CHUNK):
        connection.execute(
            _REMOVE,
            {
                'of': session,
                'ids': ids,
            },
        )

    for values, changed in _changes(old, new).items():
        parameters = {
            'of': session,
            **dict(values),
        }
        has_client = 'client_id' in parameters
        if len(changed) <= cursors.MAX_PLACEHOLDERS and not has_client:
            places = cursors.placeholders('of_job', changed)
            statement = _change_few(len(places))
            given = parameters | places
            cursors.write_later(connection, statement, given)
            continue
        statement = _CHANGE_WITH_CLIENT if has_client else _CHANGE
        for ids in batches(changed, CHUNK):
            connection.execute(statement, parameters | {'ids': ids})

    added = _new_rows(session, old, new)
    if added:
        connection.execute(_ADD, added)


def remove_all(connection: sqlalchemy.Connection, session: int) -> None:
    """Delete the members of the session with a number."""
    connection.execute(_REMOVE_ALL, {'of': session})


def _new_rows(
    session: int, old: Members, new: Members
) -> list[dict[str, typing.Any]]:
    """Return the rows of members that there weren't."""
    added = []
    for job_id in sorted(new.keys() - old.keys()):
        member = new[job_id]
        row = {
            'session': session,
            'job_id': job_id,
            'client_id': member.client_id,
            **_progress(member),
        }
        added.append(row)
    return added


def _changes(old: Members, new: Members) -> dict[NewValues, list[str]]:
    """Return the jobs of members that have changed, by their new values; the
    client is among these where it is another one.
    """
    changes: dict[NewValues, list[str]] = collections.defaultdict(list)
    for job_id in sorted(old.keys() & new.keys()):
        before, after = old[job_id], new[job_id]
        # Those that a report is not about are the very same.
        if before is after or before == after:
            continue
        values = _progress(after)
        if before.client_id != after.client_id:
            values = {
                'client_id': after.client_id,
                **values,
            }
        changes[tuple(values.items())].append(job_id)
    return changes


def _progress(member: Member) -> dict[str, typing.Any]:
    return {
        'status': member.status,
        'result': member.result,
        'time_started': member.time_started,
        'time_ended': member.time_ended,
        # A number: PostgreSQL takes no boolean for it.
        'counted': int(member.counted),
    }
