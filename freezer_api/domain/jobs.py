"""A job: what callers may change of it, how it is shown, and how it takes
commands. Its schedule is in :mod:`.schedules`.
"""

from freezer_api.domain import documents, reports, schedules
from freezer_api.domain.documents import CREDENTIALS, Body
from freezer_api.domain.schedules import Commanded

#: An internal key of jobs on a central client: the id of the project that the
#: client belongs to.
CENTRAL = '_central'


def created(
    job_id: str,
    project_id: str,
    user_id: str,
    given: Body,
    entries: list[Body],
    now: int,
) -> Body:
    """Return a new job from a validated body and its ``job_actions``; it is in
    no session, whatever the body says.
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
    """Return a job with another definition under its id.

    Who created it and when stays, and so do its session and the timing that
    the session sets.
    """
    new = created(
        stored['job_id'],
        stored['project_id'],
        stored['user_id'],
        given,
        entries,
        now,
    )
    old_schedule = stored['job_schedule']
    schedule = new['job_schedule']
    schedule['time_created'] = old_schedule['time_created']
    if stored['session_id']:
        schedule = {
            **schedules.timing(old_schedule),
            **schedules.runtime(schedule),
        }
    new['job_schedule'] = schedule
    new['session_id'] = stored['session_id']
    new['session_tag'] = stored['session_tag']
    return new


def patched(
    stored: Body,
    given: Body,
    entries: list[Body] | None,
    reported_session: str | None,
) -> Body:
    """Return a job after a validated PATCH; ``entries`` are its new
    ``job_actions``, None if they stay.

    ``reported_session`` is the session that a reporting agent takes the job to
    be in (:func:`.reports.session_of`); None if this is no agent's report.
    """
    new = dict(stored)
    for key in ('client_id', 'description'):
        if key in given:
            new[key] = given[key]
    if 'job_schedule' in given:
        schedule = given['job_schedule']
        is_fixed = bool(stored['session_id'])
        if reported_session is not None:
            same_session = reported_session == stored['session_id']
            schedule = reports.trusted_fields(schedule, same_session)
            is_fixed = True
        new['job_schedule'] = schedules.patched(
            stored['job_schedule'],
            schedule,
            is_fixed,
        )
    if entries is not None:
        new['job_actions'] = entries
    return new


def apply_command(stored: Body, command: str) -> Commanded:
    """Return a job that was told to start, stop or abort."""
    schedule, changed = schedules.apply_command(
        stored['job_schedule'], command
    )
    return Commanded({**stored, 'job_schedule': schedule}, changed)


def on_client(job: Body, client: documents.Document) -> Body:
    """Return the job marked as one on a central client, or as none, whichever
    ``client`` is.
    """
    marked = dict(job)
    if client.body['client']['is_central']:
        marked[CENTRAL] = client.project_id
    else:
        marked.pop(CENTRAL, None)
    return marked


def size(job: Body) -> int:
    """Return how many bytes of JSON a job takes, counted without making them:
    many entries may have one large action.

    Any schedule counts for :data:`.schedules.ROOM`, so that no session's
    schedule makes a job too large that joins it.
    """
    sizes: dict[str, int] = {}
    size_of_definitions = 0
    bare_entries: list[Body] = []
    for entry in job['job_actions']:
        id = entry['action_id']
        if id not in sizes:
            sizes[id] = documents.size(entry['freezer_action'])
        size_of_definitions += sizes[id]
        # The null that is counted instead is too small to matter.
        bare_entries.append({**entry, 'freezer_action': None})
    rest = {**job, 'job_actions': bare_entries, 'job_schedule': None}
    return documents.size(rest) + schedules.ROOM + size_of_definitions


def with_credentials(job: Body, credentials: Body | None) -> Body:
    """Return the job with the credentials of a trust; without any for None."""
    changed = dict(job)
    changed.pop(CREDENTIALS, None)
    if credentials:
        changed[CREDENTIALS] = credentials
    return changed


def shown(stored: Body, project_id: str, all_projects: bool = False) -> Body:
    """Return a job as callers of a project see it.

    The pid is shown to the project that the job's client belongs to, and to a
    caller who sees all projects.
    """
    client_project_id = stored.get(CENTRAL, project_id)
    with_pid = all_projects or client_project_id == project_id
    visible = dict(stored)
    for key in documents.INTERNAL:
        visible.pop(key, None)
    visible['job_schedule'] = schedules.shown(stored['job_schedule'], with_pid)
    return visible
