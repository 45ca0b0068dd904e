"""Use cases of sessions and their runs."""

import functools
import typing

from freezer_api import exceptions
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import (
    backups,
    jobs,
    membership,
    schedules,
    search,
    sessions,
)
from freezer_api.domain import runs as machine
from freezer_api.domain.documents import (
    ANYTHING,
    BACKUPS,
    JOBS,
    SESSIONS,
    Body,
    Document,
    Precondition,
)
from freezer_api.domain.sessions import (
    Decision,
    Follow,
    Outcome,
    Record,
    Session,
)
from freezer_api.schemas import sessions as schemas
from freezer_api.services import clients, common
from freezer_api.services.common import Caller, Shown, ShownPage, Written

#: Backups of a run that are read at once.
BACKUPS_AT_ONCE = 100


def create(storage: Storage, caller: Caller, body: Body) -> Written:
    """Make a new session; a ``session_id`` in the body counts for nothing."""
    return replace(storage, caller, common.new_id(), body)


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """The session with its members, or ``NotFound``."""
    common.existing(SESSIONS, id)
    return common.shown(storage.get(caller.scope, SESSIONS, id), caller)


def list_page(
    storage: Storage, caller: Caller, query: search.Query
) -> ShownPage:
    """A page of the sessions that a query finds."""
    return common.shown_page(
        storage.find(caller.scope, SESSIONS, query), caller
    )


