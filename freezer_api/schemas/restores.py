"""What callers send to restore a run or a backup, and to verify a run."""

import datetime
import re
import typing

from freezer_api.domain import agents, definitions, documents
from freezer_api.domain.documents import Body
from freezer_api.schemas import base

#: Seconds: the hold-off of a restore's session.
DEFAULT_HOLD_OFF = 86_400
#: For how many members a request may have wishes.
MAX_WISHES = 1024
PATH: base.Schema = {
    'type': 'string',
    'maxLength': 1024,
    'pattern': r'^(/|[A-Za-z]:[\\/])[^%\x00-\x1f\x7f]*$',
    'description': (
        'an absolute path of at most 1,024 characters, without % and control'
        ' characters'
    ),
}
WISH = base.record(
    {
        'client_id': base.ID,
        'path': PATH,
        'overwrite': base.BOOLEAN,
        'skip': base.BOOLEAN,
        'freezer_action': {'type': 'object', 'description': 'an object'},
    },
    closed=True,
)
_WISHES: base.Schema = {
    'type': 'object',
    'additionalProperties': WISH,
    'maxProperties': MAX_WISHES,
    'description': f'an object of at most {MAX_WISHES:,} members',
}
_COMMON = {
    'dry_run': base.BOOLEAN,
    'session_id': base.ID,
    'client_id': base.ID,
    'hold_off': base.integer(0, base.MAX_INTEGER),
    'jobs': _WISHES,
}
# A misspelt key is refused: what it was to prevent would happen.
RESTORE = base.record(
    {**_COMMON, 'path_prefix': PATH, 'allow_incomplete': base.BOOLEAN},
    closed=True,
)
VERIFICATION = base.record(
    {**_COMMON, 'path': PATH, 'mode': base.choice(('read', 'restore'))},
    closed=True,
)
_check_restore = base.compile_check(RESTORE)
_check_verification = base.compile_check(VERIFICATION)
_ABSOLUTE = re.compile(r'/|[A-Za-z]:[\\/]')
_DATE = re.compile(r'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}')
# What an agent can't read in a value of its file.
_UNREADABLE = re.compile(r'[%\x00-\x1f\x7f]')


def restore(body: Body, most: int) -> Body:
    """Return the keys of a request to restore, without nulls; or raise
    ``InvalidInput``.

    ``most`` is how many bytes of JSON ``jobs`` may be: a plan repeats what is
    wanted of a member for each of its backups.
    """
    given = _clean(body, most)
    _check_restore(given)
    return _with_plain_actions(given)


def verification(body: Body, most: int) -> Body:
    """Return the keys of a request to verify, like :func:`restore`."""
    given = _clean(body, most)
    _check_verification(given)
    if given.get('mode') == 'restore' and 'path' not in given:
        raise base.invalid('path', 'is required if mode is restore')
    return _with_plain_actions(given)


def _clean(body: Body, most: int) -> Body:
    given = base.without_nulls(body)
    wishes = given.get('jobs')
    if not isinstance(wishes, dict):
        return given
    # Counted first: to look at each of very many would take long.
    if len(wishes) > MAX_WISHES:
        raise base.invalid('jobs', f'must be {_WISHES["description"]}')
    if documents.size(wishes) > most:
        raise base.invalid(
            'jobs',
            f'must be at most {most} bytes of JSON',
            'document.too-large',
        )
    plain: Body = {}
    for job_id, wish in wishes.items():
        if isinstance(wish, dict):
            plain[job_id] = base.without_nulls(wish)
        elif wish is not None:
            # It is refused by the check.
            plain[job_id] = wish
    given['jobs'] = plain
    return given


def _with_plain_actions(given: Body) -> Body:
    """Return a checked request with the actions of wishes as agents read
    them.
    """
    wishes = given.get('jobs', {})
    plain_wishes: Body = {}
    for job_id, wish in wishes.items():
        definition = wish.get('freezer_action', {})
        # Ids come from callers, and messages must not become very long.
        place = f'jobs.{job_id[:64]}.freezer_action'
        plain = _plain_action(definition, place)
        plain_wishes[job_id] = {**wish, 'freezer_action': plain}
    return {**given, 'jobs': plain_wishes}


def _plain_action(definition: Body, place: str) -> Body:
    """Return a definition by the names of options; its nulls, which remove
    keys of the plan, stay.
    """
    definitions.check_keys(definition, place)
    plain: Body = {}
    for name, value in definition.items():
        where = f'{place}.{name[:64]}'
        key = agents.key(name)
        if key == 'engine':
            key = 'engine_name'
        if key in plain:
            raise base.invalid(where, 'is given twice')
        _check_value(key, value, where)
        plain[key] = value
    return plain


def _check_value(key: str, value: typing.Any, where: str) -> None:
    is_scalar = not isinstance(value, (dict, list))
    if not is_scalar or _UNREADABLE.search(str(value)):
        raise base.invalid(
            where,
            'must be a scalar without % and control characters',
        )
    if value is None:
        return
    if key == 'restore_abs_path' and not _ABSOLUTE.match(str(value)):
        raise base.invalid(where, 'must be an absolute path')
    if key == 'restore_from_date' and not _is_date(str(value)):
        raise base.invalid(
            where,
            'must be a date and time in UTC without a zone, such as'
            ' 2030-01-31T22:30:00',
        )


def _is_date(text: str) -> bool:
    """Tell whether agents of all releases take a text for a date."""
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
