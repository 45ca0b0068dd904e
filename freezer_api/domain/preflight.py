"""What agents would make of a job, told before one runs it: pure, from the
lists of their options.
"""

import collections.abc
import re
import typing

from freezer_api.domain import agents
from freezer_api.domain.documents import Body

# The agents that a problem is of.
ALL = '>=16.0.0'
LATEST = '>=19.0.0'
OLDER = '<19.0.0'
#: What comes of a problem: the agent fails, or never ends; it ignores the key;
#: or it stores what can't be restored.
Effect = typing.Literal['fails', 'hangs', 'ignored', 'unrestorable']
FAILS: typing.Final = 'fails'
HANGS: typing.Final = 'hangs'
IGNORED: typing.Final = 'ignored'
UNRESTORABLE: typing.Final = 'unrestorable'
_INTEGER = re.compile(r'\s*[+-]?[0-9]+\s*')
# What an agent takes for a boolean or for nothing, whatever the option's type.
_WORDS = frozenset(('True', 'true', 'False', 'false', 'None'))


class Problem(typing.TypedDict):
    """What agents would do otherwise than a job says.

    ``action`` is the number of an action in the job, None for the schedule;
    ``agents`` are the versions of the agents that do so.
    """

    action: int | None
    key: str
    code: str
    agents: str
    effect: Effect
    text: str


_Problems = collections.abc.Iterator[Problem]


def problems(
    definitions: collections.abc.Sequence[Body],
    schedule: Body,
    in_session: bool,
) -> list[Problem]:
    """Return what agents would do otherwise than the definitions of a job's
    actions, and its schedule, say.
    """
    found: list[Problem] = []
    for number, definition in enumerate(definitions):
        found.extend(_check_action(number, definition))
    if in_session and schedule.get('schedule_interval'):
        found.append(
            _problem(
                None,
                'schedule_interval',
                'interval-in-session',
                ALL,
                IGNORED,
                'An interval begins when an agent loads the job, so the jobs of'
                ' the session run at different times. Use cron fields to run'
                ' them together.',
            )
        )
    return found


def _check_action(number: int, definition: Body) -> _Problems:
    for key, value in definition.items():
        # Nulls aren't written to the file that an agent reads.
        if value is None:
            continue
        yield from _check_key(number, key)
        if agents.has_lone_percent(value) or agents.has_lone_percent(key):
            yield _problem(
                number,
                key,
                'percent',
                ALL,
                FAILS,
                'Each % must be doubled.',
            )
        yield from _check_number(number, key, value)
    plain = agents.plain(definition)
    yield from _check_action_and_engine(number, plain)
    if 'remove_older_than' in plain and plain.get('always_level'):
        yield _problem(
            number,
            'remove_older_than',
            'prunes-chain',
            ALL,
            UNRESTORABLE,
            'With always_level, the full backup is removed that later backups'
            ' need.',
        )


def _check_key(number: int, name: str) -> _Problems:
    key = agents.key(name)
    known_by: list[str] = []
    for version in agents.VERSIONS:
        if key in agents.options(version):
            known_by.append(version)
    if agents.LATEST not in known_by:
        text = 'The agent fails at a key that it does not know.'
        if key == 'engine':
            text += ' It is called engine_name.'
        yield _problem(number, name, 'unknown-key', LATEST, FAILS, text)
        return
    first_version = known_by[0]
    if first_version != agents.VERSIONS[0]:
        yield _problem(
            number,
            name,
            'unknown-key',
            f'<{first_version}',
            IGNORED,
            'Older agents do not know the key.',
        )
    if '-' in name:
        yield _problem(
            number,
            name,
            'dashes',
            OLDER,
            IGNORED,
            'Older agents know the key only with underscores.',
        )


def _check_number(number: int, name: str, value: typing.Any) -> _Problems:
    type_of_option = agents.options(agents.LATEST).get(agents.key(name))
    if isinstance(value, bool) or str(value) in _WORDS:
        return
    if type_of_option == 'integer' and not _INTEGER.fullmatch(str(value)):
        yield _problem(
            number,
            name,
            'no-integer',
            ALL,
            FAILS,
            'The value must be an integer.',
        )
    if type_of_option == 'number' and not _is_number(value):
        yield _problem(
            number,
            name,
            'no-number',
            ALL,
            FAILS,
            'The value must be a number.',
        )


def _check_action_and_engine(number: int, plain: Body) -> _Problems:
    action = plain.get('action')
    engine = plain.get('engine_name')
    if action == 'exec':
        yield _problem(
            number,
            'action',
            'exec',
            LATEST,
            HANGS,
            'The agent never runs the action; the job stays running.',
        )
    if action == 'backup' and engine == 'rsync':
        yield _problem(
            number,
            'engine_name',
            'engine',
            ALL,
            HANGS,
            'The backup never ends.',
        )
    if engine == 'rsyncv2':
        yield _problem(
            number,
            'engine_name',
            'engine',
            ALL,
            UNRESTORABLE,
            'Agents cannot restore what this engine stores.',
        )


def _is_number(value: typing.Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _problem(
    action: int | None,
    key: str,
    code: str,
    versions: str,
    effect: Effect,
    text: str,
) -> Problem:
    return {
        'action': action,
        'key': key,
        'code': code,
        'agents': versions,
        'effect': effect,
        'text': text,
    }
