"""Reading runs: a session, its members and the records of its earlier runs by
one statement, so all as they were at one time.
"""

import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db import pages
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.search import functions
from freezer_api.db.sqlalchemy.sessions import (
    records,
    session_rows,
    session_statements,
)
from freezer_api.domain.session_state import MAX_TAG, Record

#: A session and records of its earlier runs, newest first.
Found = tuple[session_rows.Stored, list[Record]]


def page(
    connection: sqlalchemy.Connection,
    project_id: str,
    session_id: str,
    marker: int | None,
    limit: int,
    most: int,
) -> Found | None:
    """Return a session and at most ``limit`` records of earlier runs with tags
    up to ``marker``, newest first. None if there is no such session.

    ``InvalidInput`` for records of more than ``most`` bytes, which aren't read.
    """
    newest = MAX_TAG if marker is None else marker
    parameters = {
        'tag': newest,
        'limit': limit,
        'most': most,
    }
    return _read(
        connection,
        _page(),
        project_id,
        session_id,
        parameters,
    )


def one(
    connection: sqlalchemy.Connection,
    project_id: str,
    session_id: str,
    tag: int,
) -> Found | None:
    """Return a session and the record of one earlier run, if there is such a
    run. None if there is no such session.
    """
    parameters = {'tag': tag}
    return _read(
        connection,
        _one(),
        project_id,
        session_id,
        parameters,
    )


def _read(
    connection: sqlalchemy.Connection,
    statement: session_statements.Statement,
    project_id: str,
    session_id: str,
    parameters: dict[str, typing.Any],
) -> Found | None:
    named = {
        'project': project_id,
        'id': session_id,
    }
    found = connection.execute(statement, named | parameters).all()
    stored = session_rows.assemble(project_id, found)
    if not stored:
        return None
    further = session_rows.further_rows(found)
    earlier = []
    for row in further:
        if row.body is None:
            most = parameters['most']
            pages.check_page(most + 1, most)
        earlier.append(records.load(row.body))
    # The statement limits in this order, but a UNION ALL promises none.
    earlier.sort(
        key=lambda record: record.tag,
        reverse=True,
    )
    return stored[0], earlier


@functools.cache
def _page() -> session_statements.Statement:
    """Return the statement for a page of records: their bodies are NULL if
    they are more than ``most`` bytes together.
    """
    runs = models.runs
    columns = runs.c
    session = session_statements.seq_by_id().scalar_subquery()
    # By their keys first: else a database makes a table of the bodies.
    wanted = (
        sqlalchemy.select(columns.session, columns.tag)
        .where(columns.session == session, columns.tag <= bindparam('tag'))
        .order_by(columns.tag.desc())
        .limit(bindparam('limit'))
        .cte('wanted')
    )
    is_wanted = sqlalchemy.and_(
        columns.session == wanted.c.session,
        columns.tag == wanted.c.tag,
    )
    source = wanted.join(runs, is_wanted)
    octets = sqlalchemy.func.sum(functions.Octets(columns.body))
    size = sqlalchemy.select(octets).select_from(source).scalar_subquery()
    body = sqlalchemy.case((size <= bindparam('most'), columns.body))
    return _with_session(
        sqlalchemy.select(
            columns.session.label('seq'),
            body.label('body'),
        ).select_from(source)
    )


@functools.cache
def _one() -> session_statements.Statement:
    """Return the statement for one record."""
    columns = models.runs.c
    session = session_statements.seq_by_id().scalar_subquery()
    return _with_session(
        sqlalchemy.select(
            columns.session.label('seq'),
            columns.body,
        ).where(
            columns.session == session,
            columns.tag == bindparam('tag'),
        )
    )


def _with_session(earlier: sqlalchemy.Select) -> session_statements.Statement:
    page = session_statements.seq_by_id().cte('page')
    return session_statements.read(page, earlier)
