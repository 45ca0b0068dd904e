"""What an action is, alone and as an entry of a job's ``job_actions``: a
definition, and rules for running it.

The definition is ``freezer_action``, mostly free-form. The rules
(:data:`RULES`) belong to the action, or to the entry.
"""

import collections.abc
import dataclasses
import re
import typing

import orjson

from freezer_api import exceptions
from freezer_api.domain import documents
from freezer_api.domain.documents import Body, Document

#: How many entries a job may have.
MAX_ENTRIES = 256
RULES = {'max_retries': 5, 'max_retries_interval': 6, 'mandatory': False}
#: The keys of a definition that say what a client must be capable of, and the
#: values that each can have.
CHOICES = {
    'action': ('backup', 'restore', 'info', 'admin', 'exec'),
    'mode': (
        'fs',
        'mongo',
        'mysql',
        'sqlserver',
        'cinder',
        'glance',
        'cindernative',
        'nova',
    ),
    'storage': ('local', 'swift', 'ssh', 's3', 'ftp', 'ftps'),
    'engine': ('tar', 'rsync', 'rsyncv2', 'nova', 'osbrick', 'glance'),
}
#: Another name under which agents know a key.
ALIASES = {'engine_name': 'engine'}
#: The credentials of an agent, which it puts among a definition's keys itself.
#: No caller gives them: they are left away.
TRUST = 'os_trust_id'
#: Keys that mean something to the service, or give rights: they are known by
#: these names alone.
_RESERVED = frozenset((*CHOICES, *ALIASES, TRUST))
#: An agent writes a definition as lines ``key = value`` of a file and reads
#: that again. Of any other key it makes a comment, a section, the next line of
#: a value or another key.
_KEY = re.compile(r'(?![\s\[#;])[^=:\x00-\x1f\x7f-\x9f]+(?<!\s)')
_KEYS = (
    "keys must not be empty, begin or end with a blank, begin with '[', '#' or"
    " ';', or contain '=', ':' or control characters"
)
#: What ends a line of the file, but isn't indented when it is written as a
#: line feed is.
_LINE_END = re.compile(r'\r(?!\n)')
#: What forms put inside of a definition although it belongs beside it.
_BESIDE = (*RULES, 'action_id')
_UNSET = (None, '')


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """An entry that a caller wants in a job.

    ``action_id`` is that of the action it refers to, None if it refers to
    none; ``definition`` is None if the caller gave none, ``mark`` its
    :func:`fingerprint`. ``rules`` has the rules that were given, null for the
    default. An action that is made for the entry, other than under
    ``action_id``, gets ``new_id``.
    """

    action_id: str | None
    new_id: str
    definition: Body | None
    mark: bytes
    rules: Body


@dataclasses.dataclass(frozen=True, slots=True)
class Resolution:
    """What wanted entries come to: the ``job_actions``, and what to create
    actions of, by id.
    """

    entries: list[Body]
    made: dict[str, Body]


def hoisted(entry: Body) -> Body:
    """An entry, or an action, with what belongs beside its definition moved
    there from inside.

    What is there already stays, and what no caller gives is left away.
    """
    inside = entry.get('freezer_action')
    if not isinstance(inside, dict):
        return entry
    moved = {
        key: inside[key]
        for key in _BESIDE
        if inside.get(key) is not None and entry.get(key) in _UNSET
    }
    kept = {
        key: value
        for key, value in inside.items()
        if key not in _BESIDE and key != TRUST
    }
    return {**entry, **moved, 'freezer_action': kept}


def completed(entry: Body, defaults: Body) -> Body:
    """An entry as its caller means it: hoisted, and the keys that its
    definition lacks filled from ``defaults``.

    A definition that says nothing beside an ``action_id`` is none, and is left
    away.
    """
    definition = entry.get('freezer_action', {})
    if definition is None:
        definition = {}
    if not isinstance(definition, dict):
        return entry
    plain = hoisted({**entry, 'freezer_action': definition})
    refers = plain.get('action_id') not in _UNSET
    if refers and not without_nulls(plain['freezer_action']):
        return {
            key: value
            for key, value in plain.items()
            if key != 'freezer_action'
        }
    filled = hoisted({**entry, 'freezer_action': {**defaults, **definition}})
    return (
        filled
        if filled.get('action_id') not in _UNSET
        else {
            key: value for key, value in filled.items() if key != 'action_id'
        }
    )


def added(
    entries: collections.abc.Iterable[typing.Any], defaults: Body
) -> int:
    """How many bytes of JSON :func:`completed` adds to entries, told without
    adding any.
    """
    sizes = {
        key: documents.size(key) + documents.size(value) + 2
        for key, value in without_nulls(defaults).items()
    }
    whole, total = sum(sizes.values()), 0
    for entry in entries:
        definition = (
            entry.get('freezer_action') or {}
            if isinstance(entry, dict)
            else None
        )
        if not isinstance(definition, dict):
            continue
        # A reference alone takes no defaults.
        if entry.get('action_id') in _UNSET or without_nulls(definition):
            total += whole - sum(
                sizes[key] for key in definition if key in sizes
            )
    return total


def wanted(
    entries: collections.abc.Iterable[Body],
    new_id: collections.abc.Callable[[], str],
) -> tuple[Wanted, ...]:
    """What validated entries ask for, with ids for the actions to create."""
    return tuple(
        Wanted(
            entry.get('action_id'),
            new_id(),
            entry.get('freezer_action'),
            fingerprint(entry.get('freezer_action', {})),
            {key: entry[key] for key in RULES if key in entry},
        )
        for entry in entries
    )


