"""What callers send for jobs."""

import typing

from freezer_api import exceptions
from freezer_api.domain import actions as entries
from freezer_api.domain import definitions, documents, reports
from freezer_api.domain import schedules as commands
from freezer_api.domain.documents import Body
from freezer_api.schemas import actions, base, schedules

#: Keys of documents that callers can't set, and those that Horizon's forms
#: add, which mean nothing.
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


def _nullable(schemas: dict[str, base.Schema]) -> dict[str, base.Schema]:
    nullable: dict[str, base.Schema] = {}
    for key, schema in schemas.items():
        nullable[key] = {**schema, 'type': [schema['type'], 'null']}
    return nullable


ENTRY = base.record(
    {
        'action_id': base.ID,
        'freezer_action': actions.DEFINITION,
        **_nullable(actions.RULES),
    }
)
PATCH = base.record(
    {
        'job_id': base.JOB_ID,
        'client_id': base.ID,
        'description': base.text(1024),
        'job_schedule': schedules.SCHEDULE,
        'action_defaults': actions.DEFAULTS,
        'job_actions': base.array(
            ENTRY,
            entries.MAX_ENTRIES,
            'objects with a freezer_action each',
        ),
    },
    closed=True,
)
JOB = {**PATCH, 'required': ['client_id', 'job_actions']}
_check = base.compile_check(JOB, formats=schedules.FORMATS)
_check_patch = base.compile_check(PATCH, formats=schedules.FORMATS)


def job(body: Body) -> Body:
    """Return the keys of a request to create or replace a job, without nulls;
    or raise ``InvalidInput``.

    The entries of ``job_actions`` are as the caller means them: with defaults
    filled in, and everything in its place.
    """
    given = _clean(body)
    # Forms send an empty field for an id that the service is to choose.
    if given.get('job_id') == '':
        del given['job_id']
    _check(given)
    schedules.check(given.get('job_schedule', {}), 'job_schedule')
    return given


def patch(body: Body) -> Body:
    """Return the keys of a request to change a job, like :func:`job`; none is
    required.

    An agent reports with the timing that it has, which may be older than
    today's rules: it isn't checked, for it is ignored.
    """
    is_report = reports.session_of(body) is not None
    schedule = body.get('job_schedule')
    if is_report and isinstance(schedule, dict):
        body = {**body, 'job_schedule': commands.runtime(schedule)}
    given = _clean(body)
    # Whole documents are sent back; the path says which job it is.
    given.pop('job_id', None)
    if body.get('job_schedule') and given['job_schedule'] == {}:
        # It had only nulls, which stand for keys that are absent. An empty
        # schedule would replace the stored one.
        del given['job_schedule']
    _check_patch(given)
    if not is_report:
        schedules.check(given.get('job_schedule', {}), 'job_schedule')
    return given


def check_size(body: Body, most: int) -> None:
    """Raise ``InvalidInput`` for a body with ``action_defaults`` that would
    make a job of more than ``most`` bytes. That is told without filling them
    in.

    A body that is larger by itself isn't refused here: only defaults make it
    grow.
    """
    job_actions = body.get('job_actions')
    defaults = body.get('action_defaults')
    if not _is_list_of_entries(job_actions) or not isinstance(defaults, dict):
        return
    given_size = documents.size(job_actions)
    added_size = entries.size_of_defaults(job_actions, defaults)
    size_of_body = given_size + documents.size(defaults)
    if given_size + added_size > max(most, size_of_body):
        raise base.invalid(
            'job_actions',
            f'with action_defaults they make a document of more than {most}'
            ' bytes',
            'document.too-large',
        )


def command(body: Body) -> commands.Command:
    """Return the command of a request to tell a job something; or raise
    ``InvalidInput``.
    """
    if len(body) != 1:
        known = ', '.join(commands.COMMANDS)
        raise exceptions.InvalidInput(
            f'body: must have exactly one key, one of {known}.'
        )
    ((name, value),) = body.items()
    if name not in commands.COMMANDS:
        raise base.invalid(
            name[:64],
            'unknown event; expected start, stop or abort',
        )
    if value not in (None, {}):
        raise base.invalid(name, 'must be null')
    return name


def _clean(body: Body) -> Body:
    settable = dict(body)
    for key in READ_ONLY:
        settable.pop(key, None)
    plain = base.without_nulls(settable)
    given = schedules.clean(plain, 'job_schedule')
    job_actions = given.get('job_actions')
    defaults = given.get('action_defaults', {})
    # A list that is too long is refused by the check, and isn't worked on.
    if _is_list_of_entries(job_actions) and isinstance(defaults, dict):
        filling = definitions.without_nulls(defaults)
        cleaned: list[typing.Any] = []
        for entry in job_actions:
            cleaned.append(_clean_entry(entry, filling))
        given['job_actions'] = cleaned
    return given


def _is_list_of_entries(
    job_actions: typing.Any,
) -> typing.TypeGuard[list[typing.Any]]:
    """Tell whether it is a list that isn't too long; its entries may be
    anything.
    """
    if not isinstance(job_actions, list):
        return False
    return len(job_actions) <= entries.MAX_ENTRIES


def _clean_entry(entry: typing.Any, defaults: Body) -> typing.Any:
    if not isinstance(entry, dict):
        return entry
    known = base.known_keys(entry, ENTRY)
    filled = entries.with_defaults(known, defaults)
    plain = actions.plain_rules(filled)
    base.check_depth(
        plain.get('freezer_action'),
        actions.MAX_DEPTH,
        'job_actions',
    )
    return plain
