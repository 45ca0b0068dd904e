"""What callers send for sessions."""

import re
import typing

from freezer_api import exceptions
from freezer_api.domain import schedules as commands
from freezer_api.domain import session_state, sessions
from freezer_api.domain.documents import Body
from freezer_api.schemas import base, schedules

_KEYS = {
    'description': base.text(1024),
    'session_tag': base.integer(0, session_state.MAX_TAG),
    'hold_off': base.integer(0, base.MAX_INTEGER),
    'schedule': schedules.SCHEDULE,
}
_SCHEDULE_KEYS = {
    'event': schedules.EVENT,
    'schedule_interval': schedules.INTERVAL,
}
_ALIASES = {
    alias: _SCHEDULE_KEYS[key] for alias, key in sessions.ALIASES.items()
}
SESSION = base.record({**_KEYS, **_ALIASES})
#: A change. Its event is told to the members, and isn't stored.
PATCH = base.record(
    {
        **_KEYS,
        **_ALIASES,
        sessions.EVENT: base.choice(('', *commands.COMMANDS)),
    }
)
_REPORT = {
    'job_id': base.JOB_ID,
    'current_tag': base.integer(0, session_state.MAX_TAG),
    'result': base.choice(session_state.RESULTS),
}
ACTIONS = base.record(
    {
        'start': base.record(_REPORT, required=('job_id', 'current_tag')),
        'end': base.record(_REPORT, required=('job_id', 'result')),
    }
)
_check = base.compile_check(SESSION, formats=schedules.FORMATS)
_check_patch = base.compile_check(PATCH, formats=schedules.FORMATS)
_check_action = base.compile_check(ACTIONS)


class Report(typing.NamedTuple):
    """What a job reports to its session: that it starts or has ended, and its
    ``job_id``, ``current_tag`` and ``result``, as far as they are given.
    """

    action: str
    given: Body


def session(body: Body) -> Body:
    """Return the keys of a request to create or replace a session that callers
    can set; or raise ``InvalidInput``.

    They are without nulls. Read-only and unknown keys are ignored.
    """
    return _checked(body, _check)


def patch(body: Body) -> Body:
    """Return the keys of a request to change a session, like
    :func:`session`.
    """
    return _checked(body, _check_patch)


def action(body: Body) -> Report:
    """Return what a job reports.

    ``InvalidInput`` for a malformed body, ``UnknownAction`` for an action that
    there isn't.
    """
    if len(body) != 1:
        raise exceptions.InvalidInput(
            'body: must have exactly one key, start or end.'
        )
    ((name, given),) = body.items()
    if name not in ACTIONS['properties']:
        raise exceptions.UnknownAction(
            f'{name[:64]}: unknown action; expected start or end.'
        )
    if isinstance(given, dict):
        known = {key: given[key] for key in given if key in _REPORT}
        given = base.without_nulls(known)
        # Some clients send the tag as a string.
        tag = given.get('current_tag')
        if isinstance(tag, str) and re.fullmatch('[0-9]{1,10}', tag):
            given['current_tag'] = int(tag)
    _check_action({name: given})
    return Report(name, given)


def _checked(body: Body, check: base.Check) -> Body:
    known = base.known_keys(body, SESSION)
    plain = base.without_nulls(known)
    given = schedules.clean(plain, 'schedule')
    check(given)
    schedule = sessions.schedule_of(given)
    if schedule is not None:
        schedules.check(schedule, 'schedule')
    return given
