"""Reports of jobs that they start or have ended in a session: which session
they are about, and what they do to its runs.
"""

import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.db.base import Storage
from freezer_api.domain import runs
from freezer_api.domain.documents import JOBS, SESSIONS, Precondition
from freezer_api.domain.session_state import (
    Decision,
    Keep,
    Outcome,
    Record,
    Result,
    Session,
)
from freezer_api.services import clients, effects
from freezer_api.services.common import Caller


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """A job's report: ``name`` is ``start`` or ``end``; ``result`` is given
    with an end, ``tag`` (None: the current run's) with each start.
    """

    name: str
    job_id: str
    tag: int | None
    result: Result | typing.Literal['']
    precondition: Precondition

    @property
    def follower(self) -> str:
        """Return the job if it is told a tag, as each job is that starts."""
        return self.job_id if self.name == 'start' else ''

    @property
    def record(self) -> int | None:
        """Return the tag of the record that the decision needs, None for a
        start: it is about the current run, or begins the next one.
        """
        return None if self.name == 'start' else self.tag

    def decide(
        self, session: Session | None, now: int, record: Record | None
    ) -> Outcome:
        """Return what the report makes of a session; the answer is an
        :class:`_Accepted`, None if there is no such session.
        """
        if session is None:
            return Keep(None)
        self.precondition.check(session)
        if self.name == 'start':
            # The schema demands a tag of each start.
            tag = typing.cast(int, self.tag)
            outcome = runs.start(session, self.job_id, tag, now)
        else:
            outcome = runs.end(
                session,
                self.job_id,
                self.tag,
                typing.cast(Result, self.result),
                now,
                record,
            )
        accepted = _Accepted(session, outcome.answer)
        return dataclasses.replace(outcome, answer=accepted)


@dataclasses.dataclass(frozen=True, slots=True)
class _Accepted:
    """The session as a report found it, and what the job is answered."""

    before: Session
    answer: runs.Answer


def take(
    storage: Storage, caller: Caller, session_id: str, report: Report
) -> runs.Answer:
    """Apply a report to the session of the caller's project, else to the one
    of another project that :func:`_take_elsewhere` finds; return the answer.

    ``NotFound`` without either.
    """
    outcome = storage.write_session(
        caller.scope,
        session_id,
        report.decide,
        record=report.record,
        follower=report.follower,
    )
    if outcome.answer is None and caller.all_projects:
        outcome = _take_elsewhere(storage, caller, session_id, report)
    accepted: _Accepted | None = outcome.answer
    # A precondition that demands a session is told before a missing one.
    if accepted is None:
        report.precondition.check(None)
        raise exceptions.NotFound(SESSIONS, session_id)
    after = typing.cast(Session, outcome.session)
    effects.run_changed(accepted.before, after, outcome.records, report.job_id)
    return accepted.answer


def _take_elsewhere(
    storage: Storage, caller: Caller, session_id: str, report: Report
) -> Outcome:
    """Apply a report to the session of another project whose member the job
    is, if the job is on a central client of the caller's.

    An outcome without an answer if there is no such session.
    """
    # Over all projects a job is known by its id once it is on a central
    # client.
    job = storage.claimed(JOBS, report.job_id)
    if job is None or job.body['session_id'] != session_id:
        return Keep(None)
    owner = Caller(job.project_id, caller.user_id)
    client = clients.lookup(storage, owner, job.body['client_id'])
    # The job's project sees this client although another project has it: so it
    # is a central one.
    if client is None or client.project_id != caller.project_id:
        return Keep(None)
    return storage.write_session(
        owner.scope,
        session_id,
        _of_member(report, client.id),
        record=report.record,
        follower=report.follower,
    )


def _of_member(report: Report, client_id: str) -> Decision:
    """Return the decision about a report that counts only if the job is a
    member of the session, on this client.
    """

    def decide(
        session: Session | None, now: int, record: Record | None
    ) -> Outcome:
        """Decide about the report, or leave the session as it is."""
        # The job may have left, or moved to another client, since it was
        # looked up.
        member = session.members.get(report.job_id) if session else None
        if member is None or member.client_id != client_id:
            return Keep(session)
        return report.decide(session, now, record)

    return decide
