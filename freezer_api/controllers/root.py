"""What is told without a token: the versions of the API, and where the
resources of this one are.
"""

import typing
import urllib.parse

from freezer_api.controllers import base, calls, types
from freezer_api.middleware import responses

UPDATED = '2026-01-01T00:00:00Z'
JSON_HOME = ('application/json-home', 'application/json')


class Root:
    """``/`` and ``/v2``."""

    def __init__(self, home: dict[str, typing.Any]):
        self._home = home

    @base.expose(base.PUBLIC, types.Json('versions'), status=300)
    def versions(self, call: calls.Call) -> base.Answer:
        """Return the versions document, with links to the host that was
        asked.
        """
        environ = call.environ
        host = (
            environ.get('HTTP_HOST')
            or f'{environ["SERVER_NAME"]}:{environ["SERVER_PORT"]}'
        )
        prefix = urllib.parse.quote(
            responses.prefix_of(environ).encode('latin-1')
        )
        link = {
            'rel': 'self',
            'href': f'{environ["wsgi.url_scheme"]}://{host}{prefix}/v2/',
        }
        version = {
            'id': 'v2',
            'status': 'CURRENT',
            'updated': UPDATED,
            'links': [link],
        }
        return base.Answer({'versions': [version]})

    @base.expose(base.PUBLIC, types.Json('home'), offers=JSON_HOME)
    def home(self, call: calls.Call) -> base.Answer:
        """Return the home document, which the table of routes is the source
        of.
        """
        return base.Answer(self._home)
