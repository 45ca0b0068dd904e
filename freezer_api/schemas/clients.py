"""What callers send for clients."""

import typing

from freezer_api.domain import capabilities
from freezer_api.domain.documents import Body
from freezer_api.schemas import base


def _supported() -> dict[str, base.Schema]:
    """Return the schemas of the lists of what a client supports."""
    schemas: dict[str, base.Schema] = {}
    for key, supported in capabilities.SUPPORTED.items():
        schemas[supported] = base.array(
            base.text(255),
            capabilities.MAX_VALUES,
            f'different {key}s',
        )
    return schemas


CLIENT = base.record(
    {
        'client_id': base.ID,
        'hostname': base.text(255),
        'description': base.text(1024),
        'uuid': base.text(255),
        'is_central': base.BOOLEAN,
        **_supported(),
    },
    required=('client_id',),
)
_check_flat = base.compile_check(CLIENT)
_check_inside = base.compile_check(CLIENT, prefix='client.')


def client(body: Body) -> Body:
    """Return what a registration names, without nulls and unknown keys; or
    raise ``InvalidInput``.

    It is the body or, as documents have it, the body's ``client``.
    """
    inner = body.get('client')
    if inner is not None and not isinstance(inner, dict):
        raise base.invalid('client', 'must be an object')
    source = body if inner is None else inner
    known = base.known_keys(source, CLIENT)
    given = base.without_nulls(known)
    # A value may be given several times; the bound is on different ones.
    for key in capabilities.SUPPORTED.values():
        if key in given:
            given[key] = _without_repeats(given[key])
    if inner is None:
        _check_flat(given)
    else:
        _check_inside(given)
    return given


def _without_repeats(values: typing.Any) -> typing.Any:
    """Return a list of strings with each of them once, and anything else as it
    is: it isn't checked yet.
    """
    if not isinstance(values, list):
        return values
    for value in values:
        if not isinstance(value, str):
            return values
    return list(dict.fromkeys(values))
