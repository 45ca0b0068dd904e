"""Sessions with their members: reading them by one statement, holding them,
and storing what became of them.
"""

import collections.abc
import dataclasses
import logging
import operator
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import (
    indexing,
    members,
    models,
    records,
    rows,
    terms,
)
from freezer_api.domain import documents, runs, search
from freezer_api.domain.sessions import Member, Session, found_alike

LOG = logging.getLogger(__name__)
#: Lapsed sessions that are settled by one transaction.
BATCH = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """A session as it is stored, its row's number, how it is indexed, and how
    many earlier runs are kept of it.
    """

    seq: int
    session: Session
    indexed: bytes
    records: int
    #: The moment by which the session is found to have lapsed; it is to be the
    #: session's own.
    settle_at: int | None

    @property
    def drifted(self) -> bool:
        """Whether it isn't found by the moment at which it lapses."""
        return self.session.settle_at != self.settle_at

    def due(self, now: int) -> bool:
        """Whether its run has lapsed."""
        due = self.session.settle_at
        return due is not None and due < now


def get(
    connection: sqlalchemy.Connection, project: str, id: str
) -> Stored | None:
    """A session by one statement."""
    found = connection.execute(_BY_ID, {'project': project, 'id': id}).all()
    return assemble(project, found)[0] if found else None


def lock(
    connection: sqlalchemy.Connection,
    project: str,
    ids: collections.abc.Collection[str],
) -> dict[str, Stored]:
    """Hold those sessions that exist, ascending by id."""
    found: list[typing.Any] = list(
        connection.execute(_HOLD, {'project': project, 'ids': sorted(ids)})
    )
    if not found:
        return {}
    found += [
        (row[0], *_PADDING, *row[1:])
        for row in connection.execute(
            _MEMBERS, {'seqs': [row.seq for row in found]}
        )
    ]
    return {
        stored.session.session_id: stored
        for stored in assemble(project, found)
    }


def assemble(
    project: str,
    found: collections.abc.Iterable[typing.Any],
    descending: bool = False,
) -> list[Stored]:
    """The sessions that rows of :func:`read` stand for, in the order of their
    creation; rows beside them don't count.
    """
    own: list[typing.Any] = []
    of_session: dict[int, dict[str, Member]] = collections.defaultdict(dict)
    for row in found:
        if row[1] is not None:
            own.append(row)
        elif row[_OWN] is not None:
            of_session[row[0]][row[_OWN]] = members.load(row[_OWN:])
    own.sort(key=operator.itemgetter(0), reverse=descending)
    return [_stored(project, row, of_session.get(row[0], {})) for row in own]


def beside(found: collections.abc.Iterable[typing.Any]) -> list[typing.Any]:
    """The rows of :func:`read` that came from its further source."""
    return [row for row in found if row[1] is None and row[_OWN] is None]


def _stored(
    project: str, row: typing.Any, of_session: dict[str, Member]
) -> Stored:
    seq, id, version, created, body, indexed, records, settle_at = row[:_OWN]
    session = Session.load(
        project, id, orjson.loads(body), of_session, version, created
    )
    return Stored(seq, session, indexed, records, settle_at)


def create(connection: sqlalchemy.Connection, session: Session) -> None:
    """Store a session that isn't there."""
    values = {
        'project': session.project_id,
        'id': session.session_id,
        'version': session.version,
        'created': session.created,
        'claim': None,
        'body': rows.dump(session.dump()),
        'settle_at': session.settle_at,
        'records': 0,
    }
    seq = rows.insert(connection, documents.SESSIONS, values, session.body())
    members.store(connection, seq, {}, session.members)


def store(
    connection: sqlalchemy.Connection,
    stored: Stored,
    after: Session,
    new_records: int = 0,
) -> None:
    """Store what became of a session that is locked, and by how many its
    records have grown.
    """
    old = stored.session
    members.store(connection, stored.seq, old.members, after.members)
    values = {
        'of': stored.seq,
        'version': after.version,
        'body': rows.dump(after.dump()),
        'settle_at': after.settle_at,
        'indexed': stored.indexed,
        'records': stored.records + new_records,
    }
    # What another release's index says may change with what this one's leaves
    # alone.
    own = terms.made_by(stored.indexed) == search.INDEX_VERSION
    if after.version == old.version or own and found_alike(old, after):
        connection.execute(_UPDATE, values)
    else:
        _store_shown(connection, stored, after, _UPDATE, values)


def remove(connection: sqlalchemy.Connection, stored: Stored) -> None:
    """Delete a session that is locked, its members and its records."""
    members.remove_all(connection, stored.seq)
    records.remove_all(connection, stored.seq)
    rows.remove(
        connection,
        documents.SESSIONS,
        stored.session.project_id,
        stored.seq,
        stored.indexed,
    )


def settle(
    connection: sqlalchemy.Connection,
    due: collections.abc.Iterable[Stored],
    now: int,
) -> list[Session | None]:
    """Complete lapsed runs of sessions that were read and aren't held; None
    for one that has changed since.
    """
    return [
        _settle(connection, stored, now)
        for stored in sorted(due, key=lambda stored: stored.session.session_id)
    ]


def _settle(
    connection: sqlalchemy.Connection, stored: Stored, now: int
) -> Session | None:
    old, new = stored.session, runs.lapse(stored.session, now)
    if stored.drifted:
        _mend(connection, stored)
        return None
    values = {
        'of': stored.seq,
        'version': new.version,
        'body': rows.dump(new.dump()),
        'settle_at': new.settle_at,
        'indexed': stored.indexed,
        'records': stored.records,
        'old_version': old.version,
        'old_settle_at': old.settle_at,
    }
    return (
        new
        if _store_shown(connection, stored, new, _UPDATE_UNCHANGED, values)
        else None
    )


