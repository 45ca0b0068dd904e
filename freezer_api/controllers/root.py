"""What is answered without a token: the versions of the API, and where the
resources of this one are.
"""

import typing
import urllib.parse

from freezer_api.controllers import base, calls, types
from freezer_api.middleware import responses

VERSION = 'v2'
#: When this version of the API was changed last, in a way that clients see.
UPDATED = '2026-01-01T00:00:00Z'
JSON_HOME = ('application/json-home', 'application/json')


class Root:
    """``/`` and ``/v2``."""

    def __init__(self, home: dict[str, typing.Any]):
        self._home = home

    @base.expose(base.PUBLIC, types.OBJECT, status=300)
    def versions(self, call: calls.Call) -> base.Answer:
        """Return the versions document, with links to the host that was
        asked.
        """
        version = {
            'id': VERSION,
            'status': 'CURRENT',
            'updated': UPDATED,
            'links': [{'rel': 'self', 'href': f'{_address(call)}/{VERSION}/'}],
        }
        return base.Answer({'versions': [version]})

    @base.expose(base.PUBLIC, types.OBJECT, offers=JSON_HOME)
    def home(self, call: calls.Call) -> base.Answer:
        """Return the home document, which is made from the routes."""
        return base.Answer(self._home)


def _address(call: calls.Call) -> str:
    """The URL of the service, as the client knows it."""
    environ = call.environ
    host = environ.get('HTTP_HOST')
    if not host:
        # HTTP/1.0 knows no Host.
        host = f'{environ["SERVER_NAME"]}:{environ["SERVER_PORT"]}'
    prefix = urllib.parse.quote(responses.prefix_of(environ).encode('latin-1'))
    return f'{environ["wsgi.url_scheme"]}://{host}{prefix}'
