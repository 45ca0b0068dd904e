"""How a job enters and leaves a session: what becomes of both, as pure
functions.
"""

import collections.abc

from freezer_api.domain import runs
from freezer_api.domain.documents import Body
from freezer_api.domain.sessions import Session

SCHEDULE = 'schedule_'


def attach(session: Session, job: Body) -> tuple[Session, Body]:
    """The session with the job as a member, and the job with the session's tag
    and schedule.

    An event or status in the session's schedule goes along here, and here
    alone.
    """
    if job['session_id'] == session.session_id:
        return session, job
    member = runs.joined(session, job['job_id'], job['client_id'])
    extra = {
        key: session.schedule[key]
        for key in ('event', 'status')
        if key in session.schedule
    }
    scheduled = scheduled_by(job, session.schedule)
    return member, {
        **scheduled,
        'job_schedule': {**scheduled['job_schedule'], **extra},
        'session_id': session.session_id,
        'session_tag': session.tag,
    }


def detach(job: Body) -> Body:
    """A job that is in no session any more: without tag and schedule, and told
    to stop.
    """
    bare = scheduled_by(job, {})
    return {
        **bare,
        'job_schedule': {**bare['job_schedule'], 'event': 'stop'},
        'session_id': '',
        'session_tag': 0,
    }


def scheduled_by(job: Body, schedule: collections.abc.Mapping) -> Body:
    """The job with the ``schedule_*`` keys of a session in place of its own;
    its runtime keys stay.
    """
    kept = {
        key: value
        for key, value in job['job_schedule'].items()
        if not key.startswith(SCHEDULE)
    }
    return {
        **job,
        'job_schedule': {
            **{
                key: value
                for key, value in schedule.items()
                if key.startswith(SCHEDULE)
            },
            **kept,
        },
    }
