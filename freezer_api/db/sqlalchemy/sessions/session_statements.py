"""The statements for sessions with their members.

A session and its members are read by the same statement, so that both are as
they were at one time. The database puts the members of a session together in
one column: a row for each costs several times as much, most of it in Python.

What the caller reads beside them comes as *further rows* of a UNION ALL, which
have a ``seq`` and perhaps a ``body``.
"""

import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.documents import row_statements
from freezer_api.db.sqlalchemy.search import functions
from freezer_api.db.sqlalchemy.sessions import members

#: Lapsed sessions that one transaction settles.
SETTLED_AT_ONCE = 50

#: In place of a timestamp that there isn't.
_NEVER = sqlalchemy.literal_column('-1', sqlalchemy.BigInteger)

Statement: typing.TypeAlias = sqlalchemy.Select | sqlalchemy.CompoundSelect

_table = models.sessions
#: Columns that change with a session.
_CHANGING = ('version', 'body', 'settle_at', 'indexed', 'records', 'shown')


def session_columns() -> tuple[sqlalchemy.Column, ...]:
    """Return the columns of a session row besides its members; ``seq`` and
    ``id`` come first.
    """
    columns = _table.c
    return (
        columns.seq,
        columns.id,
        columns.version,
        columns.created,
        columns.body,
        columns.indexed,
        columns.records,
        columns.settle_at,
    )


def read(
    page: sqlalchemy.CTE, further: sqlalchemy.Select | None = None
) -> Statement:
    """Return the sessions of ``project`` whose ``seq`` a page has, with their
    members, and what ``further`` selects as ``seq`` and ``body``.
    """
    session_rows = _session_rows(page)
    if further is None:
        return session_rows
    return sqlalchemy.union_all(session_rows, _further_rows(further))


def seq_by_id() -> sqlalchemy.Select:
    """Return the ``seq`` of the session that ``project`` and ``id`` name."""
    return sqlalchemy.select(_table.c.seq).where(
        _table.c.project == bindparam('project'),
        _table.c.id == bindparam('id'),
    )


def one_due() -> sqlalchemy.Select:
    """Return one session of the project whose run has lapsed at ``now``, if
    there is any; as further rows of :func:`read`.
    """
    nothing = sqlalchemy.null().label('body')
    return (
        sqlalchemy.select(
            _table.c.seq,
            nothing,
        )
        .where(
            _table.c.project == bindparam('project'),
            _table.c.settle_at < bindparam('now'),
        )
        .limit(1)
    )


def _session_rows(page: sqlalchemy.CTE) -> sqlalchemy.Select:
    return (
        sqlalchemy.select(
            *session_columns(),
            _members(members.JSON_ROWS).label('members'),
        )
        .select_from(page.join(_table, _table.c.seq == page.c.seq))
        # A page is found by digests, which could be those of another
        # project's: see terms.
        .where(_table.c.project == bindparam('project'))
    )


def _locked() -> sqlalchemy.Select:
    """Return the rows of sessions for :func:`unpack`: numbers and the body as
    one text, and the rest, as in :mod:`.row_statements`.
    """
    columns = _table.c
    settle_at = sqlalchemy.func.coalesce(columns.settle_at, _NEVER)
    words = [
        columns.seq,
        columns.version,
        columns.created,
        columns.records,
        settle_at,
    ]
    return sqlalchemy.select(
        functions.spaced(*words, columns.body),
        columns.id,
        columns.indexed,
    )


def unpack(row: cursors.Row) -> tuple[typing.Any, ...]:
    """Return the values of :func:`session_columns` that a locked row has."""
    text, id, indexed = row
    seq, version, created, records, settle_at, body = text.split(' ', 5)
    return (
        int(seq),
        id,
        int(version),
        int(created),
        body,
        indexed,
        int(records),
        None if settle_at == '-1' else int(settle_at),
    )


