"""Reading sessions: a run that has lapsed is completed before anything is
shown of it.
"""

import collections.abc
import functools
import time
import typing

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db import effects, pages, refusals
from freezer_api.db.base import Bounds, Page, Scope
from freezer_api.db.operations import sessions
from freezer_api.db.sqlalchemy.connections.database import DEADLINE, Database
from freezer_api.db.sqlalchemy.search import finding
from freezer_api.db.sqlalchemy.sessions import (
    lapsed_rows,
    runs,
    session_rows,
    showing,
)
from freezer_api.domain import documents, run_state, search_query
from freezer_api.domain.session_state import Record, Session

T = typing.TypeVar('T')
Clock = collections.abc.Callable[[], int]
#: Times the bytes of a page of runs that may be read for it: beside the page,
#: the marker's run is read and the one behind.
READ_FOR_PAGE = 3
#: Reads a session and something else by one statement; None if there is no
#: session.
Read = collections.abc.Callable[
    [sqlalchemy.Connection], tuple[session_rows.Stored, T] | None
]


def get(
    database: Database, clock: Clock, project_id: str, id: str
) -> documents.Document:
    """Return the session as a document, or raise ``NotFound``."""
    show = functools.partial(
        showing.get, project_id=project_id, id=id, now=clock()
    )
    shown = database.read(show)
    if shown is not None:
        return shown

    def _read(
        connection: sqlalchemy.Connection,
    ) -> tuple[session_rows.Stored, None] | None:
        stored = session_rows.get(
            connection,
            project_id,
            id,
        )
        if stored is None:
            return None
        return stored, None

    session, _nothing = _read_settled(database, clock, id, _read)
    return session.document()


def list_runs(
    database: Database,
    clock: Clock,
    project_id: str,
    session_id: str,
    limit: int,
    marker: int | None,
    most: int,
) -> tuple[list[Record], bool]:
    """Return a page of runs of at most ``most`` bytes, see
    :meth:`Storage.runs`.
    """
    # Beside the page: the marker's own run, and one that tells whether there
    # are more.
    read = functools.partial(
        runs.page,
        project_id=project_id,
        session_id=session_id,
        marker=marker,
        limit=limit + 2,
        most=READ_FOR_PAGE * most,
    )
    session, earlier = _read_settled(database, clock, session_id, read)
    found = {record.tag: record for record in earlier}
    current = run_state.current(session)
    if current and (marker is None or current.tag <= marker):
        found[current.tag] = current
    newest_first = sorted(found, reverse=True)
    tags, more = sessions.page_of_tags(newest_first, limit, marker)
    on_page = [found[tag] for tag in tags]
    pages.check_page(pages.runs_size(session_id, on_page), most)
    return on_page, more


def get_run(
    database: Database,
    clock: Clock,
    project_id: str,
    session_id: str,
    tag: int,
) -> Record:
    """Return one run, see :meth:`Storage.run`."""
    read = functools.partial(
        runs.one, project_id=project_id, session_id=session_id, tag=tag
    )
    session, earlier = _read_settled(database, clock, session_id, read)
    current = run_state.current(session)
    if current and current.tag == tag:
        return current
    if not earlier:
        raise refusals.no_such_run(tag)
    return earlier[0]


def find(
    database: Database,
    clock: Clock,
    scope: Scope,
    query: search_query.Query,
    bounds: Bounds,
) -> Page:
    """Return a page of sessions, once no run is unsettled that has lapsed and
    could be on it.
    """
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        now = clock()
        read_page = functools.partial(
            finding.page_of_sessions,
            scope=scope,
            query=query,
            bounds=bounds,
            now=now,
        )
        page = database.read(read_page)
        if isinstance(page, Page):
            return page
        due = page
        if not due:
            read_due = functools.partial(
                session_rows.get_due, project_id=scope.project_id, now=now
            )
            due = database.read(read_due)
        # There may be more, or others are quicker: the page is read again.
        _settle(database, due, now)
    raise _too_busy()


def _read_settled(
    database: Database, clock: Clock, id: str, read: Read[T]
) -> tuple[Session, T]:
    """Return a session whose run hasn't lapsed or is settled, and what was
    read with it by the same statement.

    To settle a run changes no record of an earlier one, so what was read
    before that is still so.
    """
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        now = clock()
        found = database.read(read)
        if found is None:
            raise exceptions.NotFound(documents.SESSIONS, id)
        stored, extra = found
        if not stored.due(now):
            return stored.session, extra
        (settled,) = _settle(database, (stored,), now)
        # Else others have changed it since it was read.
        if settled is not None:
            return settled, extra
    raise _too_busy()


def _settle(
    database: Database,
    due: collections.abc.Iterable[session_rows.Stored],
    now: int,
) -> list[Session | None]:
    """Complete the lapsed runs of sessions, and log it; None stands for one
    that others have changed.
    """
    settle = functools.partial(lapsed_rows.settle, due=due, now=now)
    settled = database.write(settle)
    for session in settled:
        if session is not None:
            effects.run_lapsed(session)
    return settled


def _too_busy() -> exceptions.StorageUnavailable:
    """Return the error for sessions that others changed at each attempt."""
    return exceptions.StorageUnavailable(
        'Too many requests change these sessions at once. Please try again.'
    )
