"""What revision 0002 indexes of jobs, sessions and backups, and how: as it was
then, whatever later releases make of it. Nothing here is used by, or uses,
anything but that revision.

What is as it should be stays as it is, so that it can be done again after it
was broken off.
"""

import collections
import collections.abc
import hashlib
import re
import struct
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

#: Documents that are read at once, and in MySQL make a transaction.
BATCH = 200
#: Terms in one statement.
CHUNK = 1000
#: The scope of all projects' jobs.
EVERYWHERE = '/'
SCHEDULES = {'jobs': 'job_schedule', 'sessions': 'schedule'}
_ID = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}\Z')
Body = dict[str, typing.Any]
Row = typing.Any


def _table(name: str, *columns: str) -> sqlalchemy.TableClause:
    return sqlalchemy.table(
        f'freezer_{name}', *map(sqlalchemy.column, columns)
    )


PAIRS, TEXTS = (
    _table('pairs', 'term', 'seq'),
    _table('texts', 'kind', 'scope', 'seq', 'text'),
)
_PROGRESS = ('client_id', 'status', 'result', 'time_started', 'time_ended')
MEMBERS = _table('session_members', 'session', 'job_id', *_PROGRESS)
_ROW = ('seq', 'project', 'id', 'body', 'indexed')
TABLES = {
    'jobs': _table('jobs', *_ROW),
    'sessions': _table('sessions', *_ROW),
    'backups': _table('backups', *_ROW, 'moment', 'job_id'),
}


def reindex(connection: sqlalchemy.Connection, kind: str) -> None:
    """Bring all documents of a kind to what this revision indexes of them."""
    table, last = TABLES[kind], 0
    some = (
        sqlalchemy.select(*table.c)
        .where(table.c.seq > bindparam('last'))
        .order_by(table.c.seq)
        .limit(BATCH)
        .with_for_update()
    )
    while batch := connection.execute(some, {'last': last}).all():
        members = _members(connection, batch) if kind == 'sessions' else {}
        for row in batch:
            stored = orjson.loads(row.body)
            shown = (
                _session(row, stored, members)
                if kind == 'sessions'
                else stored
            )
            _bring(connection, kind, row, shown)
        last = batch[-1].seq
        if connection.dialect.name == 'mysql':
            # Its transaction has ended with the change of the tables; one of
            # all documents might become too large.
            connection.exec_driver_sql('COMMIT')


def _bring(
    connection: sqlalchemy.Connection, kind: str, row: Row, body: Body
) -> None:
    scopes = (
        (_text(row.project), EVERYWHERE)
        if kind == 'jobs'
        else (_text(row.project),)
    )
    text = '\0'.join(sorted(_folded(_searchable(kind, body)))).encode(
        'utf-8', 'surrogatepass'
    )
    terms = {term for scope in scopes for term in _terms(scope, kind, body)}
    digest = hashlib.blake2b(text, digest_size=16).digest()
    indexed = digest + struct.pack(f'<{len(terms)}q', *sorted(terms))
    values = {
        'indexed': indexed,
        **(_columns(body) if kind == 'backups' else {}),
    }
    old = bytes(row.indexed)
    is_so = {name: getattr(row, name) for name in values}
    if values == {**is_so, 'indexed': old}:
        return
    table = TABLES[kind]
    connection.execute(
        sqlalchemy.update(table).where(table.c.seq == row.seq).values(values)
    )
    had = set(struct.unpack_from(f'<{(len(old) - 16) // 8}q', old, 16))
    gone = sorted(had - terms)
    for first in range(0, len(gone), CHUNK):
        connection.execute(
            sqlalchemy.delete(PAIRS).where(
                PAIRS.c.seq == row.seq,
                PAIRS.c.term.in_(gone[first : first + CHUNK]),
            )
        )
    if terms - had:
        connection.execute(
            sqlalchemy.insert(PAIRS),
            [{'term': term, 'seq': row.seq} for term in sorted(terms - had)],
        )
    if digest != old[:16]:
        of = (
            TEXTS.c.kind == kind,
            TEXTS.c.scope == row.project,
            TEXTS.c.seq == row.seq,
        )
        connection.execute(
            sqlalchemy.update(TEXTS).where(*of).values(text=text)
        )


def _text(project: str | bytes) -> str:
    """A project's id, which is bytes in MySQL."""
    return project.decode() if isinstance(project, bytes) else project


# What sessions show


def _members(
    connection: sqlalchemy.Connection, batch: collections.abc.Sequence[Row]
) -> dict[int, list[Row]]:
    found = collections.defaultdict(list)
    those = sqlalchemy.select(*MEMBERS.c).where(
        MEMBERS.c.session.in_([row.seq for row in batch])
    )
    for member in connection.execute(those.order_by(MEMBERS.c.job_id)):
        found[member.session].append(member)
    return found