def _members(rows: functions.Function) -> sqlalchemy.ScalarSelect[str]:
    """Return the members of the session of a row, as one text."""
    return (
        sqlalchemy.select(rows)
        .where(models.members.c.session == _table.c.seq)
        .scalar_subquery()
    )


def _further_rows(further: sqlalchemy.Select) -> sqlalchemy.Select:
    source = further.subquery()
    columns: list[sqlalchemy.ColumnElement] = []
    for column in session_columns():
        if column.name in source.c:
            columns.append(source.c[column.name])
        else:
            columns.append(_null(column.name))
    return sqlalchemy.select(
        *columns,
        _null('members'),
    )


def _null(name: str) -> sqlalchemy.ColumnElement:
    return sqlalchemy.null().label(name)


def _text(value: str) -> sqlalchemy.ColumnElement[str]:
    return sqlalchemy.literal_column(f"'{value}'", sqlalchemy.String)


def show(page: sqlalchemy.CTE, checks_due: bool) -> Statement:
    """Return what is kept to show the sessions of ``project`` whose ``seq`` a
    page has, each as one text: its ``seq``, its version, and the column
    ``shown``; NULL without it.

    ``checks_due``: also an empty text if the run of one of the project has
    lapsed at ``now``.
    """
    text = _kept(
        _table.c.seq,
        _table.c.version,
    )
    shown = (
        sqlalchemy.select(text.label('shown'))
        .select_from(page.join(_table, _table.c.seq == page.c.seq))
        .where(_table.c.project == bindparam('project'))
    )
    return sqlalchemy.union_all(shown, _lapsed()) if checks_due else shown


def _kept(*columns: sqlalchemy.Column) -> sqlalchemy.ColumnElement[str]:
    """Return columns and the column ``shown`` as one text; NULL without
    it.
    """
    return functions.spaced(*columns, _table.c.shown)


def _lapsed() -> sqlalchemy.Select:
    due = one_due().subquery()
    return sqlalchemy.select(_text('').label('shown')).select_from(due)


GET = read(seq_by_id().cte('page'))
_IS_ASKED_FOR = (
    _table.c.project == bindparam('project'),
    _table.c.id == bindparam('id'),
)
SHOW_ONE = sqlalchemy.select(_kept(_table.c.version)).where(*_IS_ASKED_FOR)

#: Some of the sessions whose runs have lapsed at ``now``.
GET_DUE = read(
    sqlalchemy.select(_table.c.seq)
    .where(
        _table.c.project == bindparam('project'),
        _table.c.settle_at < bindparam('now'),
    )
    .order_by(_table.c.settle_at)
    .limit(SETTLED_AT_ONCE)
    .cte('page')
)

#: Session rows without members, which are locked. Members are read after that
#: (:func:`members.read`): whoever changes them has this lock.
LOCK = row_statements.in_order(
    _locked().where(
        _table.c.project == bindparam('project'),
        _table.c.id.in_(bindparam('ids', expanding=True)),
    ),
    _table,
).with_for_update()
LOCK_ONE = _locked().where(*_IS_ASKED_FOR).with_for_update()

UPDATE = (
    sqlalchemy.update(_table)
    .where(_table.c.seq == bindparam('of'))
    .values({name: bindparam(name) for name in _CHANGING})
)

#: The update of a session that isn't locked: nothing happens if it has
#: changed since it was read, as its version tells, and of its bookkeeping,
#: which has no version, when it settles.
UPDATE_IF_UNCHANGED = UPDATE.where(
    _table.c.version == bindparam('old_version'),
    _table.c.settle_at == bindparam('old_settle_at'),
)

#: Corrects when a session settles, which others may do at the same time.
CORRECT_SETTLE_AT = (
    sqlalchemy.update(_table)
    .values(settle_at=bindparam('settle_at'))
    .where(
        _table.c.seq == bindparam('of'),
        _table.c.version == bindparam('old_version'),
    )
)
