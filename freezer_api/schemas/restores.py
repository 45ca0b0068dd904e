"""What callers send to restore a run or a backup, and to verify a run."""

import re
import typing

from freezer_api import exceptions
from freezer_api.domain import actions, agents, documents
from freezer_api.domain.documents import Body
from freezer_api.schemas import base

DEFAULT_HOLD_OFF = 86_400
#: Of how many members a request may want something of its own.
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
RESTORE = base.record(
    {**_COMMON, 'path_prefix': PATH, 'allow_incomplete': base.BOOLEAN},
    closed=True,
)
VERIFICATION = base.record(
    {**_COMMON, 'path': PATH, 'mode': base.choice(('read', 'restore'))},
    closed=True,
)
_check_restore = base.compiled(RESTORE)
_check_verification = base.compiled(VERIFICATION)
_UNREADABLE = re.compile(r'[%\x00-\x1f\x7f]')


def restore(body: Body, most: int) -> Body:
    """The keys of a request to restore, without nulls, or ``InvalidInput``.

    A misspelt key is refused: what it was to prevent would happen. ``most`` is
    how many bytes of JSON ``jobs`` may be: a plan repeats what is wanted of a
    member for each of its backups.
    """
    given = _cleaned(body, most)
    _check_restore(given)
    return _plain(given)


def verification(body: Body, most: int) -> Body:
    """The keys of a request to verify, like :func:`restore`."""
    given = _cleaned(body, most)
    _check_verification(given)
    if given.get('mode') == 'restore' and 'path' not in given:
        raise exceptions.InvalidInput(
            'path: is required where mode is restore.'
        )
    return _plain(given)


def _cleaned(body: Body, most: int) -> Body:
    given = base.present(body)
    wishes = given.get('jobs')
    if isinstance(wishes, dict):
        # Counted first: to look at each of very many would take long.
        if len(wishes) > MAX_WISHES:
            raise exceptions.InvalidInput(
                f'jobs: must be {_WISHES["description"]}.'
            )
        if documents.size(wishes) > most:
            raise exceptions.InvalidInput(
                f'jobs: must be at most {most} bytes of JSON.',
                'document.too-large',
            )
        given['jobs'] = {
            job_id: base.present(wish) if isinstance(wish, dict) else wish
            for job_id, wish in wishes.items()
            if wish is not None
        }
    return given


def _plain(given: Body) -> Body:
    """A checked request with actions as agents read them; there a null takes a
    key away.
    """
    wishes = given.get('jobs', {})
    return {
        **given,
        'jobs': {
            job_id: {**wish, 'freezer_action': _action(wish, job_id)}
            for job_id, wish in wishes.items()
        },
    }


def _action(wish: Body, job_id: str) -> Body:
    definition, within = (
        wish.get('freezer_action', {}),
        f'jobs.{job_id[:64]}.freezer_action',
    )
    actions.check_keys(definition, within)
    found: dict[str, typing.Any] = {}
    for name, value in definition.items():
        place = f'{within}.{name[:64]}'
        key = (
            'engine_name' if agents.key(name) == 'engine' else agents.key(name)
        )
        if key in found:
            raise exceptions.InvalidInput(f'{place}: is given twice.')
        if isinstance(value, (dict, list)) or _UNREADABLE.search(str(value)):
            raise exceptions.InvalidInput(
                f'{place}: must be a scalar without % and control characters.'
            )
        found[key] = value
    return found
