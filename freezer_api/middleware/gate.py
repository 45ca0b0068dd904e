"""Which requests need a token."""

import collections.abc

from freezer_api.middleware import errors
from freezer_api.middleware.responses import (
    Application,
    Environ,
    Response,
    StartResponse,
    path_of,
)

#: Paths that need no token: clients look for versions before they have one,
#: and programs that make clients never have one.
OPEN_PATHS = frozenset(('', '/v2', '/v2/openapi.json'))
#: What health checks allow.
HEALTH_METHODS = 'GET, HEAD, OPTIONS'


class Gate:
    """Hands each request to the application that answers it: a health check by
    its path, the API without a token, or the API behind the token's check.

    OPTIONS needs no token, as browsers send it without one.
    """

    def __init__(
        self,
        health: collections.abc.Mapping[str, Application],
        unprotected: Application,
        protected: Application,
    ):
        self._health = health
        self._unprotected = unprotected
        self._protected = protected

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        path = path_of(environ)
        method = environ['REQUEST_METHOD']
        # First: load balancers ask often, and have no token.
        health = self._health.get(path)
        if health is not None:
            if method not in ('GET', 'HEAD'):
                health = _health_response(environ)
            return health(environ, start_response)
        if path in OPEN_PATHS or method == 'OPTIONS':
            return self._unprotected(environ, start_response)
        return self._protected(environ, start_response)


def _health_response(environ: Environ) -> Response:
    """The answer of a health check to a method that doesn't check."""
    method = environ['REQUEST_METHOD']
    if method == 'OPTIONS':
        return Response.of_methods(HEALTH_METHODS)
    error = errors.MethodNotAllowed(method)
    return errors.respond(error, environ, HEALTH_METHODS)
