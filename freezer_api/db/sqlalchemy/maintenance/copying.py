"""Reading all that is stored in order, for a copy into another store."""

import collections
import collections.abc
import functools
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.base import RUNS, Entry, Place
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.db.sqlalchemy.sessions import members, records
from freezer_api.domain import documents
from freezer_api.domain.documents import Document
from freezer_api.domain.session_state import Member, Session

#: A project and a session's id.
Name = tuple[str, str]
Rows = collections.abc.Sequence[sqlalchemy.Row]
#: Before the tags of all runs.
_NO_TAG = -1


def count(connection: sqlalchemy.Connection, kind: str) -> int:
    """Return how many entries of a kind there are, see
    :meth:`Storage.count`.
    """
    table = models.runs if kind == RUNS else models.tables[kind]
    number = sqlalchemy.select(sqlalchemy.func.count()).select_from(table)
    return connection.execute(number).scalar_one()


def entries(
    connection: sqlalchemy.Connection, kind: str, after: Place, limit: int
) -> list[Entry]:
    """Return the entries behind a place, see :meth:`Storage.entries`.

    The place of a document is its ``seq``, that of a record the session's
    project and id, and the tag.
    """
    if kind == RUNS:
        return _record_entries(connection, after, limit)
    parameters = {
        'last': after[0] if after else 0,
        'limit': limit,
    }
    found = connection.execute(_page(kind), parameters).all()
    return _document_entries(connection, kind, found)


def named(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> list[Entry]:
    """Return the documents of ids, see :meth:`Storage.named`."""
    if not ids:
        return []
    parameters = {
        'project': project_id,
        'ids': sorted(ids),
    }
    found = connection.execute(_named(kind), parameters).all()
    return _document_entries(connection, kind, found)


def entries_of_records(name: Name, found: Rows) -> list[Entry]:
    """Return the entries of a session's records; the rows have ``tag`` and
    ``body``.
    """
    project_id, session_id = name
    entries = []
    for row in found:
        record = records.load(row.body)
        place = (project_id, session_id, row.tag)
        entries.append(
            Entry(
                RUNS,
                project_id,
                session_id,
                record,
                place,
            )
        )
    return entries


# Documents


def _document_entries(
    connection: sqlalchemy.Connection, kind: str, found: Rows
) -> list[Entry]:
    """Return the entries that rows of a kind stand for."""
    members_of: dict[int, dict[str, Member]] = {}
    if kind == documents.SESSIONS:
        members_of = _read_members(connection, [row.seq for row in found])
    entries = []
    for row in found:
        content: Document | Session
        if kind == documents.SESSIONS:
            content = _session(row, members_of[row.seq])
        else:
            content = rows.document(kind, row)
        entries.append(
            Entry(
                kind,
                row.project,
                row.id,
                content,
                (row.seq,),
            )
        )
    return entries


def _session(row: sqlalchemy.Row, its_members: dict[str, Member]) -> Session:
    return Session.load(
        row.project,
        row.id,
        orjson.loads(row.body),
        its_members,
        row.version,
        row.created,
    )


def _read_members(
    connection: sqlalchemy.Connection, seqs: list[int]
) -> dict[int, dict[str, Member]]:
    """Return the members of sessions, by these sessions' numbers."""
    members_of: dict[int, dict[str, Member]] = collections.defaultdict(dict)
    if not seqs:
        return members_of
    for seq, *values in connection.execute(_MEMBERS, {'seqs': seqs}):
        members_of[seq][values[0]] = members.load(values)
    return members_of


# Records


def _record_entries(
    connection: sqlalchemy.Connection, after: Place, limit: int
) -> list[Entry]:
    """Return records behind a place: the others of its session, else all those
    of the next sessions, as far as they aren't too many.
    """
    name, tag = ('', ''), _NO_TAG
    if after:
        project_id, session_id, tag = typing.cast(tuple[str, str, int], after)
        name = (project_id, session_id)
        others = _read_records_behind(
            connection,
            name,
            tag,
            limit,
        )
        if others:
            return others

    sessions = _next_sessions(connection, name, limit)
    if not sessions:
        return []
    whole = _first_whole(sessions, limit)
    if not whole:
        # The first session alone has more than that.
        first = (sessions[0].project, sessions[0].id)
        return _read_records_behind(
            connection,
            first,
            _NO_TAG,
            limit,
        )
    return _read_all_records(connection, whole)


def _first_whole(sessions: Rows, limit: int) -> dict[int, Name]:
    """Return the first sessions that have at most ``limit`` records together,
    by their numbers.
    """
    whole = {}
    total = 0
    for session in sessions:
        # It is counted beside the session, so nothing is read for it.
        total += session.records
        if total > limit:
            break
        whole[session.seq] = (session.project, session.id)
    return whole


def _read_all_records(
    connection: sqlalchemy.Connection, sessions: dict[int, Name]
) -> list[Entry]:
    """Return all records of sessions, in the order of these."""
    rows_of = collections.defaultdict(list)
    for row in connection.execute(_OF_SESSIONS, {'seqs': list(sessions)}):
        rows_of[row.session].append(row)
    entries = []
    for seq, name in sessions.items():
        in_order = sorted(rows_of[seq], key=lambda row: row.tag)
        entries += entries_of_records(name, in_order)
    return entries


def _next_sessions(
    connection: sqlalchemy.Connection, name: Name, limit: int
) -> Rows:
    """Return the next sessions that have records, by project and id: those of
    the same project, then of others.

    Two statements, each a range of a key, which not all databases make of a
    comparison of tuples.
    """
    parameters = {
        'project': name[0],
        'id': name[1],
        'limit': limit,
    }
    of_project = connection.execute(_NEXT_IDS, parameters).all()
    of_others = connection.execute(_NEXT_PROJECTS, parameters).all()
    return [*of_project, *of_others][:limit]


def _read_records_behind(
    connection: sqlalchemy.Connection, name: Name, tag: int, limit: int
) -> list[Entry]:
    """Return the records of a session behind a tag."""
    parameters = {
        'project': name[0],
        'id': name[1],
        'after': tag,
        'limit': limit,
    }
    found = connection.execute(_OF_SESSION, parameters).all()
    return entries_of_records(name, found)


# Statements


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
    columns = models.tables[kind].c
    return _select(kind).where(
        columns.project == bindparam('project'),
        columns.id.in_(bindparam('ids', expanding=True)),
    )


def _select(kind: str) -> sqlalchemy.Select:
    columns = models.tables[kind].c
    return sqlalchemy.select(
        columns.seq,
        columns.project,
        columns.id,
        columns.version,
        columns.created,
        columns.body,
    )


_sessions, _runs = models.sessions.c, models.runs.c
_MEMBERS = sqlalchemy.select(models.members.c.session, *members.COLUMNS).where(
    models.members.c.session.in_(bindparam('seqs', expanding=True))
)
_OF_SESSIONS = sqlalchemy.select(_runs.session, _runs.tag, _runs.body).where(
    _runs.session.in_(bindparam('seqs', expanding=True))
)
_SEQ = (
    sqlalchemy.select(_sessions.seq)
    .where(
        _sessions.project == bindparam('project'),
        _sessions.id == bindparam('id'),
    )
    .scalar_subquery()
)
_OF_SESSION = (
    sqlalchemy.select(_runs.tag, _runs.body)
    .where(_runs.session == _SEQ, _runs.tag > bindparam('after'))
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
