"""What an action is, alone and as an entry of a job's ``job_actions``: a definition, and rules for running it.

The definition is ``freezer_action``, mostly free-form. The rules (:data:`RULES`) belong to the action, or to the entry.
"""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.domain.documents import Body, Document

RULES = {'max_retries': 5, 'max_retries_interval': 6, 'mandatory': False}
#: The keys of a definition that say what a client must be capable of, and the values that each can have.
CHOICES = {
    'action': ('backup', 'restore', 'info', 'admin', 'exec'),
    'mode': ('fs', 'mongo', 'mysql', 'sqlserver', 'cinder', 'glance', 'cindernative', 'nova'),
    'storage': ('local', 'swift', 'ssh', 's3', 'ftp', 'ftps'),
    'engine': ('tar', 'rsync', 'rsyncv2', 'nova', 'osbrick', 'glance'),
}
#: Another name under which agents know a key.
ALIASES = {'engine_name': 'engine'}
#: What forms put inside of a definition although it belongs beside it.
_BESIDE = (*RULES, 'action_id')
_UNSET = (None, '')


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """An entry that a caller wants in a job: a reference to an action (``shared``) or one to create under ``action_id``.

    ``definition`` is None if the caller gave none. ``rules`` has the rules that were given, null for the default.
    """

    action_id: str
    shared: bool
    definition: Body | None
    rules: Body


def hoisted(entry: Body) -> Body:
    """An entry, or an action, with what its definition has inside but belongs beside it moved there, unless it is there."""
    inside = entry.get('freezer_action')
    if not isinstance(inside, dict):
        return entry
    moved = {key: inside[key] for key in _BESIDE if inside.get(key) is not None and entry.get(key) in _UNSET}
    return {**entry, **moved, 'freezer_action': {key: value for key, value in inside.items() if key not in _BESIDE}}


def completed(entry: Body, defaults: Body) -> Body:
    """An entry as its caller means it: hoisted, and the keys that its definition lacks filled from ``defaults``.

    A definition that says nothing beside an ``action_id`` is none, and is left away.
    """
    definition = entry.get('freezer_action', {})
    if definition is None:
        definition = {}
    if not isinstance(definition, dict):
        return entry
    plain = hoisted({**entry, 'freezer_action': definition})
    refers = plain.get('action_id') not in _UNSET
    if refers and not without_nulls(plain['freezer_action']):
        return {key: value for key, value in plain.items() if key != 'freezer_action'}
    filled = hoisted({**entry, 'freezer_action': {**defaults, **definition}})
    return filled if filled.get('action_id') not in _UNSET else {key: value for key, value in filled.items() if key != 'action_id'}


def wanted(entries: collections.abc.Iterable[Body], new_id: collections.abc.Callable[[], str]) -> tuple[Wanted, ...]:
    """What validated entries ask for, with ids for the actions to create."""
    return tuple(Wanted(entry.get('action_id') or new_id(), 'action_id' in entry, entry.get('freezer_action'),
                        {key: entry[key] for key in RULES if key in entry}) for entry in entries)


def resolved(entries: collections.abc.Sequence[Wanted], stored: collections.abc.Mapping[str, Document]) -> list[Body]:
    """The ``job_actions`` that the wanted entries make with the actions that are stored.

    ``Unprocessable`` for a reference to an action that isn't there or has another definition.
    """
    found = []
    for number, entry in enumerate(entries):
        action = _referenced(entry, stored, f'job_actions[{number}]') if entry.shared else {}
        found.append({'action_id': entry.action_id, 'freezer_action': action.get('freezer_action', entry.definition),
                      **_rules({**{key: action[key] for key in RULES if key in action}, **entry.rules})})
    return found


def made(entries: collections.abc.Iterable[Wanted], project_id: str, user_id: str) -> dict[str, Body]:
    """The actions to create with a job, by id."""
    return {entry.action_id: created(entry.action_id, project_id, user_id, {'freezer_action': entry.definition, **entry.rules})
            for entry in entries if not entry.shared}


def created(action_id: str, project_id: str, user_id: str, given: Body) -> Body:
    """A new action from a validated body."""
    return {'action_id': action_id, 'project_id': project_id, 'user_id': user_id,
            'freezer_action': given['freezer_action'], **_rules(given)}


def patched(stored: Body, given: Body) -> Body:
    """An action with the keys of a validated PATCH merged, inside its definition too; there a null is a value."""
    definition = {**stored['freezer_action'], **given.get('freezer_action', {})}
    return {**stored, **{key: given[key] for key in RULES if given.get(key) is not None}, 'freezer_action': definition}


def without_nulls(definition: Body) -> Body:
    """A definition as it is compared: nulls, which forms add, say nothing."""
    return {key: value for key, value in definition.items() if value is not None}


def _referenced(entry: Wanted, stored: collections.abc.Mapping[str, Document], place: str) -> Body:
    action = stored.get(entry.action_id)
    if action is None:
        raise exceptions.Unprocessable(f'{place}.action_id: action {entry.action_id} could not be found.', 'job.action-not-found')
    if entry.definition is not None and not _same(without_nulls(entry.definition), without_nulls(action.body['freezer_action'])):
        raise exceptions.Unprocessable(f'{place}.freezer_action: differs from the definition of action {entry.action_id}.')
    return action.body


def _rules(given: Body) -> Body:
    return {key: default if given.get(key) is None else given[key] for key, default in RULES.items()}


def _same(left: typing.Any, right: typing.Any) -> bool:
    """Whether two JSON values are equal: numbers by value, but no boolean is a number."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right
