"""An action, alone and as an entry of a job's ``job_actions``: a definition
(see :mod:`.definitions`), and the rules for running it.

The rules (:data:`RULES`) belong to the action, or to the entry.
"""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.domain import documents
from freezer_api.domain.definitions import (
    TRUST,
    fingerprint,
    without_nulls,
)
from freezer_api.domain.documents import Body, Document

#: How many entries a job may have.
MAX_ENTRIES = 256
#: The rules for running an action, and their defaults.
RULES: dict[str, int | bool] = {
    'max_retries': 5,
    'max_retries_interval': 6,
    'mandatory': False,
}
# Keys of an entry, or an action, that forms put inside of its definition.
_BESIDE_DEFINITION = (*RULES, 'action_id')
_UNSET = (None, '')


@dataclasses.dataclass(frozen=True, slots=True)
class RequestedEntry:
    """An entry of ``job_actions`` as a caller asks for it.

    ``action_id`` names the action that it refers to, None if it names none.
    ``definition`` is None if the caller gave none; ``mark`` is its
    :func:`.definitions.fingerprint`. ``rules`` has the rules that were given,
    null for the default. ``new_id`` is the id of an action that has to be
    created for the entry, unless it names one that isn't there.
    """

    action_id: str | None
    new_id: str
    definition: Body | None
    mark: bytes
    rules: Body


@dataclasses.dataclass(frozen=True, slots=True)
class Resolution:
    """What the requested entries of a job come to: its ``job_actions``, and
    the actions that have to be created for them, by id.
    """

    entries: list[Body]
    actions_to_create: dict[str, Body]


def normalize_entry(entry: Body) -> Body:
    """Return an entry, or an action, with what forms put inside of its
    definition, and belongs beside it, moved there.

    What is there already stays. What no caller may give is removed.
    """
    given = entry.get('freezer_action')
    if not isinstance(given, dict):
        return entry
    normal = dict(entry)
    definition: Body = {}
    for key, value in given.items():
        if key in _BESIDE_DEFINITION:
            if value is not None and entry.get(key) in _UNSET:
                normal[key] = value
        elif key != TRUST:
            definition[key] = value
    normal['freezer_action'] = definition
    return normal


def with_defaults(entry: Body, defaults: Body) -> Body:
    """Return an entry as its caller means it: normalized, and with the keys
    that its definition lacks filled from ``defaults``.

    An entry that only refers to an action takes no defaults, and has no
    definition.
    """
    definition = entry.get('freezer_action', {})
    if definition is None:
        definition = {}
    if not isinstance(definition, dict):
        return entry
    normal = normalize_entry({**entry, 'freezer_action': definition})
    refers = normal.get('action_id') not in _UNSET
    if refers and not without_nulls(normal['freezer_action']):
        del normal['freezer_action']
        return normal
    filled = normalize_entry(
        {**entry, 'freezer_action': {**defaults, **definition}}
    )
    if filled.get('action_id') in _UNSET:
        filled.pop('action_id', None)
    return filled


def size_of_defaults(
    entries: collections.abc.Iterable[typing.Any], defaults: Body
) -> int:
    """Return how many bytes of JSON :func:`with_defaults` adds to entries,
    without filling them in. Entries may be anything, for they aren't checked
    before.
    """
    sizes: dict[str, int] = {}
    for key, value in without_nulls(defaults).items():
        # A colon and a comma.
        sizes[key] = documents.size(key) + documents.size(value) + 2
    size_of_all = sum(sizes.values())
    total = 0
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        definition = entry.get('freezer_action') or {}
        if not isinstance(definition, dict):
            continue
        is_reference = entry.get('action_id') not in _UNSET
        if is_reference and not without_nulls(definition):
            continue
        total += size_of_all
        for key in definition:
            total -= sizes.get(key, 0)
    return total


def parse_entries(
    entries: collections.abc.Iterable[Body],
    new_id: collections.abc.Callable[[], str],
) -> tuple[RequestedEntry, ...]:
    """Return what validated entries ask for; ``new_id`` makes ids for the
    actions to create.
    """
    parsed: list[RequestedEntry] = []
    for entry in entries:
        definition = entry.get('freezer_action')
        requested = RequestedEntry(
            action_id=entry.get('action_id'),
            new_id=new_id(),
            definition=definition,
            mark=fingerprint({} if definition is None else definition),
            rules={key: entry[key] for key in RULES if key in entry},
        )
        parsed.append(requested)
    return tuple(parsed)


