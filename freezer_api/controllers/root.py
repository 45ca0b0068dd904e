"""What is answered without a token: the versions of the API, where the
resources of this one are, and its description.
"""

import typing
import urllib.parse

import orjson

from freezer_api.controllers import base, calls, openapi, types
from freezer_api.middleware import responses
from freezer_api.schemas import discovery

VERSION = 'v2'
#: When this version of the API was changed last, in a way that clients see.
UPDATED = '2026-01-01T00:00:00Z'
#: Where the description of the API is.
DESCRIPTION = f'/{VERSION}/openapi.json'
JSON_HOME = ('application/json-home', 'application/json')


class Root:
    """``/``, ``/v2`` and ``/v2/openapi.json``."""

    def __init__(
        self, home: dict[str, typing.Any], description: openapi.Description
    ):
        self._home = home
        self._description = description

    @base.expose(base.PUBLIC, types.Object(discovery.VERSIONS), status=300)
    def versions(self, call: calls.Call) -> base.Answer:
        """Return the versions document, with links to the host that was
        asked.
        """
        address = _address(call)
        links = [
            {'rel': 'self', 'href': f'{address}/{VERSION}/'},
            {
                'rel': 'describedby',
                'type': 'application/json',
                'href': address + DESCRIPTION,
            },
        ]
        version = {
            'id': VERSION,
            'status': 'CURRENT',
            'updated': UPDATED,
            'links': links,
        }
        return base.Answer({'versions': [version]})

    @base.expose(base.PUBLIC, types.Object(discovery.HOME), offers=JSON_HOME)
    def home(self, call: calls.Call) -> base.Answer:
        """Return the home document, which is made from the routes."""
        return base.Answer(self._home)

    @base.expose(base.PUBLIC, types.Object(discovery.DESCRIPTION, 'ETag'))
    def description(self, call: calls.Call) -> base.Answer:
        """Return the description of the API in OpenAPI 3.1, which is made from
        the routes.
        """
        made = self._description.below(_prefix(call))
        return base.Answer(orjson.Fragment(made.json), made.etag)


def _address(call: calls.Call) -> str:
    """The URL of the service, as the client knows it."""
    environ = call.environ
    host = environ.get('HTTP_HOST')
    if not host:
        # HTTP/1.0 knows no Host.
        host = f'{environ["SERVER_NAME"]}:{environ["SERVER_PORT"]}'
    return f'{environ["wsgi.url_scheme"]}://{host}{_prefix(call)}'


def _prefix(call: calls.Call) -> str:
    """The path that the service lives under, as URLs have it."""
    prefix = responses.prefix_of(call.environ)
    return urllib.parse.quote(prefix.encode('latin-1'))