def resolved(
    entries: collections.abc.Sequence[Wanted],
    stored: collections.abc.Mapping[str, Document],
    present: collections.abc.Iterable[Body] = (),
) -> Resolution:
    """What wanted entries come to, with the ``stored`` actions and their job's
    ``present`` entries.

    An entry refers to the action that it names if it brings no other
    definition; where there is none yet, it is made. An entry with a definition
    of its own has an action of the present ones that is equal, or else a new
    one: so the same request has the same effect again. ``Unprocessable`` for a
    mere reference to an action that isn't there.
    """
    made: dict[str, Body] = {}
    reuse, marks, found = (
        _Present(present, {entry.action_id for entry in entries}),
        _Marks(),
        [],
    )
    for number, entry in enumerate(entries):
        id = entry.action_id or ''
        action = stored[id].body if id in stored else made.get(id)
        if entry.definition is None:
            if action is None:
                raise exceptions.Unprocessable(
                    f'job_actions[{number}].action_id: action {id} could not'
                    ' be found.',
                    'job.action-not-found',
                )
        elif action is None and id:
            action = made[id] = _new(id, entry)
        elif action is None or entry.mark != marks.of(action):
            action = reuse.take(entry.mark)
            if action is None:
                action = made[entry.new_id] = _new(entry.new_id, entry)
        found.append(
            {
                'action_id': action['action_id'],
                'freezer_action': action['freezer_action'],
                **_rules(
                    {
                        **{key: action[key] for key in RULES if key in action},
                        **entry.rules,
                    }
                ),
            }
        )
    return Resolution(found, made)


def created(
    action_id: str, project_id: str, user_id: str, given: Body
) -> Body:
    """A new action from a validated body."""
    return {
        'action_id': action_id,
        'project_id': project_id,
        'user_id': user_id,
        'freezer_action': given['freezer_action'],
        **_rules(given),
    }


def patched(stored: Body, given: Body) -> Body:
    """An action with the keys of a validated PATCH merged, inside its
    definition too; there a null is a value.
    """
    definition = {
        **stored['freezer_action'],
        **given.get('freezer_action', {}),
    }
    if fingerprint(definition) != fingerprint(stored['freezer_action']):
        definition.pop(TRUST, None)
    return {
        **stored,
        **{key: given[key] for key in RULES if given.get(key) is not None},
        'freezer_action': definition,
    }


def without_nulls(definition: Body) -> Body:
    """A definition as it is compared: nulls, which forms add, say nothing."""
    return {
        key: value for key, value in definition.items() if value is not None
    }


def fingerprint(definition: Body) -> bytes:
    """What is the same for two definitions if they are equal, apart from nulls
    and credentials.

    They are compared as JSON values: numbers by value, and no boolean is a
    number.
    """
    told = {
        key: value
        for key, value in without_nulls(definition).items()
        if key != TRUST
    }
    return orjson.dumps(_plain_numbers(told), option=orjson.OPT_SORT_KEYS)


def check_keys(definition: Body, place: str) -> None:
    """Raise ``InvalidInput`` unless agents understand a definition's keys as
    they are spelt.

    ``place`` is the definition's. An agent makes small letters of capitals and
    ``_`` of ``-``, and where two keys become the same takes the last one: so
    it could be told something else than the service has checked.
    """
    spelt: dict[str, str] = {}
    for key, value in definition.items():
        where = f'{place}.{key[:64]}'
        if not _KEY.fullmatch(key):
            raise exceptions.InvalidInput(
                f'{where}: is not a key that agents can read; {_KEYS}.'
            )
        name = key.lower().replace('-', '_')
        if name in _RESERVED and name != key:
            raise exceptions.InvalidInput(f'{where}: must be spelt {name}.')
        if name in spelt:
            raise exceptions.InvalidInput(
                f'{where}: means the same as {spelt[name][:64]} to agents.'
            )
        spelt[name] = key
        if isinstance(value, str) and _LINE_END.search(value):
            raise exceptions.InvalidInput(
                f'{where}: must not contain a carriage return without a line'
                ' feed.'
            )


class _Marks:
    """The fingerprints of actions: many entries may refer to a large one."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def of(self, action: Body) -> bytes:
        """An action's."""
        id = action['action_id']
        if id not in self._known:
            self._known[id] = fingerprint(action['freezer_action'])
        return self._known[id]


class _Present:
    """The actions of a job as it is, by their definitions; those that a
    request names come last.
    """

    def __init__(
        self,
        entries: collections.abc.Iterable[Body],
        named: collections.abc.Container[str | None],
    ):
        self._entries = sorted(
            entries, key=lambda entry: entry['action_id'] in named
        )
        self._found: dict[bytes, list[Body]] | None = None

    def take(self, mark: bytes) -> Body | None:
        """An action with a definition, if possible one not taken before; None
        without any.
        """
        if self._found is None:
            self._found = {}
            for entry in {
                entry['action_id']: entry for entry in self._entries
            }.values():
                bare = {
                    key: entry[key] for key in ('action_id', 'freezer_action')
                }
                self._found.setdefault(
                    fingerprint(entry['freezer_action']), []
                ).append(bare)
        equal = self._found.get(mark)
        if not equal:
            return None
        return equal.pop(0) if len(equal) > 1 else equal[0]


def _new(action_id: str, entry: Wanted) -> Body:
    return {
        'action_id': action_id,
        'freezer_action': entry.definition,
        **_rules(entry.rules),
    }


def _rules(given: Body) -> Body:
    return {
        key: default if given.get(key) is None else given[key]
        for key, default in RULES.items()
    }


def _plain_numbers(value: typing.Any) -> typing.Any:
    """A JSON value in which numbers that are equal are the same."""
    if isinstance(value, dict):
        return {key: _plain_numbers(element) for key, element in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(element) for element in value]
    return (
        int(value)
        if isinstance(value, float)
        and value.is_integer()
        and -(2**63) <= value < 2**64
        else value
    )
