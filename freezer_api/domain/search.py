"""What a search means: the (key, value) pairs that a document offers, and the
conditions that a caller sets.

This is the one definition. Drivers index exactly :func:`index_pairs` and
:func:`folded_text`, compile a :class:`Query` to look-ups in them, and answer
what :func:`matches` says.
"""

import collections.abc
import dataclasses
import functools
import json
import re
import sys
import typing

import orjson

from freezer_api import exceptions
from freezer_api.domain import backups, documents
from freezer_api.domain.documents import Body

#: Of what documents are found by: of :func:`index_pairs` and
#: :func:`folded_text`, and of what drivers make of these or keep beside. Raise
#: it when any of it changes: ``freezer-manage db reindex`` then brings what
#: was indexed by an earlier one up to date.
INDEX_VERSION = 1
MAX_CONDITIONS = 30
#: The pairs that a document may offer.
MAX_VALUES = 4096
MAX_NEEDLE = 256
MAX_TEXT = 1000
DEFAULT_LIMIT = 10
#: Where the schedule of a document is.
SCHEDULES = {documents.JOBS: 'job_schedule', documents.SESSIONS: 'schedule'}
#: A key and the canonical form of a value: a letter for its JSON type, then
#: its text.
Pair = tuple[str, str]
#: Letters of composite pairs, which no value begins with, so that no caller's
#: condition is one: ``(client_id, 'o…')`` stands for "of this client and not
#: completed", the agents' poll; others for the completed ones, for a job's
#: trust, and for a backup's session and tag, or the run that a session
#: restores. A job has one of the first two: so its index stays as large when
#: it completes, and is turned.
OPEN, CLOSED, TRUST, RUN = 'o', 'c', 't', 'r'
COMPLETED = ('status', 'scompleted')
#: What a search may have; the keys of the second line only where backups are
#: searched.
CONDITIONS = ('match', 'match_not')
BOUNDS = ('time_after', 'time_before')
_NUMBER = re.compile(r'-?[0-9]{1,20}(\.[0-9]{1,20})?')


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """One page of a list: conditions that must all hold, none of
    ``not_pairs``/``not_texts``, and where it begins.

    ``texts`` are case-folded substrings. ``since`` and ``until`` are the first
    and the last moment of a backup's :func:`backups.time_of`, in microseconds
    (None: no bound). ``marker`` is an id, the page begins behind it;
    ``marker_project`` tells whose it is in a list of all projects,
    ``marker_given`` the parameter that it came in. ``offset`` counts
    documents. The order is that of creation, ``descending`` turns it round.
    """

    pairs: frozenset[Pair] = frozenset()
    not_pairs: frozenset[Pair] = frozenset()
    texts: frozenset[str] = frozenset()
    not_texts: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    marker: str | None = None
    marker_project: str | None = None
    marker_given: str = 'marker'
    descending: bool = False

    @property
    def bounded(self) -> bool:
        """Whether it bounds the time of backups."""
        return self.since is not None or self.until is not None

    def spans(self, at: int | None) -> bool:
        """Whether a moment (None: it isn't known) lies in the bounds."""
        if not self.bounded:
            return True
        return (
            at is not None
            and (self.since is None or self.since <= at)
            and (self.until is None or at <= self.until)
        )


def searchable(kind: str, body: Body) -> Body:
    """The document as shown, without what isn't searched."""
    kept = {
        key: value
        for key, value in body.items()
        if key not in documents.INTERNAL and key != documents.CREDENTIALS
    }
    schedule = SCHEDULES.get(kind, '')
    if 'current_pid' in kept.get(schedule, ()):
        kept[schedule] = {
            key: value
            for key, value in kept[schedule].items()
            if key != 'current_pid'
        }
    return kept


def canonical(value: str | int | float | bool | None) -> str:
    """A text that is equal for two scalars exactly when their JSON values are:
    1 is 1.0, but neither is true.
    """
    if value is None:
        return 'z'
    if isinstance(value, bool):
        return f'b{value}'
    if isinstance(value, str):
        return f's{value}'
    if isinstance(value, float) and not value.is_integer():
        return f'n{value!r}'
    return f'n{int(value)}'


