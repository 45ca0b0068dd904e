"""Erasing a project."""

import functools

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.db.sqlalchemy.search import counting, terms
from freezer_api.db.sqlalchemy.sessions import session_rows
from freezer_api.domain import documents

#: Documents that one transaction erases.
BATCH_SIZE = 200


def purge(database: Database, kind: str, project_id: str) -> int:
    """Erase the documents of a kind; return how many of them this call has
    erased. Others may erase some at the same time.
    """
    erase = functools.partial(
        _erase_batch,
        kind=kind,
        project_id=project_id,
    )
    # A project may have any number. Others needn't wait for all of them.
    count = 0
    while True:
        found, erased = database.write(erase)
        count += erased
        if not found:
            break
    # Deletions are counted off later, and nothing may be left of the project.
    for term in terms.of_lists(kind, (project_id,)):
        counting.count_all(database, term)
    return count


def _erase_batch(
    connection: sqlalchemy.Connection, kind: str, project_id: str
) -> tuple[int, int]:
    """Erase some documents; return how many were found, and how many of these
    were still there when they were locked.
    """
    parameters = {'project': project_id}
    ids = connection.execute(_first_ids(kind), parameters).scalars().all()
    if not ids:
        return 0, 0
    if kind == documents.SESSIONS:
        sessions = session_rows.lock(connection, project_id, ids)
        for session in sessions.values():
            session_rows.remove(connection, session)
        return len(ids), len(sessions)
    # Another one may have erased some since they were found.
    locked = rows.lock_all(
        connection,
        kind,
        project_id,
        ids,
    )
    for stored in locked.values():
        rows.delete(connection, stored)
    return len(ids), len(locked)


@functools.cache
def _first_ids(kind: str) -> sqlalchemy.Select:
    columns = models.tables[kind].c
    return (
        sqlalchemy.select(columns.id)
        .where(columns.project == bindparam('project'))
        .order_by(columns.id)
        .limit(BATCH_SIZE)
    )
