"""How a job enters and leaves a session: what becomes of both, as pure
functions.
"""

import collections.abc
import typing

from freezer_api.domain import run_state
from freezer_api.domain.documents import Body
from freezer_api.domain.session_state import Session

#: What the keys of a schedule that say when a job runs begin with.
SCHEDULE = 'schedule_'


class Attached(typing.NamedTuple):
    """A session and a job after the job was attached."""

    session: Session
    job: Body


def attach(session: Session, job: Body) -> Attached:
    """Return the session with the job as a member, and the job with the
    session's tag and schedule. A member stays as it is.

    An event or status in the session's schedule is passed to the job here, and
    nowhere else.
    """
    if job['session_id'] == session.session_id:
        return Attached(session, job)
    scheduled = scheduled_by(job, session.schedule)
    job_schedule = scheduled['job_schedule']
    for key in ('event', 'status'):
        if key in session.schedule:
            job_schedule[key] = session.schedule[key]
    member = {
        **scheduled,
        'session_id': session.session_id,
        'session_tag': session.tag,
    }
    return Attached(
        run_state.joined(session, job['job_id'], job['client_id']), member
    )


def detach(job: Body) -> Body:
    """Return a job that has left its session: without tag and schedule, and
    told to stop.
    """
    # An agent runs a job without a timing at once: so it is told to stop.
    detached = scheduled_by(job, {})
    detached['job_schedule']['event'] = 'stop'
    detached['session_id'] = ''
    detached['session_tag'] = 0
    return detached


def scheduled_by(
    job: Body, schedule: collections.abc.Mapping[str, typing.Any]
) -> Body:
    """Return a copy of the job with the ``schedule_*`` keys of a session in
    place of its own; its runtime keys stay.
    """
    merged: Body = {}
    for key, value in schedule.items():
        if key.startswith(SCHEDULE):
            merged[key] = value
    for key, value in job['job_schedule'].items():
        if not key.startswith(SCHEDULE):
            merged[key] = value
    return {**job, 'job_schedule': merged}
