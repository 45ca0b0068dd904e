"""What a client is capable of, held against what an action asks of it."""

import collections.abc

from freezer_api import exceptions
from freezer_api.domain import actions
from freezer_api.domain.documents import Body

#: The key of a client's document that lists the values it supports, for each
#: key of a definition that is checked.
SUPPORTED = {
    'action': 'supported_actions',
    'mode': 'supported_modes',
    'storage': 'supported_storages',
    'engine': 'supported_engines',
}
#: What agents take for a key that is absent or null.
DEFAULTS = {'mode': 'fs'}
#: How many different values each of the lists has.
MAX_VALUES = 64


def check(definition: Body, client: Body, place: str) -> None:
    """Raise ``Unprocessable`` unless ``client`` (the inner part of its
    document) can do what a definition asks.

    A key that is absent or null asks for what :data:`DEFAULTS` say, or for
    nothing. ``place`` is the definition's in the request.
    """
    check_all(((place, definition),), client)


def check_all(
    definitions: collections.abc.Iterable[tuple[str, Body]], client: Body
) -> None:
    """Like :func:`check` for definitions with their places; the client's lists
    are read once.
    """
    able = {
        key: frozenset(client[supported])
        for key, supported in SUPPORTED.items()
    }
    for place, definition in definitions:
        for key in (*SUPPORTED, *actions.ALIASES):
            value = (
                DEFAULTS.get(key)
                if definition.get(key) is None
                else definition[key]
            )
            if (
                value is not None
                and value not in able[actions.ALIASES.get(key, key)]
            ):
                told = str(value)[:64]
                raise exceptions.Unprocessable(
                    f'{place}.{key}: {told} is not supported by client'
                    f' {client["client_id"]}.',
                    'client.not-capable',
                )
