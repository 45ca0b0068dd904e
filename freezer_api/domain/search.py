"""What a caller's ``search`` means: how its conditions are read.

What documents are found by is in :mod:`.search_pairs`, what a page of a search
is in :mod:`.search_query`.
"""

import collections.abc
import functools
import json
import re
import typing

import orjson

from freezer_api import exceptions
from freezer_api.domain import backups, documents
from freezer_api.domain.documents import Body
from freezer_api.domain.search_pairs import (
    Pair,
    canonical,
)
from freezer_api.domain.search_query import (
    Query,
)

MAX_CONDITIONS = 30
#: How many characters a text to look for may have.
MAX_NEEDLE = 256
#: The keys of a search with conditions.
CONDITIONS = ('match', 'match_not')
#: Further keys of a search among backups.
BOUNDS = ('time_after', 'time_before')
_NUMBER = re.compile(r'-?[0-9]{1,20}(\.[0-9]{1,20})?')
_Bound = typing.Literal['time_after', 'time_before']


class _Conditions:
    """The conditions that must hold, or those that must not, as they are
    collected.
    """

    def __init__(self) -> None:
        self.pairs: set[Pair] = set()
        self.texts: set[str] = set()

    def __len__(self) -> int:
        return len(self.pairs) + len(self.texts)


#: Adds the conditions of an entry ``_all``; its value and its place in the
#: request are given.
_AddAll = collections.abc.Callable[[typing.Any, str], None]


def parse(search: typing.Any, kind: str, **page: typing.Any) -> Query:
    """Return the query for a search as the caller sent it (None: no search)
    among documents of a kind.

    ``page`` has further fields of the query. ``InvalidInput`` for a malformed
    search.
    """
    if search is None:
        return Query(**page)
    if not isinstance(search, dict):
        raise _invalid('search', 'must be an object')
    _check_keys(search, kind)
    wanted = _Conditions()
    unwanted = _Conditions()
    match = search.get('match', [])
    match_not = search.get('match_not', [])
    _add_list(match, 'search.match', wanted, unwanted)
    _add_list(match_not, 'search.match_not', unwanted, wanted)
    number = len(wanted) + len(unwanted)
    if number > MAX_CONDITIONS:
        raise _invalid(
            'search', f'must not have more than {MAX_CONDITIONS} conditions'
        )
    return Query(
        pairs=frozenset(wanted.pairs),
        not_pairs=frozenset(unwanted.pairs),
        texts=frozenset(wanted.texts),
        not_texts=frozenset(unwanted.texts),
        since=_parse_bound(search, 'time_after'),
        until=_parse_bound(search, 'time_before'),
        **page,
    )


def without_repeats(search: Body) -> Body:
    """Return a search that was parsed with each of its conditions once, for
    links to further pages repeat the search.
    """
    shortened: Body = {}
    for key, value in search.items():
        if isinstance(value, list):
            # The last one of equal entries, by their JSON.
            different = {orjson.dumps(entry): entry for entry in value}
            shortened[key] = list(different.values())
        else:
            shortened[key] = value
    return shortened


def _check_keys(search: Body, kind: str) -> None:
    known: tuple[str, ...] = CONDITIONS
    if kind == documents.BACKUPS:
        known = (*CONDITIONS, *BOUNDS)
    for key in search:
        if key in known:
            continue
        *first, last = known
        expected = f'{", ".join(first)} or {last}'
        raise _invalid(
            f'search.{key[:64]}',
            f'unknown key; expected {expected}',
        )


def _parse_bound(search: Body, key: _Bound) -> int | None:
    """Return a bound in microseconds, None if the search has none."""
    if key not in search:
        return None
    value = search[key]
    # Forms send numbers as text.
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        parse_number = float if '.' in value else int
        value = parse_number(value)
    timestamp = backups.to_microseconds(value)
    if timestamp is None:
        raise _invalid(
            f'search.{key}', 'must be a number of seconds since the epoch'
        )
    return timestamp


def _add_list(
    entries: typing.Any, place: str, same: _Conditions, opposite: _Conditions
) -> None:
    """Add the entries of a ``match`` or ``match_not`` list to the conditions
    of the ``same`` kind; an ``_all`` may add some to the ``opposite`` ones.
    """
    add_all = functools.partial(_add_all, same=same, opposite=opposite)
    _add_entries(entries, place, same, add_all)