def offers(kind: str, body: Body) -> frozenset[Pair]:
    """The pairs of a document: each key where it stands least deep, with every
    scalar that it has there.

    Objects count for the depth, arrays don't; an array offers its scalar
    elements.
    """
    return frozenset(_offered(kind, body))


def count(kind: str, body: Body, most: int = sys.maxsize) -> int:
    """How many pairs a document offers; counted until there are more than
    ``most``.
    """
    found: set[Pair] = set()
    for pair in _offered(kind, body):
        found.add(pair)
        if len(found) > most:
            break
    return len(found)


def _offered(kind: str, body: Body) -> collections.abc.Iterator[Pair]:
    """The pairs that a document offers, some of them several times."""
    seen: set[str] = set()
    level = [searchable(kind, body)]
    while level:
        deeper: list[Body] = []
        for here in level:
            for key, value in here.items():
                for leaf in _leaves(value):
                    if isinstance(leaf, dict):
                        deeper.append(leaf)
                    elif key not in seen:
                        yield key, canonical(leaf)
        seen.update(key for here in level for key in here)
        level = deeper


def index_pairs(kind: str, body: Body) -> frozenset[Pair]:
    """What a driver indexes: all that the document offers, and the
    composites.
    """
    found = offers(kind, body)
    if kind == documents.JOBS:
        return found | _of_job(found, documents.trust(body))
    if kind == documents.SESSIONS:
        restored = body.get('restore')
        return (
            found
            if restored is None
            else found
            | {restore_pair(restored['session_id'], restored['session_tag'])}
        )
    run = backups.run_of(body) if kind == documents.BACKUPS else None
    return found if run is None else found | {run_pair(*run)}


def trust_pair(id: str) -> Pair:
    """The composite pair of the jobs that have a trust."""
    return documents.CREDENTIALS, f'{TRUST}{id}'


def run_pair(session_id: str, tag: int) -> Pair:
    """The composite pair of the backups that name a session and a tag
    (:func:`backups.run_of`).
    """
    return 'session_id', f'{RUN}{tag} {session_id}'


def restore_pair(session_id: str, tag: int) -> Pair:
    """The composite pair of the sessions that restore or verify a run."""
    return 'restore', f'{RUN}{tag} {session_id}'


def compile_pairs(
    kind: str, query: Query
) -> tuple[frozenset[Pair], frozenset[Pair]]:
    """The pairs to look up, wanted and unwanted, composites swapped in where
    they serve.
    """
    clients = {pair for pair in query.pairs if pair[0] == 'client_id'}
    if (
        kind != documents.JOBS
        or not clients
        or COMPLETED not in query.pairs | query.not_pairs
    ):
        return query.pairs, query.not_pairs
    letter = OPEN if COMPLETED in query.not_pairs else CLOSED
    done = clients if letter == OPEN else clients | {COMPLETED}
    return (query.pairs - done) | {
        (key, letter + value) for key, value in clients
    }, query.not_pairs - {COMPLETED}


def folded_text(kind: str, body: Body) -> str:
    """The distinct strings that ``_all`` looks into, folded and ordered, NUL
    between them (no document contains one).
    """
    return '\0'.join(
        sorted(
            {
                text[:MAX_TEXT].casefold()
                for text in _strings(searchable(kind, body))
            }
        )
    )


def matches(query: Query, kind: str, body: Body) -> bool:
    """Whether a document is in a search: the definition that every driver is
    held against.
    """
    if query.bounded and not query.spans(backups.time_of(body)):
        return False
    pairs, text = offers(kind, body), folded_text(kind, body)
    return (
        query.pairs <= pairs
        and not query.not_pairs & pairs
        and all(needle in text for needle in query.texts)
        and not any(needle in text for needle in query.not_texts)
    )


