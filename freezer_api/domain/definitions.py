"""The definition of an action, ``freezer_action``: what an agent is to do.

It is mostly free-form. Here is what the service knows of its keys, and when
two definitions are equal.
"""

import re
import typing

import orjson

from freezer_api import exceptions
from freezer_api.domain.documents import Body

#: The keys that say what a client must be capable of, and the values that each
#: can have.
CHOICES: dict[str, tuple[str, ...]] = {
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
#: The key of an agent's credentials, which agents put into a definition
#: themselves. What a caller gives there is ignored.
TRUST = 'os_trust_id'
# Keys that mean something to the service, or give rights: agents must not
# know them by another spelling.
_RESERVED = frozenset((*CHOICES, *ALIASES, TRUST))
# An agent writes a definition to a file as lines ``key = value``, and reads
# that again. A key that doesn't fit would become a comment, a section, another
# key or the next line of a value.
_KEY = re.compile(r'(?![\s\[#;])[^=:\x00-\x1f\x7f-\x9f]+(?<!\s)')
_KEY_RULES = (
    "keys must not be empty, begin or end with a blank, begin with '[', '#' or"
    " ';', or contain '=', ':' or control characters"
)
# The agent indents the lines of a value after each line feed. A carriage
# return alone ends a line for the reader, but isn't indented by the writer.
_LONE_CARRIAGE_RETURN = re.compile(r'\r(?!\n)')


def without_nulls(definition: Body) -> Body:
    """Return a definition without its null keys, which forms add and which
    mean nothing.
    """
    return {
        key: value for key, value in definition.items() if value is not None
    }


def fingerprint(definition: Body) -> bytes:
    """Return what is the same for two definitions exactly if they are equal.

    Nulls and credentials don't count. Values are compared as JSON: numbers by
    value, and no boolean is a number.
    """
    compared = without_nulls(definition)
    compared.pop(TRUST, None)
    plain = _with_plain_numbers(compared)
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def check_keys(definition: Body, place: str) -> None:
    """Raise ``InvalidInput`` unless agents read a definition's keys as the
    service does. ``place`` is the definition's in the request.

    An agent lower-cases keys and takes ``-`` for ``_``; where two keys become
    the same, the last one wins. So it could be told something else than the
    service has checked.
    """
    seen: dict[str, str] = {}
    for key, value in definition.items():
        # Keys come from callers, and messages must not become very long.
        where = f'{place}.{key[:64]}'
        if not _KEY.fullmatch(key):
            raise _invalid(where, f'agents cannot read this key; {_KEY_RULES}')
        name = key.lower().replace('-', '_')
        if name in _RESERVED and name != key:
            raise _invalid(where, f'must be spelt {name}')
        if name in seen:
            other = seen[name]
            raise _invalid(
                where,
                f'is the same key as {other[:64]} for agents',
            )
        seen[name] = key
        if not isinstance(value, str):
            continue
        if _LONE_CARRIAGE_RETURN.search(value):
            raise _invalid(
                where,
                'must not contain a carriage return without a line feed',
            )


def _with_plain_numbers(value: typing.Any) -> typing.Any:
    """Return a JSON value in which equal numbers are of the same type."""
    if isinstance(value, dict):
        return {
            key: _with_plain_numbers(element) for key, element in value.items()
        }
    if isinstance(value, list):
        return [_with_plain_numbers(element) for element in value]
    if isinstance(value, float) and value.is_integer():
        # Other integers don't fit into what orjson writes; they stay floats.
        if -(2**63) <= value < 2**64:
            return int(value)
    return value


def _invalid(place: str, fault: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(f'{place}: {fault}.')