def resolve(
    entries: collections.abc.Sequence[RequestedEntry],
    stored: collections.abc.Mapping[str, Document],
    present: collections.abc.Iterable[Body] = (),
) -> Resolution:
    """Return what requested entries come to, given the ``stored`` actions by
    id and the ``present`` entries of their job.

    An entry refers to the action that it names if it brings no other
    definition; an action that isn't there is created. An entry with a
    definition of its own gets an action of the present entries that is equal,
    or else a new one: so a repeated request creates nothing. ``Unprocessable``
    for a mere reference to an action that isn't there.
    """
    named = {entry.action_id for entry in entries}
    resolver = _Resolver(stored, _PresentActions(present, named))
    resolved = [
        resolver.resolve(number, entry) for number, entry in enumerate(entries)
    ]
    return Resolution(resolved, resolver.actions_to_create)


def created(
    action_id: str, project_id: str, user_id: str, given: Body
) -> Body:
    """Return a new action from a validated body."""
    return {
        'action_id': action_id,
        'project_id': project_id,
        'user_id': user_id,
        'freezer_action': given['freezer_action'],
        **_rules(given),
    }


def patched(stored: Body, given: Body) -> Body:
    """Return an action with the keys of a validated PATCH merged into it, and
    into its definition. In the definition a null is a value.
    """
    old = stored['freezer_action']
    definition = {**old, **given.get('freezer_action', {})}
    if fingerprint(definition) != fingerprint(old):
        # An agent's credentials aren't for what another definition does.
        definition.pop(TRUST, None)
    new = {**stored, 'freezer_action': definition}
    for key in RULES:
        if given.get(key) is not None:
            new[key] = given[key]
    return new


class _PresentActions:
    """The actions of a job as it is, found by their definitions."""

    def __init__(
        self,
        entries: collections.abc.Iterable[Body],
        named: collections.abc.Container[str | None],
    ):
        # Those that the request names come last: their entries take them.
        self._entries = sorted(
            entries, key=lambda entry: entry['action_id'] in named
        )
        self._by_mark: dict[bytes, list[Body]] | None = None

    def take(self, mark: bytes) -> Body | None:
        """Return an action with a definition, if possible one that wasn't
        taken before; None if there is none.
        """
        # Most requests take none, and fingerprints of large ones cost time.
        if self._by_mark is None:
            self._by_mark = self._index()
        equal = self._by_mark.get(mark)
        if not equal:
            return None
        if len(equal) == 1:
            return equal[0]
        return equal.pop(0)

    def _index(self) -> dict[bytes, list[Body]]:
        # Several entries may refer to one action.
        actions = {entry['action_id']: entry for entry in self._entries}
        by_mark: dict[bytes, list[Body]] = {}
        for id, entry in actions.items():
            definition = entry['freezer_action']
            action = {'action_id': id, 'freezer_action': definition}
            by_mark.setdefault(fingerprint(definition), []).append(action)
        return by_mark


class _Resolver:
    """Finds the action of each entry, and collects those to create."""

    def __init__(
        self,
        stored: collections.abc.Mapping[str, Document],
        present: _PresentActions,
    ):
        self._stored = stored
        self._present = present
        # Many entries may refer to one large action.
        self._marks: dict[str, bytes] = {}
        self.actions_to_create: dict[str, Body] = {}

    def resolve(self, number: int, entry: RequestedEntry) -> Body:
        """Return the ``number``-th entry of the job."""
        action = self._find_action(number, entry)
        # The action's own rules, unless the entry has others.
        rules = {key: action[key] for key in RULES if key in action}
        rules.update(entry.rules)
        return {
            'action_id': action['action_id'],
            'freezer_action': action['freezer_action'],
            **_rules(rules),
        }

    def _find_action(self, number: int, entry: RequestedEntry) -> Body:
        id = entry.action_id or ''
        # An entry may name an action that an earlier entry creates.
        if id in self._stored:
            named: Body | None = self._stored[id].body
        else:
            named = self.actions_to_create.get(id)
        if entry.definition is None:
            if named is None:
                raise exceptions.Unprocessable(
                    f'job_actions[{number}].action_id: action {id} could not'
                    ' be found.',
                    'job.action-not-found',
                )
            return named
        if named is None and id:
            return self._create(id, entry)
        if named is not None and self._mark_of(named) == entry.mark:
            return named
        # Another definition than the named action's (an exported job that was
        # edited), or no name. If this request was sent before, the job has
        # the action already.
        equal = self._present.take(entry.mark)
        if equal is not None:
            return equal
        return self._create(entry.new_id, entry)

    def _mark_of(self, action: Body) -> bytes:
        id = action['action_id']
        if id not in self._marks:
            self._marks[id] = fingerprint(action['freezer_action'])
        return self._marks[id]

    def _create(self, id: str, entry: RequestedEntry) -> Body:
        action = {
            'action_id': id,
            'freezer_action': entry.definition,
            **_rules(entry.rules),
        }
        self.actions_to_create[id] = action
        return action


def _rules(given: Body) -> Body:
    """Return all rules, the default for each that isn't given or is null."""
    rules: Body = {}
    for key, default in RULES.items():
        value = given.get(key)
        rules[key] = default if value is None else value
    return rules