def _session(row: Row, stored: Body, members: dict[int, list[Row]]) -> Body:
    """The document that a stored session and its members show."""
    run = stored['run'] or {
        'started': -1,
        'ended': -1,
        'status': 'active',
        'result': '',
    }
    start, end = (
        run[name] // 1_000_000 if run[name] >= 0 else -1
        for name in ('started', 'ended')
    )
    jobs = {
        member.job_id: {name: getattr(member, name) for name in _PROGRESS}
        for member in members.get(row.seq, ())
    }
    return {
        'session_id': row.id,
        'project_id': _text(row.project),
        'user_id': stored['user_id'],
        'description': stored['description'],
        'session_tag': stored['tag'],
        'hold_off': stored['hold_off'],
        'schedule': stored['schedule'],
        'status': run['status'],
        'result': run['result'],
        'time_start': start,
        'time_end': end,
        'time_started': start,
        'time_ended': end,
        'jobs': jobs,
    }


# What documents offer to searches


def _searchable(kind: str, body: Body) -> Body:
    kept = {
        key: value
        for key, value in body.items()
        if key not in ('_central', 'user_credentials')
    }
    schedule = SCHEDULES.get(kind, '')
    if 'current_pid' in kept.get(schedule, ()):
        kept[schedule] = {**kept[schedule]}
        del kept[schedule]['current_pid']
    return kept


def _terms(scope: str, kind: str, body: Body) -> collections.abc.Iterator[int]:
    """The numbers of all pairs of a document in a scope."""
    place = f'{kind} {len(scope)} {scope}'.encode('utf-8', 'surrogatepass')
    base = hashlib.blake2b(place, digest_size=8)
    for key, value in _pairs(kind, body):
        digest = base.copy()
        digest.update(
            f'{len(key)} {key}{value}'.encode('utf-8', 'surrogatepass')
        )
        yield int.from_bytes(digest.digest(), 'little', signed=True)


def _pairs(kind: str, body: Body) -> set[tuple[str, str]]:
    """Each key where it stands least deep with its values, what combines some,
    and one of all.
    """
    found, seen, level = {('', 'k')}, set(), [_searchable(kind, body)]
    while level:
        leaves = [
            (key, leaf)
            for here in level
            for key, value in here.items()
            for leaf in _leaves(value)
        ]
        keys = {key for here in level for key in here}
        level = [leaf for _key, leaf in leaves if isinstance(leaf, dict)]
        found |= {
            (key, _canonical(leaf))
            for key, leaf in leaves
            if not isinstance(leaf, dict) and key not in seen
        }
        seen |= keys
    if kind == 'jobs':
        letter = 'c' if ('status', 'scompleted') in found else 'o'
        found |= {
            (key, letter + value) for key, value in found if key == 'client_id'
        }
        if trust := (body.get('user_credentials') or {}).get('trust_id'):
            found.add(('user_credentials', f't{trust}'))
    if kind == 'backups':
        session, tag = (
            body['backup_metadata'].get(key)
            for key in ('session_id', 'session_tag')
        )
        if isinstance(session, str) and _is_number(tag) and tag == int(tag):
            found.add(('session_id', f'r{int(tag)} {session}'))
    return found


def _canonical(value: typing.Any) -> str:
    if value is None:
        return 'z'
    if isinstance(value, bool):
        return f'b{value}'
    if isinstance(value, str):
        return f's{value}'
    whole = not isinstance(value, float) or value.is_integer()
    return f'n{int(value)}' if whole else f'n{value!r}'


def _leaves(value: typing.Any) -> collections.abc.Iterator[typing.Any]:
    if isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    else:
        yield value


def _folded(value: typing.Any) -> set[str]:
    """The beginnings of all strings, whatever their case."""
    if isinstance(value, str):
        return {value[:1000].casefold()}
    if isinstance(value, dict):
        value = list(value.values())
    return (
        set().union(*map(_folded, value)) if isinstance(value, list) else set()
    )


# What backups have columns of


def _columns(body: Body) -> dict[str, typing.Any]:
    job_id = body['backup_metadata'].get('job_id')
    valid = isinstance(job_id, str) and _ID.match(job_id)
    moment = _moment(body['backup_metadata'].get('time_stamp'))
    return {'moment': moment, 'job_id': job_id if valid else None}


def _moment(value: typing.Any) -> int | None:
    """Seconds as microseconds, within 64 bits."""
    if not _is_number(value):
        return None
    most = 2**63 - 1
    near = max(-most, min(most, value))
    exact = int(near) * 1_000_000 + round((near - int(near)) * 1_000_000)
    return max(-most, min(most, exact))


def _is_number(value: typing.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
