"""A client: a machine whose agent polls for jobs. Its document has what it
said about itself under ``client``.
"""

from freezer_api.domain import actions, capabilities
from freezer_api.domain.documents import Body

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
    """A client's document after a registration: what a validated body names is
    taken into the stored one.

    A new client can do everything unless it says otherwise; ``uuid`` is its
    own if it names none.
    """
    if stored is not None:
        return {**stored, 'client': {**stored['client'], **given}}
    able = {
        supported: list(actions.CHOICES[key])
        for key, supported in capabilities.SUPPORTED.items()
    }
    client = {
        'hostname': '',
        'description': '',
        'uuid': uuid,
        'is_central': False,
        **able,
        **given,
    }
    return {
        'project_id': project_id,
        'user_id': user_id,
        'client': {key: client[key] for key in KEYS},
    }
