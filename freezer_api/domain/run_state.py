"""The current run of a session: who takes part in it, when it is over, and how
it ended. Pure functions on a session's state.

The clock of another host may lag behind the one that wrote a timestamp: so
``now`` may be earlier than a stored one. Then no time has passed.
"""

import collections.abc
import dataclasses

from freezer_api.domain import documents
from freezer_api.domain.session_state import (
    COMPLETED,
    FAIL,
    RUNNING,
    SCHEDULED,
    SUCCESS,
    Member,
    Record,
    Result,
    ResultOrNone,
    Run,
    Session,
)

#: The fields that show that a run has lapsed; all others stay as they are.
LAPSING = frozenset(('status', 'result', 'time_end', 'time_ended'))


def lapse(session: Session, now: int) -> Session:
    """Return the session with its run completed if the run waited only for
    the end of its hold-off window, and that has passed.

    A member that the run counts never joined, so it failed. It ended at the
    end of the window, whenever that is noticed. The version grows, for this is
    a change of its own.
    """
    run = session.run
    due = session.settle_at
    if run is None or due is None or now <= due:
        return session
    return dataclasses.replace(
        session,
        run=completed(run, FAIL, due),
        version=session.version + 1,
    )


def settle(session: Session, now: int) -> Session:
    """Return the session with its run completed if the run is over at ``now``
    by what its members have done.

    It is over when all members that it counts have completed, or when the
    window has passed and all that joined have completed.
    """
    run = session.run
    if run is None or run.status != RUNNING:
        return session
    counted = [member for member in session.members.values() if member.counted]
    statuses = {member.status for member in counted}
    if RUNNING in statuses:
        return session
    if SCHEDULED in statuses and now <= run.window_end:
        return session
    # Who didn't join has no result: so the run fails.
    result = result_of(member.result for member in counted)
    return dataclasses.replace(session, run=completed(run, result, now))


def current(session: Session) -> Record | None:
    """Return the record of the session's current run, with the members that
    it counts; None if it never started.
    """
    run = session.run
    if run is None:
        return None
    jobs = {
        job_id: member.shown()
        for job_id, member in session.members.items()
        if member.counted
    }
    ended = -1
    if run.ended >= 0:
        ended = run.ended // documents.SECOND
    return Record(
        tag=run.tag,
        status=run.status,
        result=run.result,
        time_start=run.started // documents.SECOND,
        time_end=ended,
        jobs=jobs,
    )


def joined(session: Session, job_id: str, client_id: str) -> Session:
    """Return the session with a new member; the current run counts it once it
    starts.
    """
    return with_member(session, job_id, Member(client_id))


def left(session: Session, job_id: str, now: int) -> Session:
    """Return the session without a member, if it is one; a run that waited for
    nobody else is over.
    """
    if job_id not in session.members:
        return session
    members = dict(session.members)
    del members[job_id]
    return settle(dataclasses.replace(session, members=members), now)


def moved(session: Session, job_id: str, client_id: str) -> Session:
    """Return the session with a member whose job belongs to another client
    now.
    """
    member = session.members[job_id]
    moved_member = dataclasses.replace(member, client_id=client_id)
    return with_member(session, job_id, moved_member)


def with_member(session: Session, job_id: str, member: Member) -> Session:
    """Return the session with a member, in place of the one of this job."""
    members = {**session.members, job_id: member}
    return dataclasses.replace(session, members=members)


def result_of(results: collections.abc.Iterable[ResultOrNone]) -> Result:
    """Return the result of a run that is over: success if it counts somebody
    and everybody took part with success.
    """
    if set(results) == {SUCCESS}:
        return SUCCESS
    return FAIL


def completed(run: Run, result: Result, ended: int) -> Run:
    """Return a run that is over, since the timestamp ``ended`` but not before
    it started.
    """
    return dataclasses.replace(
        run,
        status=COMPLETED,
        result=result,
        ended=max(ended, run.started),
    )
