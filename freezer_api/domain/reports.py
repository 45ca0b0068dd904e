"""Agents' reports: an agent sends its whole copy of what it runs, possibly
stale, whenever something changes there.
"""

from freezer_api.domain import schedules
from freezer_api.domain.documents import Body

#: The top-level keys of a report. A PATCH with exactly these is one.
KEYS = frozenset(('job_schedule', 'session_id', 'session_tag'))


def session_of(body: Body) -> str | None:
    """Return the id of the session that the job is in as far as the reporting
    agent knows ('': none); None if the PATCH is no report.
    """
    if body.keys() != KEYS:
        return None
    return body['session_id'] or ''


def trusted_fields(given: Body, same_session: bool) -> Body:
    """Return what of a report's ``job_schedule`` is taken.

    That is never the timing, and no event from before the job changed its
    session (``same_session`` is False).
    """
    trusted: Body = {}
    for key, value in given.items():
        if key not in schedules.RUNTIME:
            continue
        if key != 'event' or same_session:
            trusted[key] = value
    event, status = trusted.get('event'), trusted.get('status')
    is_stop = event in (schedules.STOP, schedules.ABORT)
    if is_stop and status in schedules.OBEYED:
        # An agent that has obeyed a command reports it once more with that.
        trusted['event'] = ''
    return trusted
