"""Reading sessions: a run that has lapsed is completed before anything is
shown of it.
"""

import collections.abc
import functools
import time
import typing

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.base import Bounds, Page, Scope
from freezer_api.db.operations import sessions
from freezer_api.db.sqlalchemy import finding, history, session_rows
from freezer_api.db.sqlalchemy.database import DEADLINE, Database
from freezer_api.domain import documents, runs, search
from freezer_api.domain.sessions import Record, Session

Clock = collections.abc.Callable[[], int]
#: A session as it is stored and what was read with it; None if there is none.
Reading = collections.abc.Callable[
    [sqlalchemy.Connection], tuple[session_rows.Stored, typing.Any] | None
]


def get(database: Database, clock: Clock, project: str, id: str) -> Session:
    """The session, or ``NotFound``."""

    def reading(
        connection: sqlalchemy.Connection,
    ) -> tuple[session_rows.Stored, None] | None:
        stored = session_rows.get(connection, project, id)
        return (stored, None) if stored else None

    return _settled(database, clock, id, reading)[0]


def list_runs(
    database: Database,
    clock: Clock,
    project: str,
    id: str,
    limit: int,
    marker: int | None,
) -> tuple[list[Record], bool]:
    """See :meth:`Storage.runs`."""
    session, earlier = _settled(
        database,
        clock,
        id,
        lambda connection: history.page(
            connection, project, id, marker, limit + 2
        ),
    )
    found = {record.tag: record for record in earlier}
    latest = runs.current(session)
    if latest and (marker is None or latest.tag <= marker):
        found[latest.tag] = latest
    tags = sorted(found, reverse=True)
    tags, more = sessions.page_of_tags(tags, limit, marker)
    return [found[tag] for tag in tags], more


def get_run(
    database: Database, clock: Clock, project: str, id: str, tag: int
) -> Record:
    """See :meth:`Storage.run`."""
    session, found = _settled(
        database,
        clock,
        id,
        lambda connection: history.one(connection, project, id, tag),
    )
    latest = runs.current(session)
    if latest and latest.tag == tag:
        return latest
    if not found:
        raise exceptions.NotFound('runs', str(tag))
    return found[0]


def find(
    database: Database,
    clock: Clock,
    scope: Scope,
    query: search.Query,
    bounds: Bounds,
) -> Page:
    """A page of sessions, once none of the project is due."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        now = clock()
        page = database.read(
            functools.partial(
                finding.page_of_sessions,
                scope=scope,
                query=query,
                bounds=bounds,
                now=now,
            )
        )
        if isinstance(page, Page):
            return page
        due = page or database.read(
            functools.partial(
                session_rows.lapsed, project=scope.project_id, now=now
            )
        )
        database.write(
            functools.partial(session_rows.settle, due=due, now=now)
        )
    raise _unsettled()


def _settled(
    database: Database, clock: Clock, id: str, reading: Reading
) -> tuple[Session, typing.Any]:
    """A session that isn't due, and what was read with it by the same
    statement.
    """
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        now = clock()
        found = database.read(reading)
        if found is None:
            raise exceptions.NotFound(documents.SESSIONS, id)
        stored, extra = found
        if not stored.due(now):
            return stored.session, extra
        (settled,) = database.write(
            functools.partial(session_rows.settle, due=(stored,), now=now)
        )
        if settled is not None:
            return settled, extra
    raise _unsettled()


def _unsettled() -> exceptions.StorageUnavailable:
    return exceptions.StorageUnavailable(
        'Sessions are changed by too many at once. Try again.'
    )
