"""Use cases of sessions and their runs."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import refusals
from freezer_api.db.base import Storage
from freezer_api.db.batches import batches
from freezer_api.domain import (
    backups,
    documents,
    membership,
    search_query,
    session_state,
    sessions,
)
from freezer_api.domain.documents import (
    ANYTHING,
    BACKUPS,
    JOBS,
    SESSIONS,
    Body,
    Document,
    Precondition,
)
from freezer_api.domain.runs import Answer
from freezer_api.domain.session_state import (
    Delete,
    Outcome,
    Record,
    Session,
    Store,
)
from freezer_api.schemas import sessions as schemas
from freezer_api.services import (
    common,
    effects,
    member_jobs,
    session_reports,
)
from freezer_api.services.common import (
    Caller,
    Shown,
    ShownPage,
    Written,
)

#: How many backups of a run are read at once.
BACKUPS_AT_ONCE = 100


def create(storage: Storage, caller: Caller, body: Body) -> Written:
    """Make a new session; a ``session_id`` in the body is ignored."""
    id = common.new_id()
    return _put(
        storage,
        caller,
        id,
        body,
        is_new=True,
    )


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """Return the session with its members, or raise ``NotFound``."""
    common.check_id(SESSIONS, id)
    session = storage.get(caller.scope, SESSIONS, id)
    return common.shown(session, caller)


def list_page(
    storage: Storage, caller: Caller, query: search_query.Query
) -> ShownPage:
    """Return a page of the sessions that a query finds."""
    page = storage.find(caller.scope, SESSIONS, query)
    return common.shown_page(page, caller)


def update(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Written:
    """Change what the body names. The members' jobs follow with the session's
    schedule, a raised tag and a top-level ``event``.
    """
    common.check_id(SESSIONS, id)
    given = schemas.patch(body)

    def decide(
        current: Session | None, now: int, record: Record | None
    ) -> Outcome:
        """Merge what was given into what is there."""
        session = common.require(SESSIONS, id, current, precondition)
        new = sessions.patch(session, given)
        # An event is for the jobs; the session doesn't keep it.
        event = given.get(sessions.EVENT)
        return member_jobs.push(session, new, event)

    outcome = storage.write_session(caller.scope, id, decide)
    return _written(outcome)


def replace(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Written:
    """Make a session under an id, or give the one that is there another
    definition; it keeps members, run and tag.
    """
    return _put(
        storage,
        caller,
        id,
        body,
        precondition,
    )


def _put(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
    is_new: bool = False,
) -> Written:
    common.check_id(SESSIONS, id)
    given = schemas.session(body)

    def decide(
        current: Session | None, now: int, record: Record | None
    ) -> Outcome:
        """Make the session, or define it anew."""
        precondition.check(current)
        if current is None:
            new = sessions.create(
                caller.project_id,
                id,
                caller.user_id,
                given,
                now,
            )
            return Store(new)
        new = sessions.replace(current, given)
        # An event of a new definition is a part of the schedule, for jobs that
        # join later: no member is told.
        return member_jobs.push(current, new, None)

    outcome = storage.write_session(
        caller.scope,
        id,
        decide,
        is_new=is_new,
    )
    return _written(outcome)


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Delete a session with its runs, if it is there; its jobs leave it."""
    # To delete what isn't there is no error; so neither is an id that can't be
    # one. But a precondition may demand that something is there.
    if not documents.is_id(SESSIONS, id):
        precondition.check(None)
        return

    def decide(
        current: Session | None, now: int, record: Record | None
    ) -> Outcome:
        """Delete what is there, and answer what it was."""
        precondition.check(current)
        members = current.members if current else ()
        return Delete(
            answer=current,
            follow=membership.detach,
            followers=frozenset(members),
        )

    outcome = storage.write_session(caller.scope, id, decide)
    deleted: Session | None = outcome.answer
    if deleted is not None:
        effects.session_deleted(deleted)


