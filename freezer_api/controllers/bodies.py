"""From the bytes of a body or of a search to JSON values that every layer
below can store, or to the caller's error. Pure.
"""

import collections.abc
import json
import re
import typing

import orjson

from freezer_api import exceptions

N = typing.TypeVar('N')

MAX_DEPTH = 64
#: The range of integers that every storage has.
MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**64 - 1
#: No integer in that range has more characters.
MAX_DIGITS = 20
#: Digits of a number that are shown in an error, and characters of its place.
SHOWN_DIGITS = 24
LONGEST_PLACE = 255
#: What may be an integer beyond 64 bit, which orjson silently makes a float
#: of.
_LONG = re.compile(rb'[0-9]{19}')
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_LONG_NUMBER = re.compile(rb'[0-9.eE+-]{19,}')
_INTEGER = re.compile(rb'-?[0-9]+')


def parse_object(raw: bytes) -> dict[str, typing.Any]:
    """Return the JSON object in a body.

    ``MalformedBody`` if it isn't JSON; ``InvalidInput`` if it is empty, no
    object, or for what :func:`parse` refuses.
    """
    if not raw.strip():
        raise exceptions.InvalidInput(
            'body: is empty; it must be a JSON object.'
        )
    value = parse(raw)
    if not isinstance(value, dict):
        raise exceptions.InvalidInput('body: must be a JSON object.')
    return value


def parse_search(text: str) -> dict[str, typing.Any]:
    """Return the JSON object in a ``search`` parameter, or raise
    ``InvalidInput``.
    """
    try:
        value = parse(text.encode(), 'search')
    except exceptions.MalformedBody as error:
        # The body is fine, so the status must not be that of a bad one.
        raise exceptions.InvalidInput(
            error.message, 'search.invalid'
        ) from None
    if not isinstance(value, dict):
        raise exceptions.InvalidInput(
            'search: must be a JSON object.', 'search.invalid'
        )
    return value


def parse(raw: bytes, place: str = 'body') -> typing.Any:
    """Return the JSON value in ``raw``; ``place`` is what errors call it.

    ``MalformedBody`` if it isn't JSON. ``InvalidInput`` for NUL and lone
    surrogates, NaN and infinite numbers, integers beyond 64 bit, and nesting
    deeper than :data:`MAX_DEPTH`.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise _explain(raw, place) from None
    # orjson accepts what the three checks are about. Most bodies can't have
    # it, which is told from their bytes without a walk through the value.
    if _LONG.search(raw):
        _check_integers(raw, place)
    nestings = raw.count(b'{') + raw.count(b'[')
    if b'\\u0000' in raw or nestings > MAX_DEPTH:
        _check(value, place)
    return value


class _Defect(str):
    """Why a number, in whose place it stands, can't be stored."""


def _check_integers(raw: bytes, place: str) -> None:
    """Look at every long integer of what is JSON, without parsing all of it
    once more.
    """
    without_strings = _STRING.sub(b'', raw)
    for number in _LONG_NUMBER.findall(without_strings):
        if not _INTEGER.fullmatch(number):
            continue
        if isinstance(_parse_integer(number.decode()), _Defect):
            raise _explain(raw, place)


def _explain(raw: bytes, place: str) -> exceptions.FreezerError:
    """Why orjson refused: it isn't JSON, or it is what no document may
    have.
    """
    if b'\0' in raw:
        return exceptions.InvalidInput(f'{place}: contains a NUL byte.')
    met: list[_Defect] = []
    try:
        _check(_parse_slowly(raw, place, met), place)
    except exceptions.FreezerError as error:
        return error
    if met:
        # A later key of the same name stands in its place.
        return exceptions.InvalidInput(f'{place}: {met[0]}.')
    return exceptions.MalformedBody(f'{place}: is not JSON.')