def _add_entries(
    entries: typing.Any,
    place: str,
    conditions: _Conditions,
    add_all: _AddAll | None,
) -> None:
    """Add the entries of a list to conditions. Without ``add_all`` the key
    ``_all`` is one like any other.
    """
    if not isinstance(entries, list):
        raise _invalid(place, 'must be a list of objects with one key each')
    pairs = conditions.pairs
    for number, entry in enumerate(entries):
        where = f'{place}[{number}]'
        if not isinstance(entry, dict) or len(entry) != 1:
            raise _invalid(where, 'must be an object with one key')
        ((key, value),) = entry.items()
        _check_condition(key, value, where)
        if key == '_all' and add_all is not None:
            add_all(value, f'{where}._all')
            continue
        pair = (key, canonical(value))
        pairs.add(pair)


def _check_condition(key: str, value: typing.Any, where: str) -> None:
    if isinstance(value, (dict, list)):
        raise _invalid(f'{where}.{key[:64]}', 'must be a scalar')
    # Databases can't store NUL; PostgreSQL can't even be asked for it.
    if '\0' in key or (isinstance(value, str) and '\0' in value):
        raise _invalid(where, 'must not contain the character NUL')


def _add_all(
    value: typing.Any, where: str, same: _Conditions, opposite: _Conditions
) -> None:
    """Add an ``_all`` condition: a text to look for anywhere, or the JSON of a
    search as users type it behind a command's ``--search``.

    Such a search is a list of entries, or an object with ``match`` and
    ``match_not``, whose ``_all`` is always a text. A ``match_not`` in it is of
    the opposite kind.
    """
    typed = _parse_json(value)
    if _is_list_of_entries(typed):
        _add_entries(typed, where, same, None)
    elif _is_typed_search(typed):
        _add_typed(typed, 'match', where, same)
        _add_typed(typed, 'match_not', where, opposite)
    else:
        _add_text(value, where, same)
        return
    _check_integers(value, where)


def _add_typed(
    typed: Body, key: str, where: str, conditions: _Conditions
) -> None:
    entries = typed.get(key, [])
    add_text = functools.partial(_add_text, conditions=conditions)
    _add_entries(entries, f'{where}.{key}', conditions, add_text)


def _parse_json(value: typing.Any) -> typing.Any:
    """Return the JSON value of a text; None if it has none."""
    if not isinstance(value, str):
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _is_list_of_entries(typed: typing.Any) -> bool:
    if not isinstance(typed, list) or not typed:
        return False
    for entry in typed:
        if not isinstance(entry, dict) or len(entry) != 1:
            return False
    return True


def _is_typed_search(typed: typing.Any) -> bool:
    if not isinstance(typed, dict) or not typed:
        return False
    return typed.keys() <= {*CONDITIONS}


def _check_integers(text: str, where: str) -> None:
    """Raise ``InvalidInput`` if the JSON of a search has integers that bodies
    of requests can't have either.

    orjson, which reads it otherwise, makes floats of them.
    """
    exact = json.loads(text, parse_int=_parse_integer)
    for scalar in _scalars(exact):
        # Not isinstance(), for a bool is an int in Python.
        if type(scalar) is not int:
            continue
        if not -(2**63) <= scalar < 2**64:
            raise _invalid(where, 'must not contain integers beyond 64 bits')


def _parse_integer(digits: str) -> int:
    # Python refuses to read thousands of digits: any value that is too large
    # does in place of them.
    if len(digits) > 20:
        return 2**64
    return int(digits)


def _add_text(value: typing.Any, where: str, conditions: _Conditions) -> None:
    """Add a text to look for anywhere."""
    if not isinstance(value, str):
        raise _invalid(where, 'must be a string')
    if len(value) > MAX_NEEDLE:
        raise _invalid(
            where, f'must not be longer than {MAX_NEEDLE} characters'
        )
    conditions.texts.add(value.casefold())


def _scalars(value: typing.Any) -> collections.abc.Iterator[typing.Any]:
    """Yield the scalars of a list of entries, or of an object with such
    lists. It is three levels deep at most.
    """
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for element in value:
            yield from _scalars(element)
    else:
        yield value


def _invalid(place: str, fault: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(f'{place}: {fault}.', 'search.invalid')
