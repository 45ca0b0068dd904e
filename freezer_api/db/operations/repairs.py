"""Making two documents agree that contradict each other, as no operation
leaves them.

The rules are those of the import: a job is in the session that it names, and
has the schedule of its session; a session shows the client of its member's
job; an action is right where a job has another copy of it. What is missing is
made again from the job that has it.
"""

import collections.abc

from freezer_api.db.operations import documents, jobs, sessions
from freezer_api.db.unit import Name, Unit
from freezer_api.db.walks import Drift
from freezer_api.domain import actions, links, membership
from freezer_api.domain import documents as domain
from freezer_api.domain.documents import (
    ACTIONS,
    CREDENTIALS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
)


def primary(drift: Drift) -> Name:
    """Return the document that a repair is about: a session, if it needs
    one.
    """
    own = (drift.kind, drift.id)
    if drift.other is not None and drift.other[0] == SESSIONS:
        return drift.other
    return own


def repair(unit: Unit, drift: Drift) -> bool:
    """See :meth:`Storage.repair`."""
    if drift.other is None:
        return False
    return _REPAIRS[drift.kind, drift.other[0]](unit, drift.id, drift.other[1])


def _repair_member(unit: Unit, session_id: str, job_id: str) -> bool:
    """Make a session and a job agree on whether the job is a member."""
    session = unit.get_session(session_id)
    job = unit.get(JOBS, job_id)
    now = unit.now()
    is_named = job is not None and job.body['session_id'] == session_id
    if session is None:
        # There is nothing that the job could be a member of.
        if job is not None and is_named:
            documents.change_body(unit, job, _without_session(job.body))
        return True
    # What a job says of itself is what its agent has been told.
    if job is None or not is_named:
        sessions.leave(unit, session_id, job_id, now)
        return True
    sessions.join(unit, session_id, job_id, job.body['client_id'], now)
    body = membership.scheduled_by(job.body, session.schedule)
    if job_id not in session.members:
        body = {**body, 'session_tag': session.tag}
    documents.change_body(unit, job, body)
    return True


def _repair_job(unit: Unit, job_id: str, session_id: str) -> bool:
    return _repair_member(unit, session_id, job_id)


def _without_session(job: Body) -> Body:
    """Return a job that names a session that isn't there, in none. Its
    schedule is all that is left of the session's; an agent would run it at
    once without one.
    """
    names = job['job_schedule']
    if not any(name.startswith(membership.SCHEDULE) for name in names):
        return membership.detach(job)
    return {**job, 'session_id': '', 'session_tag': 0}


def _repair_run(unit: Unit, session_id: str, _same: str) -> bool:
    sessions.finish(unit, session_id)
    return True


def _repair_action(unit: Unit, job_id: str, action_id: str) -> bool:
    """Make a missing action of a job again, or give the job the present
    definition of its action.
    """
    action = unit.get(ACTIONS, action_id)
    job = unit.get(JOBS, job_id)
    entries = job.body['job_actions'] if job else ()
    for entry in entries:
        if job is None or entry['action_id'] != action_id:
            continue
        # An action that is deleted leaves its jobs in the same step: one that
        # a job still has was lost.
        if action is not None:
            body = links.relinked(job.body, action_id, action.body)
            documents.change_body(unit, job, body)
            break
        body = actions.created(
            action_id, unit.project_id, job.body['user_id'], entry
        )
        unit.put(
            Document(ACTIONS, unit.project_id, action_id, 1, unit.now(), body)
        )
        break
    return True


def _repair_trust(unit: Unit, job_id: str, trust_id: str) -> bool:
    """Store again what is kept of the trust that a job has, so that it is
    ended with its last job.
    """
    job = unit.get(JOBS, job_id)
    trust = unit.get(TRUSTS, trust_id)
    if job is None or trust is not None:
        return True
    # The job may have been given another one meanwhile.
    if domain.trust(job.body) != trust_id:
        return True
    body = {**job.body[CREDENTIALS], 'project_id': unit.project_id}
    unit.put(Document(TRUSTS, unit.project_id, trust_id, 1, unit.now(), body))
    return True


def _end_trust(unit: Unit, trust_id: str, _same: str) -> bool:
    jobs.end_trust(unit, trust_id)
    return True


#: By the kinds of the document that has a drift, and of the other one.
_REPAIRS: dict[Name, collections.abc.Callable[[Unit, str, str], bool]] = {
    (SESSIONS, JOBS): _repair_member,
    (SESSIONS, SESSIONS): _repair_run,
    (JOBS, SESSIONS): _repair_job,
    (JOBS, ACTIONS): _repair_action,
    (JOBS, TRUSTS): _repair_trust,
    (TRUSTS, TRUSTS): _end_trust,
}
