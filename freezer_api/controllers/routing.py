"""The Pecan application: routed by a table in place of an inspection of
objects.

Pecan finds a controller by walking attributes, whose public ones can so be
reached, and inspects the signature of what it finds on each request. Here the
table alone says what there is, and the endpoints know their signatures.
"""

import collections.abc
import typing

from pecan import core

from freezer_api import context, policy
from freezer_api.controllers import base, calls, types
from freezer_api.middleware import errors, responses


class Route:
    """The endpoints of one path pattern, by verb."""

    def __init__(
        self, pattern: str, verbs: collections.abc.Mapping[str, typing.Any]
    ):
        self.pattern = pattern
        self.endpoints = {
            verb: base.Endpoint(method) for verb, method in verbs.items()
        }
        if 'GET' in self.endpoints:
            self.endpoints = {
                'GET': self.endpoints['GET'],
                'HEAD': self.endpoints['GET'],
                **self.endpoints,
            }
        self.allow = ', '.join([*self.endpoints, 'OPTIONS'])


class Router:
    """Finds the route of a path, segment by segment."""

    def __init__(
        self,
        table: collections.abc.Mapping[
            str, collections.abc.Mapping[str, typing.Any]
        ],
    ):
        self.routes = [
            Route(pattern, verbs) for pattern, verbs in table.items()
        ]
        self._root: dict[str | None, typing.Any] = {}
        for route in self.routes:
            node = self._root
            for segment in route.pattern.split('/')[1:]:
                node = node.setdefault(
                    None if segment.startswith('{') else segment, {}
                )
            # No segment has a slash in it.
            node['/'] = route

    def find(self, path: str) -> tuple[Route, list[str]]:
        """The route, and the parts of the path that stand in its braces;
        ``UnknownPath`` if there is none.
        """
        node, parts = self._root, []
        for segment in path.split('/')[1:]:
            following = node.get(segment)
            if following is None:
                following = node.get(None)
                parts.append(segment)
            if following is None:
                raise errors.UnknownPath()
            node = following
        if '/' not in node:
            raise errors.UnknownPath()
        return node['/'], parts


class Api(core.PecanBase):
    """The WSGI application of all routes. Errors leave it as answers, by the
    table in :mod:`freezer_api.middleware.errors`.
    """

    def __init__(
        self, router: Router, rules: policy.Policy, max_body_size: int
    ):
        # Endpoints make their responses; Pecan's own would be made for
        # nothing.
        super().__init__(
            root=None,
            default_renderer='json',
            guess_content_type_from_ext=False,
            response_cls=object,
        )
        self._router = router
        self._policy = rules
        self._max_body_size = max_body_size

    def __call__(
        self,
        environ: responses.Environ,
        start_response: responses.StartResponse,
    ) -> collections.abc.Iterable[bytes]:
        """Answer one request, with an error if need be."""
        try:
            return super().__call__(environ, start_response)
        except Exception as error:
            route = environ.get('freezer.route')
            allow = route.allow if route else ''
            response = errors.respond(error, environ, allow)
            return response(environ, start_response)

    def route(
        self, req: typing.Any, node: typing.Any, path: str
    ) -> tuple[Route, list[str]]:
        """What is at a path, and the variable parts of the path."""
        return self._router.find(path)

    def find_controller(
        self, state: core.RoutingState
    ) -> tuple[typing.Any, list[str], dict[str, typing.Any]]:
        """The endpoint for a request and the variable parts of its path. Pecan
        would also take the body for a form.
        """
        environ = state.request.environ
        route, parts = self.route(
            state.request, self.root, responses.path_of(environ)
        )
        environ['freezer.route'] = route
        verb = environ['REQUEST_METHOD']
        if verb == 'OPTIONS':
            return None, [], {}
        if verb not in route.endpoints:
            raise errors.MethodNotAllowed(verb)
        return route.endpoints[verb], parts, {}

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
            state.response = responses.Response.of_methods(
                environ['freezer.route'].allow
            )
            return
        identity = None
        if controller.rule != base.PUBLIC:
            project_id = types.ID.frombasetype(args[0])
            identity = context.RequestContext.of_request(
                environ, self._policy, project_id
            )
        state.response = controller(
            calls.Call(environ, identity, self._max_body_size), args[1:]
        )

    def _handle_empty_response_body(self, state: core.RoutingState) -> None:
        """Leave answers as they are: endpoints know theirs, and Pecan would
        decode each to see whether it is empty.
        """
