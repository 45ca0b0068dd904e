"""Whether a client is capable of what an action asks."""

import collections.abc

from freezer_api import exceptions
from freezer_api.domain import definitions
from freezer_api.domain.documents import Body

#: For each key of a definition that is checked, the key of a client's document
#: that lists the values it supports.
SUPPORTED = {
    'action': 'supported_actions',
    'mode': 'supported_modes',
    'storage': 'supported_storages',
    'engine': 'supported_engines',
}
#: What agents take for a key that is absent or null.
DEFAULTS = {'mode': 'fs'}
#: How many different values each of the lists may have.
MAX_VALUES = 64


def check(definition: Body, client: Body, place: str) -> None:
    """Raise ``Unprocessable`` unless ``client`` (the inner part of its
    document) can do what a definition asks.

    A key that is absent or null asks for its default (:data:`DEFAULTS`), or
    for nothing. ``place`` is the definition's in the request.
    """
    check_all(((place, definition),), client)


def check_all(
    definitions_by_place: collections.abc.Iterable[tuple[str, Body]],
    client: Body,
) -> None:
    """Check several definitions, each with its place, like :func:`check`; the
    client's lists are read once.
    """
    capable: dict[str, frozenset[str]] = {}
    for key, supported in SUPPORTED.items():
        capable[key] = frozenset(client[supported])
    # A definition may have both names; agents take either.
    for alias, key in definitions.ALIASES.items():
        capable[alias] = capable[key]
    client_id = client['client_id']
    for place, definition in definitions_by_place:
        for key, values in capable.items():
            value = definition.get(key)
            if value is None:
                value = DEFAULTS.get(key)
            if value is None or value in values:
                continue
            # It is the caller's, and a message must not become very long.
            shown = str(value)[:64]
            raise exceptions.Unprocessable(
                f'{place}.{key}: {shown} is not supported by client'
                f' {client_id}.',
                'client.not-capable',
            )
