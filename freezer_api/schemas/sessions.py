"""What callers send for sessions."""

import re
import typing

from freezer_api import exceptions
from freezer_api.domain import schedules as commands
from freezer_api.domain import sessions
from freezer_api.domain.documents import Body
from freezer_api.schemas import base, schedules

_ALIASES = {'event': schedules.EVENT, 'schedule_interval': schedules.INTERVAL}
SESSION = base.record(
    {
        'description': base.text(1024),
        'session_tag': base.integer(0, sessions.MAX_TAG),
        'hold_off': base.integer(0, base.MAX_INTEGER),
        'schedule': schedules.SCHEDULE,
        **{alias: _ALIASES[key] for alias, key in sessions.ALIASES.items()},
    }
)
#: In a change the event is told to the members, and kept nowhere.
PATCH = {
    **SESSION,
    'properties': {
        **SESSION['properties'],
        sessions.EVENT: base.choice(('', *commands.COMMANDS)),
    },
}
_REPORT = {
    'job_id': base.ID,
    'current_tag': base.integer(0, sessions.MAX_TAG),
    'result': base.choice(sessions.RESULTS),
}
ACTIONS = base.record(
    {
        'start': base.record(_REPORT, required=('job_id', 'current_tag')),
        'end': base.record(_REPORT, required=('job_id', 'result')),
    }
)
_check = base.compiled(SESSION, formats=schedules.FORMATS)
_check_patch = base.compiled(PATCH, formats=schedules.FORMATS)
_check_action = base.compiled(ACTIONS)


def session(body: Body) -> Body:
    """The keys of a request to create or replace a session that are the
    caller's to set, or ``InvalidInput``.

    Without nulls; read-only and unknown keys are left away.
    """
    return _checked(body, _check)


def patch(body: Body) -> Body:
    """The keys of a request to change a session, like :func:`session`."""
    return _checked(body, _check_patch)


def action(body: Body) -> tuple[str, Body]:
    """The action that a job reports, ``start`` or ``end``, and what it tells
    with it.

    ``InvalidInput`` for a malformed body, ``UnknownAction`` for an action that
    there isn't.
    """
    if len(body) != 1:
        raise exceptions.InvalidInput(
            'The body must have exactly one key, start or end.'
        )
    ((name, told),) = body.items()
    if name not in ACTIONS['properties']:
        raise exceptions.UnknownAction(
            f'{name[:64]}: is unknown; the actions of a session are start and'
            ' end.'
        )
    if isinstance(told, dict):
        told = base.present(
            {
                key: _tag(value) if key == 'current_tag' else value
                for key, value in told.items()
                if key in _REPORT
            }
        )
    _check_action({name: told})
    return name, told


def _checked(body: Body, check: base.Check) -> Body:
    given = schedules.cleaned(
        base.present(
            {key: body[key] for key in SESSION['properties'] if key in body}
        ),
        'schedule',
    )
    check(given)
    schedules.check(sessions.schedule_of(given) or {}, 'schedule')
    return given


def _tag(value: typing.Any) -> typing.Any:
    """A tag as an integer, also if it is a numeric string."""
    return (
        int(value)
        if isinstance(value, str) and re.fullmatch('[0-9]{1,10}', value)
        else value
    )