def update(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Written:
    """Change what the body names; the members' jobs follow with its schedule,
    a raised tag and a top-level ``event``.
    """
    common.existing(SESSIONS, id)
    given = schemas.patch(body)

    def decision(
        session: Session | None, now: int, record: Record | None
    ) -> Outcome:
        session = common.found(SESSIONS, id, session, precondition)
        return _pushed(
            session, sessions.patch(session, given), given.get(sessions.EVENT)
        )

    return _written(storage.write_session(caller.scope, id, decision))


def replace(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Written:
    """Make a session under an id, or give the one there another definition; it
    keeps members, run and tag.
    """
    common.existing(SESSIONS, id)
    given = schemas.session(body)

    def decision(
        session: Session | None, now: int, record: Record | None
    ) -> Outcome:
        precondition.check(session)
        if session is None:
            return Outcome(
                sessions.create(
                    caller.project_id, id, caller.user_id, given, now
                )
            )
        return _pushed(session, sessions.replace(session, given), None)

    return _written(storage.write_session(caller.scope, id, decision))


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Remove a session with its runs, if it is there; its jobs leave it."""
    if not common.is_id(id):
        return precondition.check(None)

    def decision(
        session: Session | None, now: int, record: Record | None
    ) -> Outcome:
        precondition.check(session)
        return Outcome(
            None,
            follow=membership.detach,
            followers=frozenset(session.members if session else ()),
        )

    storage.write_session(caller.scope, id, decision)
    return None


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
    common.existing(SESSIONS, id)
    common.existing(JOBS, job_id)
    storage.attach(caller.scope, id, job_id, precondition)


def detach(
    storage: Storage,
    caller: Caller,
    id: str,
    job_id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Take a job out of the session, if it is in it."""
    if not (common.is_id(id) and common.is_id(job_id)):
        return precondition.check(None)
    return storage.detach(caller.scope, id, job_id, precondition)


def act(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Body:
    """Take a job's report that it starts or has ended in the session:
    ``{"result", "session_tag"}``.

    ``UnknownAction`` for another action; whatever else is wrong with the body,
    a missing session is told first. Who may list the jobs of all projects also
    reports for jobs of other projects on the central clients of this one.
    """
    common.existing(SESSIONS, id)
    try:
        name, told = schemas.action(body)
    except exceptions.InvalidInput:
        storage.get(caller.scope, SESSIONS, id)
        raise
    tag = told.get('current_tag')

    def decision(
        session: Session | None, now: int, record: Record | None
    ) -> Outcome:
        if session is None:
            return Outcome(None)
        precondition.check(session)
        if name == 'start':
            return machine.start(
                session, told['job_id'], told['current_tag'], now
            )
        return machine.end(
            session, told['job_id'], tag, told['result'], now, record
        )

    answer = storage.write_session(
        caller.scope, id, decision, record=tag
    ).answer
    if answer is None and caller.all_projects:
        answer = _act_elsewhere(
            storage, caller, id, told['job_id'], decision, tag
        )
    if answer is None:
        precondition.check(None)
        raise exceptions.NotFound(SESSIONS, id)
    return answer


def runs(
    storage: Storage,
    caller: Caller,
    id: str,
    limit: int,
    marker: int | None = None,
) -> tuple[list[Body], bool]:
    """The runs with tags below ``marker`` (None: all), newest first, at most
    ``limit``; and whether there are more.
    """
    common.existing(SESSIONS, id)
    if marker is not None and not 0 <= marker <= sessions.MAX_TAG:
        raise exceptions.InvalidInput(
            'marker: is no run of this session.', 'list.marker-not-found'
        )
    records, more = storage.runs(caller.scope, id, limit, marker)
    return [record.shown(id) for record in records], more


def run(storage: Storage, caller: Caller, id: str, tag: int) -> Body:
    """One run of the session, or ``NotFound``; with the ids of its backups,
    and the status of each that isn't available.
    """
    common.existing(SESSIONS, id)
    if not 0 <= tag <= sessions.MAX_TAG:
        raise exceptions.NotFound('runs', str(tag)[:64])
    record = storage.run(caller.scope, id, tag)
    ids = list(storage.run_backups(caller.scope, id, record))
    return {
        **record.shown(id),
        'backups': ids,
        'backup_statuses': _unavailable(storage, caller, ids),
    }


def _unavailable(
    storage: Storage, caller: Caller, ids: list[str]
) -> dict[str, str]:
    """The status of each backup that isn't available, by id."""
    found: dict[str, str] = {}
    for first in range(0, len(ids), BACKUPS_AT_ONCE):
        for entry in storage.named(
            BACKUPS, caller.project_id, ids[first : first + BACKUPS_AT_ONCE]
        ):
            status = typing.cast(Document, entry.content).body['status']
            if status != backups.AVAILABLE:
                found[entry.id] = status
    return found


def _act_elsewhere(
    storage: Storage,
    caller: Caller,
    id: str,
    job_id: str,
    decision: Decision,
    tag: int | None,
) -> Body | None:
    """Decide about a session of another project that has a job as its member
    which is on a central client of the caller's.

    None if there is no such session. A job's id is known over all projects
    from when the job is on a central client.
    """
    job = storage.claimed(JOBS, job_id)
    if job is None or job.body['session_id'] != id:
        return None
    client = clients.lookup(
        storage, Caller(job.project_id, caller.user_id), job.body['client_id']
    )
    # A client that the job's project sees and another has is a central one.
    if client is None or client.project_id != caller.project_id:
        return None

    def of_member(
        session: Session | None, now: int, record: Record | None
    ) -> Outcome:
        member = session.members.get(job_id) if session else None
        if member is None or member.client_id != client.id:
            return Outcome(session)
        return decision(session, now, record)

    return storage.write_session(
        Scope(job.project_id), id, of_member, record=tag
    ).answer


def _pushed(old: Session, new: Session, event: str | None) -> Outcome:
    """A changed session, with all that its members' jobs get to know of the
    change.
    """
    follows: list[Follow] = []
    if new.schedule != old.schedule:
        follows.append(functools.partial(_scheduled, new))
    if new.tag > old.tag or event == schedules.START:
        # Who starts a session as a whole leaves nobody behind.
        follows.append(functools.partial(_tagged, new.tag))
    if event in schedules.COMMANDS:
        follows.append(functools.partial(_told, event))
    if not follows:
        return Outcome(new)

    def follow(job: Body) -> Body:
        return functools.reduce(lambda body, step: step(body), follows, job)

    return Outcome(new, follow=follow, followers=frozenset(new.members))


def _scheduled(session: Session, job: Body) -> Body:
    return membership.scheduled_by(job, session.schedule)


def _tagged(tag: int, job: Body) -> Body:
    return {**job, 'session_tag': tag}


def _told(event: str, job: Body) -> Body:
    return jobs.commanded(job, event)[0]


def _written(outcome: Outcome) -> Written:
    session = typing.cast(Session, outcome.session)
    return Written(session.session_id, session.version, session.etag)