def parse(search: typing.Any, kind: str, **page: typing.Any) -> Query:
    """The query for a search in a kind as the caller sent it (None: no
    search), or ``InvalidInput``; ``page`` is taken as it is.
    """
    if search is None:
        return Query(**page)
    if not isinstance(search, dict):
        raise exceptions.InvalidInput(
            'search: must be an object.', 'search.invalid'
        )
    known = (*CONDITIONS, *BOUNDS) if kind == documents.BACKUPS else CONDITIONS
    for key in search:
        if key not in known:
            expected = f'{", ".join(known[:-1])} or {known[-1]}'
            raise exceptions.InvalidInput(
                f'search.{key[:64]}: unknown key; expected {expected}.',
                'search.invalid',
            )
    wanted, unwanted = _Conditions(), _Conditions()
    _collect(search.get('match', []), 'search.match', wanted, unwanted)
    _collect(search.get('match_not', []), 'search.match_not', unwanted, wanted)
    if wanted.number + unwanted.number > MAX_CONDITIONS:
        raise exceptions.InvalidInput(
            f'search: has more than {MAX_CONDITIONS} conditions.',
            'search.invalid',
        )
    since, until = (
        _moment(search[bound], bound) if bound in search else None
        for bound in BOUNDS
    )
    return Query(
        frozenset(wanted.pairs),
        frozenset(unwanted.pairs),
        frozenset(wanted.texts),
        frozenset(unwanted.texts),
        since,
        until,
        **page,
    )


def without_repeats(asked: Body) -> Body:
    """A search that was parsed, each condition once: links to further pages
    repeat it.
    """
    return {
        key: (
            [*{orjson.dumps(entry): entry for entry in value}.values()]
            if isinstance(value, list)
            else value
        )
        for key, value in asked.items()
    }


def parse_page(
    limit: str | None,
    offset: str | None,
    marker: str | None,
    sort: str | None,
    most: int,
    marker_project: str | None = None,
) -> dict[str, typing.Any]:
    """The arguments of a :class:`Query` that a list's parameters stand for;
    ``most`` bounds the limit.
    """
    page: dict[str, typing.Any] = {
        'limit': (
            _count('limit', limit, DEFAULT_LIMIT, most)
            or min(DEFAULT_LIMIT, most)
        )
    }
    if marker is not None and offset is not None:
        raise exceptions.InvalidInput(
            'marker: can not be combined with offset.', 'list.invalid'
        )
    if offset is not None and re.fullmatch(r'[0-9]{1,9}', offset):
        page['offset'] = int(offset)
    elif offset is not None or marker is not None:
        name, page['marker'] = (
            ('marker', marker) if offset is None else ('offset', offset)
        )
        if not documents.ID.match(page['marker']):
            defect = (
                'is neither a count nor an id'
                if name == 'offset'
                else 'is not an id'
            )
            raise exceptions.InvalidInput(f'{name}: {defect}.', 'list.invalid')
        page |= {'marker_given': name, 'marker_project': marker_project}
    if sort not in (None, 'created', 'created:asc', 'created:desc'):
        raise exceptions.InvalidInput(
            'sort: must be created:asc or created:desc.', 'list.invalid'
        )
    page['descending'] = sort == 'created:desc'
    return page


def _count(name: str, text: str | None, default: int, most: int) -> int:
    if text is None:
        return min(default, most)
    if not re.fullmatch(r'[0-9]+', text):
        raise exceptions.InvalidInput(
            f'{name}: must be an integer of at least 0.', 'list.invalid'
        )
    return min(int(text[:12]), most) if len(text) <= 12 else most


def _of_job(offered: frozenset[Pair], trust: str | None) -> set[Pair]:
    """The composite pairs of a job."""
    letter = CLOSED if COMPLETED in offered else OPEN
    found = {
        (key, letter + value) for key, value in offered if key == 'client_id'
    }
    return found if trust is None else found | {trust_pair(trust)}