def _parse_slowly(raw: bytes, place: str, met: list[_Defect]) -> typing.Any:
    """The value by the standard library, which lets every number be looked at
    and says where something is wrong. Defects of numbers are added to ``met``.
    """

    def parse_integer(text: str) -> int | _Defect:
        return _noted(_parse_integer(text), met)

    def parse_float(text: str) -> float | _Defect:
        return _noted(_parse_float(text), met)

    try:
        return json.loads(
            raw.decode('utf-8', 'surrogatepass'),
            parse_int=parse_integer,
            parse_float=parse_float,
            parse_constant=parse_float,
        )
    except RecursionError:
        raise _too_deep(place) from None
    except UnicodeDecodeError:
        raise exceptions.MalformedBody(f'{place}: is not UTF-8.') from None
    except json.JSONDecodeError as error:
        where = f'line {error.lineno}, column {error.colno}'
        raise exceptions.MalformedBody(
            f'{place}: is not JSON; {where}: {error.msg}.'
        ) from None


def _noted(number: N, met: list[_Defect]) -> N:
    if isinstance(number, _Defect):
        met.append(number)
    return number


def _parse_integer(text: str) -> int | _Defect:
    # The length comes first: Python takes long for thousands of digits.
    if len(text) <= MAX_DIGITS:
        value = int(text)
        if MIN_INTEGER <= value <= MAX_INTEGER:
            return value
    return _Defect(f'the integer {text[:SHOWN_DIGITS]} is beyond 64 bit')


def _parse_float(text: str) -> float | _Defect:
    """A finite number; ``NaN`` and ``-Infinity`` come here as well."""
    value = float(text)
    if not abs(value) < float('inf'):
        return _Defect(f'the number {text[:SHOWN_DIGITS]} is not finite')
    return value


def _check(value: typing.Any, place: str) -> None:
    """Check every text, number and the depth, level by level: recursion could
    end in an error of Python before the deepest one.
    """
    level = [value]
    depth = 0
    while level:
        inner: list[typing.Any] = []
        is_nested = False
        for element in level:
            if isinstance(element, str):
                if _defect(element):
                    raise _located(value, place)
            elif isinstance(element, dict):
                is_nested = True
                inner.extend(element)
                inner.extend(element.values())
            elif isinstance(element, list):
                is_nested = True
                inner.extend(element)
        depth += is_nested
        if depth > MAX_DEPTH:
            raise _too_deep(place)
        level = inner


def _defect(element: str) -> str:
    """Return what is wrong with a text, or with the number for which it
    stands; '' if nothing is.
    """
    if isinstance(element, _Defect):
        return element
    # PostgreSQL can't store it.
    if '\0' in element:
        return 'contains the character NUL'
    try:
        element.encode()
    except UnicodeEncodeError:
        return 'contains a lone surrogate'
    return ''


def _located(value: typing.Any, place: str) -> exceptions.InvalidInput:
    """Return the error for a value that has a defect, which names its place as
    all errors of a body do.
    """
    # One after the other: the places of all elements, each as long as its
    # keys, could be many times the body.
    frames = [('', iter([('', value)]))]
    while frames:
        path, parts = frames[-1]
        part = next(parts, None)
        if part is None:
            frames.pop()
            continue
        name, element = part
        if isinstance(element, (dict, list)):
            inside = (path + name)[:LONGEST_PLACE]
            frames.append((inside, _parts(element)))
        elif isinstance(element, str) and _defect(element):
            found = _name(path + name, place)
            return exceptions.InvalidInput(f'{found}: {_defect(element)}.')
    raise LookupError('the value has no defect')


def _parts(
    element: dict[str, typing.Any] | list[typing.Any],
) -> collections.abc.Iterator[tuple[str, typing.Any]]:
    """Yield what is in an object or a list, each with its place there; a key
    that has a defect as that.
    """
    if isinstance(element, list):
        for number, inner in enumerate(element):
            yield f'[{number}]', inner
        return
    for key, inner in element.items():
        if reason := _defect(key):
            yield '', _Defect(f'a key {reason}')
        yield f'.{key[:LONGEST_PLACE]}', inner


def _name(path: str, place: str) -> str:
    """Return how an error calls a place in a value."""
    if place != 'body':
        return f'{place}{path}'[:LONGEST_PLACE]
    # In a body a key stands for itself.
    return path.removeprefix('.')[:LONGEST_PLACE] or place


def _too_deep(place: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(
        f'{place}: is nested deeper than {MAX_DEPTH} levels.'
    )
