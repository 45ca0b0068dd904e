"""What a client is capable of, held against what an action asks of it."""

from freezer_api import exceptions
from freezer_api.domain import actions
from freezer_api.domain.documents import Body

#: The key of a client's document that lists the values it supports, for each key of a definition that is checked.
SUPPORTED = {'action': 'supported_actions', 'mode': 'supported_modes', 'storage': 'supported_storages',
             'engine': 'supported_engines'}


def check(definition: Body, client: Body, place: str) -> None:
    """Raise ``Unprocessable`` unless ``client`` (the inner part of its document) can do what a definition asks.

    Keys that are absent or null ask for nothing. ``place`` is the definition's in the request.
    """
    for key in (*SUPPORTED, *actions.ALIASES):
        value = definition.get(key)
        if value is not None and value not in client[SUPPORTED[actions.ALIASES.get(key, key)]]:
            raise exceptions.Unprocessable(f'{place}.{key}: {value} is not supported by client {client["client_id"]}.',
                                           'client.not-capable')
