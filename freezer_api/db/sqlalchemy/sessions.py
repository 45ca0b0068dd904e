"""What is done to a session: deciding, joining, leaving. Each function is the
work of one transaction.

Locks are taken in one order everywhere, so that nobody waits for each other:
sessions, then actions, then jobs, then trusts, each ascending by id. The clock
is read when they are held.
"""

import collections.abc
import dataclasses

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db import refusals
from freezer_api.db.base import Bounds
from freezer_api.db.sqlalchemy import (
    errors,
    members,
    records,
    rows,
    session_rows,
)
from freezer_api.domain import documents, membership, runs
from freezer_api.domain.documents import Precondition
from freezer_api.domain.sessions import (
    Decision,
    Follow,
    Outcome,
    Record,
    Session,
)

Clock = collections.abc.Callable[[], int]


def decide(
    connection: sqlalchemy.Connection,
    clock: Clock,
    project: str,
    id: str,
    decision: Decision,
    record: int | None,
    runs_kept: int,
    bounds: Bounds,
) -> Outcome:
    """See :meth:`Storage.write_session`."""
    stored = session_rows.lock(connection, project, (id,)).get(id)
    earlier = _earlier(connection, stored, record)
    now = clock()
    before = runs.lapse(stored.session, now) if stored else None
    outcome = decision(before, now, earlier)
    after = _store(connection, stored, before, outcome, now, runs_kept)
    if outcome.follow is not None:
        _check_size(connection, project, id, outcome.followers, bounds)
        _follow(connection, project, outcome.followers, outcome.follow)
    return dataclasses.replace(outcome, session=after)


def attach(
    connection: sqlalchemy.Connection,
    clock: Clock,
    project: str,
    session_id: str,
    job_id: str,
    was_in: str,
    precondition: Precondition,
) -> None:
    """See :meth:`Storage.attach`; ``was_in`` is the session that the job was
    seen in ('': none).
    """
    held = session_rows.lock(connection, project, {session_id, was_in} - {''})
    if session_id not in held:
        precondition.check(None)
        raise exceptions.NotFound(documents.SESSIONS, session_id)
    job = rows.lock(connection, documents.JOBS, project, job_id)
    if job is None:
        raise exceptions.NotFound(documents.JOBS, job_id)
    is_in = job.document.body['session_id']
    if is_in not in ('', session_id, was_in):
        raise errors.HoldSession(is_in)
    now = clock()
    target = runs.lapse(held[session_id].session, now)
    precondition.check(target)
    joined, body = membership.attach(target, job.document.body)
    session_rows.store(connection, held[session_id], target, joined)
    if is_in in held and is_in != session_id:
        leave(connection, held[is_in], job_id, now)
    rows.update(connection, job, body)


def detach(
    connection: sqlalchemy.Connection,
    clock: Clock,
    project: str,
    session_id: str,
    job_id: str,
    precondition: Precondition,
) -> None:
    """See :meth:`Storage.detach`."""
    stored = session_rows.lock(connection, project, (session_id,)).get(
        session_id
    )
    if stored is None:
        return precondition.check(None)
    job = rows.lock(connection, documents.JOBS, project, job_id)
    now = clock()
    before = runs.lapse(stored.session, now)
    precondition.check(before)
    if job is None or job_id not in before.members:
        return None
    session_rows.store(
        connection, stored, before, runs.left(before, job_id, now)
    )
    rows.update(connection, job, membership.detach(job.document.body))
    return None


def leave(
    connection: sqlalchemy.Connection,
    stored: session_rows.Stored,
    job_id: str,
    now: int,
) -> None:
    """Take a member out of a session that is held."""
    before = runs.lapse(stored.session, now)
    session_rows.store(
        connection, stored, before, runs.left(before, job_id, now)
    )


def move(
    connection: sqlalchemy.Connection,
    stored: session_rows.Stored,
    job_id: str,
    client_id: str,
    now: int,
) -> None:
    """Make a member of a session that is held show its job's new client."""
    before = runs.lapse(stored.session, now)
    if job_id in before.members:
        session_rows.store(
            connection, stored, before, runs.moved(before, job_id, client_id)
        )


def remove(
    connection: sqlalchemy.Connection, stored: session_rows.Stored
) -> None:
    """Delete a session that is held, its members and its runs."""
    members.remove_all(connection, stored.seq)
    records.remove_all(connection, stored.seq)
    rows.remove(
        connection,
        documents.SESSIONS,
        stored.session.project_id,
        stored.seq,
        stored.indexed,
    )


def _earlier(
    connection: sqlalchemy.Connection,
    stored: session_rows.Stored | None,
    tag: int | None,
) -> Record | None:
    """The record of an earlier run; there is none of the current one."""
    if (
        stored is None
        or tag is None
        or stored.session.run
        and stored.session.run.tag == tag
    ):
        return None
    return records.get(connection, stored.seq, tag)


def _store(
    connection: sqlalchemy.Connection,
    stored: session_rows.Stored | None,
    before: Session | None,
    outcome: Outcome,
    now: int,
    runs_kept: int,
) -> Session | None:
    """Store the session of an outcome, or delete it; with the version that it
    has then.
    """
    if outcome.session is None:
        if stored:
            remove(connection, stored)
        return None
    if stored is None or before is None:
        return session_rows.create(connection, outcome.session, now)
    run = stored.session.run
    added = records.store(
        connection, stored.seq, outcome.records, run.tag if run else None
    )
    if added and runs_kept:
        number = stored.records + added - (runs_kept - 1)
        added -= records.forget(
            connection, stored.seq, number, outcome.session.succeeded
        )
    return session_rows.store(
        connection, stored, before, outcome.session, added
    )


def _check_size(
    connection: sqlalchemy.Connection,
    project: str,
    id: str,
    followers: collections.abc.Collection[str],
    bounds: Bounds,
) -> None:
    """Raise ``Conflict`` if the jobs that follow a session are more bytes than
    may change at once.
    """
    if len(followers) * bounds.document <= bounds.page:
        return
    if (
        rows.octets(connection, documents.JOBS, project, followers)
        > bounds.page
    ):
        raise refusals.members_too_much(id, bounds.page)


def _follow(
    connection: sqlalchemy.Connection,
    project: str,
    ids: collections.abc.Collection[str],
    follow: Follow,
) -> None:
    for job in rows.lock_all(
        connection, documents.JOBS, project, ids
    ).values():
        rows.update(connection, job, follow(job.document.body))
