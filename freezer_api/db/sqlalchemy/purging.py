"""Erasing a project."""

import functools

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models, rows, session_rows
from freezer_api.db.sqlalchemy.database import Database
from freezer_api.domain import documents

#: Documents that one transaction erases.
BATCH = 200


def purge(database: Database, kind: str, project: str) -> int:
    """Erase the documents of a kind; how many of them this call has erased."""
    count = 0
    while True:
        found, erased = database.write(
            lambda connection: _batch(connection, kind, project)
        )
        count += erased
        if not found:
            return count


def _batch(
    connection: sqlalchemy.Connection, kind: str, project: str
) -> tuple[int, int]:
    """How many documents were found, and how many of them were still there to
    be erased.
    """
    ids = (
        connection.execute(_first(kind), {'project': project}).scalars().all()
    )
    if kind == documents.SESSIONS:
        held = session_rows.lock(connection, project, ids) if ids else {}
        for stored in held.values():
            session_rows.remove(connection, stored)
        return len(ids), len(held)
    documents_held = rows.lock_all(connection, kind, project, ids)
    for row in documents_held.values():
        rows.delete(connection, row)
    return len(ids), len(documents_held)


@functools.cache
def _first(kind: str) -> sqlalchemy.Select:
    table = models.tables[kind]
    return (
        sqlalchemy.select(table.c.id)
        .where(table.c.project == bindparam('project'))
        .order_by(table.c.id)
        .limit(BATCH)
    )
