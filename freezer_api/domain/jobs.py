"""A job: what callers may change of it, how it is shown, and how it takes
commands. Its schedule is in :mod:`.schedules`.
"""

from freezer_api.domain import documents, reports, schedules
from freezer_api.domain.documents import CREDENTIALS, Body

#: An internal key of jobs on a central client: the project that the client
#: belongs to.
CENTRAL = '_central'


def created(
    job_id: str,
    project_id: str,
    user_id: str,
    given: Body,
    entries: list[Body],
    now: int,
) -> Body:
    """A new job from a validated body and its ``job_actions``; in no session,
    whatever the body says.
    """
    return {
        'job_id': job_id,
        'project_id': project_id,
        'user_id': user_id,
        'client_id': given['client_id'],
        'description': given.get('description', ''),
        'job_schedule': schedules.created(given.get('job_schedule', {}), now),
        'job_actions': entries,
        'session_id': '',
        'session_tag': 0,
    }


def replaced(stored: Body, given: Body, entries: list[Body], now: int) -> Body:
    """A job with another definition under its id: who made it and when, its
    session and a member's schedule stay.
    """
    new = created(
        stored['job_id'],
        stored['project_id'],
        stored['user_id'],
        given,
        entries,
        now,
    )
    schedule = {
        **new['job_schedule'],
        'time_created': stored['job_schedule']['time_created'],
    }
    if stored['session_id']:
        schedule = {
            **schedules.timing(stored['job_schedule']),
            **schedules.runtime(schedule),
        }
    return {
        **new,
        'job_schedule': schedule,
        'session_id': stored['session_id'],
        'session_tag': stored['session_tag'],
    }


def patched(
    stored: Body, given: Body, entries: list[Body] | None, believed: str | None
) -> Body:
    """A job after a validated PATCH; ``entries`` are its new ``job_actions``,
    None: they stay.

    ``believed`` is the session that a reporting agent believes the job to be
    in; None if this is no agent's report.
    """
    schedule = stored['job_schedule']
    if 'job_schedule' in given and believed is not None:
        told = reports.believed(
            given['job_schedule'], believed == stored['session_id']
        )
        schedule = schedules.patched(schedule, told, fixed=True)
    elif 'job_schedule' in given:
        schedule = schedules.patched(
            schedule, given['job_schedule'], fixed=bool(stored['session_id'])
        )
    named: Body = {
        key: given[key] for key in ('client_id', 'description') if key in given
    }
    return {
        **stored,
        **named,
        'job_schedule': schedule,
        'job_actions': stored['job_actions'] if entries is None else entries,
    }


def commanded(stored: Body, command: str) -> tuple[Body, bool]:
    """A job that was told to start, stop or abort, and whether that is news to
    it.
    """
    schedule, news = schedules.commanded(stored['job_schedule'], command)
    return {**stored, 'job_schedule': schedule}, news


def on_client(job: Body, client: documents.Document) -> Body:
    """The job marked as one on a central client, or not, whichever ``client``
    is.
    """
    plain = {key: value for key, value in job.items() if key != CENTRAL}
    return (
        {**plain, CENTRAL: client.project_id}
        if client.body['client']['is_central']
        else plain
    )


def size(job: Body) -> int:
    """How many bytes of JSON a job is, counted without making them.

    Many entries may have one large action. Whatever schedule it has counts for
    :data:`schedules.ROOM`: so no session's makes a job too large that joins
    it.
    """
    definitions: dict[str, int] = {}
    for entry in job['job_actions']:
        if entry['action_id'] not in definitions:
            definitions[entry['action_id']] = documents.size(
                entry['freezer_action']
            )
    bare = [{**entry, 'freezer_action': None} for entry in job['job_actions']]
    rest = {**job, 'job_actions': bare, 'job_schedule': None}
    shared = sum(definitions[entry['action_id']] for entry in bare)
    return documents.size(rest) + schedules.ROOM + shared


def with_credentials(job: Body, credentials: Body | None) -> Body:
    """The job with a trust, or without one."""
    bare = {key: value for key, value in job.items() if key != CREDENTIALS}
    return {**bare, CREDENTIALS: credentials} if credentials else bare


def shown(stored: Body, project_id: str, all_projects: bool = False) -> Body:
    """A job as callers of a project see it; the pid is for its client's own
    project, and for who sees all projects.
    """
    with_pid = all_projects or stored.get(CENTRAL, project_id) == project_id
    kept = {
        key: value
        for key, value in stored.items()
        if key not in documents.INTERNAL
    }
    return {
        **kept,
        'job_schedule': schedules.shown(stored['job_schedule'], with_pid),
    }
