"""Reading runs: a session, its members and the records of its earlier runs by
one statement, so of one moment.
"""

import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models, records, session_rows
from freezer_api.domain.sessions import MAX_TAG, Record

Found = tuple[session_rows.Stored, list[Record]]


def page(
    connection: sqlalchemy.Connection,
    project: str,
    id: str,
    marker: int | None,
    limit: int,
) -> Found | None:
    """A session and at most ``limit`` records of earlier runs with tags up to
    ``marker``, newest first.
    """
    return _read(
        connection,
        _page(),
        project,
        id,
        {'tag': MAX_TAG if marker is None else marker, 'limit': limit},
    )


def one(
    connection: sqlalchemy.Connection, project: str, id: str, tag: int
) -> Found | None:
    """A session and the record of one earlier run, if there is such a run."""
    return _read(connection, _one(), project, id, {'tag': tag})


def _read(
    connection: sqlalchemy.Connection,
    statement: sqlalchemy.CompoundSelect,
    project: str,
    id: str,
    parameters: dict[str, typing.Any],
) -> Found | None:
    found = connection.execute(
        statement, {'project': project, 'id': id, **parameters}
    ).all()
    stored = session_rows.assemble(project, found)
    earlier = [records.load(row.body) for row in session_rows.beside(found)]
    return (
        (
            stored[0],
            sorted(earlier, key=lambda record: record.tag, reverse=True),
        )
        if stored
        else None
    )


@functools.cache
def _page() -> sqlalchemy.CompoundSelect:
    tags = models.runs.c.tag
    return _with(
        _of_session(tags <= bindparam('tag'))
        .order_by(tags.desc())
        .limit(bindparam('limit'))
    )


@functools.cache
def _one() -> sqlalchemy.CompoundSelect:
    return _with(_of_session(models.runs.c.tag == bindparam('tag')))


def _with(earlier: sqlalchemy.Select) -> sqlalchemy.CompoundSelect:
    return session_rows.read(session_rows.by_id().cte('page'), earlier)


def _of_session(
    condition: sqlalchemy.ColumnElement[bool],
) -> sqlalchemy.Select:
    table = models.runs
    return sqlalchemy.select(table.c.session.label('seq'), table.c.body).where(
        table.c.session == session_rows.by_id().scalar_subquery(), condition
    )
