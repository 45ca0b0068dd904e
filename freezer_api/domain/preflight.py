"""What agents would make of a job, told before one runs it: pure, from the
lists of their options.
"""

import collections.abc
import re
import typing

from freezer_api.domain import agents
from freezer_api.domain.documents import Body

ALL, LATEST, OLDER = '>=16.0.0', '>=19.0.0', '<19.0.0'
FAILS, HANGS, IGNORED, UNRESTORABLE = (
    'fails',
    'hangs',
    'ignored',
    'unrestorable',
)
_INTEGER = re.compile(r'\s*[+-]?[0-9]+\s*')
#: What an agent takes for true or false, whatever the option.
_WORDS = frozenset(('True', 'true', 'False', 'false', 'None'))


def problems(
    definitions: collections.abc.Sequence[Body],
    schedule: Body,
    in_session: bool,
) -> list[Body]:
    """What agents would do otherwise than the actions of a job, and its
    schedule, say.
    """
    found = [
        problem
        for number, definition in enumerate(definitions)
        for problem in _of_action(number, definition)
    ]
    if in_session and schedule.get('schedule_interval'):
        found.append(
            _problem(
                None,
                'schedule_interval',
                'interval-in-session',
                ALL,
                IGNORED,
                'An interval begins when an agent arms it; the members of the'
                ' session run at different times. Cron fields align them.',
            )
        )
    return found


def _of_action(
    number: int, definition: Body
) -> collections.abc.Iterator[Body]:
    # What is null is not written to the file that an agent reads.
    given = {
        key: value for key, value in definition.items() if value is not None
    }
    for key, value in given.items():
        yield from _of_key(number, key)
        if agents.has_lone_percent(value) or agents.has_lone_percent(key):
            yield _problem(
                number, key, 'percent', ALL, FAILS, 'A % must be doubled.'
            )
        yield from _of_number(number, key, value)
    plain = agents.plain(given)
    yield from _of_kinds(number, plain)
    if 'remove_older_than' in plain and plain.get('always_level'):
        yield _problem(
            number,
            'remove_older_than',
            'prunes-chain',
            ALL,
            UNRESTORABLE,
            'With always_level the full backup is removed that later ones'
            ' need.',
        )


def _of_key(number: int, name: str) -> collections.abc.Iterator[Body]:
    key = agents.key(name)
    known = [
        version
        for version in agents.VERSIONS
        if key in agents.options(version)
    ]
    if agents.LATEST not in known:
        hint = ' It is called engine_name.' if key == 'engine' else ''
        yield _problem(
            number,
            name,
            'unknown-key',
            LATEST,
            FAILS,
            f'The agent fails at a key that it does not know.{hint}',
        )
    elif known[0] != agents.VERSIONS[0]:
        yield _problem(
            number,
            name,
            'unknown-key',
            f'<{known[0]}',
            IGNORED,
            'Older agents do not know the key.',
        )
    if '-' in name and agents.LATEST in known:
        yield _problem(
            number,
            name,
            'dashes',
            OLDER,
            IGNORED,
            'Older agents know the key with underscores alone.',
        )


def _of_number(
    number: int, name: str, value: typing.Any
) -> collections.abc.Iterator[Body]:
    kind = agents.options(agents.LATEST).get(agents.key(name))
    if (
        kind not in ('integer', 'number')
        or isinstance(value, bool)
        or str(value) in _WORDS
    ):
        return
    if not (
        _INTEGER.fullmatch(str(value))
        if kind == 'integer'
        else _is_number(value)
    ):
        yield _problem(
            number,
            name,
            f'no-{kind}',
            ALL,
            FAILS,
            f'The value must be a{"n" * (kind[0] == "i")} {kind}.',
        )


def _of_kinds(number: int, plain: Body) -> collections.abc.Iterator[Body]:
    if plain.get('action') == 'exec':
        yield _problem(
            number,
            'action',
            'exec',
            LATEST,
            HANGS,
            'The agent never runs it; the job stays running.',
        )
    engine = plain.get('engine_name')
    if plain.get('action') == 'backup' and engine == 'rsync':
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
            'What it stores cannot be restored.',
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
    effect: str,
    text: str,
) -> Body:
    return {
        'action': action,
        'key': key,
        'code': code,
        'agents': versions,
        'effect': effect,
        'text': text,
    }
