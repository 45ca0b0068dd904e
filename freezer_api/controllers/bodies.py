"""From the bytes of a body or of a search to JSON values that every layer
below can hold, or to the caller's error. Pure.
"""

import functools
import json
import re
import typing

import orjson

from freezer_api import exceptions

MAX_DEPTH = 64
#: What may be an integer beyond 64 bit, which orjson makes a float of without
#: a word.
_LONG = re.compile(rb'[0-9]{19}')
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_LONG_NUMBER = re.compile(rb'[0-9.eE+-]{19,}')
_INTEGER = re.compile(rb'-?[0-9]+')


def parse_object(raw: bytes) -> dict[str, typing.Any]:
    """The JSON object in a body.

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
    """The JSON object in a ``search`` parameter, or ``InvalidInput``."""
    try:
        value = parse(text.encode(), 'search')
    except exceptions.MalformedBody as error:
        raise exceptions.InvalidInput(
            error.message, 'search.invalid'
        ) from None
    if not isinstance(value, dict):
        raise exceptions.InvalidInput(
            'search: must be a JSON object.', 'search.invalid'
        )
    return value


def parse(raw: bytes, place: str = 'body') -> typing.Any:
    """The JSON value in ``raw``; ``place`` is where messages say that it
    stood. ``MalformedBody`` if it isn't JSON.

    ``InvalidInput`` for NUL and lone surrogates, NaN and infinite numbers,
    integers beyond 64 bit, and nesting deeper than :data:`MAX_DEPTH`.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise _defect(raw, place) from None
    if _LONG.search(raw):
        _check_integers(raw, place)
    if b'\\u0000' in raw or raw.count(b'{') + raw.count(b'[') > MAX_DEPTH:
        _check(value, place)
    return value


def _check_integers(raw: bytes, place: str) -> None:
    """Look at every long integer of what is JSON; no value is made of it once
    more.
    """
    for number in _LONG_NUMBER.findall(_STRING.sub(b'', raw)):
        if _INTEGER.fullmatch(number):
            _integer(place, number.decode())


def _defect(raw: bytes, place: str) -> exceptions.FreezerError:
    """Why orjson refused: it isn't JSON, or it is what no document may
    hold.
    """
    if b'\0' in raw:
        return exceptions.InvalidInput(f'{place}: contains a NUL byte.')
    try:
        _check(_scrutinised(raw, place), place)
    except exceptions.FreezerError as error:
        return error
    return exceptions.MalformedBody(f'{place}: is not JSON.')


def _scrutinised(raw: bytes, place: str) -> typing.Any:
    """The value by the standard library, which is slow and lets every number
    be looked at.
    """
    real = functools.partial(_float, place)
    try:
        return json.loads(
            raw.decode('utf-8', 'surrogatepass'),
            parse_int=functools.partial(_integer, place),
            parse_float=real,
            parse_constant=real,
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


def _integer(place: str, text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise exceptions.InvalidInput(
            f'{place}: the integer {text[:24]} is beyond 64 bit.'
        )
    return int(text)


def _float(place: str, text: str) -> float:
    """A finite number; ``NaN`` and ``-Infinity`` come here as well."""
    value = float(text)
    if not abs(value) < float('inf'):
        raise exceptions.InvalidInput(
            f'{place}: the number {text[:24]} is not finite.'
        )
    return value


def _check(value: typing.Any, place: str) -> None:
    """Look at every text and at the depth, level by level: recursion might not
    reach the ground.
    """
    level, depth = [value], 0
    while level:
        inner: list[typing.Any] = []
        for here in level:
            if isinstance(here, str):
                _check_text(here, place)
            elif isinstance(here, dict):
                inner.extend((*here, *here.values()))
            elif isinstance(here, list):
                inner.extend(here)
        depth += any(isinstance(here, (dict, list)) for here in level)
        if depth > MAX_DEPTH:
            raise _too_deep(place)
        level = inner


def _check_text(text: str, place: str) -> None:
    if '\0' in text:
        raise exceptions.InvalidInput(f'{place}: contains the character NUL.')
    try:
        text.encode()
    except UnicodeEncodeError:
        raise exceptions.InvalidInput(
            f'{place}: contains a lone surrogate.'
        ) from None


def _too_deep(place: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(
        f'{place}: is nested deeper than {MAX_DEPTH} levels.'
    )
