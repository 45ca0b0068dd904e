"""Agents' reports: an agent sends its whole copy of what it runs, possibly
stale, whenever something changes there.
"""

from freezer_api.domain import schedules
from freezer_api.domain.documents import Body

KEYS = frozenset(('job_schedule', 'session_id', 'session_tag'))


def session_of(body: Body) -> str | None:
    """The session that the job is in as far as the reporting agent knows ('':
    none); None if this is no report.

    A PATCH is one if its top-level keys are exactly :data:`KEYS`.
    """
    return (body['session_id'] or '') if body.keys() == KEYS else None


def believed(given: Body, same_session: bool) -> Body:
    """What a report's ``job_schedule`` really tells: never the timing, and no
    event from before the job changed its session.
    """
    told = {
        key: value
        for key, value in given.items()
        if key in schedules.RUNTIME and (same_session or key != 'event')
    }
    # An agent repeats a command in the report that shows that it is done with
    # it.
    if (
        told.get('event') in (schedules.STOP, schedules.ABORT)
        and told.get('status') in schedules.OBEYED
    ):
        return {**told, 'event': ''}
    return told