def _mend(connection: sqlalchemy.Connection, stored: Stored) -> None:
    """Let a session lapse when it says; who asked for it reads it again."""
    old = stored.session
    LOG.error(
        'Column settle_at of session %s in project %s was %s, but should be'
        ' %s; corrected.',
        old.session_id,
        old.project_id,
        stored.settle_at,
        old.settle_at,
    )
    values = {
        'of': stored.seq,
        'old_version': old.version,
        'settle_at': old.settle_at,
    }
    connection.execute(_MEND, values)


def _store_shown(
    connection: sqlalchemy.Connection,
    stored: Stored,
    new: Session,
    statement: sqlalchemy.Update,
    values: dict[str, typing.Any],
) -> bool:
    """Update a session whose document has changed, and its index; False if the
    statement found it changed.
    """
    scopes = terms.scopes(documents.SESSIONS, new.project_id, None)
    index, text = terms.index(documents.SESSIONS, scopes, new.body())
    if not connection.execute(
        statement, {**values, 'indexed': index.pack()}
    ).rowcount:
        return False
    old = terms.Index.unpack(stored.indexed)
    indexing.change(
        connection,
        documents.SESSIONS,
        (scopes, scopes),
        stored.seq,
        old,
        index,
        text,
    )
    return True


def read(
    page: sqlalchemy.CTE, further: sqlalchemy.Select | None = None
) -> sqlalchemy.CompoundSelect:
    """The sessions of ``project`` whose ``seq`` a page names, and their
    members, as rows of one statement and so of one moment.

    ``further`` is read beside them, as ``seq`` and ``body``.
    """
    own, jobs = models.sessions, models.members
    selects = [
        sqlalchemy.select(*_own_columns(), *map(_nothing, members.COLUMNS))
        .select_from(page.join(own, own.c.seq == page.c.seq))
        .where(own.c.project == bindparam('project')),
        _members().select_from(page.join(jobs, jobs.c.session == page.c.seq)),
    ]
    if further is not None:
        source = further.subquery()
        columns = (
            (
                source.c[column.name]
                if column.name in source.c
                else _nothing(column)
            )
            for column in _own_columns()
        )
        selects.append(
            sqlalchemy.select(*columns, *map(_nothing, members.COLUMNS))
        )
    return sqlalchemy.union_all(*selects)


def by_id() -> sqlalchemy.Select:
    """The ``seq`` of the session that ``project`` and ``id`` name."""
    table = models.sessions.c
    return sqlalchemy.select(table.seq).where(
        table.project == bindparam('project'), table.id == bindparam('id')
    )


def _own_columns() -> tuple[sqlalchemy.Column, ...]:
    table = models.sessions.c
    return (
        table.seq,
        table.id,
        table.version,
        table.created,
        table.body,
        table.indexed,
        table.records,
        table.settle_at,
    )


def _members() -> sqlalchemy.Select:
    """Members as rows of :func:`read`."""
    return sqlalchemy.select(
        models.members.c.session,
        *map(_nothing, _own_columns()[1:]),
        *members.COLUMNS,
    )


def _nothing(column: sqlalchemy.Column) -> sqlalchemy.ColumnElement:
    return sqlalchemy.null().label(column.name)


def due() -> sqlalchemy.Select:
    """One session of a project whose run has lapsed at ``now``, if there is
    any; as something to read beside others.
    """
    table = models.sessions.c
    return (
        sqlalchemy.select(table.seq, sqlalchemy.null().label('body'))
        .where(
            table.project == bindparam('project'),
            table.settle_at < bindparam('now'),
        )
        .limit(1)
    )


def lapsed(
    connection: sqlalchemy.Connection, project: str, now: int
) -> list[Stored]:
    """Some of the sessions of a project whose runs have lapsed, by one
    statement.
    """
    return assemble(
        project, connection.execute(_LAPSED, {'project': project, 'now': now})
    )


_OWN = len(_own_columns())
#: What rows of members alone lack of those of :func:`read`; a driver written
#: in Python takes its time for each column.
_PADDING = (None,) * (_OWN - 1)
_BY_ID = read(by_id().cte('page'))
_LAPSED = read(
    sqlalchemy.select(models.sessions.c.seq)
    .where(
        models.sessions.c.project == bindparam('project'),
        models.sessions.c.settle_at < bindparam('now'),
    )
    .order_by(models.sessions.c.settle_at)
    .limit(BATCH)
    .cte('page')
)
_HOLD = rows.in_order(
    sqlalchemy.select(*_own_columns()).where(
        models.sessions.c.project == bindparam('project'),
        models.sessions.c.id.in_(bindparam('ids', expanding=True)),
    ),
    models.sessions,
).with_for_update()
_MEMBERS = sqlalchemy.select(models.members.c.session, *members.COLUMNS).where(
    models.members.c.session.in_(bindparam('seqs', expanding=True))
)
_UPDATE = (
    sqlalchemy.update(models.sessions)
    .where(models.sessions.c.seq == bindparam('of'))
    .values(
        {
            name: bindparam(name)
            for name in ('version', 'body', 'settle_at', 'indexed', 'records')
        }
    )
)
_MEND = (
    sqlalchemy.update(models.sessions)
    .values(settle_at=bindparam('settle_at'))
    .where(
        models.sessions.c.seq == bindparam('of'),
        models.sessions.c.version == bindparam('old_version'),
    )
)
_UPDATE_UNCHANGED = _UPDATE.where(
    models.sessions.c.version == bindparam('old_version'),
    models.sessions.c.settle_at == bindparam('old_settle_at'),
)