def attach(
    storage: Storage,
    caller: Caller,
    id: str,
    job_id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Make a job a member of the session; it leaves the one that it was in.
    ``NotFound`` if either is missing.
    """
    common.check_id(SESSIONS, id)
    common.check_id(JOBS, job_id)
    # A job that was a member already stays as it is.
    if storage.attach(caller.scope, id, job_id, precondition):
        effects.job_attached(job_id, id, caller.project_id)


def detach(
    storage: Storage,
    caller: Caller,
    id: str,
    job_id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Take a job out of the session, if it is in it."""
    if not (documents.is_id(SESSIONS, id) and documents.is_id(JOBS, job_id)):
        precondition.check(None)
        return
    if storage.detach(caller.scope, id, job_id, precondition):
        effects.job_detached(job_id, id, caller.project_id)


def act(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Answer:
    """Take a job's report that it starts or has ended in the session; return
    the result and the session's tag.

    ``UnknownAction`` for another action. A missing session is told before
    whatever else is wrong with the body. A caller that may list the jobs of
    all projects also reports for jobs of other projects, if they are on
    central clients of the caller's.
    """
    common.check_id(SESSIONS, id)
    try:
        name, told = schemas.action(body)
    except exceptions.InvalidInput:
        # Where the session is missing and the body is wrong, the session is
        # what is told: another body would not help.
        storage.get(caller.scope, SESSIONS, id)
        raise
    report = session_reports.Report(
        name,
        told['job_id'],
        told.get('current_tag'),
        told.get('result', ''),
        precondition,
    )
    return session_reports.take(storage, caller, id, report)


def runs(
    storage: Storage,
    caller: Caller,
    id: str,
    limit: int,
    marker: int | None = None,
) -> tuple[list[Body], bool]:
    """Return at most ``limit`` runs of the session, newest first, and whether
    there are more; only those with tags below ``marker`` (None: all).

    ``NotFound`` without the session, ``InvalidInput`` for a marker that is no
    run's.
    """
    common.check_id(SESSIONS, id)
    # No store can look up a greater number.
    if marker is not None and not 0 <= marker <= session_state.MAX_TAG:
        raise refusals.no_such_run_marker()
    records, more = storage.runs(caller.scope, id, limit, marker)
    return [record.shown(id) for record in records], more


def run(storage: Storage, caller: Caller, id: str, tag: int) -> Body:
    """Return one run of the session, with the ids of its backups and the
    status of each that isn't available; or raise ``NotFound``.

    ``InvalidInput`` if its backups are more than one request may read.
    """
    common.check_id(SESSIONS, id)
    if not 0 <= tag <= session_state.MAX_TAG:
        raise refusals.no_such_run(tag)
    record = storage.run(caller.scope, id, tag)
    ids = storage.run_backups(caller.scope, id, record)
    return {
        **record.shown(id),
        'backups': list(ids),
        'backup_statuses': _unavailable_backups(storage, caller, ids),
    }


def _unavailable_backups(
    storage: Storage, caller: Caller, ids: collections.abc.Sequence[str]
) -> dict[str, str]:
    """Return the status of each backup that isn't available, by id."""
    found: dict[str, str] = {}
    size = 0
    # A run may have more backups than a query may name.
    for some in batches(ids, BACKUPS_AT_ONCE):
        for entry in storage.named(BACKUPS, caller.project_id, some):
            backup = typing.cast(Document, entry.content)
            size += documents.size(backup.body)
            if size > storage.max_response_size:
                raise refusals.too_large(
                    'backups: the run has',
                    storage.max_response_size,
                    'please list them instead',
                )
            status = backup.body['status']
            if status != backups.AVAILABLE:
                found[entry.id] = status
    return found


def _written(outcome: Outcome) -> Written:
    """Log what a change of a session has done, and return what the caller is
    told.
    """
    session = typing.cast(Session, outcome.session)
    follow = outcome.answer
    # What the last call of the decision has told: that one took effect.
    if isinstance(follow, member_jobs.Follow) and follow.event is not None:
        effects.session_event_delivered(follow.event, session, follow.told)
    return Written(session.session_id, session.version, session.etag)
