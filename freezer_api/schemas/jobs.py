"""What callers send for jobs."""

import typing

from freezer_api import exceptions
from freezer_api.domain import actions as rules
from freezer_api.domain import documents, reports
from freezer_api.domain import schedules as commands
from freezer_api.domain.documents import Body
from freezer_api.schemas import actions, base, schedules

#: Keys of documents that aren't the caller's to set, and those that Horizon's
#: forms add, which say nothing.
READ_ONLY = frozenset(
    (
        'project_id',
        'user_id',
        'session_id',
        'session_tag',
        'user_credentials',
        '_version',
        'session_name',
        'interval_uint',
        'interval_unit',
        'interval_value',
    )
)
ENTRY = base.record(
    {
        'action_id': base.ID,
        'freezer_action': actions.DEFINITION,
        **{
            key: {**schema, 'type': [schema['type'], 'null']}
            for key, schema in actions.RULES.items()
        },
    }
)
PATCH = base.record(
    {
        'job_id': base.ID,
        'client_id': base.ID,
        'description': base.text(1024),
        'job_schedule': schedules.SCHEDULE,
        'action_defaults': actions.DEFAULTS,
        'job_actions': base.array(
            ENTRY, rules.MAX_ENTRIES, 'objects with a freezer_action each'
        ),
    },
    closed=True,
)
JOB = {**PATCH, 'required': ['client_id', 'job_actions']}
_check = base.compiled(JOB, formats=schedules.FORMATS)
_check_patch = base.compiled(PATCH, formats=schedules.FORMATS)


def job(body: Body) -> Body:
    """The keys of a request to create or replace a job, without nulls, or
    ``InvalidInput``.

    In each entry of ``job_actions`` is what the caller means: defaults filled
    in, everything in its place.
    """
    given = _cleaned(body)
    if given.get('job_id') == '':
        del given['job_id']
    _check(given)
    schedules.check(given.get('job_schedule', {}), 'job_schedule')
    return given


def patch(body: Body) -> Body:
    """The keys of a request to change a job, like :func:`job`; none is
    required.

    An agent reports with the schedule that it has, which may be older than our
    rules: it isn't looked at.
    """
    reported = reports.session_of(body) is not None
    if reported and isinstance(body['job_schedule'], dict):
        body = {**body, 'job_schedule': commands.runtime(body['job_schedule'])}
    given = _cleaned(body)
    given.pop('job_id', None)
    if body.get('job_schedule') and given['job_schedule'] == {}:
        # Nulls alone stand for keys that aren't there: they replace no
        # schedule.
        del given['job_schedule']
    _check_patch(given)
    if not reported:
        schedules.check(given.get('job_schedule', {}), 'job_schedule')
    return given


def check_size(body: Body, most: int) -> None:
    """Raise ``InvalidInput`` for a body that makes a job of more than ``most``
    bytes.

    Unless it has more itself: only that grows which ``action_defaults`` are
    filled into. What they add is told without filling them in.
    """
    entries, defaults = body.get('job_actions'), body.get('action_defaults')
    if not _is_bounded(entries) or not isinstance(defaults, dict):
        return
    given = documents.size(entries)
    if given + rules.size_of_defaults(entries, defaults) > max(
        most, given + documents.size(defaults)
    ):
        raise exceptions.InvalidInput(
            'job_actions: with action_defaults they make a document of more'
            f' than {most} bytes.',
            'document.too-large',
        )


def command(body: Body) -> str:
    """The command of a request to tell a job something, or
    ``InvalidInput``.
    """
    known = ', '.join(commands.COMMANDS)
    if len(body) != 1:
        raise exceptions.InvalidInput(
            f'The body must have exactly one key, one of {known}.'
        )
    ((name, told),) = body.items()
    if name not in commands.COMMANDS:
        raise exceptions.InvalidInput(
            f'{name[:64]}: is unknown; the events of a job are {known}.'
        )
    if told not in (None, {}):
        raise exceptions.InvalidInput(f'{name}: must be null.')
    return name


def _cleaned(body: Body) -> Body:
    given = schedules.cleaned(
        base.present(
            {key: value for key, value in body.items() if key not in READ_ONLY}
        ),
        'job_schedule',
    )
    entries, defaults = (
        given.get('job_actions'),
        given.get('action_defaults', {}),
    )
    if _is_bounded(entries) and isinstance(defaults, dict):
        filling = rules.without_nulls(defaults)
        given['job_actions'] = [_entry(entry, filling) for entry in entries]
    return given


def _is_bounded(entries: typing.Any) -> typing.TypeGuard[list]:
    return isinstance(entries, list) and len(entries) <= rules.MAX_ENTRIES


def _entry(entry: typing.Any, defaults: Body) -> typing.Any:
    if not isinstance(entry, dict):
        return entry
    known = {key: entry[key] for key in ENTRY['properties'] if key in entry}
    entry = actions.plain_rules(rules.with_defaults(known, defaults))
    base.check_depth(
        entry.get('freezer_action'), actions.MAX_DEPTH, 'job_actions'
    )
    return entry
