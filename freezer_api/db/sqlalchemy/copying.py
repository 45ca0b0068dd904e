"""Moving all that is kept from one store to another: telling it in order, and
taking it over as it is.
"""

import collections
import collections.abc
import functools
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api import exceptions
from freezer_api.db.base import RUNS, Entry, Place
from freezer_api.db.sqlalchemy import (
    indexing,
    members,
    models,
    records,
    rows,
    terms,
)
from freezer_api.domain import documents
from freezer_api.domain.documents import Body, Document
from freezer_api.domain.sessions import Member, Record, Session

Entries = collections.abc.Sequence[Entry]
#: A project and a session's id.
Name = tuple[str, str]
_Rows = collections.abc.Sequence[typing.Any]


def count(connection: sqlalchemy.Connection, kind: str) -> int:
    """See :meth:`Storage.count`."""
    table = models.runs if kind == RUNS else models.tables[kind]
    return connection.execute(
        sqlalchemy.select(sqlalchemy.func.count()).select_from(table)
    ).scalar_one()


def entries(
    connection: sqlalchemy.Connection, kind: str, after: Place, limit: int
) -> list[Entry]:
    """See :meth:`Storage.entries`."""
    if kind == RUNS:
        return _records(connection, after, limit)
    last = after[0] if after else 0
    return _entries(
        connection,
        kind,
        connection.execute(_page(kind), {'last': last, 'limit': limit}).all(),
    )


def named(
    connection: sqlalchemy.Connection,
    kind: str,
    project: str,
    ids: collections.abc.Collection[str],
) -> list[Entry]:
    """See :meth:`Storage.named`."""
    if not ids:
        return []
    found = connection.execute(
        _named(kind), {'project': project, 'ids': sorted(ids)}
    ).all()
    return _entries(connection, kind, found)


def restore(connection: sqlalchemy.Connection, given: Entries) -> None:
    """See :meth:`Storage.restore`; as the work of one transaction, so a call
    that broke off has kept nothing.
    """
    if not given:
        return
    if given[0].kind == RUNS:
        _restore_records(connection, given)
    else:
        _restore_documents(connection, given[0].kind, given)


def _restore_documents(
    connection: sqlalchemy.Connection, kind: str, given: Entries
) -> None:
    there = []
    for project, ids in _by_project(entry.key for entry in given).items():
        found = connection.execute(
            _named(kind), {'project': project, 'ids': sorted(ids)}
        ).all()
        there += _entries(connection, kind, found)
    missing = _missing(given, there)
    claims = [
        claim for entry in missing if (claim := _claim(entry)) is not None
    ]
    if claims and (
        holder := connection.execute(
            _claimed(kind), {'claims': sorted(claims)}
        ).first()
    ):
        raise exceptions.Conflict(
            f'{kind}: {holder.id} is held by project {holder.project} already.'
        )
    _insert(connection, kind, missing)


def _restore_records(
    connection: sqlalchemy.Connection, given: Entries
) -> None:
    sessions: dict[Name, int] = {}
    names = dict.fromkeys((entry.project_id, entry.id) for entry in given)
    for project, ids in _by_project(names).items():
        found = connection.execute(
            _NUMBERS, {'project': project, 'ids': sorted(ids)}
        )
        sessions |= {(project, row.id): row.seq for row in found}
    if gone := names.keys() - sessions.keys():
        project, id = min(gone)
        raise exceptions.Conflict(
            f'{RUNS}: there is no session {id} in project {project}.'
        )
    tags = collections.defaultdict(list)
    for entry in given:
        tags[entry.project_id, entry.id].append(
            typing.cast(Record, entry.content).tag
        )
    there = []
    for name, those in tags.items():
        there += _told(
            name,
            connection.execute(
                _TAGGED, {'of': sessions[name], 'tags': those}
            ).all(),
        )
    missing = _missing(given, there)
    if missing:
        connection.execute(
            _ADD,
            [
                _record_row(sessions[entry.project_id, entry.id], entry)
                for entry in missing
            ],
        )
    for name, added in collections.Counter(
        (entry.project_id, entry.id) for entry in missing
    ).items():
        connection.execute(_COUNT, {'of': sessions[name], 'added': added})


