"""A client: a machine whose agent polls for jobs. Its document has what it
said about itself under ``client``.
"""

from freezer_api.domain import capabilities, definitions
from freezer_api.domain.documents import Body

#: The keys under ``client``, as they are shown.
KEYS = (
    'client_id',
    'hostname',
    'description',
    'uuid',
    'is_central',
    *capabilities.SUPPORTED.values(),
)


def registered(
    stored: Body | None, project_id: str, user_id: str, given: Body, uuid: str
) -> Body:
    """Return a client's document after a registration: what a validated body
    names replaces what is stored.

    A new client is capable of everything unless it says otherwise. ``uuid`` is
    its own if it names none.
    """
    if stored is not None:
        return {**stored, 'client': {**stored['client'], **given}}
    client: Body = {
        'hostname': '',
        'description': '',
        'uuid': uuid,
        'is_central': False,
    }
    # A client that says nothing of what it supports must still get jobs.
    for key, supported in capabilities.SUPPORTED.items():
        client[supported] = list(definitions.CHOICES[key])
    client.update(given)
    return {
        'project_id': project_id,
        'user_id': user_id,
        'client': {key: client[key] for key in KEYS},
    }
