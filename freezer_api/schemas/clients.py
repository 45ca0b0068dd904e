"""What callers send for clients."""

import typing

from freezer_api import exceptions
from freezer_api.domain import capabilities
from freezer_api.domain.documents import Body
from freezer_api.schemas import base

CLIENT = base.record(
    {
        'client_id': base.ID,
        'hostname': base.text(255),
        'description': base.text(1024),
        'uuid': base.text(255),
        'is_central': base.BOOLEAN,
        **{
            supported: base.array(
                base.text(255), capabilities.MAX_VALUES, f'different {key}s'
            )
            for key, supported in capabilities.SUPPORTED.items()
        },
    },
    required=('client_id',),
)
_check = base.compiled(CLIENT)
_check_inside = base.compiled(CLIENT, prefix='client.')


def client(body: Body) -> Body:
    """What a registration names, without nulls and unknown keys, or
    ``InvalidInput``.

    The body has it at the top or, as documents do, under ``client``.
    """
    inner = body.get('client')
    if inner is not None and not isinstance(inner, dict):
        raise exceptions.InvalidInput('client: must be an object.')
    source = body if inner is None else inner
    given = base.present(
        {key: source[key] for key in CLIENT['properties'] if key in source}
    )
    for key in capabilities.SUPPORTED.values():
        if key in given:
            given[key] = _different(given[key])
    (_check if inner is None else _check_inside)(given)
    return given


def _different(values: typing.Any) -> typing.Any:
    """A list of texts without double ones."""
    if isinstance(values, list) and all(
        isinstance(value, str) for value in values
    ):
        return list(dict.fromkeys(values))
    return values