def _missing(given: Entries, there: Entries) -> list[Entry]:
    """Those that aren't there; ``Conflict`` if another is in the place of
    one.
    """
    kept = {entry.key: entry for entry in there}
    for entry in given:
        if entry.key in kept and kept[entry.key].dump() != entry.dump():
            raise exceptions.Conflict(
                f'{entry.kind}: another {" ".join(entry.key[1:])} is in'
                f' project {entry.project_id} already.'
            )
    return [entry for entry in given if entry.key not in kept]


def _by_project(
    keys: collections.abc.Iterable[tuple[str, ...]],
) -> dict[str, list[str]]:
    """The ids in each project."""
    found = collections.defaultdict(list)
    for key in keys:
        found[key[0]].append(key[1])
    return found


def _claim(entry: Entry) -> str | None:
    content = entry.content
    return (
        documents.claim(entry.kind, entry.id, content.body)
        if isinstance(content, Document)
        else None
    )


def _insert(
    connection: sqlalchemy.Connection, kind: str, missing: Entries
) -> None:
    """Store rows one by one, for not every database tells the numbers of
    several; their index together.
    """
    added = []
    for entry in missing:
        values, shown = _row(entry)
        scopes = terms.scopes(kind, entry.project_id, values['claim'])
        index, text = terms.index(kind, scopes, shown)
        seq = rows.insert_row(connection, kind, values, index)
        if isinstance(entry.content, Session):
            members.store(connection, seq, {}, entry.content.members)
        added.append((scopes, seq, index, text))
    indexing.add_all(connection, kind, added)


def _row(entry: Entry) -> tuple[dict[str, typing.Any], Body]:
    """The values of an entry's row, and what is shown of it."""
    content = typing.cast(Document | Session, entry.content)
    values: dict[str, typing.Any] = {
        'project': entry.project_id,
        'id': entry.id,
        'claim': _claim(entry),
        'version': content.version,
        'created': content.created,
    }
    if isinstance(content, Session):
        return {
            **values,
            'body': rows.dump(content.dump()),
            'settle_at': content.settle_at,
            'records': 0,
        }, content.body()
    return {
        **values,
        'body': rows.dump(content.body),
        **rows.extras(entry.kind, content.body),
    }, content.body


def _record_row(session: int, entry: Entry) -> dict[str, typing.Any]:
    record = typing.cast(Record, entry.content)
    return {
        'session': session,
        'tag': record.tag,
        'body': orjson.dumps(record).decode(),
    }


def _entries(
    connection: sqlalchemy.Connection, kind: str, found: _Rows
) -> list[Entry]:
    """What rows of a kind stand for."""
    if kind != documents.SESSIONS:
        return [
            Entry(
                kind, row.project, row.id, rows.document(kind, row), (row.seq,)
            )
            for row in found
        ]
    of_session: dict[int, dict[str, Member]] = collections.defaultdict(dict)
    for seq, *member in (
        connection.execute(_MEMBERS, {'seqs': [row.seq for row in found]})
        if found
        else ()
    ):
        of_session[seq][member[0]] = members.load(member)
    return [
        Entry(
            kind,
            row.project,
            row.id,
            Session.load(
                row.project,
                row.id,
                orjson.loads(row.body),
                of_session[row.seq],
                row.version,
                row.created,
            ),
            (row.seq,),
        )
        for row in found
    ]


def _records(
    connection: sqlalchemy.Connection, after: Place, limit: int
) -> list[Entry]:
    """Records behind a place: the others of its session, else all those of the
    next sessions, as far as they aren't too many.
    """
    project, id, tag = typing.cast(tuple[str, str, int], after or ('', '', 0))
    name = (project, id)
    if after and (found := _rest(connection, name, tag, limit)):
        return found
    sessions = _next_sessions(connection, name, limit)
    whole, total = {}, 0
    for session in sessions:
        total += session.records
        if total <= limit:
            whole[session.seq] = (session.project, session.id)
    if sessions and not whole:
        return _rest(
            connection, (sessions[0].project, sessions[0].id), -1, limit
        )
    of_session = collections.defaultdict(list)
    for row in (
        connection.execute(_WHOLE, {'seqs': list(whole)}) if whole else ()
    ):
        of_session[row.session].append(row)
    return [
        entry
        for seq, name in whole.items()
        for entry in _told(
            name, sorted(of_session[seq], key=lambda row: row.tag)
        )
    ]


