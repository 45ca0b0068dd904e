"""The Pecan application: routed by a table in place of an inspection of
objects.

Pecan finds a controller by walking attributes, whose public ones can so be
reached, and inspects the signature of what it finds on each request. Here the
table alone says what there is, and the endpoints know their signatures.
"""

import collections.abc
import typing

from pecan import core

from freezer_api import context, permits, policy
from freezer_api.controllers import base, calls, types
from freezer_api.middleware import errors, responses

#: The route of a request in its environment, from when it has been found.
ROUTE = 'freezer.route'
#: How the patterns begin of what is about one session, that of one job, and
#: that of all backups.
_ONE_SESSION = '/v2/{project_id}/sessions/{'
_ONE_JOB = '/v2/{project_id}/jobs/{job_id}'
_BACKUPS = '/v2/{project_id}/backups'


class Route:
    """The endpoints of one path, by method; ``pattern`` is the path with the
    names of its variable parts in braces.
    """

    def __init__(
        self,
        pattern: str,
        handlers: collections.abc.Mapping[str, base.Handler],
    ):
        self.pattern = pattern
        self.endpoints: dict[str, base.Endpoint] = {}
        for method, handler in handlers.items():
            endpoint = base.Endpoint(handler, _kind(method, pattern))
            self.endpoints[method] = endpoint
            # Right behind GET, in the order in which Allow names them.
            if method == 'GET':
                self.endpoints['HEAD'] = endpoint
        self.allow = ', '.join([*self.endpoints, 'OPTIONS'])


def _kind(method: str, pattern: str) -> permits.Kind:
    """Return what a request does that may have to wait for a permit."""
    if method == 'GET':
        return permits.Kind.READ
    if pattern.startswith(_ONE_SESSION):
        return permits.Kind.SESSION
    if method == 'PATCH' and pattern == _ONE_JOB:
        return permits.Kind.JOB
    if method == 'POST' and pattern == _BACKUPS:
        return permits.Kind.BACKUP
    return permits.Kind.OTHER


class Router:
    """Finds the route of a path, segment by segment."""

    def __init__(
        self,
        table: collections.abc.Mapping[
            str, collections.abc.Mapping[str, base.Handler]
        ],
    ):
        self.routes = [
            Route(pattern, handlers) for pattern, handlers in table.items()
        ]
        # A tree of dictionaries by segment. None stands for any segment, and a
        # slash, which no segment has, for the route that ends there.
        self._root: dict[str | None, typing.Any] = {}
        # Paths without variable parts are looked up as a whole, where the tree
        # has nothing: in it, one could hide what is below a project of the
        # same name.
        self._fixed: dict[str, Route] = {}
        for route in self.routes:
            if '{' not in route.pattern:
                self._fixed[route.pattern] = route
                continue
            node = self._root
            for segment in route.pattern.split('/')[1:]:
                key = None if segment.startswith('{') else segment
                node = node.setdefault(key, {})
            node['/'] = route

    def find(self, path: str) -> tuple[Route, list[str]]:
        """Return the route, and the parts of the path that stand in its
        braces; ``UnknownPath`` if there is none.
        """
        node = self._root
        parts = []
        for segment in path.split('/')[1:]:
            following = node.get(segment)
            if following is None:
                following = node.get(None)
                parts.append(segment)
            if following is None:
                return self._find_fixed(path)
            node = following
        if '/' not in node:
            return self._find_fixed(path)
        return node['/'], parts

    def _find_fixed(self, path: str) -> tuple[Route, list[str]]:
        route = self._fixed.get(path)
        if route is None:
            raise errors.UnknownPath()
        return route, []


class Api(core.PecanBase):
    """The WSGI application of all routes. Errors leave it as answers, by the
    table in :mod:`freezer_api.middleware.errors`, so that layers around it
    (CORS) can add headers to them.
    """

    def __init__(
        self,
        router: Router,
        rules: policy.Policy,
        max_body_size: int,
        of_process: permits.Permits | None = None,
    ):
        # Endpoints make their responses; Pecan's own would be made for
        # nothing. Ids may have dots, which aren't the extensions of files.
        super().__init__(
            root=None,
            default_renderer='json',
            guess_content_type_from_ext=False,
            response_cls=object,
        )
        self._router = router
        self._policy = rules
        self._max_body_size = max_body_size
        self._permits = of_process

    def __call__(
        self,
        environ: responses.Environ,
        start_response: responses.StartResponse,
    ) -> collections.abc.Iterable[bytes]:
        """Answer one request, with an error if need be."""
        try:
            return super().__call__(environ, start_response)
        except Exception as error:
            allow = ''
            if ROUTE in environ:
                allow = environ[ROUTE].allow
            response = errors.respond(error, environ, allow)
            return response(environ, start_response)

    def route(
        self, req: typing.Any, node: typing.Any, path: str
    ) -> tuple[Route, list[str]]:
        """Return what is at a path, and the variable parts of the path."""
        return self._router.find(path)

    def find_controller(
        self, state: core.RoutingState
    ) -> tuple[base.Endpoint | None, list[str], dict[str, typing.Any]]:
        """Return the endpoint for a request and the variable parts of its
        path. Pecan would also take the body for a form.
        """
        environ = state.request.environ
        route, parts = self.route(
            state.request, self.root, responses.path_of(environ)
        )
        environ[ROUTE] = route
        method = environ['REQUEST_METHOD']
        if method == 'OPTIONS':
            return None, [], {}
        endpoint = route.endpoints.get(method)
        if endpoint is None:
            raise errors.MethodNotAllowed(method)
        return endpoint, parts, {}

    def invoke_controller(
        self,
        controller: base.Endpoint | None,
        args: list[str],
        kwargs: dict[str, typing.Any],
        state: core.RoutingState,
    ) -> None:
        """Call the endpoint on behalf of who is calling; no endpoint stands
        for OPTIONS.
        """
        environ = state.request.environ
        if controller is None:
            allow = environ[ROUTE].allow
            state.response = responses.Response.of_methods(allow)
            return
        identity = None
        if controller.rule != base.PUBLIC:
            # Every path that isn't public begins with the project.
            project_id = types.ID.frombasetype(args[0])
            identity = context.RequestContext.of_request(
                environ, self._policy, project_id
            )
        call = calls.Call(
            environ,
            identity,
            self._max_body_size,
            self._permits,
        )
        state.response = controller(call, args[1:])

    def _handle_empty_response_body(self, state: core.RoutingState) -> None:
        """Leave answers as they are: endpoints know theirs, and Pecan would
        decode each to see whether it is empty.
        """
