"""Completing lapsed runs of sessions that aren't locked."""

import collections.abc
import logging

import sqlalchemy

from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.search import indexing
from freezer_api.db.sqlalchemy.sessions import (
    session_rows,
    session_statements,
)
from freezer_api.domain import documents, run_state
from freezer_api.domain.session_state import Session

LOG = logging.getLogger(__name__)


def settle(
    connection: sqlalchemy.Connection,
    due: collections.abc.Iterable[session_rows.Stored],
    now: int,
) -> list[Session | None]:
    """Complete lapsed runs of sessions that were read and aren't locked;
    return what they are now, None for one that has changed since.
    """
    # The updates lock their rows, so they come in the one order.
    in_order = sorted(due, key=lambda stored: stored.session.session_id)
    return [_settle(connection, stored, now) for stored in in_order]


def _settle(
    connection: sqlalchemy.Connection, stored: session_rows.Stored, now: int
) -> Session | None:
    if stored.drifted:
        # The caller reads it again.
        _correct_settle_at(connection, stored)
        return None
    before = stored.session
    after = run_state.lapse(before, now)
    shown = after.body()
    change = session_rows.index_change(stored, shown)
    values = {
        'of': stored.seq,
        'indexed': change.new.pack(),
        'records': stored.records,
        **session_rows.changing(after, shown),
        'old_version': before.version,
        'old_settle_at': before.settle_at,
    }
    update = session_statements.UPDATE_IF_UNCHANGED
    if not cursors.write(connection, update, values):
        return None
    indexing.change_all(connection, documents.SESSIONS, [change])
    return after


def _correct_settle_at(
    connection: sqlalchemy.Connection, stored: session_rows.Stored
) -> None:
    """Make a session be found by the timestamp at which it lapses."""
    session = stored.session
    LOG.error(
        'Column settle_at of session %s in project %s was %s, but should be'
        ' %s; corrected.',
        session.session_id,
        session.project_id,
        stored.settle_at,
        session.settle_at,
    )
    values = {
        'of': stored.seq,
        'old_version': session.version,
        'settle_at': session.settle_at,
    }
    connection.execute(session_statements.CORRECT_SETTLE_AT, values)