def _moment(value: typing.Any, bound: str) -> int:
    """A bound in microseconds. Forms send numbers as text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if '.' in value else int(value)
    found = backups.moment(value)
    if found is None:
        raise exceptions.InvalidInput(
            f'search.{bound}: must be a number of seconds since the epoch.',
            'search.invalid',
        )
    return found


class _Conditions:
    """The conditions of one kind, those that must hold or those of which none
    may, as they are collected.
    """

    def __init__(self) -> None:
        self.pairs: set[Pair] = set()
        self.texts: set[str] = set()

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.pairs) + len(self.texts)


#: What becomes of an entry ``_all``: its value and its place in the request
#: are given.
_Everywhere = collections.abc.Callable[[typing.Any, str], None]


def _collect(
    entries: typing.Any, place: str, here: _Conditions, opposite: _Conditions
) -> None:
    """Add the conditions of a list to those of its kind; an ``_all`` may have
    some of the opposite kind.
    """
    _add(
        entries,
        place,
        here,
        lambda value, where: _all(value, where, here, opposite),
    )


def _add(
    entries: typing.Any,
    place: str,
    here: _Conditions,
    everywhere: _Everywhere | None,
) -> None:
    """Add the conditions of a list; without ``everywhere`` the key ``_all`` is
    one like any other.
    """
    if not isinstance(entries, list):
        raise exceptions.InvalidInput(
            f'{place}: must be a list of objects with one key each.',
            'search.invalid',
        )
    for number, entry in enumerate(entries):
        where = f'{place}[{number}]'
        if not isinstance(entry, dict) or len(entry) != 1:
            raise exceptions.InvalidInput(
                f'{where}: must be an object with one key.', 'search.invalid'
            )
        ((key, value),) = entry.items()
        if isinstance(value, (dict, list)):
            raise exceptions.InvalidInput(
                f'{where}.{key[:64]}: must be a scalar.', 'search.invalid'
            )
        if '\0' in key or isinstance(value, str) and '\0' in value:
            raise exceptions.InvalidInput(
                f'{where}: contains the character NUL.', 'search.invalid'
            )
        if key == '_all' and everywhere is not None:
            everywhere(value, f'{where}._all')
        else:
            here.pairs.add((key, canonical(value)))


def _all(
    value: typing.Any, where: str, here: _Conditions, opposite: _Conditions
) -> None:
    """An ``_all`` condition: a search as users type it behind a command's
    ``--search``, or a text to look for anywhere.

    A list of field matches stands for its entries, an object for those of its
    ``match``; those of its ``match_not`` are of the opposite kind. In an
    object an ``_all`` is a text.
    """
    typed = _parsed(value)
    if (
        isinstance(typed, list)
        and typed
        and all(isinstance(field, dict) and len(field) == 1 for field in typed)
    ):
        _add(typed, where, here, None)
    elif isinstance(typed, dict) and typed and typed.keys() <= {*CONDITIONS}:
        for key, kind in zip(CONDITIONS, (here, opposite), strict=True):
            _add(
                typed.get(key, []),
                f'{where}.{key}',
                kind,
                functools.partial(_add_text, kind),
            )
    else:
        return _add_text(here, value, where)
    # What is read above makes floats of integers that are too large, and
    # Python refuses very long ones.
    exact = json.loads(
        value,
        parse_int=lambda digits: int(digits) if len(digits) <= 20 else 2**64,
    )
    if any(
        type(leaf) is int and not -(2**63) <= leaf < 2**64
        for leaf in _scalars(exact)
    ):
        raise exceptions.InvalidInput(
            f'{where}: has an integer beyond 64 bit.', 'search.invalid'
        )
    return None


def _parsed(value: typing.Any) -> typing.Any:
    """The JSON value of a text; None if it has none."""
    try:
        return orjson.loads(value) if isinstance(value, str) else None
    except orjson.JSONDecodeError:
        return None


def _add_text(here: _Conditions, value: typing.Any, where: str) -> None:
    """Add a text to look for anywhere."""
    if not isinstance(value, str):
        raise exceptions.InvalidInput(
            f'{where}: must be a string.', 'search.invalid'
        )
    if len(value) > MAX_NEEDLE:
        raise exceptions.InvalidInput(
            f'{where}: is longer than {MAX_NEEDLE} characters.',
            'search.invalid',
        )
    here.texts.add(value.casefold())


def _scalars(value: typing.Any) -> collections.abc.Iterator[typing.Any]:
    """The scalars of a list of conditions, or of an object with such lists."""
    if isinstance(value, (dict, list)):
        for element in value.values() if isinstance(value, dict) else value:
            yield from _scalars(element)
    else:
        yield value


def _leaves(value: typing.Any) -> collections.abc.Iterator[typing.Any]:
    """What stands in a value, or in lists within lists of it.

    Without recursion, which would hand each through all levels.
    """
    left = [value]
    while left:
        here = left.pop()
        if isinstance(here, list):
            left.extend(here)
        else:
            yield here


def _strings(value: typing.Any) -> collections.abc.Iterator[str]:
    left = [value]
    while left:
        here = left.pop()
        if isinstance(here, str):
            yield here
        elif isinstance(here, (dict, list)):
            left.extend(here.values() if isinstance(here, dict) else here)