def _next_sessions(
    connection: sqlalchemy.Connection, name: Name, limit: int
) -> list[typing.Any]:
    """The next sessions that have records, by project and id: those of the
    same project, then of others.
    """
    values = {'project': name[0], 'id': name[1], 'limit': limit}
    return [
        row
        for statement in (_NEXT_IDS, _NEXT_PROJECTS)
        for row in connection.execute(statement, values)
    ][:limit]


def _rest(
    connection: sqlalchemy.Connection, name: Name, tag: int, limit: int
) -> list[Entry]:
    values = {'project': name[0], 'id': name[1], 'after': tag, 'limit': limit}
    return _told(name, connection.execute(_REST, values).all())


def _told(name: Name, found: _Rows) -> list[Entry]:
    """The entries of a session's records."""
    return [
        Entry(RUNS, *name, records.load(row.body), (*name, row.tag))
        for row in found
    ]


def _select(kind: str) -> sqlalchemy.Select:
    table = models.tables[kind].c
    return sqlalchemy.select(
        table.seq,
        table.project,
        table.id,
        table.version,
        table.created,
        table.body,
    )


@functools.cache
def _page(kind: str) -> sqlalchemy.Select:
    seq = models.tables[kind].c.seq
    return (
        _select(kind)
        .where(seq > bindparam('last'))
        .order_by(seq)
        .limit(bindparam('limit'))
    )


@functools.cache
def _named(kind: str) -> sqlalchemy.Select:
    table = models.tables[kind].c
    return _select(kind).where(
        table.project == bindparam('project'),
        table.id.in_(bindparam('ids', expanding=True)),
    )


@functools.cache
def _claimed(kind: str) -> sqlalchemy.Select:
    table = models.tables[kind].c
    return sqlalchemy.select(table.project, table.id).where(
        table.claim.in_(bindparam('claims', expanding=True))
    )


_sessions, _runs = models.sessions.c, models.runs.c
_MEMBERS = sqlalchemy.select(models.members.c.session, *members.COLUMNS).where(
    models.members.c.session.in_(bindparam('seqs', expanding=True))
)
_NUMBERS = sqlalchemy.select(_sessions.seq, _sessions.id).where(
    _sessions.project == bindparam('project'),
    _sessions.id.in_(bindparam('ids', expanding=True)),
)
_TAGGED = sqlalchemy.select(_runs.tag, _runs.body).where(
    _runs.session == bindparam('of'),
    _runs.tag.in_(bindparam('tags', expanding=True)),
)
_WHOLE = sqlalchemy.select(_runs.session, _runs.tag, _runs.body).where(
    _runs.session.in_(bindparam('seqs', expanding=True))
)
_REST = (
    sqlalchemy.select(_runs.tag, _runs.body)
    .where(
        _runs.session
        == sqlalchemy.select(_sessions.seq)
        .where(
            _sessions.project == bindparam('project'),
            _sessions.id == bindparam('id'),
        )
        .scalar_subquery(),
        _runs.tag > bindparam('after'),
    )
    .order_by(_runs.tag)
    .limit(bindparam('limit'))
)
_WITH_RECORDS = (
    sqlalchemy.select(
        _sessions.seq, _sessions.project, _sessions.id, _sessions.records
    )
    .where(_sessions.records > 0)
    .limit(bindparam('limit'))
)
_NEXT_IDS = _WITH_RECORDS.where(
    _sessions.project == bindparam('project'), _sessions.id > bindparam('id')
).order_by(_sessions.id)
_NEXT_PROJECTS = _WITH_RECORDS.where(
    _sessions.project > bindparam('project')
).order_by(_sessions.project, _sessions.id)
_ADD = sqlalchemy.insert(models.runs)
_COUNT = (
    sqlalchemy.update(models.sessions)
    .where(_sessions.seq == bindparam('of'))
    .values(records=_sessions.records + bindparam('added'))
)
